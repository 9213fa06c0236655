"""What was ordered and sold in a month, by product and by medium."""

from __future__ import annotations

import ibis
from ibis import _

NO_MEDIUM = "(none)"


def product_months(lines: ibis.Table) -> ibis.Table:
    """PRODUCT_MONTHS of the months that `lines` (see `described_lines`) span."""
    return lines.group_by("month", "product_id", "order_kind").agg(
        lines=_.count(),
        customers=_.customer_id.nunique(where=_.stands),
        quantity=_.quantity.sum(where=_.stands).fill_null(0),
        ordered_jpy=_.ordered_jpy.sum(),
        sales_jpy=_.sales_jpy.sum(),
        discount_jpy=_.discount_jpy.sum(where=_.stands).fill_null(0),
    )


def media_months(lines: ibis.Table) -> ibis.Table:
    """MEDIA_MONTHS of the months that `lines` span; a line that names no medium counts under `(none)`."""
    named = lines.mutate(media_id=_.media_id.fill_null(NO_MEDIUM))
    return named.group_by("month", "media_id").agg(
        orders=_.order_id.nunique(where=_.is_order),
        customers=_.customer_id.nunique(where=_.is_order),
        ordered_jpy=_.ordered_jpy.sum(),
        sales_jpy=_.sales_jpy.sum(),
    )
