"""`customer_powers.csv`: every customer's levels, kind and offer (R53-R57)."""

from __future__ import annotations

from functools import partial

import pyarrow as pa

from crm_platform.reports.csv_cells import DEFAULT_ENCODING, by_customer, csv_of_columns, each, texts
from crm_platform.reports.wording import Wording

_COLUMNS = {  # header: column, key of its words
    "retention_power": ("retention_level", "retention_level"),
    "purchasing_power": ("purchasing_level", "purchasing_level"),
    "profitability": ("profit_level", "profit_level"),
    "buyer_kind": ("buyer_kind", "buyer_kind"),
    "power_action": ("action", "power_action"),
}


def customer_powers_csv(customers: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,継続力,購買力,収益力,買い方,施策`: one row per customer, from `diagnosis.current_state.customer_list`.

    ValueError where a customer has two rows; Refused for a character that the encoding lacks.
    """
    rows = by_customer(customers)
    worded = {header: each(rows[name], partial(_word, wording, key)) for header, (name, key) in _COLUMNS.items()}
    return csv_of_columns({"customer_id": texts(rows["customer_id"]), **worded}, wording, encoding)


def _word(wording: Wording, key: str, value: str | int) -> str:
    return wording.text(f"{key}.{value}")
