"""Rows of a cart that writes orders in its own way → one row per order line, every row complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.clients.mapping import FillDown, SetAside, SplitRows, TableMapping
from crm_platform.intake.mapping.source_texts import column_texts, header_in, rows_taken
from crm_platform.intake.reading.raw_rows import RawRows, matching_form
from crm_platform.intake.reading.text_column import Mask, TextColumn, union_of


def prepared_rows(raw: RawRows, mapping: TableMapping) -> RawRows:
    """The rows filled down and split as the mapping says; a split row's lines keep its row number.

    A row to split is a whole order, so one that equals an earlier row in every cell is that order once more; so are the
    rows from a second first line of an order on, where they equal those from the first. `repeated` names them, for
    numbering their lines within the order would make them further lines of it.

    Refused names a column that the file lacks; a preset's columns to fill may be switched off.
    """
    if mapping.fill_down:
        raw = _filled_down(raw, mapping.fill_down, may_lack=mapping.preset is not None)
    return _split(raw, mapping.split_rows, mapping.set_aside) if mapping.split_rows else raw


def _filled_down(raw: RawRows, rule: FillDown, *, may_lack: bool) -> RawRows:
    within = column_texts(raw, rule.within)
    columns = dict(raw.columns)
    once_more = _orders_once_more(raw, rule, within)
    for header in rule.columns:
        found = header_in(columns, header)
        if found is not None or not may_lack:
            columns[found or header] = _filled(column_texts(raw, header), within)
    return replace(raw, columns=columns, repeated=raw.row_numbers[once_more])


def _orders_once_more(raw: RawRows, rule: FillDown, within: TextColumn) -> Mask:
    """Rows of an order that stands again in the file, told by its first line, which alone holds the values to fill.

    A file that holds them on every line tells no first line: two equal lines of an order are then two lines.
    """
    found = [column for header in rule.columns if (column := header_in(raw.columns, header)) is not None]
    starts = union_of((~raw.columns[header].is_empty for header in found), len(within)) & ~within.is_empty
    again: Mask = np.zeros(len(within), bool)
    asked = np.flatnonzero((np.bincount(within.index[starts], minlength=len(within.distinct)) > 1)[within.index])
    if not len(asked):
        return again
    cells = pd.DataFrame({position: column.index[asked] for position, column in enumerate(raw.columns.values())})
    rows = pd.DataFrame({"order": within.index[asked], "row": cells.groupby(list(cells.columns)).ngroup()})
    rows["copy"] = pd.Series(starts[asked]).groupby(rows["order"]).cumsum()
    rows["place"] = rows.groupby(["order", "copy"]).cumcount()
    first = rows[rows["copy"] == 1].set_index(["order", "place"])["row"]
    alike = rows["row"] == first.reindex(pd.MultiIndex.from_frame(rows[["order", "place"]])).to_numpy()
    of_copy = alike.groupby([rows["order"], rows["copy"]])
    as_long = of_copy.transform("size") == rows["order"].map(first.groupby("order").size())
    later = (rows["copy"] > 1).to_numpy()
    again[asked] = (of_copy.transform("all") & as_long).to_numpy() & later
    on_every_line = starts.all() and (later & ~again[asked]).any()
    return np.zeros_like(again) if on_every_line else again


def _filled(column: TextColumn, within: TextColumn) -> TextColumn:
    """Empty cells hold what stands above them in the same order, or below where nothing stands above."""
    known = pd.Series(column.index).where(~column.is_empty & ~within.is_empty)
    filled = known.groupby(within.index).ffill()
    filled = filled.groupby(within.index).bfill()
    return TextColumn(column.distinct, filled.fillna(pd.Series(column.index)).to_numpy(np.int32))


def _split(raw: RawRows, rule: SplitRows, set_aside: Sequence[SetAside]) -> RawRows:
    listed, before = column_texts(raw, rule.header), list(raw.columns.values())
    parts = [_parts(text, rule.separator) for text in listed.distinct.to_pylist()]
    amounts_on = np.array([_standing_part(each, rule, set_aside) for each in parts], np.int64)[listed.index]
    lengths = np.array([len(each) for each in parts], np.int64)
    row = np.repeat(np.arange(len(listed)), lengths[listed.index])
    first = np.r_[True, row[1:] != row[:-1]]
    columns = {header: TextColumn(column.distinct, column.index[row]) for header, column in raw.columns.items()}
    place = np.arange(len(row)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    for header in rule.first_only:
        amounts = column_texts(replace(raw, columns=columns), header)
        columns[header_in(columns, header) or header] = _zero_unless(place == amounts_on[row], amounts)
    position = np.r_[0, np.cumsum(lengths)][listed.index[row]] + place
    flat = pa.array([part for each in parts for part in each], pa.string()).dictionary_encode()
    index = flat.indices.to_numpy(zero_copy_only=False)[position].astype(np.int32)
    columns[header_in(columns, rule.header) or rule.header] = TextColumn(flat.dictionary, index)
    return replace(
        raw,
        columns=columns,
        row_numbers=raw.row_numbers[row],
        added_by_splitting=len(row) - len(listed),
        repeated=np.union1d(raw.repeated, raw.row_numbers[_repeats_a_row(before)]),
    )


def _repeats_a_row(columns: Sequence[TextColumn]) -> npt.NDArray[np.bool_]:
    """Rows that equal an earlier one in every cell."""
    cells = pd.DataFrame({position: column.index for position, column in enumerate(columns)})
    return cells.duplicated(keep="first").to_numpy()


def _standing_part(parts: Sequence[str], rule: SplitRows, set_aside: Sequence[SetAside]) -> int:
    """The first part that is not set aside for what it is (a give-away): the order's amounts stand on its line."""
    texts = TextColumn.of(pa.array(parts, pa.string()))
    rules = [each for each in set_aside if matching_form(each.header) == matching_form(rule.header)]
    taken = union_of((rows_taken(each, texts) for each in rules), len(parts))
    return 0 if taken.all() else int(np.argmin(taken))


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()] or [""]


def _zero_unless(first: npt.NDArray[np.bool_], column: TextColumn) -> TextColumn:
    texts = np.where(first, column.texts.to_numpy(zero_copy_only=False), "0")
    return TextColumn.of(pa.array(texts, pa.string()))
