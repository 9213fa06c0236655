"""Order numbers that begin anew: a number of long ago that comes again for another order would take its place.

A cart that was changed or set up again counts from 1 once more. Merging by key cannot tell (R11), and the orders of
the first years would be lost without a word.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform.refusals import Refused

LEAST_DAYS_APART = 32  # more than a month: no order's day is corrected by that much


def refuse_reused_numbers(known: pa.Table, brought: pa.Table) -> None:
    """Refused where an order of the `brought` lines has the number of a `known` one and cannot be the same.

    It is another customer's, and another day's by `LEAST_DAYS_APART` or more. Either alone is daily business: customers
    are merged, days are corrected.
    """
    reused = _reused(_orders(known), _orders(brought))
    if reused.empty:
        return
    first = reused.iloc[0]
    raise Refused(
        f"{len(reused):,} of the order numbers stand for other orders than before: one of {first['day_now']:%Y-%m-%d} "
        f"has the number of another customer's order of {first['day']:%Y-%m-%d}, which it would replace.",
        "Where the numbers began anew, export them with a prefix; where the client's TOML maps the columns, it may "
        'join them with another one: order_id = { columns = ["受注日時", "注文番号"], join = " " }.',
    )


def _orders(lines: pa.Table) -> pd.DataFrame:
    """Each order with its customer and the day of its first line."""
    rows = lines.select(["order_id", "customer_id", "ordered_at"]).to_pandas()
    orders: pd.DataFrame = rows.sort_values("ordered_at", kind="stable").drop_duplicates("order_id")
    return orders.rename(columns={"ordered_at": "day"})


def _reused(known: pd.DataFrame, brought: pd.DataFrame) -> pd.DataFrame:
    both = known.merge(brought, on="order_id", suffixes=("", "_now")).sort_values("order_id")
    days_apart = np.abs((both["day_now"] - both["day"]).dt.days.to_numpy())
    reused: pd.DataFrame = both[(both["customer_id"] != both["customer_id_now"]) & (days_apart >= LEAST_DAYS_APART)]
    return reused
