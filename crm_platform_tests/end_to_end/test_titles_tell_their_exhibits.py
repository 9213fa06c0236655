"""The numbers in the title of an exhibit are those of the exhibit: of every finding of a client, in all reports."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from pathlib import Path

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding
from crm_platform.lake import Lake
from crm_platform.reports import Wording
from crm_platform_tests.end_to_end.conftest import MONTH

DIAGNOSES = ("diagnosis", "alert_diagnosis", "portfolio_diagnosis", "two_track_diagnosis")
WORDS = Wording.of("ja")

# Of a longer or shorter span, or of more groups, than one mark shows: between the least and the greatest of the marks.
MEANS = {
    "acquisition.value",
    "f2_conversion.cohorts",
    "new_existing.half_years",
    "cross_sell.by_purchase",
    "cohort_ltv.values",
    "continuation.curves",
    "rfm_beside_cpm.sales",
}
# How an exhibit was made: thresholds, costs, shares, how many customers it is on.
MADE_WITH = {
    "retention_power.rule": {"levels_to_tell_apart"},
    "purchasing_power.rule": {"levels_to_tell_apart"},
    "value_segments.expected": {"top_classes"},
    "client_rank.chosen": {"top_rank_customers"},
    "media_quality.rates": {"cohort_months"},
    "entry_products.rates": {"cohort_months"},
    "product_pairs.group_pairs": {"cross_customers"},
    "product_pairs.brand_pairs": {"buyers"},
    "alert_simulation.sensitivity": {"targets", "unit_cost_jpy", "order_value_jpy"},
    "cpm_actions.sizes": {"amount_jpy", "proposed_jpy", "published_jpy"},
    "target_accuracy.captured": {"first_share_rate"},
    "contact_dates.timing": {"compared"},
    "contact_dates.states": {"within_days"},
}
# What sums an exhibit up otherwise than by adding: errors, biases, some cells of a square.
SUMMED_UP = {
    "purchasing_power.cross": {"strong_customers"},
    "profit_class_moves.moves": {"left_in_half_year"},
    "forecast_accuracy.calibration": {"decile_error_rate"},
    "forecast_accuracy.deciles": {"bias_rate"},
    "alert_test_design.groups": {"largest_difference"},
}


def _numbers_of(title: str) -> list[tuple[str, str]]:
    return [(name, fmt or "text") for _, name, fmt, _ in string.Formatter().parse(title) if name]


def _columns(exhibit: Exhibit) -> dict[str, list[float]]:
    names = dict.fromkeys(name for row in exhibit.rows for name in row)
    columns = {name: [row.get(name) for row in exhibit.rows] for name in names}
    return {
        name: [float(value or 0) for value in values]  # type: ignore[arg-type]
        for name, values in columns.items()
        if any(isinstance(value, (int, float)) for value in values) and not any(isinstance(v, str) for v in values)
    }


def _said_by(exhibit: Exhibit) -> Iterator[float]:
    """Every number that the exhibit shows or that adds up from it: cells, rows, sums and means from either end."""
    yield len(exhibit.rows)
    columns = _columns(exhibit)
    for values in columns.values():
        yield from values
        yield from _sums(values)
    for kind in {name.split("_")[0] for name in columns}:  # the steps of a row
        same = [values for name, values in columns.items() if name.split("_")[0] == kind]
        yield from map(sum, zip(*same, strict=True))
    for values, weights in product(columns.values(), repeat=2):
        weighted = [value * weight for value, weight in zip(values, weights, strict=True)]
        pairs = [*zip(_sums(weighted), _sums(weights), strict=True)]
        yield from (amount / weight for amount, weight in pairs if weight)


def _sums(values: Sequence[float]) -> list[float]:
    """Running sums from the first row, and from the last."""
    return [*accumulate(values), *accumulate(reversed(values))]


def _told(data: Path) -> Iterator[tuple[Finding, Exhibit, str, str]]:
    """Every number in the title of every exhibit that a report shows: its name and format."""
    lake = Lake(data / "lake")
    for name in DIAGNOSES:
        for finding in Diagnosis.from_json(lake.read_document("demo", name, MONTH)).findings:
            for exhibit in finding.exhibits:
                title = f"{finding.key}.exhibits.{exhibit.key}.title"
                if exhibit.rows and WORDS.has(title) and WORDS.knows(title, finding.numbers):
                    for number, fmt in _numbers_of(WORDS.texts[title]):
                        # The months that count as a year are the wording's own, and no number of the finding.
                        if number != "year_months" and not isinstance(finding.numbers[number], str):
                            yield finding, exhibit, number, fmt


def _is_told_by(finding: Finding, exhibit: Exhibit, number: str, fmt: str) -> bool:
    said = WORDS.formatted(finding.numbers[number], fmt)
    if any(WORDS.formatted(value, fmt) == said for value in _said_by(exhibit)):
        return True
    shown = _columns(exhibit)[exhibit.y] if exhibit.y else []
    value = float(finding.numbers[number] or 0)
    return f"{finding.key}.{exhibit.key}" in MEANS and min(shown) <= value <= max(shown)


def test_the_numbers_in_the_title_of_an_exhibit_are_those_that_it_shows(data_as_onboarded: Path) -> None:
    told = list(_told(data_as_onboarded))
    assert len(told) > 80
    strange = [
        f"{finding.key}.{exhibit.key}: {number} = {finding.numbers[number]}"
        for finding, exhibit, number, fmt in told
        if not _is_told_by(finding, exhibit, number, fmt)
        and not any(number in listed.get(f"{finding.key}.{exhibit.key}", ()) for listed in (MADE_WITH, SUMMED_UP))
    ]
    assert strange == []
