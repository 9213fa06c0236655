"""What became of the client's measures (PDCA, 検証を迅速に; R130): the hypothesis, and the KPI before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from crm_platform.clients import KpiMeasure
from crm_platform.diagnosis.estimates import Estimate, difference, errors_for
from crm_platform.diagnosis.finding import Exhibit, Finding, Measured, Row, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.at_stake import action_on, dearest, lost_jpy, numbers_at_stake, worth_of_one
from crm_platform.diagnosis.kpis.kpi_book import sources_of
from crm_platform.diagnosis.kpis.series import KpiSeries, kpi_values
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS, index_of
from crm_platform.periods import Month

Outcome = Literal["as_hoped", "against", "within_chance", "not_yet", "missing"]


@dataclass(frozen=True)
class Tried:
    """A measure and its KPI: the mean of `months` months before and after the start, each month by itself."""

    measure: KpiMeasure
    series: KpiSeries
    months: int
    before: Estimate | None
    after: Estimate | None
    is_same_season: bool

    @property
    def change(self) -> Estimate | None:
        """After minus before; None where one of them is not known."""
        return difference(self.after, self.before) if self.after and self.before else None

    def outcome(self, errors: float) -> Outcome:
        """Whether the KPI moved as the hypothesis says, by more than `errors` standard errors."""
        if self.series.missing:
            return "missing"
        if self.change is None:
            return "not_yet"
        hoped = self.change.value if self.measure.expected_change > 0 else -self.change.value
        if abs(hoped) <= errors * self.change.error:
            return "within_chance"
        return "as_hoped" if hoped > 0 else "against"


def kpi_measures(inputs: DiagnosisInputs) -> Finding | None:
    """How many measures were followed by the hoped change of their KPI beyond chance, and how many by its contrary.

    Before and after is no proof: what else happened meanwhile is in it, too. 課題 where a KPI went the other way. None
    where the client's file names no measure.
    """
    measures = inputs.client.measures
    if not measures:
        return None
    book = kpi_values(inputs)
    tried = [tried_measure(measure, book.series[measure.kpi]) for measure in measures]
    outcomes = [one.outcome(errors_for(len(tried))) for one in tried]
    against = [one for one, outcome in zip(tried, outcomes, strict=True) if outcome == "against"]
    worth = worth_of_one(inputs, book)
    losses = [lost_jpy(worth, one.measure.kpi, one.change.value if one.change else 0.0) for one in against]
    worst, effect_jpy = dearest(against, losses)
    as_hoped = outcomes.count("as_hoped")
    verdict: Verdict = "issue" if against else "healthy" if as_hoped else "undetermined"
    action = action_on(inputs, book, (worst or tried[0]).measure.kpi)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "measures": len(tried),
        "as_hoped": as_hoped,
        "against": len(against),
        "within_chance": outcomes.count("within_chance"),
        "not_yet": outcomes.count("not_yet") + outcomes.count("missing"),
        "worst_measure": worst.measure.name if worst else None,
        "worst_kpi": f"@kpi_name.{worst.measure.kpi}" if worst else None,
        "most_months": HALF_YEAR_MONTHS,
        **numbers_at_stake(inputs, effect_jpy, action),
    }
    return Finding(
        key="kpi_measures",
        chapter="kpis",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(tried, outcomes),
        threshold=0.0,
        yen_effect_jpy=effect_jpy,
        measured=Measured(len(against), "count", compared=0.0),
        action=action,
        sources=sources_of([one.series.kpi for one in tried]),
    )


def tried_measure(measure: KpiMeasure, series: KpiSeries) -> Tried:
    """A measure beside its KPI: six whole months from its start on at most, held against the same months a year before.

    Where those are not known, against as many months right before the start. A month is whole where the measure ran
    from its first day on. The error is that of the same customers standing behind every month, hence no smaller than
    that of one.
    """
    start = index_of(Month.of(measure.started_on)) + (measure.started_on.day > 1)
    after = [month for month in range(start, start + HALF_YEAR_MONTHS) if month in series.monthly]
    year_before = [month - YEAR_MONTHS for month in after]
    is_same_season = bool(after) and all(month in series.monthly for month in year_before)
    ended = index_of(Month.of(measure.started_on))
    before = year_before if is_same_season else [ended - back for back in range(len(after), 0, -1)]
    known = [month for month in before if month in series.monthly]
    return Tried(
        measure, series, len(after), _mean(series.monthly, known), _mean(series.monthly, after), is_same_season
    )


def _mean(values: Mapping[int, Estimate], months: Sequence[int]) -> Estimate | None:
    found = [values[month] for month in months]
    if not found:
        return None
    return Estimate(sum(one.value for one in found) / len(found), sum(one.error for one in found) / len(found))


def _exhibits(tried: Sequence[Tried], outcomes: Sequence[Outcome]) -> tuple[Exhibit, ...]:
    units: tuple[tuple[str, Unit], ...] = (("rates", "rate"), ("amounts", "jpy"), ("counts", "count"))
    told = list(zip(tried, outcomes, strict=True))
    hypotheses: list[Row] = [
        {
            "measure": one.measure.name,
            "started_on": one.measure.started_on.isoformat(),
            "hypothesis": one.measure.hypothesis,
            "outcome": one.series.missing if outcome == "missing" else f"@measure_outcome.{outcome}",
        }
        for one, outcome in told
    ]
    columns: tuple[tuple[str, Unit], ...] = tuple(
        (name, "text") for name in ("measure", "started_on", "hypothesis", "outcome")
    )
    tables = [_table(key, [pair for pair in told if pair[0].series.kpi.unit == unit], unit) for key, unit in units]
    hypothesis_table = Exhibit("hypotheses", "table", tuple(hypotheses), columns=columns)
    return (hypothesis_table, *(table for table in tables if table.rows))


def _table(key: str, told: Sequence[tuple[Tried, Outcome]], unit: Unit) -> Exhibit:
    found: list[Row] = [
        {
            "measure": one.measure.name,
            "kpi": f"@kpi_name.{one.measure.kpi}",
            "expected_change": one.measure.expected_change,
            "months": one.months,
            "before": one.before.value if one.before else None,
            "after": one.after.value if one.after else None,
            "change": one.change.value if one.change else None,
            "low": one.change.low if one.change else None,
            "high": one.change.high if one.change else None,
            "compared_with": f"@measure_before.{'year_before' if one.is_same_season else 'right_before'}",
        }
        for one, _ in told
    ]
    columns: tuple[tuple[str, Unit], ...] = (
        ("measure", "text"),
        ("kpi", "text"),
        ("expected_change", unit),
        ("before", unit),
        ("after", unit),
        ("change", unit),
        ("low", unit),
        ("high", unit),
        ("months", "count"),
        ("compared_with", "text"),
    )
    return Exhibit(key, "table", tuple(found), columns=columns)
