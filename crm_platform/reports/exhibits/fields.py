"""Two-dimensional charts: `heatmap`, `scatter`."""

from __future__ import annotations

from typing import Any

import altair as alt

from crm_platform.diagnosis.finding import Exhibit, Row
from crm_platform.reports import theme
from crm_platform.reports.exhibits.canvas import (
    Axis,
    Frame,
    Measure,
    axis_around,
    axis_from_zero,
    caption,
    chart_of,
    framed,
    measure_of,
    note,
    numeric_ticks,
    telling,
    tick_width,
    vertical,
)
from crm_platform.reports.exhibits.labels import category_names, names_below, room_below
from crm_platform.reports.exhibits.rows_of import distinct, is_highlighted, number, numbers, plotted_rows, told
from crm_platform.reports.glyphs import shortened, width_of
from crm_platform.reports.wording import Wording

_CELL, _LOW_CELL, _MANY_ROWS = 15.0, 12.0, 14
_NAMED_POINTS = 14


def heatmap_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """Cells of one hue: `x` across, `series` down, `y` the value. The starting column of 100 % is neutral grey."""
    rows = plotted_rows(exhibit)
    downward = category_names(distinct(exhibit.rows, exhibit.series or ""), exhibit.series_unit, wording, 110)
    left = max(width_of(name, theme.AXIS_SIZE) for name in downward.values()) + 8
    across = names_below(distinct(exhibit.rows, exhibit.x), exhibit.x_unit, wording, width - left)
    measure = measure_of(numbers(rows, exhibit.y), exhibit.y_unit, wording)
    head = room_below(across.values()) + 14
    cell = _CELL if len(downward) <= _MANY_ROWS else _LOW_CELL
    frame = Frame(width, cell * len(downward) + head + 2, left, 4, top=head, bottom=2)
    decimals = 0 if exhibit.y_unit == "rate" else measure.decimals
    largest = max(
        (value for row in rows if not _is_start(row, exhibit) for value in numbers([row], exhibit.y)), default=1
    )
    data = [
        {
            "x": across[row[exhibit.x]],
            "y": downward[row[exhibit.series or ""]],
            "label": f"{measure.scaled(value):,.{decimals}f}",
            "told": told(row),
            "colour": colour,
            "ink": theme.ink_on(colour),
        }
        for row in rows
        for value in [number(row, exhibit.y) or 0.0]
        for colour in [theme.HAIRLINE if _is_start(row, exhibit) else _heat(value / largest if largest else 0.0)]
    ]
    ground = chart_of(data).encode(
        x=alt.X(
            "x:O",
            scale=alt.Scale(domain=list(across.values())),
            axis=_column_axis(room_below(across.values())),
        ),
        y=alt.Y(
            "y:O",
            scale=alt.Scale(domain=list(downward.values())),
            axis=alt.Axis(title=None, domain=False, labelColor=theme.INK),
        ),
    )
    cells = telling(ground.mark_rect, stroke=theme.PAPER, strokeWidth=1).encode(color=alt.Color("colour:N", scale=None))
    texts = ground.mark_text(fontSize=theme.AXIS_SIZE).encode(
        text=alt.Text("label:N"), color=alt.Color("ink:N", scale=None)
    )
    return framed([cells, texts, note(top, -frame.left + 1, 8 - head)], frame)


def _column_axis(room: float) -> alt.Axis:
    """The names of the columns, on one or two lines, above the cells; lines run downward from the label's place."""
    names = "split(datum.label, '\\n')"
    return alt.Axis(orient="top", labelAngle=0, labelExpr=names, labelPadding=room - 16, title=None, domain=False)


def _is_start(row: Row, exhibit: Exhibit) -> bool:
    """The column in which every cohort has everybody, by definition."""
    return row[exhibit.x] == 0 and exhibit.y_unit == "rate" and row[exhibit.y] == 1


def _heat(share: float) -> str:
    return theme.mixed(*theme.HEAT_RAMP, min(max(share, 0.0), 1.0) ** 0.8)


def scatter_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """Points by two numbers; few points carry their names, many only the highlighted one and the farthest each way."""
    rows = [row for row in plotted_rows(exhibit) if number(row, exhibit.x) is not None]
    xs, ys = numbers(rows, exhibit.x), numbers(rows, exhibit.y)
    x_measure, y_measure = measure_of(xs, exhibit.x_unit, wording), measure_of(ys, exhibit.y_unit, wording)
    x_axis = axis_from_zero([x_measure.scaled(x) for x in xs])
    y_axis = axis_around([y_measure.scaled(y) for y in ys])
    if exhibit.y_unit == "rate" and max(ys) <= 1:
        y_axis = _ending_at(100, y_axis)
    frame = Frame(width, theme.CHART_HEIGHT + 24, tick_width(y_axis, y_measure), 60, bottom=22)
    farthest = [xs.index(max(xs)), ys.index(max(ys))]
    named = range(len(rows)) if len(rows) <= _NAMED_POINTS else farthest
    data = [_point(exhibit, row, wording, x_measure, y_measure, place in named) for place, row in enumerate(rows)]
    across = numeric_ticks(x_axis, x_measure, grid=False)
    ground = chart_of(data).encode(
        x=alt.X("x:Q", scale=alt.Scale(domain=[x_axis.low, x_axis.high], nice=False), axis=across),
        y=alt.Y("y:Q", **vertical(y_axis, y_measure)),
        color=alt.Color("colour:N", scale=None),
    )
    points = telling(ground.mark_point, filled=True, opacity=0.85, size=46)
    names = ground.mark_text(align="left", dx=6, dy=-1, fontSize=theme.LABEL_SIZE).encode(
        text=alt.Text("name:N"), color=alt.Color("ink:N", scale=None)
    )
    return framed([points, names, caption(top, frame)], frame)


def _ending_at(end: float, axis: Axis) -> Axis:
    """The axis without what lies above `end`, which a share of people cannot reach."""
    return axis if axis.high <= end else Axis(axis.low, end, tuple(tick for tick in axis.ticks if tick <= end))


def _point(
    exhibit: Exhibit, row: Row, wording: Wording, x_measure: Measure, y_measure: Measure, is_named: bool
) -> dict[str, Any]:
    noticed = is_highlighted(exhibit, row)
    named = exhibit.series is not None and (noticed or is_named)
    plain = theme.NAVY if exhibit.highlight is None else theme.GREY
    return {
        "x": x_measure.scaled(number(row, exhibit.x) or 0.0),
        "y": y_measure.scaled(number(row, exhibit.y) or 0.0),
        "name": shortened(wording.word(row[exhibit.series or ""]), theme.LABEL_SIZE, 96) if named else "",
        "told": told(row),
        "colour": theme.RUST if noticed else plain,
        "ink": theme.RUST if noticed else theme.INK,
    }
