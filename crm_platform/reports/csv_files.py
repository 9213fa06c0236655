"""The CSV files that a client loads into its own systems: customer numbers and what to do with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.reports.csv_cells import DEFAULT_ENCODING, by_customer, csv_of_columns, each, each_row, texts
from crm_platform.reports.file_names import safe_names
from crm_platform.reports.wording import Wording

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


def segments_csv(segments: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,セグメント`: one row per customer (R68), from the table `segments`."""
    rows = by_customer(segments)
    named = each_row(rows.select(["value_class", "is_new_in_term"]), lambda row: _segment(row, wording))
    return csv_of_columns({"customer_id": texts(rows["customer_id"]), "segment": named}, wording, encoding)


def missed_by_client_rank_csv(customer_ids: Iterable[str], wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号`: the VIP客 whom the client's own top rank does not hold (R63)."""
    return _numbers_csv(pa.chunked_array([sorted(customer_ids)], pa.string()), wording, encoding)


def alert_customers_csv(alerts: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号`: exactly the alerted customers (R93), from the table `lapse_alerts`."""
    return _numbers_csv(by_customer(alerts)["customer_id"], wording, encoding)


def alert_reasons_csv(alerts: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,理由,購入周期,…`: why each customer is alerted, in words and figures (R80), from `lapse_alerts`."""
    rows = by_customer(alerts)
    cells = {
        "customer_id": texts(rows["customer_id"]),
        "reason": each_row(rows.select(["reason", *_REASON_FIGURES]), lambda row: alert_reason(row, wording)),
        **{name: each(rows[name], chance if name == "lapse_risk" else figure) for name in _REASON_FIGURES},
    }
    return csv_of_columns(cells, wording, encoding)


def alert_reason(alert: Mapping[str, Any], wording: Wording) -> str:
    """The reason of a row of LAPSE_ALERTS as a sentence: own cycle, days beyond it, what falls."""
    beyond = round(alert["days_beyond_cycle"])
    position = "beyond" if beyond >= 0 else "within"
    where = wording.text(f"alert_reason_text.position.{position}", days=abs(beyond))
    return wording.filled(f"alert_reason_text.{alert['reason']}", {**alert, "position": where})


def test_groups_csv(groups: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,グループ`: ① to be contacted, ② not (R84), from the table `test_groups`."""
    rows = by_customer(groups)
    named = each(rows["test_group"], lambda group: wording.text(f"group.{group}"))
    return csv_of_columns({"customer_id": texts(rows["customer_id"]), "group": named}, wording, encoding)


def contact_lists_csv(
    groups: pa.Table, channels: Iterable[str], wording: Wording, encoding: str = DEFAULT_ENCODING
) -> dict[str, bytes]:
    """`contact_list_<channel>.csv` → `顧客番号`: whom to contact through each channel (R92), from `test_groups`.

    `channels` get a list even where nobody is in it. The file is named by `safe_names` of the channels.
    """
    rows = by_customer(groups)
    listed = sorted({*channels, *pc.unique(pc.drop_null(rows["channel"])).to_pylist()})
    return {
        f"contact_list_{name}.csv": _numbers_csv(
            rows.filter(pc.equal(rows["channel"], channel))["customer_id"], wording, encoding
        )
        for channel, name in zip(listed, safe_names(listed), strict=True)
    }


def cpm_classes_csv(classes: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,CPM区分,フォロー施策`: every customer's action is its class's (R101), from the table `cpm_classes`."""
    rows = by_customer(classes)
    cells = {
        "customer_id": texts(rows["customer_id"]),
        "cpm_class": each(rows["cpm_class"], lambda key: wording.text(f"cpm.{key}")),
        "action": each(rows["cpm_class"], lambda key: wording.text(f"cpm_action.{key}")),
    }
    return csv_of_columns(cells, wording, encoding)


def cross_sell_csv(offers: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,推奨商品群,理由`: whom to offer which group, and why (R104), from the table `cross_sell`."""
    rows = by_customer(offers)
    because = rows.select(["product_group", "because_group", "alike_customers", "expected_rate"])
    cells = {
        "customer_id": texts(rows["customer_id"]),
        "recommended_group": each(rows["product_group"], str),
        "reason": each_row(because, lambda row: wording.filled("cross_sell_reason.text", row)),
    }
    return csv_of_columns(cells, wording, encoding)


def dormant_customers_csv(dormant: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,商品群,休眠日数,再購入の見込み,期待売上,優先順位`: whom to call back first (R126).

    From the table `dormant_customers`, in order of rank. The chance is a share to a hundredth of a per cent, the sales
    are whole yen; both are empty where unknown.
    """
    rows = by_customer(dormant).sort_by("rank")
    cells = {
        "customer_id": texts(rows["customer_id"]),
        "dormant_product_group": each(rows["product_group"], str),
        "dormant_days": each(rows["silent_days"], figure),
        "dormant_chance": each(rows["return_rate"], chance),
        "dormant_sales": each(rows["expected_sales_jpy"], figure),
        "dormant_rank": texts(rows["rank"]),
    }
    return csv_of_columns(cells, wording, encoding)


def regular_buyers_csv(regular: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,印,主な商品,購入間隔（日）,最終購入日`: who buys one-off as if subscribed (R109).

    From the table `regular_buyers`. The product is its name, or its code where the master has none; whole days.
    """
    rows = by_customer(regular)
    named = rows.select(["product_name", "product_id"])
    cells = {
        "customer_id": texts(rows["customer_id"]),
        "regular_mark": texts(pa.chunked_array([pa.repeat(wording.text("regular_buyer.mark"), rows.num_rows)])),
        "regular_product": each_row(named, lambda row: row["product_name"] or row["product_id"] or ""),
        "regular_interval": each(rows["interval_days"], figure),
        "regular_last_purchase": each(rows["last_purchased_on"], dt.date.isoformat),
    }
    return csv_of_columns(cells, wording, encoding)


def contact_dates_csv(dates: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,次回連絡日,理由`: ISO days (R107), from the table `contact_dates`."""
    return csv_of_columns(_contacts(by_customer(dates), wording), wording, encoding)


def due_contacts_csv(due: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,次回連絡日,理由,商品番号,見込売上`: whom to call on a day, in the order of the list (R107).

    From `crm_platform.two_track.contact_dates.due_contacts`; the sales foreseen are empty where nothing is.
    """
    product, foreseen = each(due["product_id"], str), each(due["expected_sales_jpy"], figure)
    cells = {**_contacts(due, wording), "product_id": product, "expected_sales_jpy": foreseen}
    return csv_of_columns(cells, wording, encoding)


def figure(value: float | dt.date) -> str:
    """A figure as whole number, a day as ISO."""
    return value.isoformat() if isinstance(value, dt.date) else f"{round(value)}"


def chance(value: float) -> str:
    """A probability to a hundredth of a per cent."""
    return f"{value:.4f}"


def _numbers_csv(customers: pa.ChunkedArray, wording: Wording, encoding: str) -> bytes:
    return csv_of_columns({"customer_id": texts(customers)}, wording, encoding)


def _contacts(dates: pa.Table, wording: Wording) -> dict[str, pa.Array]:
    return {
        "customer_id": texts(dates["customer_id"]),
        "next_contact_on": each(dates["next_contact_on"], dt.date.isoformat),
        "reason": each(dates["reason"], lambda reason: wording.text(f"contact_reason.{reason}")),
    }


def _segment(row: dict[str, Any], wording: Wording) -> str:
    if row["is_new_in_term"] or row["value_class"] is None:
        return wording.text("value_class.new_in_term")
    return wording.value_class(row["value_class"])
