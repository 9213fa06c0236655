"""Plain RFM (RFM分析), shown beside the value classes for comparison: it moves with every analysis (R52, R113)."""

from __future__ import annotations

import pandas as pd

from crm_platform.forecast.yardsticks import rfm_scores


def rfm_cells(history: pd.DataFrame) -> pd.DataFrame:
    """`customer_id, recency_score, frequency_score, monetary_score, rfm_score`, sorted by customer.

    Each score is a fifth by rank, 5 the best; `rfm_score` is their sum, 3 to 15.
    """
    cells = rfm_scores(history)
    cells.insert(0, "customer_id", history["customer_id"])
    return cells.sort_values("customer_id").reset_index(drop=True)


def rfm_classes(history: pd.DataFrame, classes: int) -> pd.Series:
    """customer_id → class 1 (the highest) to `classes` of equal size by RFM score; equal scores share a class.

    It exists so that the share of customers who change class can be set beside that of the value classes.
    """
    cells = rfm_cells(history).set_index("customer_id")["rfm_score"]
    share = cells.rank(method="average", ascending=False, pct=True)
    return (share * classes).clip(upper=classes - 0.5).astype("int64").add(1).rename("rfm_class")
