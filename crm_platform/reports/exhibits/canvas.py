"""The ground on which every chart is drawn: a fixed frame, measured labels, axes with few ticks and the unit on top.

Charts are laid out here, not by Vega's automatic sizes: a label's place is known before the chart is drawn, so that
direct labels can avoid each other, and the same data give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import altair as alt

from crm_platform.diagnosis.finding import Unit
from crm_platform.reports import theme
from crm_platform.reports.glyphs import width_of
from crm_platform.reports.wording import Wording

Layer = alt.Chart | alt.LayerChart
Channel = TypeVar("Channel")
_NARROWEST_SPAN = 1e-9  # a series of one value gets an axis of its own


@dataclass(frozen=True)
class Frame:
    """Sizes in points: the whole picture, and the margins around the plot."""

    width: float
    height: float
    left: float
    right: float
    top: float = 20.0
    bottom: float = 20.0

    @property
    def plot_width(self) -> float:
        """Width of the plot."""
        return max(self.width - self.left - self.right, 20.0)

    @property
    def plot_height(self) -> float:
        """Height of the plot."""
        return self.height - self.top - self.bottom


@dataclass(frozen=True)
class Measure:
    """How a chart writes its numbers: scaled by `factor`, with `suffix`; `unit` stands on top of the axis."""

    factor: float
    unit: str
    suffix: str
    decimals: int

    def scaled(self, value: float) -> float:
        """The number that is plotted."""
        return value * self.factor

    def spoken(self, value: float, signed: bool = False) -> str:
        """The number as a label on the chart; no sign before what rounds to zero."""
        text = f"{self.scaled(value):{'+' if signed else ''},.{self.decimals}f}"
        text = text if any(digit in text for digit in "123456789") else text.lstrip("+-")
        return f"{text}{self.suffix}".replace("-", "−")


@dataclass(frozen=True)
class Axis:
    """A scale from `low` to `high` with few round ticks, in plotted numbers."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def y_of(self, value: float, frame: Frame) -> float:
        """Points from the top of the plot."""
        return frame.plot_height * (1 - (value - self.low) / (self.high - self.low))

    def value_at(self, y: float, frame: Frame) -> float:
        """The plotted number at `y` points from the top; the inverse of `y_of`."""
        return self.low + (self.high - self.low) * (1 - y / frame.plot_height)


def measure_of(values: Sequence[float], unit: Unit, wording: Wording) -> Measure:
    """The measure in which `values` read best."""
    largest = max((abs(value) for value in values), default=0.0)
    if unit == "jpy":
        scale = wording.money_scale(largest)
        factor = 1 / scale.from_jpy
        return Measure(factor, scale.unit, "", _decimals(largest * factor))
    if unit == "rate":
        return Measure(100, "%", "%", 1)
    named = {"count": "axis.count", "days": "axis.days", "index": "axis.index"}.get(unit)
    whole = all(float(value).is_integer() for value in values) or (unit in ("index", "days") and largest >= 10)
    return Measure(1, wording.text(named) if named else "", "", 0 if whole else _decimals(largest))


def _decimals(largest: float) -> int:
    """Decimals that give three digits."""
    return 0 if largest >= 100 else 1 if largest >= 10 else 2


def axis_from_zero(values: Sequence[float], least_step: float = 0.0) -> Axis:
    """From 0 (or the lowest value below it) to a round number above all values: for bars and areas."""
    low, high = min([0.0, *values]), max([0.0, *values])
    return _rounded(low, high, least_step)


def axis_around(values: Sequence[float]) -> Axis:
    """From 0, unless all values lie in a narrow band far above it: for lines."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low > 0 and high - low < 0.35 * high:
        spread = (high - low) or high * 0.1
        return _rounded(max(low - 0.3 * spread, 0.0), high + 0.1 * spread)
    return axis_from_zero(values)


def _rounded(low: float, high: float, least_step: float = 0.0) -> Axis:
    highest = high if high - low > _NARROWEST_SPAN else low + 1
    step = max(_round_step((highest - low) / 4), least_step)
    first, last = math.floor(low / step + 1e-9), math.ceil(highest / step - 1e-9)
    ticks = tuple(round(n * step, 10) for n in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough * 0.999)


def tick_text(axis: Axis, measure: Measure) -> str:
    """A Vega expression that writes the ticks of `axis`: fixed text, never a client's."""
    step = axis.ticks[1] - axis.ticks[0]
    decimals = next(d for d in range(10) if abs(round(step, d) - step) < 1e-9)
    suffix = "%" if measure.suffix == "%" else ""
    return f"replace(format(datum.value, ',.{decimals}f'), '-', '−') + '{suffix}'"


