"""The KPIs of the month (R114): every KPI of the book beside the year before, and how many are worse beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crm_platform.diagnosis.finding import Exhibit, Finding, Measured, Row, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.at_stake import action_on, dearest, lost_jpy, numbers_at_stake, worth_of_one
from crm_platform.diagnosis.kpis.declaration import Kpi
from crm_platform.diagnosis.kpis.judging import JudgedKpi, judged_kpis
from crm_platform.diagnosis.kpis.kpis import KPIS
from crm_platform.diagnosis.kpis.series import KpiBook, kpi_values
from crm_platform.diagnosis.spans import month_of
from crm_platform.diagnosis.trends import change as relative_change

_ACTIVE = "active_customers"
_LOOKED_INTO = ("products", "media")
_OUTCOMES = ("@verdict.issue", "@verdict.healthy", "@verdict.undetermined", "@kpi_verdict.none", "@kpi_verdict.unknown")


def kpi_book(inputs: DiagnosisInputs) -> Finding | None:
    """How many of the judged KPIs are worse than a year before, or falling over years, by more than chance allows.

    The bound is wider the more KPIs are judged. At stake is the KPI that costs most 売上 in six months, not the sum,
    because KPIs overlap. None where nobody ever bought.
    """
    book = kpi_values(inputs)
    judged = judged_kpis(book.series.values())
    if book.series[_ACTIVE].now is None and all(one.series.now is None for one in judged):
        return None
    worse = [one for one in judged if one.verdict == "issue"]
    losses = _losses(inputs, book, worse)
    worst, effect_jpy = dearest(worse, losses)
    healthy = sum(one.verdict == "healthy" for one in judged)
    verdict: Verdict = "issue" if worse else "healthy" if healthy else "undetermined"
    action = action_on(inputs, book, worst.series.kpi.key if worst else _ACTIVE)
    active = book.series[_ACTIVE]
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "kpis": len(KPIS),
        "known_kpis": sum(one.series.now is not None for one in judged),
        "missing_kpis": sum(one.series.now is None for one in judged),
        "judged_kpis": len(worse) + healthy,
        "worse_kpis": len(worse),
        "better_kpis": sum(one.is_better for one in judged if one.verdict == "healthy"),  # no more than are judged
        "worst_kpi": f"@kpi_name.{worst.series.kpi.key}" if worst else None,
        "worst_change_rate": _change_rate(worst) if worst else None,
        "active_customers": round(active.now.value) if active.now else None,
        "active_customers_before": round(active.before.value) if active.before else None,
        "target_hint": "@kpi_hint.set" if inputs.client.kpi_targets else "@kpi_hint.unset",
        "targets": len(inputs.client.kpi_targets),
        **numbers_at_stake(inputs, effect_jpy, action),
    }
    return Finding(
        key="kpi_book",
        chapter="kpis",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(judged),
        threshold=0.0,
        yen_effect_jpy=effect_jpy,
        concerned_customers=action.customers,
        measured=Measured(len(worse), "count", compared=0.0),
        action=action,
        # Products and media are looked into even where no KPI of theirs is known.
        sources=tuple(
            dict.fromkeys((*sources_of([one.series.kpi for one in judged if one.series.now]), *_LOOKED_INTO))
        ),
    )


def _losses(inputs: DiagnosisInputs, book: KpiBook, worse: Sequence[JudgedKpi]) -> list[int]:
    """What each KPI that is worse costs by its change of a year, or by a year of its course where that is larger."""
    worth = worth_of_one(inputs, book)
    return [
        max(
            lost_jpy(worth, one.series.kpi.key, one.change.value if one.change else 0.0),
            lost_jpy(worth, one.series.kpi.key, one.trend.slope_per_year if one.trend else 0.0),
        )
        for one in worse
    ]


def sources_of(kpis: Sequence[Kpi]) -> tuple[str, ...]:
    """The tables that these KPIs are made of, each once."""
    return tuple(dict.fromkeys(table for kpi in kpis for table in kpi.sources))


def kpi_rows(judged: Sequence[JudgedKpi], units: Sequence[Unit]) -> list[Row]:
    """A row per KPI in one of `units`: value, interval, the year before, course, verdict or why it is missing."""
    return [_row(one) for one in judged if one.series.kpi.unit in units]


def _row(one: JudgedKpi) -> Row:
    series = one.series
    now, before = series.now, series.before
    return {
        "kpi": f"@kpi_name.{series.kpi.key}",
        "month": str(month_of(series.month)) if series.month is not None else None,
        "value": now.value if now else None,
        "low": max(now.low, 0.0) if now else None,
        "high": now.high if now else None,
        "before": before.value if before else None,
        "change_rate": _change_rate(one),
        "direction": f"@direction.{one.trend.direction}" if one.trend else None,
        "verdict": series.missing or (f"@verdict.{one.verdict}" if one.verdict else "@kpi_verdict.none"),
    }


def _change_rate(one: JudgedKpi) -> float | None:
    now, before = one.series.now, one.series.before
    return relative_change(now.value, before.value) if now and before else None


def _exhibits(judged: Sequence[JudgedKpi]) -> tuple[Exhibit, ...]:
    formulas: list[Row] = [
        {"kpi": f"@kpi_name.{kpi.key}", "formula": f"@kpi_formula.{kpi.key}", "period": f"@kpi_period.{_period(kpi)}"}
        for kpi in KPIS
    ]
    counted = Counter(_outcome(one) for one in judged)
    bars: list[Row] = [{"outcome": name, "kpis": counted[name]} for name in _OUTCOMES]
    return (
        Exhibit("verdicts", "bar", tuple(bars), x="outcome", y="kpis", highlight=_OUTCOMES[0]),
        _table("rates", kpi_rows(judged, ("rate",)), "rate"),
        _table("amounts", kpi_rows(judged, ("jpy",)), "jpy"),
        Exhibit(
            "formulas",
            "table",
            tuple(formulas),
            columns=(("kpi", "text"), ("formula", "text"), ("period", "text")),
        ),
    )


def _outcome(one: JudgedKpi) -> str:
    if one.series.now is None:
        return "@kpi_verdict.unknown"
    return f"@verdict.{one.verdict}" if one.verdict else "@kpi_verdict.none"


def _period(kpi: Kpi) -> str:
    """What a judged value spans: the month, or a year of it; with the months until it is known."""
    lag_months = kpi.lag_months or -(-kpi.lag_days // 30)
    return f"{kpi.window_months}_{lag_months}"


def _table(key: str, rows: Sequence[Row], unit: Unit) -> Exhibit:
    return Exhibit(
        key,
        "table",
        tuple(rows),
        columns=(
            ("kpi", "text"),
            ("month", "month"),
            ("value", unit),
            ("low", unit),
            ("high", unit),
            ("before", unit),
            ("change_rate", "rate"),
            ("direction", "text"),
            ("verdict", "text"),
        ),
    )
