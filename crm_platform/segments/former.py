"""The segments of six months ago beside those of today, and what their customers bought since (R52, R65)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform.segments.rfm import rfm_classes
from crm_platform.segments.value_classes import value_classes
from crm_platform.tables.analyses import FORMER_SEGMENTS


@dataclass(frozen=True)
class FormerBook:
    """The classes six months ago: SEGMENT_BOOK as it was in force, or as it would have been issued (`was_issued`)."""

    book: pa.Table
    was_issued: bool


@dataclass(frozen=True)
class ClientRanks:
    """The client's own ranks: customer_id → text, blanks left out; those delivered by then, or today's."""

    of: pd.Series
    are_of_then: bool

    @classmethod
    def delivered(cls, masters: Sequence[pa.Table], are_of_then: bool) -> ClientRanks:
        """The ranks in these CUSTOMERS, the later over the earlier."""
        frames = [master.select(["customer_id", "client_rank"]).to_pandas() for master in masters]
        rows = pd.concat([pd.DataFrame({"customer_id": [], "client_rank": []}, dtype=object), *frames])
        rows = rows.assign(client_rank=rows["client_rank"].str.strip().replace("", None))
        latest = rows.drop_duplicates("customer_id", keep="last").set_index("customer_id")["client_rank"]
        return cls(latest.dropna(), are_of_then)


def former_segments(
    former: FormerBook,
    history_then: pd.DataFrame,
    history_now: pd.DataFrame,
    forecasts_now: pa.Table,
    sales_since: pd.Series,
    ranks: ClientRanks,
) -> pa.Table:
    """FORMER_SEGMENTS: one row per customer of the former book who was known then.

    What a book issued today would say is cut into as many classes as the former one, and so is RFM at both dates, so
    that the shares of customers who moved can be held against each other. The segment in force stands still meanwhile.

    Args:
        former: the book six months ago.
        history_then: CUSTOMER_HISTORY then.
        history_now: CUSTOMER_HISTORY today.
        forecasts_now: FORECASTS today.
        sales_since: customer_id → 売上 since then in yen; who is not in it bought nothing.
        ranks: the client's own ranks.
    """
    book = former.book.to_pandas().set_index("customer_id")
    ids = pd.Index(np.sort(np.intersect1d(book.index, history_then["customer_id"])))
    if ids.empty:
        return FORMER_SEGMENTS.empty()
    classes = int(book["value_class"].max())
    now = pd.Series(
        value_classes(forecasts_now["expected_sales_jpy"].to_numpy(), classes),
        index=forecasts_now["customer_id"].to_pandas(),
    )
    return FORMER_SEGMENTS.from_pandas(
        pd.DataFrame(
            {
                "customer_id": ids,
                "value_class": book["value_class"].reindex(ids).to_numpy(),
                "expected_sales_jpy": book["expected_sales_jpy"].reindex(ids).to_numpy(),
                "was_issued": former.was_issued,
                "rfm_class": rfm_classes(history_then, classes).reindex(ids).to_numpy(),
                "value_class_now": now.reindex(ids).astype("Int64").to_numpy(),
                "rfm_class_now": rfm_classes(history_now, classes).reindex(ids).astype("Int64").to_numpy(),
                "sales_since_jpy": sales_since.reindex(ids).fillna(0).astype("int64").to_numpy(),
                "client_rank": ranks.of.reindex(ids).to_numpy(),
                "rank_is_of_then": ranks.are_of_then,
            }
        )
    )
