"""The plain rankings that a forecast has to beat: RFM, recency, and the sales of the past twelve months.

Each takes CUSTOMER_HISTORY rows and returns a score per row, higher for the better customer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


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


def recency(history: pd.DataFrame) -> Reals:
    """Minus the days since the last purchase."""
    return -history["gap_days"].to_numpy(dtype=np.float64)


def past_sales(history: pd.DataFrame) -> Reals:
    """売上 of the past twelve months, in yen."""
    return history["sales_12m_jpy"].to_numpy(dtype=np.float64)
