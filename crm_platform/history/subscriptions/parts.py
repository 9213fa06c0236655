"""All subscriptions a part at a time, so that memory stays bounded."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
from ibis import _


@dataclass(frozen=True)
class Span:
    """Subscription numbers from `first` on and before `end`; None where nothing bounds them."""

    first: str | None
    end: str | None

    def of(self, rows: ibis.Table) -> ibis.Table:
        """The rows of these subscriptions."""
        begun = rows if self.first is None else rows.filter(rows.subscription_id >= self.first)
        return begun if self.end is None else begun.filter(begun.subscription_id < self.end)


EVERYONE = Span(None, None)


def spans_of(orders: ibis.Table, most: int) -> list[Span]:
    """Spans of subscription numbers with about as many orders each, `most` or a subscription's more; none without any.

    Tables rest in the order of their numbers, so a span is a stretch of every file, and a part reads its own rows only.

    Args:
        orders: `subscription_id`, `orders`: how many each has.
        most: orders of a span.
    """
    number = orders.orders.sum().to_pyarrow().as_py()
    if number is None:
        return []
    share = number // (number // most + 1) + 1
    so_far = ibis.window(order_by="subscription_id", preceding=None, following=0)
    placed = orders.mutate(part=(orders.orders.sum().over(so_far) - 1) // share)
    begun = placed.group_by("part").agg(first=_.subscription_id.min()).order_by("first")
    cuts = begun.to_pyarrow()["first"].to_pylist()[1:]
    return [Span(first, end) for first, end in zip([None, *cuts], [*cuts, None], strict=True)]
