"""What contacting a subscriber is worth: the return expected of a contact, per yen of its cost (R34).

Assumption: a contact brings `ASSUMED_RESPONSE_RATE` of all subscribers to a one-off purchase that they would not have
made, in proportion to their own probability to buy, and who is won spends like who buys by himself. Of the sales the
gross profit of the offered group counts, or the sales where its cost is not known. Only a test with a control group
(campaigns) can replace the assumption.
"""

from __future__ import annotations

import ibis
import numpy as np
import numpy.typing as npt
from ibis import _

from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE
from crm_platform.forecast.profit import LEAST_KNOWN_SHARE

Reals = npt.NDArray[np.float64]


def expected_returns(
    p_buys: Reals, expected_sales_jpy: Reals, margin_rates: Reals, unit_cost_jpy: float
) -> Reals | None:
    """Profit added by a contact ÷ its cost, of every subscriber; None where a contact costs nothing.

    Args:
        p_buys: P(a one-off purchase in the term), of all subscribers: their mean sets the scale.
        expected_sales_jpy: one-off 売上 expected in the term.
        margin_rates: share of the sales that is kept; NaN where not known, which counts as 1.
        unit_cost_jpy: cost of one contact.
    """
    if unit_cost_jpy <= 0:
        return None
    mean = float(p_buys.mean()) if len(p_buys) else 0.0
    if mean <= 0:
        return np.zeros(len(p_buys))
    added = np.minimum(p_buys * (ASSUMED_RESPONSE_RATE / mean), 1.0)
    if_buying = np.divide(expected_sales_jpy, p_buys, out=np.zeros(len(p_buys)), where=p_buys > 0)
    rates: Reals = added * if_buying * np.nan_to_num(margin_rates, nan=1.0) / unit_cost_jpy
    return rates


def group_margins(customer_product_months: ibis.Table, products: ibis.Table, goods: ibis.Table) -> dict[str, float]:
    """Gross margin of each product group, 1 − cost ÷ 売上, where the cost of 80 % of its sales is known.

    Args:
        customer_product_months: CUSTOMER_PRODUCT_MONTHS to judge by.
        products: PRODUCTS with `cost_jpy` per unit.
        goods: `goods_of` them; trial sizes and give-aways, sold under cost to win customers, are left out.
    """
    sums = customer_product_months.group_by("product_id").agg(
        sales_jpy=_.standing_sales_jpy.sum().cast("float64"), quantity=_.quantity.sum().cast("float64")
    )
    sold = sums.inner_join(goods.filter(~_.is_trial), "product_id")
    sold = sold.inner_join(products.select("product_id", "cost_jpy"), "product_id")
    is_known = sold.cost_jpy.notnull()
    groups = sold.group_by("product_group").agg(
        sales_jpy=sold.sales_jpy.sum(),
        known_jpy=ibis.ifelse(is_known, sold.sales_jpy, 0.0).sum(),
        cost_jpy=ibis.ifelse(is_known, sold.cost_jpy * sold.quantity, 0.0).sum(),
    )
    rows = groups.filter(_.sales_jpy > 0).order_by("product_group").to_pyarrow().to_pylist()
    return {
        row["product_group"]: min(1 - row["cost_jpy"] / row["known_jpy"], 1.0)
        for row in rows
        if row["known_jpy"] >= LEAST_KNOWN_SHARE * row["sales_jpy"]
    }
