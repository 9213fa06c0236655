"""Which delivered events of subscriptions contradict what one delivery and those before it show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.mapping.breaches import Breach
from crm_platform.intake.mapping.typed_rows import TypedRows

_READ = ("subscription_id", "event", "occurred_on")


def stops_before_start(rows: TypedRows, order_lines: Sequence[pa.Table]) -> list[Breach]:
    """Stops dated before the delivered start of their subscription, which had no delivery until then.

    A subscription that was delivered before the stop, or whose first known delivery is not its first (定期回数 > 1),
    may have begun before the data and started anew: its stop stands.

    Args:
        rows: SUBSCRIPTION_EVENTS as typed.
        order_lines: ORDER_LINES of this delivery and of those before it.
    """
    if not set(_READ) <= rows.columns.keys():
        return []
    everyone = np.arange(rows.rows)
    events = pd.DataFrame({name: rows.columns[name].at(everyone).to_pylist() for name in _READ}, dtype=object)
    events["occurred_on"] = pd.to_datetime(events["occurred_on"])
    began = events[events["event"] == "start"].groupby("subscription_id")["occurred_on"].min()
    if began.empty:
        return []
    early = (events["event"] == "stop") & (events["occurred_on"] < events["subscription_id"].map(began))
    if not early.any():
        return []
    known = _first_deliveries(order_lines, events.loc[early, "subscription_id"].unique())
    first = known.reindex(events["subscription_id"])
    ran_before = first["day"].to_numpy() <= events["occurred_on"].to_numpy()
    is_older = first["cycle_no"].fillna(1).to_numpy() > 1
    return [rows.breach("stop_before_start", "occurred_on", early.to_numpy() & ~ran_before & ~is_older)]


def _first_deliveries(order_lines: Sequence[pa.Table], subscriptions: np.ndarray) -> pd.DataFrame:
    """`day` and `cycle_no` of the first line of each of these subscriptions."""
    wanted = pa.array(subscriptions, pa.string())
    names = ["subscription_id", "ordered_at", "cycle_no"]
    parts = [table.filter(pc.is_in(table["subscription_id"], value_set=wanted)).select(names) for table in order_lines]
    lines = pa.concat_tables(parts).to_pandas().sort_values(["subscription_id", "ordered_at", "cycle_no"])
    first = lines.drop_duplicates("subscription_id").set_index("subscription_id")
    return pd.DataFrame({"day": first["ordered_at"].dt.normalize(), "cycle_no": first["cycle_no"].astype("float64")})
