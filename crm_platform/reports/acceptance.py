"""The acceptance of the deliveries (検収): their receipts, rows not admitted, totals for the client to confirm."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.reports.csv_files import DEFAULT_ENCODING, csv_file
from crm_platform.reports.wording import Wording

_QUARANTINE = ("delivery_id", "file_name", "row_number", "table", "column", "masked_value", "rule", "remedy")
_TOTALS = ("month", "rows", "orders", "customers", "ordered_jpy", "sales_jpy")
_OF_THE_DAY = {"examined_on"}  # when a delivery came changes nothing of what it holds


def receipts_json(receipts: Sequence[Mapping[str, Any]]) -> bytes:
    """The receipts of all deliveries, in order of arrival."""
    kept = [{key: value for key, value in receipt.items() if key not in _OF_THE_DAY} for receipt in receipts]
    return (json.dumps(kept, sort_keys=True, ensure_ascii=False, indent=1) + "\n").encode()


def quarantine_csv(rows: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """Each row not admitted, with file, line, column, masked value, rule and remedy; from QUARANTINED_ROWS."""
    cells = [["" if row[name] is None else str(row[name]) for name in _QUARANTINE] for row in rows.to_pylist()]
    return csv_file(_QUARANTINE, cells, wording, encoding)


def test_totals_csv(order_lines: ibis.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """Rows, orders, customers, 受注 and 売上 of every month (テスト集計, R39), to hold against the client's own."""
    lines = order_lines.mutate(month=_.ordered_at.strftime("%Y-%m"))
    totals = lines.group_by("month").agg(
        rows=_.count(),
        orders=_.order_id.nunique(where=_.quantity > 0),
        customers=_.customer_id.nunique(),
        ordered_jpy=_.ordered_jpy.sum(),
        sales_jpy=_.sales_jpy.sum(),
    )
    rows = totals.order_by("month").to_pyarrow().to_pylist()
    return csv_file(_TOTALS, [[str(row[name]) for name in _TOTALS] for row in rows], wording, encoding)
