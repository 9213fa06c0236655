"""Bulk selling (まとめ売り) apart, and who buys only by its discount (値引き依存, 000:41-43, R24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, difference, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, Span, blocks_back, index_column, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change
from crm_platform.facts.order_kinds import order_kinds

_YEARS = 5
_KINDS = ("subscription", "one_off", "bulk")
Sums = Mapping[str, Any]


def bulk_dependence(inputs: DiagnosisInputs) -> Finding | None:
    """Of who buys outside the subscription in a year, the share that buys at a bulk discount only; less is better.

    Judged against the year before and over five years (R61); undetermined where 30 such buyers are not reached. At
    stake: half a year of the discounts given on bulk lines to so many more of them. None where no bulk line was sold in
    the last twelve closed months.
    """
    year = inputs.span(YEAR_MONTHS)
    years = yearly_buyers(inputs)
    kinds = kind_rows(inputs, year) if year else []
    bulk = next((row for row in kinds if row["order_kind"] == "@order_kind.bulk" and row["lines"]), None)
    if bulk is None or not years:
        return None
    now, before = _share(years[0]), _share(years[1]) if len(years) > 1 else None
    change = difference(now, before) if now and before else None
    verdict = _verdict(inputs, years, before, change)
    only = years[0]["bulk_only_buyers"]
    risen = max(change.value, 0.0) * years[0]["buyers"] if verdict == "issue" and change else 0.0
    effect_jpy = round(risen * bulk["discount_jpy"] / max(years[0]["bulk_buyers"], 1) / 2) or None
    expected_jpy = round(only * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "bulk_jpy": bulk["sales_jpy"],
        "discount_jpy": bulk["discount_jpy"],
        "discount_rate": bulk["discount_rate"],
        "one_off_discount_rate": next(
            (row["discount_rate"] for row in kinds if row["order_kind"] == "@order_kind.one_off"), None
        ),
        "buyers": years[0]["buyers"],
        "bulk_only_buyers": only,
        "dependent_rate": now.value if now else None,
        "dependent_before_rate": before.value if before else None,
        "change_points": change.value if change else None,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="bulk_dependence",
        chapter="business",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, kinds, years),
        threshold=before.value if before else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=only,
        measured=measured_against(now, "rate", before.value if before else None, change) if now else None,
        trend=trend_of(_points(inputs, years), "rate"),
        action=Action("@action_segment.bulk_only", only, "@action_channel.mail", expected_jpy),
        sources=("customer_months", "product_months", "customer_history"),
    )


def yearly_buyers(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Per twelve closed months, the latest first: who bought outside the subscription, in bulk, and in bulk only."""
    count = min(len(inputs.closed_months) // YEAR_MONTHS, _YEARS)
    months = inputs.customer_months
    dated = months.mutate(back=blocks_back(index_column(months.month), inputs.closed_index, YEAR_MONTHS))
    each = (
        dated.filter(dated.back.between(0, count - 1))
        .group_by("back", "customer_id")
        .agg(one_off=yen_sum(_.one_off_orders), bulk=yen_sum(_.bulk_orders))
    )
    outside = each.filter((each.one_off > 0) | (each.bulk > 0))
    sums = outside.group_by("back").agg(
        buyers=outside.count(),
        bulk_buyers=(outside.bulk > 0).cast("int64").sum(),
        bulk_only_buyers=(outside.one_off == 0).cast("int64").sum(),
    )
    return rows(sums.order_by("back"))


def kind_rows(inputs: DiagnosisInputs, year: Span) -> list[dict[str, Any]]:
    """定期, 都度 and まとめ売り of the last year: 売上, discounts, discount rate; they add up to all sales (R23)."""
    inside = inputs.product_months.filter(lambda months: year.holds(months.month))
    found = {row["order_kind"]: row for row in order_kinds(inside).to_pylist()}
    return [{**found[kind], "order_kind": f"@order_kind.{kind}"} for kind in _KINDS if kind in found]


def _share(sums: Sums) -> Estimate | None:
    return proportion(sums["bulk_only_buyers"], sums["buyers"])


def _verdict(
    inputs: DiagnosisInputs, years: Sequence[Sums], before: Estimate | None, change: Estimate | None
) -> Verdict:
    """Less is better: both the change and the course are judged with their signs turned."""
    if before is None or change is None or min(row["buyers"] for row in years[:2]) < LEAST_CUSTOMERS:
        return "undetermined"
    turned = trend_of([(month, each.times(-1)) for month, each in _points(inputs, years)], "rate")
    return verdict_on_change(change.times(-1), before.value, turned)


def _points(inputs: DiagnosisInputs, years: Sequence[Sums]) -> list[tuple[str, Estimate]]:
    return [(_month(inputs, row), share) for row in reversed(years) if (share := _share(row))]


def _month(inputs: DiagnosisInputs, row: Sums) -> str:
    return str(month_of(inputs.closed_index - row["back"] * YEAR_MONTHS))


def _exhibits(inputs: DiagnosisInputs, kinds: list[dict[str, Any]], years: Sequence[Sums]) -> tuple[Exhibit, ...]:
    table = []
    for row in reversed(years):
        share = _share(row)
        counts = {name: row[name] for name in ("buyers", "bulk_buyers", "bulk_only_buyers")}
        ends = {"low_rate": max(share.low, 0.0), "high_rate": min(share.high, 1.0)} if share else {}
        table.append(
            {"year_to": _month(inputs, row), **counts, "dependent_rate": share.value if share else None, **ends}
        )
    columns: tuple[tuple[str, Unit], ...] = (
        ("year_to", "month"),
        ("buyers", "count"),
        ("bulk_buyers", "count"),
        ("bulk_only_buyers", "count"),
        ("dependent_rate", "rate"),
        ("low_rate", "rate"),
        ("high_rate", "rate"),
    )
    money: tuple[tuple[str, Unit], ...] = (("sales_jpy", "jpy"), ("discount_jpy", "jpy"), ("discount_rate", "rate"))
    named = ("order_kind", "lines", *(name for name, _unit in money))
    shown = tuple({name: row[name] for name in named} for row in kinds)
    return (
        Exhibit("order_kinds", "table", shown, columns=(("order_kind", "text"), ("lines", "count"), *money)),
        Exhibit("years", "table", tuple(table), columns=columns),
    )
