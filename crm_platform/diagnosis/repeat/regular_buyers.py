"""One-off buyers who buy as if subscribed (実質定期, R109): how many, what they bring, who is about to buy again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.product_levels import group_of
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import FIVE_YEARS_MONTHS, YEAR_MONTHS, Span
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.history.subscriptions import (
    LEAST_PURCHASES,
    READ_MONTHS,
    one_off_days,
    subscribers,
    who_buys_regularly,
)

NEAR_DAYS = 30  # a purchase expected so soon is near
LATE_CYCLES = 1.5  # who is silent for longer than so many intervals has left the rhythm
INTERVALS_FROM_DAYS = (0, 30, 45, 60, 90, 120)
_GROUPS_SHOWN = 12


@dataclass(frozen=True)
class YearOfBuyers:
    """One-off buyers of a span: how many, and the share who buy regularly or have gone over to a subscription."""

    month: str
    buyers: int
    moved: int
    share: Estimate


def regular_buyers(inputs: DiagnosisInputs) -> Finding | None:
    """The share of one-off buyers of the last 24 months who buy at a regular interval, as if subscribed (R109).

    Judged is that share with those who were marked a year before and have subscribed since, who are not lost but won:
    against the year before and over years (R61). It needs 36 months, the comparison 48. At stake: the regular buyers
    missing × half of what one brings in twelve months. None where nobody is marked and nobody was.
    """
    if inputs.regular_buyers is None or inputs.customer_days is None:
        return None
    years = yearly_shares(inputs, inputs.customer_days)
    judged = YearOnYear(
        years[0].share if years else None,
        years[1].share if len(years) > 1 else None,
        trend_of([(year.month, year.share) for year in reversed(years)], "rate"),
    )
    listed = listed_sums(inputs, inputs.regular_buyers)
    if not listed["customers"] and not judged.before_value:
        return None
    buyers = one_off_buyers(inputs, inputs.customer_days)
    rate = proportion(listed["customers"], buyers)
    missing = judged.shortfall * (buyers + years[0].moved) if years else 0.0
    spent_jpy = listed["sales_12m_jpy"] / listed["customers"] if listed["customers"] else 0.0
    effect_jpy = round(missing * spent_jpy / 2) or None
    expected_jpy = round(listed["near"] * inputs.response_rate * inputs.order_value_jpy)
    groups = group_rows(inputs, inputs.regular_buyers)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "read_months": min(READ_MONTHS, len(inputs.closed_months)),
        "needed_months": READ_MONTHS + 2 * YEAR_MONTHS,
        "least_purchases": LEAST_PURCHASES,
        "one_off_customers": buyers,
        "regular_customers": listed["customers"],
        "regular_rate": rate.value if rate else None,
        "low_rate": max(rate.low, 0.0) if rate else None,
        "high_rate": min(rate.high, 1.0) if rate else None,
        "median_days": listed["median_days"],
        "sales_12m_jpy": listed["sales_12m_jpy"],
        "keeping_customers": listed["keeping"],
        "near_customers": listed["near"],
        "near_days": NEAR_DAYS,
        "moved_customers": years[0].moved if years else None,
        "kept_rate": judged.now.value if judged.now else None,
        "kept_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "leading_group": groups[0]["product_group"] if groups else None,
        "leading_customers": groups[0]["regular_customers"] if groups else None,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="regular_buyers",
        chapter="repeat",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(interval_rows(inputs.regular_buyers), groups),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=listed["near"],
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.regular_near", listed["near"], "@action_channel.phone", expected_jpy),
        sources=("regular_buyers", "customer_days", "customer_months", "products"),
    )


def one_off_buyers(inputs: DiagnosisInputs, customer_days: ibis.Table) -> int:
    """Customers who bought one-off in the months that REGULAR_BUYERS is read from, without a subscription in them."""
    closed = inputs.closed_months[-READ_MONTHS:]
    return _buyers(customer_days, Span(closed[0], closed[-1])) if closed else 0


def listed_sums(inputs: DiagnosisInputs, marked: ibis.Table) -> dict[str, Any]:
    """Of REGULAR_BUYERS: customers, median interval, 売上 of 12 months, who still keeps the rhythm, who buys soon."""
    told = _with_rhythm(inputs, marked)
    sums = told.agg(
        customers=_.count(),
        median_days=_.interval_days.median(),
        sales_12m_jpy=yen_sum(_.sales_12m_jpy),
        keeping=_.count(where=_.is_keeping),
        near=_.count(where=_.is_near),
    )
    return one_row(sums)


def group_rows(inputs: DiagnosisInputs, marked: ibis.Table) -> list[dict[str, Any]]:
    """By group of the product bought most, the largest first: customers, median interval, 売上 of 12 months, near."""
    products = inputs.products.select("product_id", product_group=group_of(inputs.products))
    told = _with_rhythm(inputs, marked).left_join(products, "product_id")
    grouped = told.group_by("product_group").agg(
        regular_customers=_.count(),
        median_days=_.interval_days.median(),
        sales_12m_jpy=yen_sum(_.sales_12m_jpy),
        near_customers=_.count(where=_.is_near),
    )
    found = rows(grouped.order_by(_.regular_customers.desc(), "product_group"))
    return [{**row, "product_group": row["product_group"] or "@regular_group.unknown"} for row in found]


def interval_rows(marked: ibis.Table) -> list[dict[str, Any]]:
    """Customers by interval, from each of INTERVALS_FROM_DAYS on."""
    ends = (*INTERVALS_FROM_DAYS[1:], float("inf"))
    inside = {
        str(first): _.count(where=(_.interval_days >= first) & (_.interval_days < end))
        for first, end in zip(INTERVALS_FROM_DAYS, ends, strict=True)
    }
    counted = one_row(marked.agg(**inside))
    return [{"interval": f"@regular_interval.{first}", "customers": many} for first, many in counted.items()]


def yearly_shares(inputs: DiagnosisInputs, customer_days: ibis.Table) -> list[YearOfBuyers]:
    """The share of each year with 24 months and those of the year before behind it, the latest first, to five years."""
    backs = range(0, FIVE_YEARS_MONTHS, YEAR_MONTHS)
    spans = [span for back in backs if (span := inputs.span(READ_MONTHS, back)) is not None]
    marked = [_marked(customer_days, span) for span in spans] if len(spans) > 1 else []
    found = []
    for (span, now), (_former_span, former) in pairwise(zip(spans, marked, strict=False)):
        year = Span(span.last.plus(1 - YEAR_MONTHS), span.last)
        since = subscribers(customer_days.filter(year.holds(_.day)))
        moved = _count(former.semi_join(since, "customer_id"))
        buyers = _buyers(customer_days, span)
        share = proportion(_count(now) + moved, buyers + moved)
        if share:
            found.append(YearOfBuyers(str(span.last), buyers, moved, share))
    return found


# --- inside -----------------------------------------------------------------------------------------------------------


def _marked(customer_days: ibis.Table, span: Span) -> ibis.Table:
    """The numbers of the regular buyers of a span: a few of a hundred customers, held because two years read them."""
    return ibis.memtable(who_buys_regularly(customer_days.filter(span.holds(_.day))).to_pyarrow())


def _buyers(customer_days: ibis.Table, span: Span) -> int:
    return _count(one_off_days(customer_days.filter(span.holds(_.day))).select("customer_id").distinct())


def _count(customers: ibis.Table) -> int:
    return int(one_row(customers.agg(customers=_.count()))["customers"])


def _with_rhythm(inputs: DiagnosisInputs, marked: ibis.Table) -> ibis.Table:
    """REGULAR_BUYERS with `sales_12m_jpy`, and whether the next purchase is not long overdue, and near, at the end."""
    end = inputs.closed_months[-1].last_day if inputs.closed_months else inputs.as_of
    told = marked.left_join(inputs.year_of_sales, "customer_id")
    silent_days = ibis.literal(end).delta(told.last_purchased_on, unit="day")
    is_keeping = silent_days <= told.interval_days * LATE_CYCLES
    is_near = is_keeping & (silent_days + NEAR_DAYS >= told.interval_days)
    sales = told.sales_12m_jpy.fill_null(0)
    return told.select("product_id", "interval_days", sales_12m_jpy=sales, is_keeping=is_keeping, is_near=is_near)


def _exhibits(intervals: list[dict[str, Any]], groups: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    if not groups:
        return ()
    return (
        Exhibit("intervals", "bar", tuple(intervals), x="interval", y="customers", y_unit="count"),
        Exhibit(
            "groups",
            "table",
            tuple(groups[:_GROUPS_SHOWN]),
            columns=(
                ("product_group", "text"),
                ("regular_customers", "count"),
                ("median_days", "days"),
                ("sales_12m_jpy", "jpy"),
                ("near_customers", "count"),
            ),
        ),
    )
