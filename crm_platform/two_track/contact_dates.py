"""When a product runs out, and so when to contact the customer (次いつお電話したらいいのか, R107)."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from crm_platform.tables.analyses import CONTACT_DATES

_UNKNOWN_PRODUCT = "(none)"


def next_contact_dates(
    customer_products: pd.DataFrame, products: pd.DataFrame, history: pd.DataFrame, lead_days: int
) -> pa.Table:
    """CONTACT_DATES: last delivery + units × days of supply − lead days, one row per customer for whom it is known.

    The product is the latest delivered that is no give-away and has days of supply; of several delivered that day, the
    one that runs out first. Where none has, a customer with an own cycle is contacted that long after the last purchase
    (reason `own_cycle`). Others have no row. A date in the past is kept: the contact is overdue.

    Args:
        customer_products: customer_id, product_id, last_delivered_on, last_quantity; a row per month is welcome too.
        products: PRODUCTS.
        history: CUSTOMER_HISTORY, which decides who is known.
        lead_days: how long before the run-out the contact is made.
    """
    known = history[["customer_id", "last_purchased_on", "cycle_days", "first_product_id"]]
    supplied = _running_out_first(customer_products, products)
    supplied = supplied[supplied["customer_id"].isin(known["customer_id"])].assign(reason="product_master")
    cyclic = _by_own_cycle(known[~known["customer_id"].isin(supplied["customer_id"])], customer_products)
    rows = pd.concat([supplied, cyclic], ignore_index=True)
    lasts = pd.to_timedelta(rows["supply_days"] - lead_days, unit="D")
    return CONTACT_DATES.from_pandas(rows.assign(next_contact_on=(pd.to_datetime(rows["from_on"]) + lasts).dt.date))


def _running_out_first(customer_products: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    gift = products["is_gift"].fillna(False).astype(bool)
    usable = products.loc[~gift & products["supply_days"].notna(), ["product_id", "supply_days"]]
    rows = customer_products.merge(usable.rename(columns={"supply_days": "unit_days"}), on="product_id")
    rows["from_on"] = pd.to_datetime(rows["last_delivered_on"])
    rows["supply_days"] = rows["unit_days"].astype("int64") * rows["last_quantity"].astype("int64")
    rows = rows.sort_values(
        ["customer_id", "from_on", "supply_days", "product_id"], ascending=[True, False, True, True]
    )
    return rows.drop_duplicates("customer_id")[["customer_id", "product_id", "from_on", "supply_days"]]


def _by_own_cycle(known: pd.DataFrame, customer_products: pd.DataFrame) -> pd.DataFrame:
    rows = known[known["cycle_days"].notna() & known["last_purchased_on"].notna()]
    latest = customer_products.assign(last_delivered_on=pd.to_datetime(customer_products["last_delivered_on"]))
    latest = latest.sort_values(["customer_id", "last_delivered_on", "product_id"], ascending=[True, False, True])
    latest_product = latest.drop_duplicates("customer_id").set_index("customer_id")["product_id"]
    product = rows["customer_id"].map(latest_product).fillna(rows["first_product_id"])
    return pd.DataFrame(
        {
            "customer_id": rows["customer_id"],
            "product_id": product.fillna(_UNKNOWN_PRODUCT),
            "from_on": pd.to_datetime(rows["last_purchased_on"]),
            "supply_days": rows["cycle_days"].astype("float64").round().astype("int64"),
            "reason": "own_cycle",
        }
    )
