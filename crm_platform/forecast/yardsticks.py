"""The plain rankings that a forecast has to beat: RFM, recency, past sales, and the recent level of sales.

Each is what anyone could have made of the order lines at hand, without a model; a higher score is a better customer.
"""

from __future__ import annotations

import datetime as dt
import math

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.history.customer_features import YEAR_DAYS

Wholes = npt.NDArray[np.int64]

YARDSTICKS = ("rfm", "recency", "past_sales", "recent_level")
_PARTS = 1_000  # of a yen: sums of whole numbers are the same in every order


def quintiles(values: pd.Series) -> Wholes:
    """1 to 5 by rank, 5 the highest fifth; equal values share a fifth."""
    share = values.rank(method="average", pct=True).to_numpy(dtype=np.float64)
    return np.clip(np.ceil(share * 5), 1, 5).astype(np.int64)


def rfm_scores(history: pd.DataFrame) -> pd.DataFrame:
    """Recency, frequency and monetary fifths (RFM分析, 5×5×5), and their sum of 3 to 15, per row of `history`."""
    scores = pd.DataFrame(
        {
            "recency_score": quintiles(-history["gap_days"]),
            "frequency_score": quintiles(history["purchase_days"]),
            "monetary_score": quintiles(history["sales_jpy"]),
        },
        index=history.index,
    )
    return scores.assign(rfm_score=scores.sum(axis=1))


def yardsticks(days: ibis.Table, as_of: dt.date, horizon_days: int) -> pd.DataFrame:
    """Scores of every customer with a purchase day up to `as_of`, of CUSTOMER_DAYS: indexed by `customer_id`, sorted.

    - `rfm`: the sum of the fifths of recency, frequency and monetary value (RFM分析).
    - `recency`: minus the days since the last purchase.
    - `past_sales`: 売上 of the past 365 days, in yen.
    - `recent_level`: 売上 of the whole past, each yen halved with every `horizon_days` that it lies back.
    """
    known = days.filter(days.day <= as_of)
    known = known.mutate(ago=ibis.literal(as_of).delta(known.day, unit="day"), buys=known.standing_sales_jpy > 0)
    known = known.mutate(net_jpy=(known.standing_sales_jpy - known.returned_jpy).cast("float64"))
    weight = (known.ago.cast("float64") * (-math.log(2) / horizon_days)).exp()
    sums = known.group_by("customer_id").agg(
        gap_days=known.ago.min(where=known.buys),
        purchase_days=known.buys.cast("int64").sum(),
        sales_jpy=known.net_jpy.sum(),
        past_sales=ibis.ifelse(known.ago < YEAR_DAYS, known.net_jpy, 0.0).sum(),
        recent_level=(known.net_jpy * weight * _PARTS).round().cast("int64").sum(),
    )
    buyers = sums.filter(sums.purchase_days > 0).to_pandas().set_index("customer_id").sort_index()
    scores = {
        "rfm": rfm_scores(buyers)["rfm_score"],
        "recency": -buyers["gap_days"],
        "past_sales": buyers["past_sales"],
        "recent_level": buyers["recent_level"].astype("float64") / _PARTS,
    }
    return pd.DataFrame(scores).astype("float64")
