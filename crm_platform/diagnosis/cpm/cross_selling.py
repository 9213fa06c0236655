"""Cross-selling (クロスセル, R104-R106): whom to offer what, and how it is taken up by the number of the purchase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.cohorts import first_settled
from crm_platform.diagnosis.groundwork.product_levels import group_purchases, grouped_products
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, one_row, rows
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS, blocks_back, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear

SOON_DAYS = 183
SHOWN_PURCHASES = 6
SHOWN_OFFERS = 12
_LATER = SHOWN_PURCHASES + 1
_SOURCES = (
    "cross_sell",
    "customer_product_months",
    "product_months",
    "customer_months",
    "customer_history",
    "cpm_classes",
    "products",
)


def cross_sell(inputs: DiagnosisInputs) -> Finding | None:
    """Whom to offer another product group, and the share who buy a second group, by the number of the purchase (R105).

    Judged is the share of a half-year's new customers who bought a second group within 183 days, the first purchase
    included, against the year before and over the years (R61). At stake: the customers missing × an average order.
    None where fewer than two groups are sold.
    """
    if inputs.cross_sell is None or _groups_sold(inputs) < 2:
        return None
    counts = take_up_counts(inputs)
    halves, purchases = half_year_rows(inputs, counts), purchase_rows(counts)
    rates = {row["month"]: rate for row in halves if (rate := proportion(row["takers"], row["customers"]))}
    latest = inputs.closed_index - HALF_YEAR_MONTHS
    now, before = (rates.get(str(month_of(latest - back))) for back in (0, YEAR_MONTHS))
    judged = YearOnYear(now, before, trend_of(list(rates.items()), "rate"))
    new_customers = halves[-1]["customers"] if now else 0
    order_jpy = inputs.order_value_jpy
    effect_jpy = round(judged.shortfall * new_customers * order_jpy) or None
    offers = offer_rows(inputs)
    listed = sum(row["listed_customers"] for row in offers)
    first_rate, later_rate = _rate_at(purchases, first=True), _rate_at(purchases, first=False)
    settings = inputs.client.settings
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "take_up_rate": judged.now.value if judged.now else None,
        "take_up_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "new_customers": new_customers,
        "soon_days": SOON_DAYS,
        "first_rate": first_rate,
        "later_rate": later_rate,
        "listed": listed,
        "first_customers": _first_customers(inputs),
        **_of_offers(offers),
        "least_purchases": settings.crosssell_min_orders,
        "exception": "@crosssell_exception." + ("on" if settings.crosssell_at_first_subscription else "off"),
        "response_rate": inputs.response_rate,
        "order_value_jpy": order_jpy,
        "expected_jpy": round(listed * inputs.response_rate * order_jpy),
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="cross_sell",
        chapter="cpm",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(purchases, halves, offers),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=listed,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action(
            "@action_segment.cross_sell",
            listed,
            "@action_channel.insert_phone",
            round(listed * inputs.response_rate * order_jpy),
        ),
        sources=_SOURCES,
    )


def take_up_counts(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """New customers since the first year of data, counted by half-year of the first purchase and by what they did.

    `block`: half-years back from the last that has six months behind it (negative: younger); `purchases`: how many so
    far, `taken_at`: at which one the second group came (0: not yet), both up to 7; `is_soon`: within 183 days.
    """
    latest = inputs.closed_index - HALF_YEAR_MONTHS
    new = inputs.new_customers.filter(_.cohort >= first_settled(inputs))
    new = new.select("customer_id", "cohort", "purchase_days", "first_purchased_on")
    joined = new.left_join(_second_groups(inputs), "customer_id")
    people = joined.select(
        block=blocks_back(joined.cohort, latest, HALF_YEAR_MONTHS),
        purchases=ibis.least(joined.purchase_days, _LATER),
        taken_at=ibis.least(joined.taken_at, _LATER).fill_null(0),
        is_soon=(joined.second_group_on.delta(joined.first_purchased_on, unit="day") <= SOON_DAYS).fill_null(False),
    )
    keys = ("block", "purchases", "taken_at", "is_soon")
    return rows(people.group_by(*keys).agg(customers=_.count()).order_by(*keys))


def _second_groups(inputs: DiagnosisInputs) -> ibis.Table:
    """Of buyers of two groups: day of the first purchase of the second one, and which purchase that was."""
    bought = group_purchases(inputs).group_by("customer_id", "product_group")
    firsts = bought.agg(group_on=_.first_purchased_on.min())
    in_order = ibis.window(group_by="customer_id", order_by=[firsts.group_on, firsts.product_group])
    second = firsts.mutate(place=ibis.row_number().over(in_order)).filter(_.place == 1)
    second = second.select("customer_id", second_group_on=_.group_on)
    facts = inputs.purchases.select(
        "customer_id", "month", "purchase_days", "first_purchased_on", "second_purchased_on", "last_purchased_on"
    )
    past = facts.inner_join(second, "customer_id").filter(_.month <= _.second_group_on)
    counted = past.group_by("customer_id", "second_group_on").agg(taken_at=_up_to(past, past.second_group_on).sum())
    return counted.mutate(taken_at=ibis.greatest(counted.taken_at, 1))


def _up_to(past: ibis.Table, day: ibis.Value) -> ibis.Value:
    """Purchase days of the month up to `day`; of the third to the last but one of a month only the third is known."""
    return ibis.cases(
        (day >= past.last_purchased_on, past.purchase_days),
        (day > past.second_purchased_on, 3),
        (day == past.second_purchased_on, 2),
        (day >= past.first_purchased_on, 1),
        else_=0,
    )


def purchase_rows(counts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By number of the purchase: of those who made it with one group so far, how many took the second one with it."""
    found = []
    for number in range(1, SHOWN_PURCHASES + 1):
        asked = [
            row for row in counts if row["purchases"] >= number and row["taken_at"] in (0, *range(number, _LATER + 1))
        ]
        customers = sum(row["customers"] for row in asked)
        takers = sum(row["customers"] for row in asked if row["taken_at"] == number)
        rate = proportion(takers, customers)
        if rate:
            found.append(
                {
                    "purchase": f"@purchase_number.{number}",
                    "customers": customers,
                    "takers": takers,
                    "take_up_rate": rate.value,
                    "low_rate": max(rate.low, 0.0),
                    "high_rate": min(rate.high, 1.0),
                }
            )
    return found


