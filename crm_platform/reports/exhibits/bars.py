"""Bars: `bar` (standing, or lying where names are long), grouped bars, `stacked_bar`, `waterfall`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from crm_platform.diagnosis.finding import Exhibit, Row, Scalar
from crm_platform.reports import theme
from crm_platform.reports.exhibits.canvas import (
    Frame,
    Layer,
    Measure,
    axis_from_zero,
    caption,
    chart_of,
    framed,
    measure_of,
    note,
    telling,
    tick_width,
    vertical,
)
from crm_platform.reports.exhibits.labels import (
    BANDS,
    category_names,
    direct_labels,
    fits_below,
    horizontal,
    label_room,
    layer_colours,
    names_below,
    readable,
    room_below,
    series_colours,
    series_names,
)
from crm_platform.reports.exhibits.lines import layer_labels, stacked, told_of_layers
from crm_platform.reports.exhibits.rows_of import distinct, is_highlighted, number, numbers, plotted_rows, told
from crm_platform.reports.glyphs import width_of
from crm_platform.reports.wording import Wording

COMPARED = "is_compared"  # a column of an exhibit: true where the bar is the one that the highlighted is held against
_LYING_ROW = 16.0
_WIDEST_BAR = 84.0
_NAME_WIDTH = 170.0
_LABELLED_UP_TO = 16


def bar_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """Bars from 0: standing for months and short names, lying for long names, grouped where there are series."""
    names = category_names(distinct(exhibit.rows, exhibit.x), exhibit.x_unit, wording, _NAME_WIDTH)
    if exhibit.series:
        return _grouped(exhibit, wording, top, width)
    slot = (width - 40) / max(len(names), 1)
    is_long = not all(fits_below(name, slot) for name in names.values())
    lying = exhibit.x_unit == "text" and (is_long or len(names) > _LABELLED_UP_TO)
    if lying:
        return _lying(exhibit, wording, top, width, names)
    below = names_below(list(names), exhibit.x_unit, wording, width - 40)
    return _standing(exhibit, wording, top, width, below)


def _bar_colour(exhibit: Exhibit, row: Row) -> str:
    if exhibit.highlight is None:
        return theme.NAVY
    if is_highlighted(exhibit, row):
        return theme.RUST
    return theme.NAVY if row.get(COMPARED) else theme.GREY


def _bar_rows(exhibit: Exhibit, names: Mapping[Scalar, str], measure: Measure) -> list[dict[str, Any]]:
    return [
        {
            "x": names[row[exhibit.x]],
            "y": measure.scaled(value),
            "zero": 0,
            "label": measure.spoken(value),
            "told": told(row),
            "colour": _bar_colour(exhibit, row),
        }
        for row in plotted_rows(exhibit)
        for value in [number(row, exhibit.y) or 0.0]
    ]


def _standing(
    exhibit: Exhibit, wording: Wording, top: str, width: float, names: Mapping[Scalar, str]
) -> dict[str, Any]:
    measure = measure_of(numbers(exhibit.rows, exhibit.y), exhibit.y_unit, wording)
    data = _bar_rows(exhibit, names, measure)
    axis = axis_from_zero([row["y"] for row in data], least_step=1.0 if exhibit.y_unit == "count" else 0.0)
    frame = Frame(width, theme.CHART_HEIGHT, tick_width(axis, measure), 6, top=28, bottom=room_below(names.values()))
    slot = frame.plot_width / len(names)
    bands = {**BANDS, "paddingInner": max(1 - _WIDEST_BAR / slot, BANDS["paddingInner"])}
    ground = chart_of(data).encode(
        x=alt.X("x:O", **horizontal(list(names.values()), exhibit.x_unit, frame, **bands)),
        color=alt.Color("colour:N", scale=None),
    )
    bars = telling(ground.mark_bar).encode(y=alt.Y("zero:Q", **vertical(axis, measure)), y2=alt.Y2("y:Q"))
    layers: list[Layer] = [bars, caption(top, frame)]
    widest = max((width_of(row["label"], theme.LABEL_SIZE) for row in data), default=0.0)
    if data and widest <= frame.plot_width / len(names):
        layers += _values(data, "x:O")
    return framed(layers, frame)


def _values(data: Sequence[Mapping[str, Any]], x: str) -> list[Layer]:
    """The value above each bar, below it where it is negative."""
    ground = chart_of([{**row, "ink": readable(row["colour"])} for row in data])
    look: dict[str, Any] = {"align": "center", "fontSize": theme.LABEL_SIZE, "fontWeight": "bold"}
    colour = alt.Color("ink:N", scale=None)
    return [
        ground.transform_filter(side)
        .mark_text(dy=dy, baseline="middle", **look)
        .encode(x=x, y=alt.Y("y:Q"), text=alt.Text("label:N"), color=colour)
        for side, dy in ((alt.datum.y >= 0, -7), (alt.datum.y < 0, 8))
    ]


def _lying(exhibit: Exhibit, wording: Wording, top: str, width: float, names: Mapping[Scalar, str]) -> dict[str, Any]:
    measure = measure_of(numbers(exhibit.rows, exhibit.y), exhibit.y_unit, wording)
    data = [{**row, "ink": readable(row["colour"])} for row in _bar_rows(exhibit, names, measure)]
    axis = axis_from_zero([row["y"] for row in data])
    left = max(width_of(name, theme.AXIS_SIZE) for name in names.values()) + 10
    right = max((width_of(row["label"], theme.LABEL_SIZE) for row in data), default=0.0) + 10
    frame = Frame(width, _LYING_ROW * len(names) + 26, left, right, bottom=4)
    across = alt.Scale(domain=[axis.low, axis.high], nice=False)
    ground = chart_of(data).encode(
        y=alt.Y(
            "x:O",
            scale=alt.Scale(domain=list(names.values())),
            axis=alt.Axis(title=None, labelColor=theme.INK, domain=False),
        )
    )
    colour, ink = alt.Color("colour:N", scale=None), alt.Color("ink:N", scale=None)
    bars = telling(ground.mark_bar, height={"band": 0.68}).encode(
        x=alt.X("zero:Q", scale=across, axis=None), x2=alt.X2("y:Q"), color=colour
    )
    texts = (
        ground.mark_text(align="left", dx=4, fontSize=theme.LABEL_SIZE, fontWeight="bold")
        .encode(x=alt.X("end:Q"), text=alt.Text("label:N"), color=ink)
        .transform_calculate(end="max(datum.y, 0)")
    )
    return framed([bars, texts, caption(top, frame)], frame)


def _grouped(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    names = names_below(distinct(exhibit.rows, exhibit.x), exhibit.x_unit, wording, width - 60)
    series = series_names(exhibit, wording)
    colours = series_colours(list(series), exhibit.highlight, (theme.NAVY, theme.SKY, theme.TEAL, theme.AMBER))
    measure = measure_of(numbers(exhibit.rows, exhibit.y), exhibit.y_unit, wording)
    data: list[dict[str, Any]] = [
        {
            "x": names[row[exhibit.x]],
            "series": series[row[exhibit.series or ""]],
            "zero": 0,
            "y": measure.scaled(value),
            "label": measure.spoken(value),
            "told": told(row),
            "colour": colours[row[exhibit.series or ""]],
        }
        for row in plotted_rows(exhibit)
        for value in [number(row, exhibit.y) or 0.0]
    ]
    axis = axis_from_zero([row["y"] for row in data])
    frame = Frame(width, theme.CHART_HEIGHT, tick_width(axis, measure), 6, top=30, bottom=room_below(names.values()))
    ground = chart_of(data).encode(
        x=alt.X("x:O", **horizontal(list(names.values()), exhibit.x_unit, frame, **BANDS)),
        xOffset=alt.XOffset("series:N", sort=list(series.values())),
        color=alt.Color("colour:N", scale=None),
    )
    bars = telling(ground.mark_bar).encode(y=alt.Y("zero:Q", **vertical(axis, measure)), y2=alt.Y2("y:Q"))
    layers: list[Layer] = [bars, caption(top, frame), *_key_line(series, colours, frame)]
    widest = max((width_of(row["label"], theme.AXIS_SIZE) for row in data), default=0.0)
    if widest * len(names) * len(series) * 1.15 <= frame.plot_width:
        layers.append(
            ground.mark_text(dy=-6, fontSize=theme.AXIS_SIZE, color=theme.INK).encode(
                y=alt.Y("y:Q"), text=alt.Text("label:N"), color=alt.ColorValue(theme.INK)
            )
        )
    return framed(layers, frame)


def _key_line(series: Mapping[Scalar, str], colours: Mapping[Scalar, str], frame: Frame) -> list[Layer]:
    """Names of grouped bars in their colours, at the top right: there is no line end to write them at."""
    layers: list[Layer] = []
    x = frame.plot_width
    for key, name in reversed(list(series.items())):
        layers.append(note(name, x, -19, "right", theme.INK))
        x -= width_of(name, theme.AXIS_SIZE) + 9
        layers.append(note("■", x + 6, -19, "right", colours[key]))
        x -= 14
    return layers


def stacked_bar_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """Layered bars, the first series at the bottom; layers are named right of the last bar."""
    series = series_names(exhibit, wording)
    names = names_below(
        distinct(exhibit.rows, exhibit.x), exhibit.x_unit, wording, width - 40 - label_room(list(series.values()))
    )
    columns = stacked(exhibit, list(names), list(series))
    totals = [edge for column in columns.values() for pair in column.values() for edge in pair]
    measure = measure_of(totals, exhibit.y_unit, wording)
    axis = axis_from_zero([measure.scaled(total) for total in totals])
    colours = layer_colours(list(series), exhibit.highlight)
    margins = {"left": tick_width(axis, measure), "right": label_room(list(series.values()))}
    frame = Frame(width, theme.CHART_HEIGHT + 10, **margins, bottom=room_below(names.values()))
    texts = told_of_layers(exhibit)
    data = [
        {
            "x": names[x],
            "low": measure.scaled(low),
            "high": measure.scaled(high),
            "told": texts.get((x, key), ""),
            "colour": colours[key],
        }
        for x, column in columns.items()
        for key, (low, high) in column.items()
    ]
    bars = telling(chart_of(data).mark_bar, stroke=theme.PAPER, strokeWidth=0.6).encode(
        x=alt.X("x:O", **horizontal(list(names.values()), exhibit.x_unit, frame, **BANDS)),
        y=alt.Y("low:Q", **vertical(axis, measure)),
        y2=alt.Y2("high:Q"),
        color=alt.Color("colour:N", scale=None),
    )
    labels = layer_labels(columns[list(names)[-1]], series, colours, measure, axis, frame, exhibit.highlight)
    return framed([bars, *direct_labels(labels, axis, frame), caption(top, frame)], frame)


def waterfall_chart(exhibit: Exhibit, wording: Wording, top: str, width: float) -> dict[str, Any]:
    """From the first total to the last over signed steps (増減の要因). ValueError where the steps do not add up."""
    rows = plotted_rows(exhibit)
    names = names_below([row[exhibit.x] for row in rows], exhibit.x_unit, wording, width - 40)
    values = numbers(rows, exhibit.y)
    edges = bridge_edges(values)
    measure = measure_of([edge for pair in edges for edge in pair], exhibit.y_unit, wording)
    axis = axis_from_zero([measure.scaled(edge) for pair in edges for edge in pair])
    frame = Frame(
        width, theme.CHART_HEIGHT + 12, tick_width(axis, measure), 6, top=28, bottom=room_below(names.values())
    )
    data = [
        {
            "x": names[row[exhibit.x]],
            "low": measure.scaled(low),
            "high": measure.scaled(high),
            "y": measure.scaled(max(low, high)),
            "end": measure.scaled(high),
            "label": measure.spoken(value, signed=0 < place < len(rows) - 1),
            "told": told(row),
            "colour": _step_colour(value, 0 < place < len(rows) - 1),
        }
        for place, (row, value, (low, high)) in enumerate(zip(rows, values, edges, strict=True))
    ]
    across = horizontal(list(names.values()), exhibit.x_unit, frame, **BANDS)
    bars = telling(chart_of(data).mark_bar).encode(
        x=alt.X("x:O", **across),
        y=alt.Y("low:Q", **vertical(axis, measure)),
        y2=alt.Y2("high:Q"),
        color=alt.Color("colour:N", scale=None),
    )
    layers = [*_connectors(data, across), bars, *_values(data, "x:O"), caption(top, frame)]
    return framed(layers, frame)


def _step_colour(value: float, is_step: bool) -> str:
    if not is_step:
        return theme.NAVY
    return theme.TEAL if value >= 0 else theme.RUST


def bridge_edges(values: Sequence[float]) -> list[tuple[float, float]]:
    """From where to where each bar of a waterfall reaches; the first and last values are totals."""
    edges, level = [(0.0, values[0])], values[0]
    for step in values[1:-1]:
        edges.append((level, level + step))
        level += step
    if len(values) > 1:
        if abs(level - values[-1]) > 1e-6 * max(abs(value) for value in values):
            raise ValueError(f"the steps of the waterfall lead to {level:,.0f}, not to its total {values[-1]:,.0f}")
        edges.append((0.0, values[-1]))
    return edges


def _connectors(data: Sequence[Mapping[str, Any]], across: Mapping[str, Any]) -> list[Layer]:
    """Hairlines from each bar's end to the next bar."""
    ends = [{"from": one["x"], "to": other["x"], "level": one["end"]} for one, other in pairwise(data)]
    rule = chart_of(ends).mark_rule(color=theme.GREY, strokeWidth=0.6)
    return [rule.encode(x=alt.X("from:O", **across), x2=alt.X2("to:O"), y=alt.Y("level:Q"))]
