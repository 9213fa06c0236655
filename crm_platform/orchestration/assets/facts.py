"""The monthly sums as assets, each held against the order lines that it sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform import facts
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import ClientMonthAsset, Conserve, Picture, client_months_asset
from crm_platform.orchestration.pictures import sales_by_month
from crm_platform.orchestration.recipe import Reads, Recipe
from crm_platform.tables import TABLES, Fault


def sum_months(
    name: str,
    expression: Callable[[ibis.Table], ibis.Table],
    meaning: str,
    picture: Picture | None = None,
    kind: str | None = None,
) -> ClientMonthAsset:
    """The asset that holds one kind of monthly sum, over the order lines of one `kind` where it names one."""

    def compute(months: Sequence[ClientMonth]) -> Mapping[ClientMonth, pa.Table]:
        data = months[0].data
        lines = data.lake.scan(data.client.id, TABLES["order_lines"], [at.month for at in months])
        sums = expression(facts.described_lines(lines)).to_pyarrow()
        return {at: sums.filter(pc.equal(sums["month"], pa.scalar(at.month.first_day))) for at in months}

    compute.__doc__ = meaning
    conserve = same_yen_of(kind) if {"ordered_jpy", "sales_jpy"} <= set(TABLES[name].names) else None
    recipe = Recipe(name, "facts", {"order_lines": Reads.SAME_MONTH})
    return client_months_asset(recipe, conserve=conserve, picture=picture)(compute)


def same_yen_of(kind: str | None) -> Conserve:
    """Holds the amounts of a sum against those of the order lines, of one `kind` or of all."""

    def same_yen(at: ClientMonth, rows: pa.Table) -> list[Fault]:
        lines = at.arrow("order_lines")
        lines = lines if kind is None else lines.filter(pc.equal(lines["order_kind"], kind))
        faults = []
        for amount in ("ordered_jpy", "sales_jpy"):
            of_lines, of_sums = (pc.sum(table[amount]).as_py() or 0 for table in (lines, rows))
            if of_lines != of_sums:
                faults.append(Fault(amount, "sums to the order lines", 1, (f"{of_sums} instead of {of_lines}",)))
        return faults

    return same_yen


customer_days = sum_months(
    "customer_days", facts.customer_days, "What each customer ordered, bought and returned on each day of the month."
)
customer_months = sum_months(
    "customer_months",
    facts.customer_months,
    "What each customer ordered, bought and returned in the month (受注・売上).",
    picture=sales_by_month,
)
customer_product_months = sum_months(
    "customer_product_months",
    facts.customer_product_months,
    "What each customer bought of each product in the month.",
)
product_months = sum_months(
    "product_months", facts.product_months, "What was ordered and sold of each product in the month, by order kind."
)
media_months = sum_months("media_months", facts.media_months, "Orders and sales of each medium in the month (媒体).")
subscription_deliveries = sum_months(
    "subscription_deliveries",
    facts.subscription_deliveries,
    "The deliveries of subscriptions in the month (定期の注文), each order as one row.",
    kind="subscription",
)
