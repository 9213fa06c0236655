"""Pareto (優良・ロイヤルの売上 ≈ 80 %, R128): buyers in tenths by their sales, of a year and of all history."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit
from crm_platform.diagnosis.groundwork.concentration import settled_shares
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, Span
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear

BENCHMARK_RATE = 0.8  # seed 004:48-49; a rule of thumb of single-item repeat, told beside the share, judged by nobody
TENTHS = 10
_TOP_TENTHS = 2


def pareto(inputs: DiagnosisInputs) -> Finding | None:
    """The share of twelve months' 売上 that the top fifth of their buyers bring, beside 80 % and beside a year before.

    課題 where the share falls beyond chance, against the year before or over five years (R61): good customers carry
    less of the sales. At stake: the fall × the sales of half a year. The action expects the assumed response of the
    top fifth, half a year's sales each. None where nobody bought in twelve closed months.
    """
    span = inputs.span(YEAR_MONTHS)
    year = tenth_rows(inputs, span) if span else []
    if not year:
        return None
    top = year[:_TOP_TENTHS]
    sales_jpy, top_jpy = sum(row["sales_jpy"] for row in year), sum(row["sales_jpy"] for row in top)
    shares = settled_shares(inputs)
    error = shares[-1][1].error if shares else None
    now = Estimate(top_jpy / sales_jpy, error) if error is not None else None
    judged = YearOnYear(now, shares[-2][1] if len(shares) >= 2 else None, trend_of(shares, "rate"))
    effect_jpy = round(judged.shortfall * sales_jpy / 2) or None
    customers = sum(row["customers"] for row in top)
    expected_jpy = round(top_jpy / 2 * inputs.response_rate)
    ever = tenth_rows(inputs, None)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "buyers": sum(row["customers"] for row in year),
        "sales_jpy": sales_jpy,
        "top_customers": customers,
        "top_jpy": top_jpy,
        "top_share_rate": top_jpy / sales_jpy,
        "top_share_before": judged.before_value,
        "change_points": judged.change_value,
        "top_mean_jpy": round(top_jpy / customers),
        "rest_mean_jpy": round((sales_jpy - top_jpy) / max(sum(row["customers"] for row in year) - customers, 1)),
        "benchmark_rate": BENCHMARK_RATE,
        "benchmark_points": top_jpy / sales_jpy - BENCHMARK_RATE,
        "ever_share_rate": ever[_TOP_TENTHS - 1]["cumulated_rate"] if len(ever) >= _TOP_TENTHS else None,
        "ever_buyers": sum(row["customers"] for row in ever),
        "effect_jpy": effect_jpy or 0,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="pareto",
        chapter="customer_value",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(year, ever, shares),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=customers,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.top_fifth", customers, "@action_channel.mail_phone", expected_jpy),
        sources=("customer_months", "customer_history", "customer_product_months", "products"),
    )


def tenth_rows(inputs: DiagnosisInputs, span: Span | None) -> list[dict[str, Any]]:
    """Buyers in tenths by their 売上 in `span` (up to the as-of date where None), the highest first.

    `customers`, `sales_jpy`, `share_rate`, `cumulated_rate`, `purchases`, `mean_jpy`, and in a `span` where costs are
    known `margin_jpy` and `margin_rate` over the sales whose cost is known (else None). A tenth that does not fall on a
    whole customer counts that customer in; equal customers are told apart by their number. Empty where nothing was
    sold.
    """
    spent = _spent(inputs, span).filter(_.sales_jpy > 0)
    rank = ibis.row_number().over(ibis.window(order_by=[spent.sales_jpy.desc(), spent.customer_id]))
    ranked = spent.mutate(rank=rank, buyers=spent.count().over(ibis.window()))
    placed = ranked.mutate(tenth=(ranked.rank * TENTHS // ranked.buyers).cast("int64") + 1)
    sums = placed.group_by("tenth").agg(
        customers=_.count(), sales_jpy=yen_sum(_.sales_jpy), purchases=yen_sum(_.purchases)
    )
    found = rows(sums.order_by("tenth"))
    margins = _margins(inputs, span, placed) if span else {}
    total, running, told = sum(row["sales_jpy"] for row in found), 0, []
    for row in found:
        running += row["sales_jpy"]
        known_jpy, cost_jpy = margins.get(row["tenth"], (0, 0))
        told.append(
            {
                **row,
                "tenth": f"@tenth.{row['tenth']}",
                "share_rate": row["sales_jpy"] / total,
                "cumulated_rate": running / total,
                "mean_jpy": row["sales_jpy"] / row["customers"],
                "margin_jpy": known_jpy - cost_jpy if known_jpy else None,
                "margin_rate": 1 - cost_jpy / known_jpy if known_jpy else None,
            }
        )
    return told


def _spent(inputs: DiagnosisInputs, span: Span | None) -> ibis.Table:
    """`customer_id`, `sales_jpy` and `purchases` in the span, or ever."""
    if span is None:
        return inputs.history.select("customer_id", "sales_jpy", purchases="purchase_days")
    facts = inputs.customer_months.filter(span.holds(_.month))
    return facts.group_by("customer_id").agg(sales_jpy=yen_sum(_.sales_jpy), purchases=yen_sum(_.purchase_days))


def _margins(inputs: DiagnosisInputs, held: Span, placed: ibis.Table) -> dict[int, tuple[int, int]]:
    """By tenth: standing sales of products whose cost is known, and that cost; empty where none is."""
    costs = inputs.products.filter(_.cost_jpy.notnull()).select("product_id", "cost_jpy")
    sold = inputs.customer_product_months.filter(held.holds(_.month)).inner_join(costs, "product_id")
    by_customer = sold.group_by("customer_id").agg(
        known_jpy=yen_sum(sold.standing_sales_jpy), spent_jpy=yen_sum(sold.cost_jpy * sold.quantity)
    )
    joined = by_customer.inner_join(placed.select("customer_id", "tenth"), "customer_id")
    sums = joined.group_by("tenth").agg(known_jpy=yen_sum(_.known_jpy), spent_jpy=yen_sum(_.spent_jpy))
    return {row["tenth"]: (row["known_jpy"], row["spent_jpy"]) for row in rows(sums.order_by("tenth"))}


def _exhibits(
    year: list[dict[str, Any]], ever: list[dict[str, Any]], shares: list[tuple[str, Estimate]]
) -> tuple[Exhibit, ...]:
    has_margin = any(row["margin_jpy"] is not None for row in year)
    margin: tuple[tuple[str, Unit], ...] = (("margin_jpy", "jpy"), ("margin_rate", "rate")) if has_margin else ()
    columns: tuple[tuple[str, Unit], ...] = (
        ("tenth", "text"),
        ("customers", "count"),
        ("sales_jpy", "jpy"),
        ("share_rate", "rate"),
        ("cumulated_rate", "rate"),
        ("purchases", "count"),
        ("mean_jpy", "jpy"),
    )
    years: list[Row] = [{"month": month, "top_share_rate": share.value} for month, share in shares]
    line = Exhibit("years", "line", tuple(years), x="month", y="top_share_rate", x_unit="month", y_unit="rate")
    return (
        Exhibit("tenths", "bar", tuple(year), x="tenth", y="share_rate", y_unit="rate", highlight="@tenth.1"),
        Exhibit("year", "table", tuple(year), columns=(*columns, *margin)),
        Exhibit("ever", "table", tuple(ever), columns=columns),
        *((line,) if len(years) >= 2 else ()),
    )
