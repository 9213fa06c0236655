"""Expressions as pandas frames."""

from __future__ import annotations

import ibis
import pandas as pd


def frame_of(rows: ibis.Table) -> pd.DataFrame:
    """`rows` in pandas, days as datetime64.

    By way of Arrow, whose texts pandas takes over as they lie: for a client's customers the conversion by Ibis costs as
    much as many a query.
    """
    frame: pd.DataFrame = rows.to_pyarrow().to_pandas(date_as_object=False)
    return frame
