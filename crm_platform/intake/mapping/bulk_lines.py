"""まとめ売り told from 都度 where no column of the cart does: several pieces at once, bought by their discount (R24).

The seed names no rule (000:41-43); three pieces and a tenth off are the reading of the requirements, and settings.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import BulkLines
from crm_platform.intake.mapping.typed_column import TypedColumn

_BULK, _ONE_OFF = "bulk", "one_off"
_ROUNDING = 1e-9


def with_bulk_lines(columns: Mapping[str, TypedColumn], rule: BulkLines) -> dict[str, TypedColumn]:
    """The columns, with `bulk` as the kind of each one-off line that the rule takes; unreadable numbers take none.

    Each line is judged by itself, so that the same line is of the same kind in whatever delivery it stands.
    """
    if "order_kind" not in columns or "discount_jpy" not in columns:
        return dict(columns)
    kind = columns["order_kind"].values
    quantity, price, discount = (
        columns[name].values.cast(pa.float64()) for name in ("quantity", "unit_price_jpy", "discount_jpy")
    )
    amount = pc.multiply(quantity, price)
    is_many = pc.greater_equal(quantity, rule.least_quantity)
    is_cheaper = pc.greater_equal(discount, pc.multiply(amount, rule.least_discount_rate - _ROUNDING))
    taken = pc.and_(pc.and_(is_many, is_cheaper), pc.and_(pc.greater(amount, 0), pc.equal(kind, _ONE_OFF)))
    return {**columns, "order_kind": TypedColumn.of(pc.if_else(pc.fill_null(taken, False), _BULK, kind))}
