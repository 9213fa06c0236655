"""`customer_powers.csv`: every customer's levels, kind and offer (R53-R57)."""

from __future__ import annotations

from functools import partial

import pyarrow as pa

from crm_platform.reports.csv_cells import DEFAULT_ENCODING, by_customer, csv_of_columns, each, texts
from crm_platform.reports.csv_files import figure
from crm_platform.reports.wording import Wording

_COLUMNS = {  # header: column, key of its words
    "retention_power": ("retention_level", "retention_level"),
    "purchasing_power": ("purchasing_level", "purchasing_level"),
    "profitability": ("profit_level", "profit_level"),
    "buyer_kind": ("buyer_kind", "buyer_kind"),
    "power_action": ("action", "power_action"),
}
_FORESEEN = {  # header: column
    "expected_sales": "expected_sales_jpy",
    "sales_p10": "sales_p10_jpy",
    "sales_p90": "sales_p90_jpy",
}


def customer_powers_csv(customers: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """One row per customer, from `diagnosis.current_state.customer_list`.

    `顧客番号,継続力,購買力,収益力,買い方,施策,期待売上（6ヶ月）`, and both ends of the forecast's 80 % interval
    (予測区間), in whole yen.

    ValueError where a customer has two rows; Refused for a character that the encoding lacks.
    """
    rows = by_customer(customers)
    worded = {header: each(rows[name], partial(_word, wording, key)) for header, (name, key) in _COLUMNS.items()}
    foreseen = {header: each(rows[name], figure) for header, name in _FORESEEN.items()}
    return csv_of_columns({"customer_id": texts(rows["customer_id"]), **worded, **foreseen}, wording, encoding)


def _word(wording: Wording, key: str, value: str | int) -> str:
    return wording.text(f"{key}.{value}")
