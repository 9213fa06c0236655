"""Customer histories made from a plain list of purchases, and the two real data sets as such lists."""

from __future__ import annotations

import datetime as dt
import importlib.util
from functools import lru_cache
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast.origins import describe
from crm_platform.history import LONG_SILENCE_DAYS
from crm_platform.tables import analyses, facts

SHARED_DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


def history_of(purchases: pd.DataFrame, as_of: str | pd.Timestamp) -> pd.DataFrame:
    """CUSTOMER_HISTORY at `as_of` of `customer_id, purchased_on, sales_jpy, returned_jpy`, a row per customer-day."""
    as_of = pd.Timestamp(as_of)
    known = purchases[purchases["purchased_on"] <= as_of].sort_values(["customer_id", "purchased_on"])
    if "returned_jpy" not in known:
        known = known.assign(returned_jpy=0)
    bought = known[known["sales_jpy"] > 0]
    by_customer = bought.groupby("customer_id")
    days = by_customer["purchased_on"]
    history = pd.DataFrame({"registered_on": known.groupby("customer_id")["purchased_on"].min()})
    history["as_of"] = as_of
    history["first_purchased_on"] = days.min()
    history["second_purchased_on"] = bought[by_customer.cumcount() == 1].set_index("customer_id")["purchased_on"]
    history["last_purchased_on"] = days.max()
    gaps = days.diff().dt.days
    history["purchase_days"] = by_customer.size()
    history["returned_on"] = bought[gaps >= LONG_SILENCE_DAYS].groupby("customer_id")["purchased_on"].max()
    history["cycle_days"] = gaps.groupby(bought["customer_id"]).mean()
    history["cycle_sd_days"] = gaps.groupby(bought["customer_id"]).std(ddof=1)
    history["purchase_days"] = history["purchase_days"].fillna(0).astype("int64")
    for name in ("orders", "standing_orders"):
        history[name] = history["purchase_days"]
    for name in ("cancelled_orders", "subscription_orders", "subscription_sales_jpy", "bulk_sales_jpy"):
        history[name] = 0
    tenure = (history["last_purchased_on"] - history["first_purchased_on"]).dt.days
    history["tenure_days"] = tenure.fillna(0).astype("int64")
    last_sign = history["last_purchased_on"].fillna(history["registered_on"])
    history["gap_days"] = (as_of - last_sign).dt.days
    six, twelve = (as_of - pd.DateOffset(months=months) for months in (6, 12))
    history["ordered_jpy"] = known.groupby("customer_id")["sales_jpy"].sum()
    history["returned_jpy"] = known.groupby("customer_id")["returned_jpy"].sum()
    history["sales_jpy"] = history["ordered_jpy"] - history["returned_jpy"]
    history["one_off_sales_jpy"] = history["sales_jpy"]
    history["ordered_6m_jpy"] = _sum_after(known, six, "sales_jpy")
    history["sales_6m_jpy"] = history["ordered_6m_jpy"].sub(_sum_after(known, six, "returned_jpy"), fill_value=0)
    history["sales_12m_jpy"] = _sum_after(known, twelve, "sales_jpy").sub(
        _sum_after(known, twelve, "returned_jpy"), fill_value=0
    )
    history["purchase_days_12m"] = bought[bought["purchased_on"] > twelve].groupby("customer_id").size()
    whole = ["ordered_6m_jpy", "sales_6m_jpy", "sales_12m_jpy", "purchase_days_12m"]
    history[whole] = history[whole].fillna(0).round().astype("int64")
    history["last_subscribed_on"] = pd.NaT
    history["first_product_id"], history["first_media_id"] = "P", None
    history["first_order_kind"] = "one_off"
    return history.reset_index()[analyses.CUSTOMER_HISTORY.names]


