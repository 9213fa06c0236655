"""From an exhibit to its chart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from altair.utils.schemapi import debug_mode

from crm_platform.diagnosis.finding import Exhibit, ExhibitKind, Unit
from crm_platform.reports import theme
from crm_platform.reports.exhibits.bars import bar_chart, stacked_bar_chart, waterfall_chart
from crm_platform.reports.exhibits.canvas import measure_of
from crm_platform.reports.exhibits.drawing import png_of
from crm_platform.reports.exhibits.fields import heatmap_chart, scatter_chart
from crm_platform.reports.exhibits.lines import line_chart, stacked_area_chart
from crm_platform.reports.exhibits.rows_of import distinct, numbers, plotted_rows
from crm_platform.reports.exhibits.squares import calibration_chart, lorenz_chart
from crm_platform.reports.glyphs import width_of
from crm_platform.reports.wording import Wording

_COURSES = ("line", "stacked_bar", "stacked_area")
Draw = Callable[[Exhibit, Wording, str, float], dict[str, Any]]

_DRAW: dict[ExhibitKind, Draw] = {
    "line": line_chart,
    "bar": bar_chart,
    "stacked_bar": stacked_bar_chart,
    "stacked_area": stacked_area_chart,
    "heatmap": heatmap_chart,
    "scatter": scatter_chart,
    "calibration": calibration_chart,
    "waterfall": waterfall_chart,
    "lorenz": lorenz_chart,
}


def is_drawable(exhibit: Exhibit) -> bool:
    """Whether the exhibit is a chart with something to see.

    It is a table where all is nothing, where all bars are equal, and where a course or stack has one place only.
    """
    values = numbers(exhibit.rows, exhibit.y) if _has_values(exhibit) else []
    if exhibit.kind in _COURSES and len(distinct(exhibit.rows, exhibit.x)) < 2:
        return False
    return any(values) and not (exhibit.kind == "bar" and len(values) > 1 and len(set(values)) == 1)


def _has_values(exhibit: Exhibit) -> bool:
    return exhibit.kind in _DRAW and bool(plotted_rows(exhibit))


def chart_spec(
    exhibit: Exhibit, wording: Wording, labels: tuple[str, str] = ("", ""), width: float = theme.CHART_WIDTH
) -> dict[str, Any]:
    """The Vega-Lite specification of a chart exhibit, `width` points wide; `labels` name its x and y."""
    with debug_mode(False):  # Altair would hold every part against its schema, for two fifths of the time; a test does
        return _DRAW[exhibit.kind](exhibit, wording, _fitting(_top(exhibit, wording, labels), width), width)


def exhibit_png(exhibit: Exhibit, wording: Wording, labels: tuple[str, str] = ("", "")) -> bytes:
    """The chart as PNG on white, at twice its size, for the Dagster UI; ValueError for a table or an empty exhibit."""
    if not _has_values(exhibit):
        raise ValueError(f"the exhibit '{exhibit.key}' ({exhibit.kind}, {len(exhibit.rows)} rows) is no chart")
    return png_of({**chart_spec(exhibit, wording, labels), "background": theme.PAPER})


def data_columns(exhibit: Exhibit) -> tuple[tuple[str, Unit], ...]:
    """The columns of the exhibit as a table: those it names, or what the chart shows."""
    if exhibit.columns:
        return exhibit.columns
    series: tuple[tuple[str, Unit], ...] = ((exhibit.series, exhibit.series_unit),) if exhibit.series else ()
    return ((exhibit.x, exhibit.x_unit), *series, (exhibit.y, exhibit.y_unit))


def _top(exhibit: Exhibit, wording: Wording, labels: tuple[str, str]) -> str:
    """What stands on top of the y axis: the label with its unit, and for two axes both."""
    x, y = labels
    if exhibit.kind == "lorenz":
        return f"{y} ↑　{x} →".strip()
    both = [*numbers(exhibit.rows, exhibit.y), *(numbers(exhibit.rows, exhibit.x) if _has_one_scale(exhibit) else [])]
    named = _with_unit(y, measure_of(both, exhibit.y_unit, wording).unit, wording)
    if _has_one_scale(exhibit):
        return f"{named} ↑　{x} →"
    if exhibit.kind == "scatter":
        unit = measure_of(numbers(exhibit.rows, exhibit.x), exhibit.x_unit, wording).unit
        return f"{named} ↑　{_with_unit(x, unit, wording)} →"
    if exhibit.kind == "heatmap":
        return f"{named}　{x} →" if x else named
    return named


def _fitting(top: str, width: float) -> str:
    """`top`, without what stands down a heatmap's side where it would be wider than the chart: its rows say it."""
    named, arrow, rest = top.partition(" ↓　")
    if not arrow or width_of(top, theme.AXIS_SIZE) <= width:
        return top
    return f"{named.rpartition('　')[0]}　{rest}"


def _has_one_scale(exhibit: Exhibit) -> bool:
    return exhibit.kind == "calibration"


def _with_unit(label: str, unit: str, wording: Wording) -> str:
    says_it = label.endswith((")", "）")) or (unit.isascii() and unit.isalpha() and unit in label.lower())
    if label and unit and not says_it:
        return wording.text("axis.unit", label=label, unit=unit)
    return label or unit
