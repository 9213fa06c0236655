"""Target and actual of each KPI that the client set a target for, month by month (R130)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.diagnosis.estimates import Estimate, errors_for
from crm_platform.diagnosis.finding import Exhibit, Finding, Measured, Row, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.at_stake import action_on, dearest, lost_jpy, numbers_at_stake, worth_of_one
from crm_platform.diagnosis.kpis.kpi_book import sources_of
from crm_platform.diagnosis.kpis.series import KpiSeries, kpi_values
from crm_platform.diagnosis.spans import YEAR_MONTHS, month_of
from crm_platform.diagnosis.verdicts import verdict_on_line


@dataclass(frozen=True)
class HeldKpi:
    """A KPI beside its target; `verdict` is None where nothing is known of it."""

    series: KpiSeries
    target: float
    verdict: Verdict | None

    @property
    def gap(self) -> float | None:
        """Actual minus target, in the KPI's unit; None where nothing is known."""
        return self.series.now.value - self.target if self.series.now else None

    def achievement(self, actual: float) -> float | None:
        """Which share of the target is reached; of a KPI where less is better, target ÷ actual. None over 0."""
        part, whole = (self.target, actual) if self.series.kpi.better == "less" else (actual, self.target)
        return part / whole if whole > 0 else None


def kpi_targets(inputs: DiagnosisInputs) -> Finding | None:
    """How many KPIs miss their target by more than chance allows; the bound is wider the more targets there are.

    At stake is the gap that costs most 売上 in six months. None where the client set no target.
    """
    targets = inputs.client.kpi_targets
    if not targets:
        return None
    book = kpi_values(inputs)
    held = [_held(book.series[key], target, errors_for(len(targets))) for key, target in targets.items()]
    missed = [one for one in held if one.verdict == "issue"]
    met = sum(one.verdict == "healthy" for one in held)
    worth = worth_of_one(inputs, book)
    losses = [lost_jpy(worth, one.series.kpi.key, one.gap or 0.0) for one in missed]
    worst, effect_jpy = dearest(missed, losses)
    verdict: Verdict = "issue" if missed else "healthy" if met else "undetermined"
    action = action_on(inputs, book, worst.series.kpi.key if worst else held[0].series.kpi.key)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "targets": len(held),
        "missed_targets": len(missed),
        "met_targets": met,
        "open_targets": len(held) - len(missed) - met,
        "worst_kpi": f"@kpi_name.{worst.series.kpi.key}" if worst else None,
        "worst_achievement_rate": worst.achievement(worst.series.now.value) if worst and worst.series.now else None,
        **numbers_at_stake(inputs, effect_jpy, action),
    }
    return Finding(
        key="kpi_targets",
        chapter="kpis",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(held),
        threshold=0.0,
        yen_effect_jpy=effect_jpy,
        concerned_customers=action.customers,
        measured=Measured(len(missed), "count", compared=0.0),
        action=action,
        sources=sources_of([one.series.kpi for one in held]),
    )


def _held(series: KpiSeries, target: float, errors: float) -> HeldKpi:
    """A KPI where neither direction is better is held against its target as if more were."""
    now = series.now
    if now is None:
        return HeldKpi(series, target, None)
    sign = -1.0 if series.kpi.better == "less" else 1.0
    return HeldKpi(series, target, verdict_on_line(_turned(now, sign), sign * target, errors=errors))


def _turned(value: Estimate, sign: float) -> Estimate:
    return Estimate(sign * value.value, value.error)


def month_rows(held: Sequence[HeldKpi]) -> list[Row]:
    """Each KPI in each of the twelve months up to its last known one by itself: `actual`, `target`, `gap`,
    `achievement_rate`, and `months_ago`, counted back from that month.
    """
    return [
        {
            "kpi": f"@kpi_name.{one.series.kpi.key}",
            "month": str(month_of(month)),
            "months_ago": max(one.series.monthly) - month,
            "actual": found.value,
            "target": one.target,
            "gap": found.value - one.target,
            "achievement_rate": one.achievement(found.value),
        }
        for one in held
        for month, found in sorted(one.series.monthly.items())
        if max(one.series.monthly) - month < YEAR_MONTHS
    ]


def _exhibits(held: Sequence[HeldKpi]) -> tuple[Exhibit, ...]:
    units: tuple[tuple[str, Unit], ...] = (("rates", "rate"), ("amounts", "jpy"), ("counts", "count"))
    tables = [_table(key, [one for one in held if one.series.kpi.unit == unit], unit) for key, unit in units]
    months = [row for row in month_rows(held) if row["achievement_rate"] is not None]
    heat = Exhibit(
        "months",
        "heatmap",
        tuple(months),
        x="months_ago",
        y="achievement_rate",
        x_unit="count",
        y_unit="rate",
        series="kpi",
    )
    return (*(table for table in tables if table.rows), *((heat,) if months else ()))


def _table(key: str, held: Sequence[HeldKpi], unit: Unit) -> Exhibit:
    found: list[Row] = [
        {
            "kpi": f"@kpi_name.{one.series.kpi.key}",
            "month": str(month_of(one.series.month)) if one.series.month is not None else None,
            "target": one.target,
            "value": one.series.now.value if one.series.now else None,
            "low": max(one.series.now.low, 0.0) if one.series.now else None,
            "high": one.series.now.high if one.series.now else None,
            "gap": one.gap,
            "verdict": one.series.missing or f"@verdict.{one.verdict}",
        }
        for one in held
    ]
    columns: tuple[tuple[str, Unit], ...] = (
        ("kpi", "text"),
        ("month", "text"),
        ("target", unit),
        ("value", unit),
        ("low", unit),
        ("high", unit),
        ("gap", unit),
        ("verdict", "text"),
    )
    return Exhibit(key, "table", tuple(found), columns=columns)
