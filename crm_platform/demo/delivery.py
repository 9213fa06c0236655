"""The made-up client's delivery as files: tab-separated, cp932, CRLF, Japanese headers, as an old cart exports them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.faults import plant
from crm_platform.demo.made import Demo
from crm_platform.demo.masters import with_client_ranks
from crm_platform.intake.mapping.standard_layout import JAPANESE_HEADERS as HEADERS
from crm_platform.periods import Month
from crm_platform.refusals import Refused

CODES: Mapping[str, Mapping[str, str]] = {
    "status": {"ordered": "受注", "shipped": "出荷済", "cancelled": "キャンセル", "returned": "返品"},
    "order_kind": {"subscription": "定期", "one_off": "都度", "bulk": "まとめ売り"},
}
_ROWS_AT_ONCE = 100_000


def write_delivery(
    demo: Demo, folder: Path, first: Month | None = None, last: Month | None = None, known_at: Month | None = None
) -> list[Path]:
    """Write the four files of a delivery and return their paths.

    With `first` or `last`: only lines ordered in these months (差分データ, R11), the masters whole. With `known_at`:
    all as known at that month's end, so that a later cancellation, return, shipment, customer or placement is not in
    it. Planted faults lie in full deliveries only (neither `first` nor `last` nor `known_at` given). Raises Refused
    where no month is left.
    """
    earliest, latest = first or demo.first_month, min(last or demo.last_month, known_at or demo.last_month)
    if max(earliest, demo.first_month) > min(latest, demo.last_month):
        raise Refused(
            f"the delivery would hold no month: {earliest} to {latest}.",
            f"Choose months within {demo.first_month} to {demo.last_month}.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    tables = dict(demo.tables) if known_at is None else tables_known_on(demo.tables, known_at.last_day)
    tables["order_lines"] = _ordered_within(tables["order_lines"], earliest, latest)
    faults = demo.faults if (first, last, known_at) == (None, None, None) else 0
    return [
        _write(folder / f"{name}.tsv", tables[name], name, faults if name == "order_lines" else 0) for name in tables
    ]


def write_truth(demo: Demo, folder: Path) -> Path:
    """Write the truth's sums, counts and plants as `truth.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "truth.json"
    path.write_text(json.dumps(demo.truth.to_json(), ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    return path


def tables_known_on(tables: Mapping[str, pa.Table], day: dt.date) -> dict[str, pa.Table]:
    """The delivered tables as they were at the end of `day`."""
    lines, customers, media = tables["order_lines"], tables["customers"], tables["media"]
    lines = lines.filter(pc.less_equal(lines["ordered_at"].cast(pa.date32()), pa.scalar(day)))
    shipped, cancelled = _known(lines["shipped_on"], day), _known(lines["cancelled_on"], day)
    status = pc.if_else(pc.is_valid(cancelled), lines["status"], pc.if_else(pc.is_valid(shipped), "shipped", "ordered"))
    for name, values in {"shipped_on": shipped, "status": status, "cancelled_on": cancelled}.items():
        lines = lines.set_column(lines.schema.get_field_index(name), lines.schema.field(name), values)
    stands = pc.is_null(cancelled)
    sales = pc.if_else(stands, lines["ordered_jpy"], 0)
    lines = lines.set_column(lines.schema.get_field_index("sales_jpy"), lines.schema.field("sales_jpy"), sales)
    customers = customers.filter(pc.less_equal(customers["registered_on"], pa.scalar(day)))
    events = tables["subscription_events"]
    begun = pc.fill_null(pc.less_equal(media["started_on"], pa.scalar(day)), True)
    return {
        **tables,
        "customers": with_client_ranks(customers, lines, day),
        "media": media.filter(begun),
        "order_lines": lines,
        "subscription_events": events.filter(pc.less_equal(events["occurred_on"], pa.scalar(day))),
    }


def _known(days: pa.ChunkedArray, day: dt.date) -> pa.ChunkedArray:
    return pc.if_else(pc.less_equal(days, pa.scalar(day)), days, pa.scalar(None, pa.date32()))


def _ordered_within(lines: pa.Table, first: Month, last: Month) -> pa.Table:
    day = lines["ordered_at"].cast(pa.date32())
    chosen = pc.and_(pc.greater_equal(day, pa.scalar(first.first_day)), pc.less_equal(day, pa.scalar(last.last_day)))
    return lines.filter(chosen)


def _write(path: Path, table: pa.Table, name: str, faults: int) -> Path:
    header = list(HEADERS[name])
    with path.open("wb") as file:
        file.write("\t".join(header).encode("cp932") + b"\r\n")
        for first_row, rows in _spelled_rows(table, name):
            planted = plant(rows, first_row, table.num_rows, faults, header)
            file.write(b"".join(row + b"\r\n" for row in planted))
    return path


def _spelled_rows(table: pa.Table, name: str) -> Iterator[tuple[int, list[bytes]]]:
    """The rows as bytes, some at a time, each with the position of its first row."""
    for first_row in range(0, table.num_rows, _ROWS_AT_ONCE):
        part = table.slice(first_row, _ROWS_AT_ONCE).combine_chunks()
        fields = [_spelled(part[column], column) for column in HEADERS[name].values()]
        rows = pc.binary_join_element_wise(*fields, "\t", null_handling="replace", null_replacement="")
        yield first_row, [row.encode("cp932") for row in rows.to_pylist()]


def _spelled(values: pa.ChunkedArray, column: str) -> pa.ChunkedArray:
    """A column as the cart spells it."""
    if column in CODES:
        names, words = list(CODES[column]), list(CODES[column].values())
        return pa.array(words).take(pc.index_in(values, pa.array(names)))
    if pa.types.is_timestamp(values.type):
        return pc.strftime(values, "%Y/%m/%d %H:%M")
    if pa.types.is_date(values.type):
        return pc.strftime(values, "%Y/%m/%d")
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8()).cast(pa.string())
    if pa.types.is_floating(values.type):
        return values.cast(pa.int64()).cast(pa.string())
    return values.cast(pa.string())
