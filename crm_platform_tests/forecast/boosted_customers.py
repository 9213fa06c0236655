"""Customers with a known truth for the boosted models: made day by day, then described as every client's are."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import ibis
import numpy as np
import pandas as pd

from crm_platform.forecast.origins import Origin, look_back

HORIZON_DAYS = 60
FIRST_DAY = dt.date(2024, 1, 1)
EARLIER, LATER = dt.date(2024, 7, 1), dt.date(2024, 8, 30)


def customer_days(customers: int, seed: int) -> ibis.Table:
    """CUSTOMER_DAYS of buyers of `steady` and `gift` goods: who began with a gift hardly ever comes back.

    The others buy at their own pace until they stop, after 150 days in the mean.
    """
    draw = np.random.default_rng(seed)
    gift = draw.random(customers) < 0.5
    pace = np.where(gift, 0.001, draw.gamma(2.0, 0.02, customers))
    level = draw.lognormal(8, 0.6, customers).round()
    rows = []
    for number in range(customers):
        begin = int(draw.integers(0, 150))
        gaps = draw.exponential(1 / pace[number], 40).astype(int) + 1
        stop = begin + draw.exponential(150)
        for day in [begin, *(begin + gaps.cumsum())]:
            if day < min(stop, 300) or day == begin:
                rows.append((number, day, level[number] * draw.integers(1, 4), bool(gift[number]), draw.random() < 0.1))
    return _as_table(pd.DataFrame(rows, columns=["number", "day", "sales", "gift", "cancelled"]))


@lru_cache(maxsize=1)
def origins(customers: int = 1500, seed: int = 1) -> tuple[Origin, Origin]:
    """The same client at two days, a term apart: one to learn at, one to forecast at."""
    earlier, later = look_back(customer_days(customers, seed), [EARLIER, LATER], HORIZON_DAYS)
    return earlier, later


def in_other_money(features: pd.DataFrame, factor: float) -> pd.DataFrame:
    """The same customers where every amount is `factor` times as many units of money."""
    amounts = [name for name in features.columns if name.endswith("_jpy")]
    return features.assign(**{name: features[name] * factor for name in amounts})


def _as_table(made: pd.DataFrame) -> ibis.Table:
    sales = made["sales"].to_numpy() * ~made["cancelled"].to_numpy()
    frame = pd.DataFrame(
        {
            "customer_id": made["number"].map("C{:05d}".format),
            "day": [FIRST_DAY + dt.timedelta(days=int(day)) for day in made["day"]],
            "orders": 1,
            "standing_orders": (~made["cancelled"]).astype(int),
            "ordered_jpy": made["sales"],
            "standing_sales_jpy": sales,
            "returned_jpy": 0.0,
            "subscription_sales_jpy": 0.0,
            "bulk_sales_jpy": 0.0,
            "discount_jpy": 0.0,
            "quantity": 1,
            "products": 1,
            "product_id": np.where(made["gift"], "gift", "steady"),
            "order_kind": "one_off",
            "media_id": None,
        }
    ).drop_duplicates(["customer_id", "day"])
    days = ibis.memtable(frame.assign(media_id=frame["media_id"].astype("string")))
    return days.mutate(day=days.day.cast("date"))
