"""The money of a delivery's order lines: two amounts for every line, and the account of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from crm_platform.intake.admission.amounts import ordered_and_sales_jpy, signed_amounts_jpy
from crm_platform.intake.admission.receipt import money_account
from crm_platform.intake.admission.row_rules import is_undone, numbers
from crm_platform.intake.mapping.breaches import Breach
from crm_platform.intake.mapping.typed_column import TypedColumn
from crm_platform.intake.mapping.typed_rows import TypedRows
from crm_platform.intake.reading.text_column import Mask, union_of


def with_amounts(
    rows: TypedRows, breaches: Sequence[Breach], kept: Mask, bad: Mask
) -> tuple[dict[str, TypedColumn], dict[str, Any]]:
    """The columns with discount_jpy, ordered_jpy and sales_jpy filled, and the account of the delivered money."""
    quantity, price = numbers(rows, "quantity"), numbers(rows, "unit_price_jpy")
    discount = numbers(rows, "discount_jpy", missing=0.0)
    readable = np.isfinite(quantity) & np.isfinite(price) & ~_without_amount(rows, breaches)
    units = np.where(readable, quantity, 0.0).astype(np.int64)
    yen_off = np.where(readable, discount, 0.0).astype(np.int64)
    signed = signed_amounts_jpy(units, np.where(readable, price, 0.0), yen_off)
    ordered, sales = ordered_and_sales_jpy(units, signed, is_undone(rows))
    amounts = {"discount_jpy": yen_off, "ordered_jpy": ordered, "sales_jpy": sales}
    filled = {name: TypedColumn.of(pa.array(values)) for name, values in amounts.items()}
    account = money_account(signed, readable, kept, bad, rows.set_aside)
    return {**rows.columns, **filled}, {"amount_jpy": account, "rows_with_unreadable_amount": int((~readable).sum())}


def _without_amount(rows: TypedRows, breaches: Sequence[Breach]) -> Mask:
    """Lines whose discount cannot be read, or whose amount is beyond any sense."""
    discount = rows.headers.get("discount_jpy")
    told = [breach.rows for breach in rows.breaches if breach.column == discount]
    told += [breach.rows for breach in breaches if breach.rule == "amount_too_large"]
    return union_of(told, rows.rows)
