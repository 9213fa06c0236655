"""Masters that a client does not have, made from its order lines (加工あり, R09)."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import IntakeRules
from crm_platform.intake.mapping.source_texts import column_texts, header_in
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.intake.mapping.typed_rows import TypedRows
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.text_column import Mask, TextColumn


def derive_master(rules: IntakeRules, table: str, lines: TypedRows, files: list[RawRows], among: Mask) -> pa.Table:
    """One row per id met in the order lines of `among`: the text of each derived column on its latest order.

    Customers are registered on the day of their first order (登録日).
    """
    declared = DELIVERED[table]
    key = declared.key[0]
    columns = {key: lines.columns[key].values}
    mapping = rules.tables[table]
    for target, header in mapping.derived_columns.items():
        if mapping.preset and any(header_in(raw.columns, header) is None for raw in files):
            continue  # a column that the shop switched off; the receipt lists it
        texts = TextColumn.joined([column_texts(raw, header) for raw in files]).texts
        columns[target] = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    if table == "customers":
        columns["registered_on"] = lines.columns["ordered_at"].values.cast(pa.date32(), safe=False)
    latest_last = [(name, "ascending") for name in ("ordered_at", "order_id", "line_no")]
    order = pc.sort_indices(pa.table({name: lines.columns[name].values for name, _ in latest_last}), latest_last)
    kept = pa.table(columns).take(order).filter(pa.array(among).take(order))
    return declared.from_columns(last_known(kept.filter(pc.is_valid(kept[key])), key))


def without_ids(master: pa.Table, table: str, known: Sequence[pa.Table]) -> pa.Table:
    """The rows of a master whose id none of the `known` ones has."""
    key = DELIVERED[table].key[0]
    ids = pa.chunked_array([chunk for each in known for chunk in each[key].chunks], pa.string())
    return master.filter(pc.invert(pc.is_in(master[key], value_set=ids)))


def last_known(rows: pa.Table, key: str) -> dict[str, pa.ChunkedArray]:
    """Per key the last value that is not null of every column, in row order; of registered_on the earliest."""
    others = [name for name in rows.column_names if name != key]
    known = pc.ScalarAggregateOptions(skip_nulls=True)
    grouped = pa.TableGroupBy(rows, [key], use_threads=False).aggregate(
        [(name, "min" if name == "registered_on" else "last", known) for name in others]
    )
    names = {f"{name}_{'min' if name == 'registered_on' else 'last'}": name for name in others} | {key: key}
    return {names[name]: grouped[name] for name in grouped.column_names}
