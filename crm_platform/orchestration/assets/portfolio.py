"""The portfolio's tables as assets: moves between classes, whom to cross-sell what, who sleeps, who buys regularly."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.diagnosis.dormant import Past, dormant_customers_of
from crm_platform.history.subscriptions import regular_buyers_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.segments.cpm import CpmThresholds
from crm_platform.segments.cpm_cross_sell import cross_sell as cross_sell_of
from crm_platform.segments.cpm_moves import cpm_moves as moves_between_classes
from crm_platform.tables import TABLES, Fault


def closes_with_the_classes(at: ClientMonth, moves: pa.Table) -> list[Fault]:
    """A fault for each class whose last month does not close with the customers that CPM_CLASSES counts."""
    last = moves.filter(pc.equal(moves["month"], pa.scalar(at.month.first_day)))
    closing = dict(zip(*last.group_by("cpm_class").aggregate([("customers", "sum")]).to_pydict().values(), strict=True))
    counted = pc.value_counts(at.arrow("cpm_classes")["cpm_class"]).to_pylist()
    classes = {row["values"]: row["counts"] for row in counted}
    return [
        Fault(
            "customers", "closes with cpm_classes", 1, (f"{name}: {closing.get(name, 0)}, not {classes.get(name, 0)}",)
        )
        for name in sorted({*closing, *classes})
        if closing.get(name, 0) != classes.get(name, 0)
    ]


@client_month_asset(
    Recipe(
        "cpm_moves",
        "portfolio",
        {
            "customer_months": Reads.UP_TO_MONTH,
            "customer_history": Reads.SAME_MONTH,
            "cpm_classes": Reads.SAME_MONTH,
        },
        settings=everything,
    ),
    conserve=closes_with_the_classes,
)
def cpm_moves(at: ClientMonth) -> pa.Table:
    """Moves between CPM classes in every month of history: opening + in − out = closing (R102)."""
    amount_jpy = pc.max(at.arrow("cpm_classes")["amount_threshold_jpy"]).as_py()
    if amount_jpy is None:
        return TABLES["cpm_moves"].empty()
    return moves_between_classes(
        at.past("customer_months"),
        at.expression("customer_history"),
        at.history_months,
        at.as_of,
        CpmThresholds.of(at.client.settings, amount_jpy),
    )


@client_month_asset(
    Recipe(
        "cross_sell",
        "portfolio",
        {
            "customer_months": Reads.UP_TO_MONTH,
            "customer_product_months": Reads.UP_TO_MONTH,
            **dict.fromkeys(("products", "customer_history", "cpm_classes"), Reads.SAME_MONTH),
        },
        settings=everything,
    )
)
def cross_sell(at: ClientMonth) -> pa.Table:
    """Whom to cross-sell what: no 初回客 unless the client says so, from its least purchases on (R104-R106)."""
    closed = [month for month in at.history_months if month.last_day <= at.as_of]
    return cross_sell_of(
        at.past("customer_product_months"),
        at.past("customer_months"),
        at.expression("products"),
        at.expression("customer_history"),
        at.expression("cpm_classes"),
        closed,
        at.client.settings,
    )


@client_month_asset(
    Recipe(
        "dormant_customers",
        "portfolio",
        {
            "customer_months": Reads.UP_TO_MONTH,
            **dict.fromkeys(("products", "customer_history"), Reads.SAME_MONTH),
        },
        settings=everything,
    )
)
def dormant_customers(at: ClientMonth) -> pa.Table:
    """Who sleeps by the threshold of the product group, and whom to call back first (R125, R126)."""
    closed = [month for month in at.history_months if month.last_day <= at.as_of]
    return dormant_customers_of(
        Past.of(
            at.past("customer_months"),
            at.expression("customer_history"),
            at.expression("products"),
            closed,
            at.client.settings,
        )
    )


@client_month_asset(
    Recipe("regular_buyers", "portfolio", {"customer_days": Reads.UP_TO_MONTH, "products": Reads.SAME_MONTH})
)
def regular_buyers(at: ClientMonth) -> pa.Table:
    """Who buys one-off at a regular interval, as if subscribed (実質定期, R109)."""
    closed = [month for month in at.history_months if month.last_day <= at.as_of]
    return regular_buyers_of(at.past("customer_days"), at.expression("products"), closed)
