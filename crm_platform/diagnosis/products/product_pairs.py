"""Products and groups bought together (併売しやすい商品, R62), and how many customers buy across groups."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.product_levels import brand_count, group_purchases
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.products.pairs import group_pair_rows, product_pair_rows
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import FIVE_YEARS_MONTHS, YEAR_MONTHS, blocks_back, index_column, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear


def product_pairs(inputs: DiagnosisInputs) -> Finding | None:
    """Pairs that are bought together in twelve months, by lift, and the share of customers who buy two groups or more.

    Judged is that share against the year before and over five years (R61). At stake: the cross-buyers lost × what they
    buy more than others in half a year. The action expects the assumed response of those who buy one group only, one
    order each. A pair is named where even the lower end of its lift is above chance. None where no two products are
    bought by the same 20 customers.
    """
    year = inputs.span(YEAR_MONTHS)
    basis, pairs = product_pair_rows(inputs, year) if year else ("day", [])
    if not pairs or year is None:
        return None
    told = [row for row in pairs if row["lift"] > 1] if pairs[0]["lift_low"] > 1 else []
    years = cross_buyers_by_year(inputs)
    now, former = years[-1], years[-2] if len(years) >= 2 else None
    rates = [(row["month"], found) for row in years if (found := proportion(row["cross"], row["buyers"]))]
    judged = YearOnYear(
        proportion(now["cross"], now["buyers"]),
        proportion(former["cross"], former["buyers"]) if former else None,
        trend_of(rates, "rate"),
    )
    more_jpy = _more_spent_jpy(now)
    effect_jpy = round(judged.shortfall * now["buyers"] * max(more_jpy or 0, 0) / 2) or None
    single = now["buyers"] - now["cross"]
    expected_jpy = round(single * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "cross_rate": judged.now.value if judged.now else None,
        "cross_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "cross_customers": now["cross"],
        "single_customers": single,
        "buyers": now["buyers"],
        "more_spent_jpy": more_jpy,
        **_of_the_best(told),
        "pair_basis": f"@pair_basis.{basis}",
        "order_value_jpy": inputs.order_value_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="product_pairs",
        chapter="products",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(
            told,
            _not_told_yet(group_pair_rows(inputs, year, "product_group")[1], told and pairs),
            group_pair_rows(inputs, year, "brand")[1] if brand_count(inputs) >= 2 else [],
        ),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=single,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.single_group", single, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_product_months", "products", "customer_history"),
    )


def _not_told_yet(groups: list[dict[str, Any]], pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pairs of groups; none where every group is one product, whose pairs stand there already."""
    told = {frozenset((row["first_product"], row["second_product"])) for row in pairs}
    is_told = all(frozenset((row["first_product"], row["second_product"])) in told for row in groups)
    return [] if is_told else groups


def _of_the_best(told: list[dict[str, Any]]) -> dict[str, Scalar]:
    """The surest pair; all null where none is bought together beyond chance."""
    pair = told[0] if told else {}
    return {
        "best_first": pair.get("first_product"),
        "best_second": pair.get("second_product"),
        "best_lift": pair.get("lift"),
        "best_low": pair.get("lift_low"),
        "best_high": pair.get("lift_high"),
        "best_together": pair.get("together"),
        "best_support_rate": pair.get("support_rate"),
        "best_in_year": pair.get("in_year"),
    }


def cross_buyers_by_year(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Each twelve closed months of the last five years: `buyers`, those of two product groups or more, their 売上.

    The latest is last; `cross_jpy` and `single_jpy` are what both kinds spent.
    """
    years = min(len(inputs.closed_months), FIVE_YEARS_MONTHS) // YEAR_MONTHS
    bought = group_purchases(inputs)
    bought = bought.mutate(year=blocks_back(index_column(bought.month), inputs.closed_index, YEAR_MONTHS))
    people = bought.filter((_.year >= 0) & (_.year < years)).group_by("year", "customer_id")
    held = people.agg(least=_.product_group.min(), most=_.product_group.max(), sales_jpy=yen_sum(_.standing_sales_jpy))
    is_cross = held.least < held.most
    sums = held.group_by("year").agg(
        buyers=held.count(),
        cross=held.count(where=is_cross),
        cross_jpy=yen_sum(held.sales_jpy, is_cross),
        single_jpy=yen_sum(held.sales_jpy, ~is_cross),
    )
    return [
        {**row, "month": str(month_of(inputs.closed_index - YEAR_MONTHS * row["year"]))}
        for row in rows(sums.order_by(ibis.desc("year")))
    ]


def _more_spent_jpy(found: dict[str, Any]) -> int | None:
    single: int = found["buyers"] - found["cross"]
    if not single or not found["cross"]:
        return None
    more_jpy: float = found["cross_jpy"] / found["cross"] - found["single_jpy"] / single
    return round(more_jpy)


def _exhibits(*tables: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    columns: Any = (
        ("first_product", "text"),
        ("second_product", "text"),
        ("together", "count"),
        ("in_year", "count"),
        ("support_rate", "rate"),
        ("lift", "index"),
        ("lift_low", "index"),
        ("lift_high", "index"),
    )
    return tuple(
        Exhibit(key, "table", tuple({name: row[name] for name, _unit in columns} for row in found), columns=columns)
        for key, found in zip(("pairs", "group_pairs", "brand_pairs"), tables, strict=True)
        if found
    )
