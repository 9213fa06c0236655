"""Groups and brands that win customers (新客獲得に適した商品群) and that keep them (リテンションMD), in rows (R62)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, difference, proportion
from crm_platform.diagnosis.groundwork.cohorts import settled_years
from crm_platform.diagnosis.groundwork.product_levels import Level, group_purchases, grouped_products
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import (
    HALF_YEAR_MONTHS,
    YEAR_MONTHS,
    blocks_back,
    month_of,
)
from crm_platform.diagnosis.trends import change


@dataclass(frozen=True)
class Newcomers:
    """New customers of one year by what they bought first: `of_group`, and how many of them bought `again`."""

    last_month: str
    of_group: dict[str, tuple[int, int]]

    @property
    def people(self) -> int:
        """All new customers of the year."""
        return sum(people for people, _ in self.of_group.values())

    def share(self, group: str) -> Estimate | None:
        """The share of first purchases that the group had."""
        return proportion(self.of_group.get(group, (0, 0))[0], self.people)

    def repeat(self, group: str) -> Estimate | None:
        """The share of those who began with the group and bought again within six months."""
        people, again = self.of_group.get(group, (0, 0))
        return proportion(again, people)

    def repeat_of_others(self, group: str) -> Estimate | None:
        """The same of those who began with any other group."""
        others = [found for name, found in self.of_group.items() if name != group]
        return proportion(sum(again for _, again in others), sum(people for people, _ in others))


def newcomers_by_year(inputs: DiagnosisInputs, level: Level, *, back: int = 0) -> list[Newcomers]:
    """New customers of each twelve closed months that end `back` months ago or whole years earlier; the latest last.

    Whether they bought again within six months of the first purchase is known of a `back` of six months or more. Years
    that reach into the first year of data, whose customers may be old, are left out.
    """
    last = inputs.closed_index - back
    years = settled_years(inputs, last)
    if years < 1:
        return []
    firsts = inputs.new_customers.mutate(year=blocks_back(_.cohort, last, YEAR_MONTHS))
    firsts = firsts.filter((_.year >= 0) & (_.year < years)).select(
        "year",
        product_id=_.first_product_id,
        again=(_.second_purchased_on <= _.first_purchased_on + ibis.interval(months=HALF_YEAR_MONTHS)).fill_null(False),
    )
    joined = firsts.inner_join(grouped_products(inputs, level), "product_id").group_by("year", "product_group")
    counted = rows(joined.agg(people=_.count(), again=yen_sum(_.again.cast("int64"))).order_by("year", "product_group"))
    return [
        Newcomers(
            str(month_of(last - YEAR_MONTHS * year)),
            {row["product_group"]: (row["people"], row["again"]) for row in counted if row["year"] == year},
        )
        for year in reversed(range(years))
    ]


def winning_rows(inputs: DiagnosisInputs, level: Level) -> list[dict[str, Any]]:
    """Every group by 売上 of twelve months, the largest first: sales, change, first purchases, repeat rates.

    `first_share_rate` is its share of the first purchases of twelve months with its 95 % interval, and
    `first_share_points` the change on the twelve months before; `repeat_rate` the share of its buyers of the half-year
    before the last who bought anything in the last, `others_rate` that of all other buyers.
    """
    sales, years, keeping = _sales(inputs, level), newcomers_by_year(inputs, level), keeping_by_group(inputs, level)
    newest = years[-1] if years else _unsettled(inputs, level)
    former = years[-2] if len(years) >= 2 else None
    found = []
    for name, (now_jpy, before_jpy) in sales.items():
        share, kept = newest.share(name), keeping.get(name)
        then = former.share(name) if former else None
        found.append(
            {
                "product_group": name,
                "sales_12m_jpy": now_jpy,
                "change_rate": change(now_jpy, before_jpy),
                "new_customers": newest.of_group.get(name, (0, 0))[0],
                "first_share_rate": share.value if share else None,
                "first_share_low_rate": max(share.low, 0.0) if share else None,
                "first_share_high_rate": min(share.high, 1.0) if share else None,
                "first_share_points": difference(share, then).value if share and then else None,
                "buyers": kept["buyers"] if kept else 0,
                "repeat_rate": kept["rate"].value if kept else None,
                "repeat_low_rate": max(kept["rate"].low, 0.0) if kept else None,
                "repeat_high_rate": min(kept["rate"].high, 1.0) if kept else None,
                "others_rate": kept["others"].value if kept and kept["others"] else None,
            }
        )
    return sorted(found, key=lambda row: (-row["sales_12m_jpy"], row["product_group"]))


def keeping_by_group(inputs: DiagnosisInputs, level: Level) -> dict[str, dict[str, Any]]:
    """Buyers of the half-year before the last by group, and the `rate` who bought in the last.

    `others` is the same rate of those who did not buy the group.
    """
    then, now = inputs.span(HALF_YEAR_MONTHS, back=HALF_YEAR_MONTHS), inputs.span(HALF_YEAR_MONTHS)
    if then is None or now is None:
        return {}
    again = inputs.purchases.filter(now.holds(_.month)).select("customer_id").distinct().mutate(again=True)
    everyone = inputs.purchases.filter(then.holds(_.month)).select("customer_id").distinct()
    whole = one_row(everyone.left_join(again, "customer_id").agg(buyers=_.count(), again=_.again.count()))
    buyers = group_purchases(inputs, level).filter(then.holds(_.month)).select("product_group", "customer_id")
    buyers = buyers.distinct().semi_join(everyone, "customer_id")
    joined = buyers.left_join(again, "customer_id").group_by("product_group")
    counted = rows(joined.agg(buyers=_.count(), again=_.again.count()).order_by("product_group"))
    return {
        row["product_group"]: {
            "buyers": row["buyers"],
            "rate": proportion(row["again"], row["buyers"]),
            "others": proportion(whole["again"] - row["again"], whole["buyers"] - row["buyers"]),
        }
        for row in counted
    }


def _unsettled(inputs: DiagnosisInputs, level: Level) -> Newcomers:
    """New customers of the last twelve closed months of a short history, to be shown and not judged."""
    last = inputs.closed_index
    firsts = inputs.new_customers.filter(_.cohort.between(last - YEAR_MONTHS + 1, last))
    joined = firsts.select(product_id=_.first_product_id).inner_join(grouped_products(inputs, level), "product_id")
    counted = rows(joined.group_by("product_group").agg(people=_.count()).order_by("product_group"))
    return Newcomers(str(month_of(last)), {row["product_group"]: (row["people"], 0) for row in counted})


def _sales(inputs: DiagnosisInputs, level: Level) -> dict[str, tuple[int, int | None]]:
    """売上 of the last twelve closed months (or all there are) and of the twelve before, by group."""
    year = inputs.span(min(YEAR_MONTHS, len(inputs.closed_months)) or 1)
    if year is None:
        return {}
    before = inputs.span(YEAR_MONTHS, back=YEAR_MONTHS)
    bought = inputs.product_months.inner_join(grouped_products(inputs, level), "product_id")
    sums = bought.group_by("product_group").agg(
        now_jpy=yen_sum(_.sales_jpy, year.holds(_.month)),
        before_jpy=yen_sum(_.sales_jpy, before.holds(_.month) if before else None),
    )
    found = rows(sums.order_by("product_group"))
    return {row["product_group"]: (row["now_jpy"], row["before_jpy"] if before else None) for row in found}
