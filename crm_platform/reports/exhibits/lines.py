"""Lines and layers over time: `line`, `stacked_area`. Every line or layer carries its name at its right end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from crm_platform.diagnosis.finding import Exhibit, Row, Scalar
from crm_platform.reports import theme
from crm_platform.reports.exhibits.canvas import (
    Axis,
    Frame,
    Layer,
    Measure,
    axis_around,
    axis_from_zero,
    caption,
    chart_of,
    framed,
    measure_of,
    telling,
    tick_width,
    unseen_points,
    vertical,
)
from crm_platform.reports.exhibits.labels import (
    EDGES,
    POINTS,
    Label,
    direct_labels,
    horizontal,
    label_room,
    layer_colours,
    names_below,
    room_below,
    series_colours,
    series_names,
)
from crm_platform.reports.exhibits.rows_of import distinct, number, numbers, plotted_rows, told
from crm_platform.reports.wording import Wording

_DOTS_UP_TO = 24
_LAYER_ROOM = 13.0


def line_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """One line per series (購入推移など); the highlighted one in rust and bold, the others grey."""
    rows = plotted_rows(exhibit)
    measure = measure_of(numbers(rows, exhibit.y), exhibit.y_unit, wording)
    axis = axis_around([measure.scaled(value) for value in numbers(rows, exhibit.y)])
    names, series = _names(exhibit, wording, width), series_names(exhibit, wording)
    colours = series_colours(list(series), exhibit.highlight, theme.LINES)
    ends = _line_ends(exhibit, rows)
    texts = {key: f"{name} {measure.spoken(ends[key])}".strip() for key, name in series.items() if key in ends}
    margins = {"left": tick_width(axis, measure), "right": label_room(list(texts.values()))}
    frame = Frame(width, theme.CHART_HEIGHT, **margins, bottom=room_below(names.values()))
    data = [
        {
            "x": names[row[exhibit.x]],
            "y": measure.scaled(number(row, exhibit.y) or 0.0),
            "series": series[key],
            "told": told(row),
            "colour": colours[key],
            "width": 2.2 if exhibit.highlight in (None, key) else 1.3,
        }
        for row in rows
        for key in [row[exhibit.series] if exhibit.series else None]
    ]
    marks = _line_marks(
        data, axis, measure, horizontal(list(names.values()), exhibit.x_unit, frame, **POINTS), len(names)
    )
    labels = [
        Label(texts[key], colours[key], axis.y_of(measure.scaled(ends[key]), frame), bold=_is_bold(exhibit, key))
        for key in texts
    ]
    reference = _index_line(axis) if exhibit.y_unit == "index" else []
    return framed([*reference, *marks, *direct_labels(labels, axis, frame), caption(top, frame)], frame)


def _is_bold(exhibit: Exhibit, key: Scalar) -> bool:
    return exhibit.series is None or (exhibit.highlight is not None and exhibit.highlight == key)


def _names(exhibit: Exhibit, wording: Wording, width: float) -> dict[Scalar, str]:
    values = distinct(exhibit.rows, exhibit.x)
    if all(isinstance(value, (int, float)) for value in values):
        values = sorted(values, key=lambda value: float(value or 0))
    return names_below(values, exhibit.x_unit, wording, width - 140)


def _line_ends(exhibit: Exhibit, rows: Sequence[Row]) -> dict[Scalar, float]:
    """The last value of each series."""
    return {row[exhibit.series] if exhibit.series else None: number(row, exhibit.y) or 0.0 for row in rows}


def _line_marks(
    data: list[dict[str, Any]], axis: Axis, measure: Measure, across: Mapping[str, Any], points: int
) -> list[Layer]:
    ground = chart_of(data).encode(
        x=alt.X("x:O", **across),
        y=alt.Y("y:Q", **vertical(axis, measure)),
        color=alt.Color("colour:N", scale=None),
        detail=alt.Detail("series:N"),
    )
    lines: list[Layer] = [
        ground.transform_filter(alt.datum.width == width).mark_line(strokeWidth=width, strokeJoin="round")
        for width in sorted({row["width"] for row in data})
    ]
    dots = (
        telling(ground.mark_point, size=13, filled=True, opacity=1) if points <= _DOTS_UP_TO else unseen_points(ground)
    )
    return [*lines, dots]


def _index_line(axis: Axis) -> list[Layer]:
    """The mean of an index, 100."""
    if not axis.low <= 100 <= axis.high:
        return []
    rule = chart_of([{"mean": 100}]).mark_rule(strokeDash=[3, 2], color=theme.GREY)
    return [rule.encode(y=alt.Y("mean:Q"))]


def stacked_area_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """Layers over time, the first series at the bottom; each named at its right edge."""
    names, series = _names(exhibit, wording, width), series_names(exhibit, wording)
    columns = stacked(exhibit, list(names), list(series))
    totals = [max((top_ for _, top_ in column.values()), default=0.0) for column in columns.values()]
    measure = measure_of(totals, exhibit.y_unit, wording)
    axis = axis_from_zero([measure.scaled(total) for total in totals])
    colours = layer_colours(list(series), exhibit.highlight)
    margins = {"left": tick_width(axis, measure), "right": label_room(list(series.values()))}
    height = theme.CHART_HEIGHT + max(20.0, _LAYER_ROOM * len(series) - 70)
    frame = Frame(width, height, **margins, bottom=room_below(names.values()))
    texts = told_of_layers(exhibit)
    data = [
        {
            "x": names[x],
            "low": measure.scaled(low),
            "high": measure.scaled(high),
            "series": series[key],
            "told": texts.get((x, key), ""),
            "colour": colours[key],
        }
        for x, column in columns.items()
        for key, (low, high) in column.items()
    ]
    ground = chart_of(data).encode(
        x=alt.X("x:O", **horizontal(list(names.values()), exhibit.x_unit, frame, **EDGES)),
        y=alt.Y("low:Q", **vertical(axis, measure)),
        y2=alt.Y2("high:Q"),
    )
    area = ground.mark_area(stroke=theme.PAPER, strokeWidth=0.6, fillOpacity=1).encode(
        color=alt.Color("colour:N", scale=None), detail=alt.Detail("series:N")
    )
    step = frame.plot_width / max(len(names) - 1, 1)
    unseen = telling(ground.mark_bar, width=step, fill="transparent")
    labels = layer_labels(columns[list(names)[-1]], series, colours, measure, axis, frame, exhibit.highlight)
    return framed([area, unseen, *direct_labels(labels, axis, frame), caption(top, frame)], frame)


Stack = dict[Scalar, dict[Scalar, tuple[float, float]]]


def stacked(exhibit: Exhibit, xs: Sequence[Scalar], series: Sequence[Scalar]) -> Stack:
    """For each x and series, from where to where its layer reaches; a missing value is a layer of no height."""
    values = {
        (row[exhibit.x], row[exhibit.series] if exhibit.series else None): number(row, exhibit.y) or 0.0
        for row in exhibit.rows
    }
    columns: Stack = {}
    for x in xs:
        edges = [0.0]
        for key in series:
            edges.append(edges[-1] + values.get((x, key), 0.0))
        columns[x] = dict(zip(series, pairwise(edges), strict=True))
    return columns


def told_of_layers(exhibit: Exhibit) -> dict[tuple[Scalar, Scalar], str]:
    """What each x of each layer tells."""
    return {(row[exhibit.x], row[exhibit.series] if exhibit.series else None): told(row) for row in exhibit.rows}


def layer_labels(
    column: Mapping[Scalar, tuple[float, float]],
    series: Mapping[Scalar, str],
    colours: Mapping[Scalar, str],
    measure: Measure,
    axis: Axis,
    frame: Frame,
    highlight: str | None,
) -> list[Label]:
    """A label at the middle of each layer of the last column."""
    return [
        Label(
            series[key],
            colours[key],
            axis.y_of(measure.scaled((low + high) / 2), frame),
            bold=highlight is not None and highlight == key,
        )
        for key, (low, high) in column.items()
    ]
