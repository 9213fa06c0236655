"""The receipt of a delivery (受領書): how each file was read, and accounts of rows and money that close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import FromColumn, TableMapping
from crm_platform.intake.guard.personal_data import PersonalData
from crm_platform.intake.mapping.layouts import Layout
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import RawRows, matching_form
from crm_platform.intake.reading.text_column import Mask
from crm_platform.lake import digest_of
from crm_platform.tables.table import TEXT

_SAMPLE = 1000
_KINDS = {
    "number": r"^[-−△▲¥]?[0-9][0-9,]*(\.[0-9]+)?円?$",
    "date": r"^[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([T ].*)?$",
}

_MONTH_FIGURES = {
    "rows": ("order_id", "count"),
    "orders": ("order_id", "count_distinct"),
    "customers": ("customer_id", "count_distinct"),
    "ordered_jpy": ("ordered_jpy", "sum"),
    "sales_jpy": ("sales_jpy", "sum"),
}


@dataclass(frozen=True)
class ReadFile:
    """A delivered file once read: its rows, its layout, and the columns cut out as personal data."""

    file: DeliveredFile
    raw: RawRows
    layout: Layout
    dropped: tuple[PersonalData, ...]


def file_receipt(read: ReadFile, table: str, mapping: TableMapping) -> dict[str, Any]:
    """How one file was read, and the fingerprint of its specification (R13)."""
    reading = read.raw.reading
    return {
        "name": read.file.name,
        "table": table,
        "sha256": read.file.sha256,
        "bytes": len(read.file.content),
        "rows": read.raw.delivered,
        "encoding": reading.encoding,
        "encoding_reason": reading.encoding_reason,
        "delimiter": reading.delimiter,
        "delimiter_reason": reading.delimiter_reason,
        "columns": list(reading.headers),
        "unused_columns": list(read.layout.unused),
        "dropped_columns": [{"column": item.header, "kind": item.kind, "first_row": item.row} for item in read.dropped],
        "spec_fingerprint": spec_fingerprint(read.raw, read.layout, mapping),
    }


def spec_fingerprint(raw: RawRows, layout: Layout, mapping: TableMapping) -> str:
    """Digest of columns, their order and kind, delimiter, encoding and codes: equal means データの仕様が前回と同じ.

    The kind of a column that is cast is what it is cast to: a month without cancellations has the same specification.
    """
    cast_to = {
        matching_form(source.header): str(DELIVERED[mapping.table][target].type)
        for target, source in layout.sources.items()
        if isinstance(source, FromColumn) and DELIVERED[mapping.table][target].type != TEXT
    }
    kinds = {matching_form(name): _kind(column.distinct) for name, column in raw.columns.items()} | cast_to
    columns = [(form := matching_form(name), kinds.get(form, "dropped")) for name in raw.reading.headers]
    codes = {target: dict(pairs) for target, pairs in mapping.codes.items()}
    return digest_of([columns, raw.reading.delimiter, raw.reading.encoding, codes])


def row_account(delivered: int, set_aside: Mapping[str, Mask], bad: Mask, broken: int) -> dict[str, Any]:
    """Rows delivered = admitted + quarantined + set aside by rule; a row with several faults counts once."""
    aside = {rule: int(rows.sum()) for rule, rows in set_aside.items()}
    quarantined = int(bad.sum()) + broken
    return {
        "delivered": delivered,
        "admitted": delivered - quarantined - sum(aside.values()),
        "quarantined": quarantined,
        "set_aside": aside,
    }


def money_account(
    signed_jpy: npt.NDArray[np.int64], readable: Mask, admitted: Mask, bad: Mask, set_aside: Mapping[str, Mask]
) -> dict[str, Any]:
    """The same for money: signed amounts of the lines whose amount can be read, each part summed by itself."""

    def total(rows: Mask) -> int:
        return int(signed_jpy[rows & readable].sum())

    return {
        "delivered": int(signed_jpy[readable].sum()),
        "admitted": total(admitted),
        "quarantined": total(bad),
        "set_aside": {rule: total(rows) for rule, rows in set_aside.items()},
    }


def months_of(lines: pa.Table) -> list[dict[str, Any]]:
    """Test totals (テスト集計, R39) per month of the admitted lines."""
    if lines.num_rows == 0:
        return []
    month = pc.strftime(lines["ordered_at"], "%Y-%m")
    kept = lines.select(["order_id", "customer_id", "ordered_jpy", "sales_jpy"]).append_column("month", month)
    sums = kept.group_by("month").aggregate(list(_MONTH_FIGURES.values())).sort_by("month")
    columns = {"month": sums["month"].to_pylist()}
    columns |= {name: sums["_".join(figure)].to_pylist() for name, figure in _MONTH_FIGURES.items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def order_days(lines: pa.Table) -> tuple[str | None, str | None]:
    """Day of the first and of the last admitted order, or None."""
    span = pc.min_max(lines["ordered_at"]).as_py()
    first, last = (None if span[end] is None else span[end].date().isoformat() for end in ("min", "max"))
    return first, last


def _kind(distinct: pa.Array) -> str:
    sample = distinct.slice(0, _SAMPLE)
    sample = sample.filter(pc.not_equal(sample, ""))
    for kind, pattern in _KINDS.items():
        hits = pc.sum(pc.match_substring_regex(sample, pattern)).as_py() or 0
        if len(sample) and hits >= 0.9 * len(sample):
            return kind
    return "text"