def days_of(purchases: pd.DataFrame) -> ibis.Table:
    """CUSTOMER_DAYS of the same list, whatever its order: an order on each day with sales."""
    rows = purchases.assign(returned_jpy=0) if "returned_jpy" not in purchases else purchases
    bought = (rows["sales_jpy"] > 0).astype("int64")
    frame = pd.DataFrame(
        {
            "month": rows["purchased_on"].dt.to_period("M").dt.start_time.dt.date,
            "customer_id": rows["customer_id"],
            "day": rows["purchased_on"].dt.date,
            "orders": rows.get("orders", bought),
            "standing_orders": bought,
            "ordered_jpy": rows.get("ordered_jpy", rows["sales_jpy"]),
            "standing_sales_jpy": rows["sales_jpy"],
            "returned_jpy": rows["returned_jpy"],
            "subscription_sales_jpy": 0,
            "bulk_sales_jpy": 0,
            "discount_jpy": 0,
            "quantity": bought,
            "products": bought,
            "product_id": None,
            "order_kind": None,
            "media_id": None,
        }
    )
    return ibis.memtable(facts.CUSTOMER_DAYS.from_pandas(frame))


def features_of(purchases: pd.DataFrame, as_of: str | dt.date, horizon_days: int = 184) -> pd.DataFrame:
    """The features of every buyer of the same list."""
    features = describe(days_of(purchases), pd.Timestamp(as_of).date(), horizon_days)
    return features[features["purchase_days"] > 0].reset_index(drop=True)


def sales_after(purchases: pd.DataFrame, as_of: str | pd.Timestamp, days: int) -> pd.Series:
    """Net sales per customer in the `days` after `as_of`, clipped at 0."""
    start = pd.Timestamp(as_of)
    later = purchases[
        (purchases["purchased_on"] > start) & (purchases["purchased_on"] <= start + pd.Timedelta(days=days))
    ]
    net = later["sales_jpy"] - later.get("returned_jpy", 0)
    return net.groupby(later["customer_id"]).sum().clip(lower=0)


def cdnow_sample() -> pd.DataFrame:
    """`ID, frequency, recency, T` of the 2,357 customers of the published 1/10 sample, in weeks."""
    return pd.read_csv(_published("cdnow_customers_summary.csv"))


def cdnow_sample_values() -> pd.DataFrame:
    """`ID, x, t_x, T, zbar` of the same customers; zbar is the mean value of repeat purchases in dollars."""
    return pd.read_csv(_published("cdnow_customers_summary_with_transactions.csv"))


@lru_cache(maxsize=1)
def cdnow() -> pd.DataFrame:
    """All 23,570 customers of CDNOW by customer-day; a dollar taken for 100 yen."""
    path = SHARED_DATA / "cdnow" / "CDNOW_master.txt"
    _need(path)
    names = ["customer_id", "purchased_on", "units", "value"]
    lines = pd.read_csv(path, sep=r"\s+", names=names, skiprows=1, dtype={"customer_id": str, "purchased_on": str})
    lines["purchased_on"] = pd.to_datetime(lines["purchased_on"], format="%Y%m%d")
    lines["sales_jpy"] = (lines["value"] * 100).round().astype("int64")
    return lines.groupby(["customer_id", "purchased_on"], as_index=False)["sales_jpy"].sum()


@lru_cache(maxsize=1)
def online_retail() -> pd.DataFrame:
    """Identified customers of Online Retail II by customer-day, goods only; a pound taken for 135 yen."""
    path = SHARED_DATA / "online_retail_ii" / "online_retail_ii.csv.gz"
    _need(path)
    names = ["StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID"]
    lines = pd.read_csv(path, usecols=names, encoding="latin-1", dtype={"Customer ID": str, "StockCode": str})
    lines = lines[lines["Customer ID"].notna() & lines["StockCode"].str.match(r"\d{5}")]
    amount = (lines["Quantity"] * lines["Price"] * 135).round().astype("int64")
    by_day = pd.DataFrame(
        {
            "customer_id": lines["Customer ID"].str.removesuffix(".0"),
            "purchased_on": pd.to_datetime(lines["InvoiceDate"]).dt.normalize(),
            "sales_jpy": np.where(amount > 0, amount, 0),
            "returned_jpy": np.where(amount < 0, -amount, 0),
        }
    )
    return by_day.groupby(["customer_id", "purchased_on"], as_index=False).sum()


def _sum_after(known: pd.DataFrame, day: pd.Timestamp, column: str) -> pd.Series:
    return known[known["purchased_on"] > day].groupby("customer_id")[column].sum()


def _published(name: str) -> Path:
    found = importlib.util.find_spec("lifetimes")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the package lifetimes, which carries the published CDNOW sample, is not installed")
    return Path(found.submodule_search_locations[0]) / "datasets" / name


def _need(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"the real data set {path.name} is not beside the project")
