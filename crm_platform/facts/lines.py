"""Order lines with what every sum over them asks: the month, the day, whether the line stands."""

from __future__ import annotations

import ibis


def described_lines(order_lines: ibis.Table) -> ibis.Table:
    """ORDER_LINES plus `month`, `day`, `is_order` (not a credit) and `stands` (neither cancelled nor returned)."""
    day = order_lines.ordered_at.date()
    is_order = order_lines.quantity > 0
    return order_lines.mutate(
        day=day,
        month=day.truncate("M").cast("date"),
        is_order=is_order,
        stands=is_order & order_lines.status.isin(["ordered", "shipped"]),
    )
