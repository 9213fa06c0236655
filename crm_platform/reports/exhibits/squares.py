"""Charts with one scale for both axes and its diagonal: `lorenz`, `calibration`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from crm_platform.diagnosis.finding import Exhibit, Row
from crm_platform.reports import theme
from crm_platform.reports.exhibits.canvas import (
    Axis,
    Frame,
    Layer,
    Measure,
    axis_from_zero,
    caption,
    chart_of,
    framed,
    measure_of,
    note,
    numeric_ticks,
    telling,
    tick_width,
    unseen_points,
)
from crm_platform.reports.exhibits.labels import readable, series_colours, series_names
from crm_platform.reports.exhibits.rows_of import is_highlighted, number, numbers, plotted_rows, told
from crm_platform.reports.glyphs import width_of
from crm_platform.reports.wording import Wording

_CURVES = (theme.NAVY, theme.ORANGE, theme.GREY, theme.TEAL)
_LARGEST_SQUARE = 172.0


def lorenz_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """Cumulative share of `y` over customers in descending order (`x`), with the even distribution as a diagonal.

    Where there are series, a curve each, named in the empty corner below the diagonal.
    """
    rows = plotted_rows(exhibit)
    series = series_names(exhibit, wording)
    colours = series_colours(list(series), exhibit.highlight, _CURVES)
    points = [
        {
            "x": 100 * (number(row, exhibit.x) or 0.0),
            "y": 100 * (number(row, exhibit.y) or 0.0),
            "series": series[key],
            "told": told(row),
            "colour": colours[key],
        }
        for row in rows
        for key in [row[exhibit.series] if exhibit.series else None]
    ]
    frame = _square(width, 34)
    percent = _both_ways(Axis(0, 100, (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)), Measure(100, "%", "%", 0))
    ground = chart_of(points).encode(
        x=alt.X("x:Q", **percent),
        y=alt.Y("y:Q", **percent),
        color=alt.Color("colour:N", scale=None),
        detail=alt.Detail("series:N"),
    )
    curves = ground.mark_line(strokeWidth=2.2 if len(series) == 1 else 1.6)
    layers: list[Layer] = [_diagonal(100), curves, unseen_points(ground), caption(top, frame)]
    if exhibit.series:
        return framed([*layers, *_names_in_the_corner(list(series.values()), list(colours.values()), frame)], frame)
    marked = _marked_point(exhibit, rows)
    return framed([*layers, *(_lorenz_mark(marked, frame) if marked else [])], frame)


def calibration_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """What came (`y`) against what was expected (`x`): a point on the diagonal came true.

    Both axes grow with the square root, because the best customers buy for a hundred times what most do.
    """
    rows = [row for row in plotted_rows(exhibit) if number(row, exhibit.x) is not None]
    largest = [*numbers(rows, exhibit.x), *numbers(rows, exhibit.y)]
    measure = measure_of(largest, exhibit.y_unit, wording)
    axis = axis_from_zero([measure.scaled(value) for value in largest])
    frame = _square(width, tick_width(axis, measure))
    apart = _apart(
        [
            tuple(
                frame.plot_height * math.sqrt(max(measure.scaled(number(row, name) or 0.0), 0.0) / axis.high)
                for name in (exhibit.x, exhibit.y)
            )
            for row in rows
        ]
    )
    points = [
        {
            "x": measure.scaled(number(row, exhibit.x) or 0.0),
            "y": measure.scaled(number(row, exhibit.y) or 0.0),
            "name": wording.word(row[exhibit.series]) if exhibit.series and place in apart else "",
            "told": told(row),
            "colour": theme.RUST if is_highlighted(exhibit, row) else theme.NAVY,
        }
        for place, row in enumerate(rows)
    ]
    rooted = _both_ways(axis, measure, type="sqrt")
    ground = chart_of(points).encode(x=alt.X("x:Q", **rooted), y=alt.Y("y:Q", **rooted))
    dots = telling(ground.mark_point, filled=True, opacity=1, size=34).encode(color=alt.Color("colour:N", scale=None))
    names = ground.mark_text(align="left", dx=5, dy=5, fontSize=theme.LABEL_SIZE, color=theme.INK)
    return framed([_diagonal(axis.high), dots, names.encode(text=alt.Text("name:N")), caption(top, frame)], frame)


def _apart(places: Sequence[tuple[float, ...]]) -> set[int]:
    """Which points carry their names: each that is a line's height away from all that do, the first ones first."""
    kept: list[int] = []
    for number_of, place in enumerate(places):
        if all(math.dist(place, places[other]) >= theme.LINE_GAP for other in kept):
            kept.append(number_of)
    return set(kept)


def _square(width: float, left: float) -> Frame:
    side = min(width - left - 26, _LARGEST_SQUARE)
    return Frame(width, side + 42, left, max(width - left - side, 8), top=20, bottom=22)


def _both_ways(axis: Axis, measure: Measure, **scale: Any) -> dict[str, Any]:
    return {
        "scale": alt.Scale(domain=[axis.low, axis.high], nice=False, **scale),
        "axis": numeric_ticks(axis, measure, domain=False),
    }


def _diagonal(end: float) -> alt.Chart:
    line: alt.Chart = (
        chart_of([{"x": 0, "y": 0}, {"x": end, "y": end}])
        .mark_line(color=theme.GREY, strokeDash=[3, 2], strokeWidth=1)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    )
    return line


def _names_in_the_corner(names: Sequence[str], colours: Sequence[str], frame: Frame) -> list[Layer]:
    """The names of the curves in their colours, the first on top; the lower right is below every curve."""
    left = frame.plot_width - max(width_of(name, theme.LABEL_SIZE) for name in names) - 6
    lowest = frame.plot_height - 10
    layers: list[Layer] = []
    for place, (name, colour) in enumerate(zip(names, colours, strict=True)):
        y = lowest - theme.LINE_GAP * (len(names) - 1 - place)
        layers += [note("■", left - 10, y, "left", colour), note(name, left, y, "left", readable(colour), bold=True)]
    return layers


def _marked_point(exhibit: Exhibit, rows: Sequence[Row]) -> tuple[float, float] | None:
    """The highlighted point, else the top fifth of the customers if the curve has it."""
    for row in rows:
        x, y = number(row, exhibit.x) or 0.0, number(row, exhibit.y) or 0.0
        if is_highlighted(exhibit, row) or (exhibit.highlight is None and abs(x - 0.2) < 1e-9):
            return x, y
    return None


def _lorenz_mark(point: tuple[float, float], frame: Frame) -> list[Layer]:
    x, y = point
    data = [{"x": 100 * x, "y": 100 * y, "zero": 0}]
    ground = chart_of(data).encode(x=alt.X("x:Q"))
    drop = ground.mark_rule(color=theme.RUST, strokeDash=[2, 2]).encode(y=alt.Y("zero:Q"), y2=alt.Y2("y:Q"))
    dot = ground.mark_point(filled=True, color=theme.RUST, size=50, opacity=1).encode(y=alt.Y("y:Q"))
    text = note(
        f"{x:.0%} → {y:.1%}", frame.plot_width * x + 9, frame.plot_height * (1 - y) + 6, "left", theme.RUST, bold=True
    )
    return [drop, dot, text]