def tick_width(axis: Axis, measure: Measure) -> float:
    """Room that the ticks' labels need left of the plot."""
    return max(width_of(f"{tick:,.10g}{measure.suffix}", theme.AXIS_SIZE) for tick in axis.ticks) + 8


def numeric_ticks(axis: Axis, measure: Measure, **look: Any) -> alt.Axis:
    """An axis with exactly the ticks of `axis`: without a count of its own, Vega would drop some of them."""
    expression = tick_text(axis, measure)
    return alt.Axis(values=list(axis.ticks), tickCount=len(axis.ticks), labelExpr=expression, title=None, **look)


def vertical(axis: Axis, measure: Measure) -> dict[str, Any]:
    """Scale and axis of a numeric y channel."""
    return {
        "scale": alt.Scale(domain=[axis.low, axis.high], nice=False, zero=False),
        "axis": numeric_ticks(axis, measure, domain=False),
    }


def chart_of(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """A chart over rows of plain values; marks and channels are added to it."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def telling(marks: Callable[..., alt.Chart], **look: Any) -> alt.Chart:
    """Marks whose rows have `told`: an HTML page shows that text where one points at the mark."""
    drawn: alt.Chart = marks(aria=True, **look).encode(description=alt.Description("told:N"))
    return drawn


def unseen_points(ground: alt.Chart) -> alt.Chart:
    """Points of a line or curve that are there to be pointed at: nothing of them is drawn."""
    points: alt.Chart = telling(ground.mark_point, filled=True, size=13).encode(color=alt.ColorValue("transparent"))
    return points


def caption(text: str, frame: Frame) -> alt.Chart:
    """The unit at the top left of the chart."""
    return note(text, -frame.left + 1, 8 - frame.top)


def note(
    text: str,
    x: float,
    y: float,
    align: Literal["left", "right"] = "left",
    colour: str = theme.QUIET,
    bold: bool = False,
) -> alt.Chart:
    """A text at a fixed place of the plot."""
    mark = chart_of([{}]).mark_text(
        text=text, align=align, baseline="middle", fontSize=theme.AXIS_SIZE, color=colour, fontWeight=_weight(bold)
    )
    placed: alt.Chart = mark.encode(x=fixed(alt.XValue, x), y=fixed(alt.YValue, y))
    return placed


def fixed(channel: Callable[[float], Channel], points: float) -> Channel:
    """A channel at a fixed place: named outright, as Altair takes long to find out which one a bare value means."""
    return channel(points)


def _weight(bold: bool) -> Literal["bold", "normal"]:
    return "bold" if bold else "normal"


def framed(layers: Sequence[Layer], frame: Frame) -> dict[str, Any]:
    """The layers as a complete Vega-Lite specification in `frame`."""
    chart = alt.layer(*layers).properties(
        width=frame.plot_width,
        height=frame.plot_height,
        padding={"left": frame.left, "right": frame.right, "top": frame.top, "bottom": frame.bottom},
        autosize="none",
    )
    axis = {
        "labelFontSize": theme.AXIS_SIZE,
        "titleFontSize": theme.AXIS_SIZE,
        "titleFontWeight": "normal",
        "labelColor": theme.QUIET,
        "titleColor": theme.QUIET,
        "gridColor": theme.HAIRLINE,
        "gridWidth": 0.6,
        "domainColor": theme.GREY,
        "tickSize": 0,
        "labelPadding": 4,
        "labelLimit": 0,
        "labelOverlap": False,
    }
    look = {
        "font": theme.FONT,
        "view": {"stroke": None},
        "axis": axis,
        "background": None,
        "text": {"limit": 0},
        "aria": False,  # but for the marks that tell something: the page describes the chart as a whole
    }
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return {**spec, "config": look}
