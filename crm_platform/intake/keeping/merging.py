"""Deliveries → the state of knowledge: keys decide, and the latest delivery of a key wins (R11).

An order that a later file no longer holds is not a cancellation; carts lose orders when a customer is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from crm_platform.intake.admission.admitted import Admitted
from crm_platform.intake.mapping.derived import last_known
from crm_platform.intake.mapping.standard_layout import DELIVERED, concatenated
from crm_platform.tables import Table
from crm_platform.tables.delivered import QUARANTINED_ROWS


def merge_deliveries(admitted: Sequence[Admitted]) -> dict[str, pa.Table]:
    """All tables as known after these deliveries, given in the order of their arrival; one table per declared schema.

    The result does not depend on how a history was split into deliveries.
    """
    merged = {name: _merge(table, admitted) for name, table in DELIVERED.items()}
    faults = concatenated(QUARANTINED_ROWS, [one.tables["quarantined_rows"] for one in admitted])
    return merged | {"quarantined_rows": faults}


def _merge(table: Table, admitted: Sequence[Admitted]) -> pa.Table:
    parts = [one.tables[table.name] for one in admitted if one.tables[table.name].num_rows]
    if not parts:
        return table.empty()
    if len(parts) == 1:
        return parts[0]
    rows = pa.concat_tables(parts)
    if any(_is_derived(one, table.name) for one in admitted):
        return table.from_columns(last_known(rows, table.key[0]))
    keys = rows.select(list(table.key)).to_pandas()
    latest = np.flatnonzero(~keys.duplicated(keep="last").to_numpy())
    return concatenated(table, [rows.take(pa.array(latest))])


def _is_derived(admitted: Admitted, table: str) -> bool:
    account = admitted.receipt["accounts"].get(table)
    return account is not None and str(account["source"]).startswith("derived")
