"""Four kinds of buyer that look alike in a list and are not (seed 001:105, R56); whether large first orders go on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.groundwork.cohorts import settled_years
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, blocks_back, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.segments.buyer_kinds import BuyerKindRules
from crm_platform.tables.analyses import BUYER_KINDS

RULES = BuyerKindRules()
_FOLLOWED_MONTHS = 6  # of a first purchase: the shortest six months have 181 days


@dataclass(frozen=True)
class LargeStarts:
    """A year's new customers whose first purchase was large, and how many bought again within 180 days."""

    month: str  # the last of their first purchases
    customers: int
    continued: int
    first_jpy: int  # standing 売上 of their first purchase days, all together

    @property
    def rate(self) -> Estimate | None:
        """The share who bought again."""
        return proportion(self.continued, self.customers)


def buyer_kinds(inputs: DiagnosisInputs) -> Finding | None:
    """Customers by kind of buyer, as `segments.buyer_kinds` gave it to each; the rules are printed with their numbers.

    Judged is what keeps a customer from 停滞: of a year's new customers with a large first purchase (at least twice the
    median customer's mean), the share who bought again within 180 days, beside the year before and over five years. At
    stake: the customers of half a year whom the fall lost × their first purchase. None where nobody ever bought.
    """
    kinds = kind_rows(inputs)
    if not kinds:
        return None
    known = {row["kind"].rpartition(".")[2]: row for row in kinds}
    stalled = known["stalled"]["customers"]
    stalled_mean_jpy = round(known["stalled"]["sales_jpy"] / stalled) if stalled else 0
    starts = large_starts(inputs)
    points = [(each.month, rate) for each in starts if (rate := each.rate)]
    judged = YearOnYear(
        points[-1][1] if points else None, points[-2][1] if len(points) >= 2 else None, trend_of(points, "rate")
    )
    effect_jpy = round(judged.shortfall * starts[-1].first_jpy / 2) or None if starts else None
    expected_jpy = round(stalled * inputs.response_rate * stalled_mean_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **dataclasses.asdict(RULES),
        **{f"{kind}_customers": row["customers"] for kind, row in known.items()},
        "buyers": sum(row["customers"] for row in kinds),
        "stalled_mean_jpy": stalled_mean_jpy,
        "median_order_jpy": median_order_jpy(inputs),
        "large_starters": starts[-1].customers if starts else 0,
        "continued_rate": judged.now.value if judged.now else None,
        "continued_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="buyer_kinds",
        chapter="current_state",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(kinds, starts, median_order_jpy(inputs)),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=stalled,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.stalled", stalled, "@action_channel.post_phone", expected_jpy),
        sources=("customer_days", "customer_history", "customer_months", "segments"),
    )


def median_order_jpy(inputs: DiagnosisInputs) -> int:
    """The median of customers' mean order values, against which the rules hold each; 0 where nobody bought."""
    median = one_row(inputs.buyers.agg(median=(_.sales_jpy / _.purchase_days).median()))["median"]
    return round(median) if median is not None else 0