def half_year_rows(inputs: DiagnosisInputs, counts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By half-year of the first purchase, whole ones with six months behind them: customers, and who took it soon."""
    latest = inputs.closed_index - HALF_YEAR_MONTHS
    found = []
    for block in sorted({row["block"] for row in counts if row["block"] >= 0}, reverse=True):
        last = latest - block * HALF_YEAR_MONTHS
        if last - HALF_YEAR_MONTHS + 1 < first_settled(inputs):
            continue
        inside = [row for row in counts if row["block"] == block]
        customers = sum(row["customers"] for row in inside)
        takers = sum(row["customers"] for row in inside if row["is_soon"])
        found.append(
            {"month": str(month_of(last)), "customers": customers, "takers": takers, "take_up_rate": takers / customers}
        )
    return found


def offer_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Whom CROSS_SELL names, by the group they have and the group to offer; the most customers first."""
    if inputs.cross_sell is None:
        return []
    offers = inputs.cross_sell.mutate(
        because_group=client_text(_.because_group), product_group=client_text(_.product_group)
    )
    counted = offers.group_by("because_group", "product_group").agg(
        listed_customers=_.count(),
        first_customers=_.count(where=_.cpm_class.startswith("first_")),
        alike_customers=_.alike_customers.max(),
        expected_rate=_.expected_rate.max(),
    )
    return rows(counted.order_by(ibis.desc("listed_customers"), "because_group", "product_group"))


def _of_offers(offers: Sequence[dict[str, Any]]) -> dict[str, Scalar]:
    """Beginners on the list, and the offer that most customers get."""
    best = offers[0] if offers else {}
    return {
        "first_listed": sum(row["first_customers"] for row in offers),
        "best_group": best.get("product_group"),
        "best_because": best.get("because_group"),
        "best_rate": best.get("expected_rate"),
    }


def _groups_sold(inputs: DiagnosisInputs) -> int:
    sold = inputs.product_months.filter(_.quantity > 0).inner_join(grouped_products(inputs), "product_id")
    found: int = one_row(sold.agg(groups=_.product_group.nunique()))["groups"]
    return found


def _first_customers(inputs: DiagnosisInputs) -> int:
    found: int = one_row(inputs.cpm_classes.agg(first=_.count(where=_.cpm_class == "first_active")))["first"]
    return found


def _rate_at(purchases: Sequence[dict[str, Any]], *, first: bool) -> float | None:
    """The take-up at the first purchase, or at all later ones together."""
    chosen = [row for row in purchases if (row["purchase"] == "@purchase_number.1") == first]
    customers = sum(row["customers"] for row in chosen)
    return sum(row["takers"] for row in chosen) / customers if customers else None


def _exhibits(
    purchases: list[dict[str, Any]], halves: list[dict[str, Any]], offers: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    found = [
        Exhibit("by_purchase", "bar", tuple(purchases), x="purchase", y="take_up_rate", y_unit="rate"),
        Exhibit(
            "by_purchase_table",
            "table",
            tuple(purchases),
            columns=(
                ("purchase", "text"),
                ("customers", "count"),
                ("takers", "count"),
                ("take_up_rate", "rate"),
                ("low_rate", "rate"),
                ("high_rate", "rate"),
            ),
        ),
    ]
    if len(halves) >= 2:
        found.append(
            Exhibit("half_years", "line", tuple(halves), x="month", y="take_up_rate", x_unit="month", y_unit="rate")
        )
    found.append(
        Exhibit(
            "offers",
            "table",
            tuple(offers[:SHOWN_OFFERS]),
            columns=(
                ("because_group", "text"),
                ("product_group", "text"),
                ("listed_customers", "count"),
                ("alike_customers", "count"),
                ("expected_rate", "rate"),
            ),
        )
    )
    return tuple(found)
