"""The CSV files that a client loads into its own systems: customer numbers and what to do with them, nothing personal.

A cell of text that a spreadsheet would take for a formula gets an apostrophe; numbers and days stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from crm_platform.clients.client import CSV_ENCODINGS
from crm_platform.refusals import Refused
from crm_platform.reports.wording import Wording

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
DEFAULT_ENCODING = CSV_ENCODINGS[0]


def segments_csv(segments: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,セグメント`: one row per customer (R68), from the table `segments`."""
    rows = [
        (row["customer_id"], _segment(row, wording)) for row in _by_customer(segments, "value_class", "is_new_in_term")
    ]
    return csv_file(("customer_id", "segment"), rows, wording, encoding)


def missed_by_client_rank_csv(customer_ids: Iterable[str], wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号`: the VIP客 whom the client's own top rank does not hold (R63)."""
    return csv_file(("customer_id",), [(customer,) for customer in sorted(customer_ids)], wording, encoding)


def alert_customers_csv(alerts: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号`: exactly the alerted customers (R93), from the table `lapse_alerts`."""
    return csv_file(("customer_id",), [(row["customer_id"],) for row in _by_customer(alerts)], wording, encoding)


def test_groups_csv(alerts: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,グループ`: ① to be contacted, ② not (R84), from the table `lapse_alerts`."""
    rows = [
        (row["customer_id"], wording.text(f"group.{row['test_group']}")) for row in _by_customer(alerts, "test_group")
    ]
    return csv_file(("customer_id", "group"), rows, wording, encoding)


def cpm_classes_csv(classes: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,CPM区分,フォロー施策`: every customer's action is its class's (R101), from the table `cpm_classes`."""
    rows = [
        (row["customer_id"], wording.text(f"cpm.{key}"), wording.text(f"cpm_action.{key}"))
        for row in _by_customer(classes, "cpm_class")
        for key in [row["cpm_class"]]
    ]
    return csv_file(("customer_id", "cpm_class", "action"), rows, wording, encoding)


def contact_dates_csv(dates: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,次回連絡日,理由`: ISO days (R107), from the table `contact_dates`."""
    rows = [
        (row["customer_id"], row["next_contact_on"].isoformat(), wording.text(f"contact_reason.{row['reason']}"))
        for row in _by_customer(dates, "next_contact_on", "reason")
    ]
    return csv_file(("customer_id", "next_contact_on", "reason"), rows, wording, encoding)


def guarded(text: str) -> str:
    """`text` with an apostrophe before it where a spreadsheet would compute it; a plain number stays one."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text


def _segment(row: dict[str, Any], wording: Wording) -> str:
    if row["is_new_in_term"] or row["value_class"] is None:
        return wording.text("value_class.new_in_term")
    return wording.value_class(row["value_class"])


def _by_customer(table: pa.Table, *columns: str) -> list[dict[str, Any]]:
    """The rows in order of customer number; ValueError where a customer has two."""
    rows: list[dict[str, Any]] = table.select(["customer_id", *columns]).to_pylist()
    rows.sort(key=lambda row: str(row["customer_id"]))
    for one, other in pairwise(rows):
        if one["customer_id"] == other["customer_id"]:
            raise ValueError(
                f"customer {one['customer_id']} has more than one row, where a list holds each customer once"
            )
    return rows


def csv_file(columns: Sequence[str], rows: Iterable[Sequence[str]], wording: Wording, encoding: str) -> bytes:
    """A file with CRLF: headers by wording key `csv.<column>`, then the rows, each cell guarded.

    ValueError for an encoding that no client may choose; Refused for a character that the encoding lacks.
    """
    if encoding not in CSV_ENCODINGS:
        raise ValueError(f"'{encoding}' is not an encoding for CSV files: choose one of {', '.join(CSV_ENCODINGS)}")
    headers = [wording.text(f"csv.{column}") for column in columns]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(headers)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return _encoded(buffer.getvalue(), encoding)


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        cell = text[error.start : error.end]
        raise Refused(
            f"the character '{cell}' (U+{ord(cell[0]):04X}) does not exist in {encoding}.",
            'Set csv_encoding = "utf-8-sig" for this client.',
            row=text.count("\r\n", 0, error.start) + 1,
        ) from error
