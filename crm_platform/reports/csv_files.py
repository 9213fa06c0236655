"""The CSV files that a client loads into its own systems: customer numbers and what to do with them, nothing personal.

A cell of text that a spreadsheet would take for a formula gets an apostrophe; numbers and days stay as they are.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from crm_platform.clients.client import CSV_ENCODINGS
from crm_platform.refusals import Refused
from crm_platform.reports.file_names import safe_names
from crm_platform.reports.wording import Wording

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_REASON_FIGURES = (
    "cycle_days",
    "gap_days",
    "days_beyond_cycle",
    "sales_6m_jpy",
    "fallen_sales_jpy",
    "expected_sales_jpy",
    "lapse_risk",
    "expected_loss_jpy",
    "falls_on",
)
_DORMANT_FIGURES = ("product_group", "silent_days", "return_rate", "expected_sales_jpy", "rank")
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


def alert_reasons_csv(alerts: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,理由,購入周期,…`: why each customer is alerted, in words and figures (R80), from `lapse_alerts`."""
    rows = [
        (row["customer_id"], alert_reason(row, wording), *(_figure(row[name], name) for name in _REASON_FIGURES))
        for row in _by_customer(alerts, "reason", *_REASON_FIGURES)
    ]
    return csv_file(("customer_id", "reason", *_REASON_FIGURES), rows, wording, encoding)


def alert_reason(alert: Mapping[str, Any], wording: Wording) -> str:
    """The reason of a row of LAPSE_ALERTS as a sentence: own cycle, days beyond it, what falls."""
    beyond = round(alert["days_beyond_cycle"])
    position = "beyond" if beyond >= 0 else "within"
    where = wording.text(f"alert_reason_text.position.{position}", days=abs(beyond))
    return wording.filled(f"alert_reason_text.{alert['reason']}", {**alert, "position": where})


def test_groups_csv(groups: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,グループ`: ① to be contacted, ② not (R84), from the table `test_groups`."""
    rows = [
        (row["customer_id"], wording.text(f"group.{row['test_group']}")) for row in _by_customer(groups, "test_group")
    ]
    return csv_file(("customer_id", "group"), rows, wording, encoding)


def contact_lists_csv(
    groups: pa.Table, channels: Iterable[str], wording: Wording, encoding: str = DEFAULT_ENCODING
) -> dict[str, bytes]:
    """`contact_list_<channel>.csv` → `顧客番号`: whom to contact through each channel (R92), from `test_groups`.

    `channels` get a list even where nobody is in it. The file is named by `safe_names` of the channels.
    """
    rows = [row for row in _by_customer(groups, "channel") if row["channel"] is not None]
    listed = sorted({*channels, *(row["channel"] for row in rows)})
    return {
        f"contact_list_{name}.csv": csv_file(
            ("customer_id",), [(row["customer_id"],) for row in rows if row["channel"] == channel], wording, encoding
        )
        for channel, name in zip(listed, safe_names(listed), strict=True)
    }


def cpm_classes_csv(classes: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,CPM区分,フォロー施策`: every customer's action is its class's (R101), from the table `cpm_classes`."""
    rows = [
        (row["customer_id"], wording.text(f"cpm.{key}"), wording.text(f"cpm_action.{key}"))
        for row in _by_customer(classes, "cpm_class")
        for key in [row["cpm_class"]]
    ]
    return csv_file(("customer_id", "cpm_class", "action"), rows, wording, encoding)


def cross_sell_csv(offers: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,推奨商品群,理由`: whom to offer which group, and why (R104), from the table `cross_sell`."""
    rows = [
        (row["customer_id"], row["product_group"], wording.filled("cross_sell_reason.text", row))
        for row in _by_customer(offers, "product_group", "because_group", "alike_customers", "expected_rate")
    ]
    return csv_file(("customer_id", "recommended_group", "reason"), rows, wording, encoding)


def dormant_customers_csv(dormant: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,商品群,休眠日数,再購入の見込み,期待売上,優先順位`: whom to call back first (R126).

    From the table `dormant_customers`, in order of rank. The chance is a share to a hundredth of a per cent, the sales
    are whole yen; both are empty where unknown.
    """
    rows = [
        (
            row["customer_id"],
            row["product_group"] or "",
            f"{row['silent_days']}",
            "" if row["return_rate"] is None else f"{row['return_rate']:.4f}",
            "" if row["expected_sales_jpy"] is None else f"{round(row['expected_sales_jpy'])}",
            f"{row['rank']}",
        )
        for row in sorted(_by_customer(dormant, *_DORMANT_FIGURES), key=lambda row: int(row["rank"]))
    ]
    figures = ("dormant_product_group", "dormant_days", "dormant_chance", "dormant_sales", "dormant_rank")
    return csv_file(("customer_id", *figures), rows, wording, encoding)


def regular_buyers_csv(regular: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,印,主な商品,購入間隔（日）,最終購入日`: who buys one-off as if subscribed (R109).

    From the table `regular_buyers`. The product is its name, or its code where the master has none; whole days.
    """
    names = ("product_id", "product_name", "interval_days", "last_purchased_on")
    rows = [
        (
            row["customer_id"],
            wording.text("regular_buyer.mark"),
            row["product_name"] or row["product_id"] or "",
            f"{round(row['interval_days'])}",
            row["last_purchased_on"].isoformat(),
        )
        for row in _by_customer(regular, *names)
    ]
    figures = ("regular_mark", "regular_product", "regular_interval", "regular_last_purchase")
    return csv_file(("customer_id", *figures), rows, wording, encoding)


def contact_dates_csv(dates: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,次回連絡日,理由`: ISO days (R107), from the table `contact_dates`."""
    rows = [
        (row["customer_id"], row["next_contact_on"].isoformat(), wording.text(f"contact_reason.{row['reason']}"))
        for row in _by_customer(dates, "next_contact_on", "reason")
    ]
    return csv_file(("customer_id", "next_contact_on", "reason"), rows, wording, encoding)


def due_contacts_csv(due: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,次回連絡日,理由,商品番号,見込売上`: whom to call on a day, in the order of the list (R107).

    From `crm_platform.two_track.contact_dates.due_contacts`; the sales foreseen are empty where nothing is.
    """
    names = ("customer_id", "next_contact_on", "reason", "product_id", "expected_sales_jpy")
    rows = [
        (
            row["customer_id"],
            row["next_contact_on"].isoformat(),
            wording.text(f"contact_reason.{row['reason']}"),
            row["product_id"] or "",
            _figure(row["expected_sales_jpy"], "expected_sales_jpy"),
        )
        for row in due.to_pylist()
    ]
    return csv_file(names, rows, wording, encoding)


def _figure(value: Any, name: str) -> str:
    """A figure of an alert: ISO days, probabilities to a hundredth of a per cent, the rest whole; empty if unknown."""
    if value is None:
        return ""
    if isinstance(value, dt.date):
        return value.isoformat()
    return f"{value:.4f}" if name == "lapse_risk" else f"{round(value)}"


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
    return encoded(buffer.getvalue(), encoding)


def encoded(text: str, encoding: str) -> bytes:
    """`text` in `encoding`; Refused for a character that it lacks, with the row in which it stands."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        cell = text[error.start : error.end]
        raise Refused(
            f"the character '{cell}' (U+{ord(cell[0]):04X}) does not exist in {encoding}.",
            'Set csv_encoding = "utf-8-sig" for this client.',
            row=text.count("\r\n", 0, error.start) + 1,
        ) from error
