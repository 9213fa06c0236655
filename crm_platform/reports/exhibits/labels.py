"""Names on charts: axis labels of a category, and direct labels beside lines and layers instead of a legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import altair as alt

from crm_platform.diagnosis.finding import Exhibit, Scalar, Unit
from crm_platform.reports import theme
from crm_platform.reports.exhibits.canvas import Axis, Frame, chart_of, fixed
from crm_platform.reports.glyphs import ELLIPSIS, broken, phrases, shortened, width_of
from crm_platform.reports.wording import Wording

SERIES_LABEL_WIDTH = 118.0
_NARROWEST_SLOT = 20.0  # below it, texts under an x axis are thinned out
POINTS: Final[dict[str, Any]] = {"type": "point", "padding": 0.5}  # lines: half a step of air at both ends
EDGES: Final[dict[str, Any]] = {"type": "point", "padding": 0}  # areas: from edge to edge
BANDS: Final[dict[str, Any]] = {"type": "band", "paddingInner": 0.22, "paddingOuter": 0.12}  # bars
_LEADER = 11.0


@dataclass(frozen=True)
class Label:
    """A direct label: its text and colour, the height it belongs to, and the height where it stands (points)."""

    text: str
    colour: str
    y: float
    placed_y: float = 0.0
    bold: bool = False


def category_names(values: Sequence[Scalar], unit: Unit, wording: Wording, width: float) -> dict[Scalar, str]:
    """A short, distinct name for each value, in their order."""
    return _distinct({value: shortened(_name(value, unit, wording), theme.LABEL_SIZE, width) for value in values})


def _distinct(names: dict[Scalar, str]) -> dict[Scalar, str]:
    """The names, numbered where two values would have the same."""
    found: dict[Scalar, str] = {}
    taken: set[str] = set()
    for value, name in names.items():
        copy = 2
        distinct = name
        while distinct in taken:
            distinct = f"{name} ({copy})"
            copy += 1
        taken.add(distinct)
        found[value] = distinct
    return found


def _name(value: Scalar, unit: Unit, wording: Wording) -> str:
    if unit == "month" and isinstance(value, str):
        return f"{value[:4]}/{int(value[5:7])}"
    return wording.word(value) if unit == "text" else wording.in_table(value, unit)


@dataclass(frozen=True)
class Ticks:
    """Which categories are labelled on the x axis, and how: `expression` is Vega's, fixed text, never a client's."""

    names: list[str]
    expression: str


def shown_ticks(names: Sequence[str], unit: Unit, room: float) -> Ticks:
    """Labels that fit side by side in `room` points: years for long runs of months, every n-th number, every text."""
    januaries = [name for name in names if name.endswith("/1")]
    if unit == "month" and len(names) > 14 and len(januaries) > 1:
        return Ticks(januaries, "slice(datum.label, 0, 4)")
    slot = room / max(len(names), 1)
    if unit == "text" and slot >= _NARROWEST_SLOT:
        return Ticks(list(names), "split(datum.label, '\\n')")
    widest = max((width_of(name, theme.AXIS_SIZE) for name in names), default=1.0) + 3
    return Ticks(list(names[:: max(1, math.ceil(widest / slot))]), "datum.label")


def names_below(values: Sequence[Scalar], unit: Unit, wording: Wording, room: float) -> dict[Scalar, str]:
    """Names for an x axis of `room` points: texts on one or two lines; where these do not hold them, their first
    words (`S1`), if these are distinct, else cut.
    """
    names = category_names(values, unit, wording, 2 * room)
    slot = room / max(len(names), 1) - 2
    if unit != "text" or slot + 2 < _NARROWEST_SLOT:
        return names
    ends = tuple(wording.text("format.line_starts").split())
    below = {value: _on_two_lines(name, slot, ends) for value, name in names.items()}
    codes = {value: name.split()[0] for value, name in names.items() if name.strip()}
    if any(ELLIPSIS in name for name in below.values()) and len(set(codes.values())) == len(names):
        return dict(codes)
    return _distinct(below)


def _on_two_lines(name: str, slot: float, line_starts: tuple[str, ...]) -> str:
    """The name broken between phrases, before one of `line_starts` where that fits."""
    if width_of(name, theme.AXIS_SIZE) <= slot - 2:
        return name
    for start in line_starts:
        head = name.removesuffix(start).rstrip()
        if head != name and max(width_of(part, theme.AXIS_SIZE) for part in (head, start)) <= slot:
            return f"{head}\n{start}"
    first, *rest = broken(name, theme.AXIS_SIZE, slot) or [""]
    return "\n".join([first, shortened("".join(rest), theme.AXIS_SIZE, slot)]) if rest else first


def fits_below(name: str, slot: float) -> bool:
    """Whether a name fits under a bar on one or two lines, broken between phrases only."""
    whole = all(width_of(phrase.strip(), theme.AXIS_SIZE) <= slot - 3 for phrase in phrases(name))
    return whole and len(broken(name, theme.AXIS_SIZE, slot - 3)) <= 2


def room_below(names: Iterable[str]) -> float:
    """Height that the names under an x axis need."""
    return 28.0 if any("\n" in name for name in names) else 20.0


def horizontal(names: Sequence[str], unit: Unit, frame: Frame, **scale: Any) -> dict[str, Any]:
    """Scale and axis of an x channel of categories in the order of `names`; `scale`: `POINTS`, `EDGES` or `BANDS`."""
    ticks = shown_ticks(names, unit, frame.plot_width)
    axis = alt.Axis(values=ticks.names, labelAngle=0, labelExpr=ticks.expression, title=None, grid=False)
    return {"axis": axis, "scale": alt.Scale(domain=list(names), **scale)}


def series_names(exhibit: Exhibit, wording: Wording, width: float = SERIES_LABEL_WIDTH) -> dict[Scalar, str]:
    """The series of an exhibit in order of appearance, with their names."""
    if exhibit.series is None:
        return {None: ""}
    return category_names([row[exhibit.series] for row in exhibit.rows], "text", wording, width)


def series_colours(series: Sequence[Scalar], highlight: str | None, palette: Sequence[str]) -> dict[Scalar, str]:
    """One colour per series, by meaning where it has one; where one series is highlighted, all others are grey."""
    if highlight is not None and highlight in series:
        return {key: theme.RUST if key == highlight else theme.GREY for key in series}
    count = len(series)
    steps = [place if count <= len(palette) else place * len(palette) // count for place in range(count)]
    return {key: theme.MEANINGS.get(str(key), palette[step]) for key, step in zip(series, steps, strict=True)}


def layer_colours(series: Sequence[Scalar], highlight: str | None) -> dict[Scalar, str]:
    """Colours of stacked layers: five well apart where that is enough."""
    few = len(series) <= len(theme.FEW_LAYERS)
    return series_colours(series, highlight, theme.FEW_LAYERS if few else theme.LAYERS)


def dodged(labels: Sequence[Label], height: float, gap: float = theme.LINE_GAP) -> list[Label]:
    """The labels with places at least `gap` apart and inside the plot, each as near to its own height as possible."""
    ordered = sorted(labels, key=lambda label: label.y)
    places: list[float] = []
    for label in ordered:
        places.append(max(label.y, places[-1] + gap) if places else max(label.y, 0.0))
    floor = height
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], floor)
        floor = places[number] - gap
    return [replace(label, placed_y=place) for label, place in zip(ordered, places, strict=True)]


def label_room(names: Sequence[str]) -> float:
    """Room right of the plot that direct labels need."""
    return max((width_of(name, theme.LABEL_SIZE) for name in names), default=0.0) + _LEADER + 6


def readable(colour: str) -> str:
    """`colour` for text on paper where it has contrast enough (WCAG AA), else ink."""
    return colour if theme.contrast(colour, theme.PAPER) >= 4.5 else theme.INK


def direct_labels(labels: Sequence[Label], axis: Axis, frame: Frame) -> list[alt.Chart]:
    """Dodged labels right of the plot, each with a leader to its own height."""
    placed = dodged(labels, frame.plot_height)
    rows: list[dict[str, Any]] = [
        {
            "label": label.text,
            "colour": label.colour,
            "ink": readable(label.colour),
            "weight": "bold" if label.bold else "normal",
            "from": axis.value_at(label.y, frame),
            "to": axis.value_at(label.placed_y, frame),
        }
        for label in placed
    ]
    ground = chart_of(rows)
    colour, ink = alt.Color("colour:N", scale=None), alt.Color("ink:N", scale=None)
    leader = ground.mark_rule(strokeWidth=0.6).encode(
        x=fixed(alt.XValue, frame.plot_width + 2),
        x2=fixed(alt.X2Value, frame.plot_width + _LEADER - 1),
        y=alt.Y("from:Q"),
        y2=alt.Y2("to:Q"),
        color=colour,
    )
    texts = [
        ground.transform_filter(alt.datum.weight == weight)
        .mark_text(align="left", baseline="middle", fontSize=theme.LABEL_SIZE, fontWeight=weight)
        .encode(
            x=fixed(alt.XValue, frame.plot_width + _LEADER + 1), y=alt.Y("to:Q"), text=alt.Text("label:N"), color=ink
        )
        for weight in dict.fromkeys(row["weight"] for row in rows)
    ]
    return [leader, *texts]