def kind_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Every kind: customers, 売上 of 12 closed months and of all history; they add up to all who ever bought."""
    kinds = inputs.segments.select("customer_id", kind=_.buyer_kind)
    bought = inputs.buyers.select("customer_id", "sales_jpy").inner_join(kinds, "customer_id")
    sums = (
        bought.left_join(inputs.year_of_sales, "customer_id", rname="{name}_year")
        .group_by("kind")
        .agg(customers=_.count(), sales_12m_jpy=yen_sum(_.sales_12m_jpy.fill_null(0)), sales_jpy=yen_sum(_.sales_jpy))
        .order_by(ibis.asc("kind"))
    )
    found = {row["kind"]: row for row in rows(sums)}
    nobody = {"customers": 0, "sales_12m_jpy": 0, "sales_jpy": 0}
    return [{**found.get(kind, nobody), "kind": f"@buyer_kind.{kind}"} for kind in BUYER_KINDS if found]


def large_starts(inputs: DiagnosisInputs) -> list[LargeStarts]:
    """New customers with a large first purchase, by whole years counted back from six months ago, the earliest first.

    The first year of data is left out, because who appears in it may be an old customer.
    """
    last = inputs.closed_index - _FOLLOWED_MONTHS
    years = settled_years(inputs, last)
    if years < 1:
        return []
    if inputs.customer_days is None:
        raise ValueError("without the days of purchases nobody knows what a first purchase was worth")
    first = month_of(last + 1 - YEAR_MONTHS * years).first_day
    cohorts = inputs.new_customers.filter(_.cohort <= last, _.first_purchased_on >= first).select(
        "customer_id", "cohort", "first_purchased_on", "second_purchased_on"
    )
    starts = inputs.customer_days.filter((_.month >= first) & (_.standing_sales_jpy > 0)).select(
        "customer_id", first_purchased_on="day", value_jpy="standing_sales_jpy"
    )
    joined = cohorts.inner_join(starts, ["customer_id", "first_purchased_on"])
    large = joined.filter(joined.value_jpy >= RULES.large_times * max(median_order_jpy(inputs), 1))
    waited_days = large.second_purchased_on.delta(large.first_purchased_on, unit="day")
    year = blocks_back(large.cohort, last, YEAR_MONTHS)
    sums = (
        large.mutate(year=year, continued=waited_days < RULES.stalled_days)
        .group_by("year")
        .agg(customers=_.count(), continued=_.count(where=_.continued), first_jpy=yen_sum(_.value_jpy))
    )
    found = rows(sums.order_by(ibis.desc("year")))
    return [
        LargeStarts(
            str(month_of(last - YEAR_MONTHS * row["year"])), row["customers"], row["continued"], row["first_jpy"]
        )
        for row in found
    ]


def rule_rows(kinds: list[dict[str, Any]], median_jpy: int) -> list[dict[str, Any]]:
    """The rule of each kind with its numbers; the first that applies counts (識別方法, R56)."""
    large_jpy, none = RULES.large_times * median_jpy, None
    bounds: dict[str, tuple[int | None, ...]] = {
        "returned": (2, none, none, none, RULES.recent_days),
        "stalled": (1, 1, large_jpy, none, none),
        "big_ticket": (RULES.big_ticket_purchases, none, large_jpy, none, RULES.active_days),
        "frequent_small": (RULES.frequent_purchases, none, none, median_jpy, RULES.active_days),
        "other": (none, none, none, none, none),
    }
    names = ("purchases_least", "purchases_most", "value_least_jpy", "value_most_jpy", "within_days")
    return [{**row, **dict(zip(names, bounds[row["kind"].rpartition(".")[2]], strict=True))} for row in kinds]


def _exhibits(kinds: list[dict[str, Any]], starts: list[LargeStarts], median_jpy: int) -> tuple[Exhibit, ...]:
    found = [
        Exhibit("kinds", "bar", tuple(kinds), x="kind", y="customers", highlight="@buyer_kind.stalled"),
        Exhibit(
            "kind_table",
            "table",
            tuple(rule_rows(kinds, median_jpy)),
            columns=(
                ("kind", "text"),
                ("purchases_least", "count"),
                ("value_least_jpy", "jpy"),
                ("value_most_jpy", "jpy"),
                ("customers", "count"),
                ("sales_12m_jpy", "jpy"),
                ("sales_jpy", "jpy"),
            ),
        ),
    ]
    if len(starts) >= 2:
        rates: tuple[Row, ...] = tuple(
            {"month": each.month, "continued_rate": each.continued / each.customers} for each in starts
        )
        found.append(Exhibit("starts", "line", rates, x="month", y="continued_rate", x_unit="month", y_unit="rate"))
    return tuple(found)
