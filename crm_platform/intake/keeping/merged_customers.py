"""Customers whose number was merged into another (名寄せ): all their orders came again under it.

A difference (差分データ) does not say who is gone. Who stays on file without an order that was once theirs would be a
customer more than the client has, and a history delivered whole would say otherwise (R11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.admission.admitted import Admitted
from crm_platform.tables.delivered import CUSTOMERS, ORDER_LINES

_NAMED = ["order_id", "customer_id"]


def without_merged_away(
    customers: pa.Table, admitted: Sequence[Admitted], lines_now: Callable[[], pa.Table]
) -> pa.Table:
    """The merged CUSTOMERS without those who had orders, of which every one is another customer's now.

    Who is in a customer master that came with the move, or after it, is kept: the client still has this customer.

    Args:
        customers: all that the deliveries say together.
        admitted: the deliveries in the order of their arrival.
        lines_now: the merged ORDER_LINES; asked for only where two deliveries hold order lines.
    """
    if sum(one.tables[ORDER_LINES.name].num_rows > 0 for one in admitted) < 2:
        return customers
    gone = _merged_away(admitted, lines_now())
    return customers.filter(pc.invert(pc.is_in(customers["customer_id"], value_set=gone))) if len(gone) else customers


def _merged_away(admitted: Sequence[Admitted], now: pa.Table) -> pa.Array:
    lines = [one.tables[ORDER_LINES.name].select(_NAMED) for one in admitted]
    ever = pa.chunked_array([chunk for part in lines for chunk in part["customer_id"].chunks], pa.string())
    without = pc.unique(ever.filter(pc.invert(pc.is_in(ever, value_set=pc.unique(now["customer_id"])))))
    if not len(without):
        return without
    had = _orders(lines, "customer_id", without)
    told = _orders(lines, "order_id", pa.array(had["order_id"].unique(), pa.string()))
    moved_in = had["order_id"].map(_moved_in(told)).groupby(had["customer_id"]).max()
    named = [
        pc.is_in(pa.array(moved_in.index), value_set=one.tables[CUSTOMERS.name]["customer_id"]) for one in admitted
    ]
    last_named_in = np.max([np.where(each, place, -1) for place, each in enumerate(named)], axis=0)
    return pa.array(moved_in.index[last_named_in < moved_in.to_numpy()], pa.string())


def _orders(lines: Sequence[pa.Table], column: str, among: pa.Array) -> pd.DataFrame:
    """Order, customer and place of the delivery of the lines whose `column` is `among` these."""
    parts = [
        part.filter(pc.is_in(part[column], value_set=among)).to_pandas().assign(place=place)
        for place, part in enumerate(lines)
    ]
    found: pd.DataFrame = pd.concat(parts, ignore_index=True).drop_duplicates()
    return found


def _moved_in(told: pd.DataFrame) -> pd.Series[int]:
    """By order the place of the delivery since which it is whose it is now: a former move may have been taken back."""
    now = told.drop_duplicates("order_id", keep="last").set_index("order_id")["customer_id"]
    is_now = told["customer_id"].eq(told["order_id"].map(now))
    last_another = told["place"].where(~is_now, -1).groupby(told["order_id"]).transform("max")
    return told[is_now & (told["place"] >= last_another)].groupby("order_id")["place"].min()
