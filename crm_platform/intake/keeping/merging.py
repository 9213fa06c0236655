"""Deliveries → the state of knowledge: keys decide, and the latest delivery wins (R11).

An order is delivered whole: a line that its latest delivery no longer holds was removed. An order that a later file no
longer holds at all is not a cancellation; carts lose orders when a customer is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.admission.admitted import Admitted
from crm_platform.intake.keeping.merged_customers import without_merged_away
from crm_platform.intake.keeping.tables_on_demand import TablesOnDemand
from crm_platform.intake.mapping.derived import last_known
from crm_platform.intake.mapping.standard_layout import DELIVERED, concatenated
from crm_platform.intake.reading.text_column import Mask
from crm_platform.tables import Table
from crm_platform.tables.delivered import CUSTOMERS, ORDER_LINES, QUARANTINED_ROWS, UNDONE


def merge_deliveries(admitted: Sequence[Admitted]) -> Mapping[str, pa.Table]:
    """All tables as known after these deliveries, given in the order of their arrival; one table per declared schema.

    Each is merged when it is asked for. The result does not depend on how a history was split into deliveries.
    """
    makers = {name: partial(_merge, table, admitted) for name, table in DELIVERED.items()}

    def customers() -> pa.Table:
        return without_merged_away(makers[CUSTOMERS.name](), admitted, lambda: merged[ORDER_LINES.name])

    merged = TablesOnDemand(
        makers | {CUSTOMERS.name: customers, QUARANTINED_ROWS.name: partial(_quarantined, admitted)}
    )
    return merged


def _quarantined(admitted: Sequence[Admitted]) -> pa.Table:
    return concatenated(QUARANTINED_ROWS, [one.tables[QUARANTINED_ROWS.name] for one in admitted])


def _merge(table: Table, admitted: Sequence[Admitted]) -> pa.Table:
    parts = [one.tables[table.name] for one in admitted if one.tables[table.name].num_rows]
    if not parts:
        return table.empty()
    if len(parts) == 1:
        return parts[0]
    rows = pa.concat_tables(parts)
    if any(_is_derived(one, table.name) for one in admitted):
        return table.from_columns(last_known(rows, table.key[0]))
    again = _delivered_again(rows[table.key[0]], parts)
    keys = rows.select(list(table.key)).filter(pa.array(again)).to_pandas()
    latest = np.ones(rows.num_rows, bool)
    latest[again] = ~keys.duplicated(keep="last").to_numpy()
    if table.name == ORDER_LINES.name:
        latest[again] &= _still_part_of_their_order(keys["order_id"], admitted, again)
    return concatenated(table, [rows.filter(pa.array(latest))])


def known_before(former: Sequence[Admitted], new: Admitted) -> pa.Table:
    """The order lines that `former` deliveries say of the orders that the delivery `new` brings again."""
    ids = new.tables[ORDER_LINES.name]["order_id"].combine_chunks()
    known = _merge(ORDER_LINES, former) if former else ORDER_LINES.empty()
    return known.filter(pc.is_in(known["order_id"], value_set=ids))


def changes(touched: pa.Table, new: Admitted) -> dict[str, int]:
    """What the delivery `new` changes of the order lines `touched`, which were `known_before`.

    `orders_new`: orders not known before; `lines_removed`: lines that their order no longer holds; `lines_undone`:
    lines cancelled or returned since; `lines_changed`: other lines that differ in anything.
    """
    brought = new.tables[ORDER_LINES.name]
    after = _merge(ORDER_LINES, [Admitted({ORDER_LINES.name: touched}, {}), new])
    key = list(ORDER_LINES.key)
    pairs = touched.to_pandas().merge(after.to_pandas(), on=key, how="left", suffixes=("", "_now"), indicator=True)
    stays = (pairs["_merge"] == "both").to_numpy()
    columns = [name for name in ORDER_LINES.names if name not in key]
    same = [
        pairs[name].eq(pairs[f"{name}_now"]) | (pairs[name].isna() & pairs[f"{name}_now"].isna()) for name in columns
    ]
    undone = pairs["status_now"].isin(UNDONE) & ~pairs["status"].isin(UNDONE) & stays
    return {
        "orders_new": pc.count_distinct(brought["order_id"]).as_py() - pc.count_distinct(touched["order_id"]).as_py(),
        "lines_removed": int((~stays).sum()),
        "lines_undone": int(undone.sum()),
        "lines_changed": int((~np.logical_and.reduce(same) & stays & ~undone).sum()),
    }


def _delivered_again(ids: pa.ChunkedArray, parts: Sequence[pa.Table]) -> Mask:
    """Rows whose order, or other leading id, is in a delivery after the first: of a long history only a few are."""
    later = ids.slice(parts[0].num_rows)
    return np.asarray(pc.is_in(ids, value_set=pc.unique(later)), bool)


def _still_part_of_their_order(orders: pd.Series, admitted: Sequence[Admitted], among: Mask) -> Mask:
    """Of the lines `among` all, of these `orders`: those of the latest whole delivery of their order.

    Or of a later delivery, where that held only a part of the order.
    """
    sizes = [one.tables[ORDER_LINES.name].num_rows for one in admitted]
    delivery = np.repeat(np.arange(len(sizes)), sizes)[among]
    order, distinct = pd.factorize(orders)
    whole = np.concatenate([_whole_orders(one) for one in admitted])[among]
    latest_whole = np.zeros(len(distinct), np.int64)
    latest_whole[order[whole]] = delivery[whole]  # later deliveries come later, and the last assignment stays
    return np.asarray(delivery >= latest_whole[order], bool)


def _whole_orders(admitted: Admitted) -> Mask:
    """Lines whose order came whole: the client does not deliver single lines, and none of it is in the quarantine."""
    lines = admitted.tables[ORDER_LINES.name]
    if admitted.receipt.get("differences") == "lines":
        return np.zeros(lines.num_rows, bool)
    broken = pa.array(admitted.receipt.get("orders_with_quarantined_lines", []), pa.string())
    return ~np.asarray(pc.is_in(lines["order_id"], value_set=broken), bool)


def _is_derived(admitted: Admitted, table: str) -> bool:
    account = admitted.receipt.get("accounts", {}).get(table)
    return account is not None and str(account["source"]).startswith("derived")
