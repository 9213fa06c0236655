"""Product groups that win customers and that keep them (新客獲得に適した商品群・リテンションMD, R62)."""

from __future__ import annotations

from typing import Any

from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.products.groups import group_purchases, grouped_products
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.trends import YEAR_MONTHS, change, share

SHOWN_GROUPS = 15
LEAST_BUYERS = 30
_HALF_YEAR = 6


def product_groups(inputs: DiagnosisInputs) -> Finding | None:
    """By product group: share of first purchases of twelve months, and share of buyers who bought again in six months.

    Healthy where the group that wins most new customers keeps its buyers at least as well as all groups together. At
    stake: the buyers missing × half a year of its new customers × the mean order value. None without products.
    """
    groups = group_rows(inputs)
    if not groups:
        return None
    overall = overall_repeat(inputs)
    winner = max(groups, key=lambda row: row["new_customers"])
    judged = [row for row in groups if row["repeat_rate"] is not None and row["buyers"] >= LEAST_BUYERS]
    keeper = max(judged, key=lambda row: row["repeat_rate"], default=None)
    verdict: Verdict = "undetermined"
    effect_jpy = None
    if overall is not None and winner in judged:
        missing_rate = max(overall - winner["repeat_rate"], 0.0)
        verdict = "issue" if missing_rate > 0 else "healthy"
        effect_jpy = round(missing_rate * winner["new_customers"] / 2 * inputs.order_value_jpy) or None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "groups": len(groups),
        "winner": winner["product_group"],
        "winner_share_rate": winner["first_share_rate"],
        "winner_repeat_rate": winner["repeat_rate"],
        "winner_new_customers": winner["new_customers"],
        "keeper": keeper["product_group"] if keeper else None,
        "keeper_repeat_rate": keeper["repeat_rate"] if keeper else None,
        "overall_repeat_rate": overall,
        "order_value_jpy": inputs.order_value_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="product_groups",
        chapter="products",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(groups),
        threshold=overall,
        yen_effect_jpy=effect_jpy,
        concerned_customers=winner["new_customers"],
    )


def group_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """The 15 largest groups by 売上 of twelve months: sales, change, first purchases, their share, repeat rate."""
    sales, firsts, repeats = _sales(inputs), _first_purchases(inputs), _repeats(inputs)
    total_firsts = sum(firsts.values())
    found: list[dict[str, Any]] = [
        {
            "product_group": name,
            "sales_12m_jpy": now_jpy,
            "change_rate": change(now_jpy, before_jpy),
            "new_customers": firsts.get(name, 0),
            "first_share_rate": share(firsts.get(name, 0), total_firsts),
            "buyers": repeats.get(name, (0, 0))[0],
            "repeat_rate": share(repeats[name][1], repeats[name][0]) if name in repeats else None,
        }
        for name, (now_jpy, before_jpy) in sales.items()
    ]
    return sorted(found, key=lambda row: (-row["sales_12m_jpy"], row["product_group"]))[:SHOWN_GROUPS]


def _sales(inputs: DiagnosisInputs) -> dict[str, tuple[int, int | None]]:
    """売上 of the last twelve closed months (or all there are) and of the twelve before, by group."""
    year = inputs.span(min(YEAR_MONTHS, len(inputs.closed_months)) or 1)
    if year is None:
        return {}
    before = inputs.span(YEAR_MONTHS, back=YEAR_MONTHS)
    bought = inputs.product_months.inner_join(grouped_products(inputs), "product_id")
    sums = bought.group_by("product_group").agg(
        now_jpy=yen_sum(_.sales_jpy, year.holds(_.month)),
        before_jpy=yen_sum(_.sales_jpy, before.holds(_.month) if before else None),
    )
    found = rows(sums.order_by("product_group"))
    return {row["product_group"]: (row["now_jpy"], row["before_jpy"] if before else None) for row in found}


def _first_purchases(inputs: DiagnosisInputs) -> dict[str, int]:
    """New customers of the last twelve closed months by the group of their first purchase."""
    new = inputs.new_customers.filter(_.cohort.between(inputs.closed_index - YEAR_MONTHS + 1, inputs.closed_index))
    firsts = new.select("customer_id", product_id=_.first_product_id).inner_join(grouped_products(inputs), "product_id")
    counted = firsts.group_by("product_group").agg(customers=_.count()).order_by("product_group")
    return {row["product_group"]: row["customers"] for row in rows(counted)}


def _repeats(inputs: DiagnosisInputs) -> dict[str, tuple[int, int]]:
    """Buyers of the half-year before the last by group, and how many of them bought anything in the last."""
    then, now = inputs.span(_HALF_YEAR, back=_HALF_YEAR), inputs.span(_HALF_YEAR)
    if then is None or now is None:
        return {}
    buyers = group_purchases(inputs).filter(then.holds(_.month)).select("product_group", "customer_id").distinct()
    again = inputs.purchases.filter(now.holds(_.month)).select("customer_id").distinct().mutate(again=True)
    joined = buyers.left_join(again, "customer_id").group_by("product_group")
    counted = joined.agg(buyers=_.count(), again=_.again.count()).order_by("product_group")
    return {row["product_group"]: (row["buyers"], row["again"]) for row in rows(counted)}


def overall_repeat(inputs: DiagnosisInputs) -> float | None:
    """The share of all buyers of the half-year before the last who bought in the last."""
    then, now = inputs.span(_HALF_YEAR, back=_HALF_YEAR), inputs.span(_HALF_YEAR)
    if then is None or now is None:
        return None
    buyers = inputs.purchases.filter(then.holds(_.month)).select("customer_id").distinct()
    again = inputs.purchases.filter(now.holds(_.month)).select("customer_id").distinct().mutate(again=True)
    counted = one_row(buyers.left_join(again, "customer_id").agg(buyers=_.count(), again=_.again.count()))
    return share(counted["again"], counted["buyers"])


def _exhibits(groups: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    placed = [row for row in groups if row["repeat_rate"] is not None and row["buyers"] >= LEAST_BUYERS]
    scatter = Exhibit(
        "win_and_keep",
        "scatter",
        tuple(placed),
        x="first_share_rate",
        y="repeat_rate",
        x_unit="rate",
        y_unit="rate",
        series="product_group",
    )
    table = Exhibit(
        "groups",
        "table",
        tuple(groups),
        columns=(
            ("product_group", "text"),
            ("sales_12m_jpy", "jpy"),
            ("change_rate", "rate"),
            ("new_customers", "count"),
            ("first_share_rate", "rate"),
            ("repeat_rate", "rate"),
        ),
    )
    return (scatter, table) if len(placed) > 1 and placed[0]["first_share_rate"] is not None else (table,)
