"""All subscriptions a part at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ibis
from ibis import _

_PART_DELIVERIES = (
    8_000_000  # some hundred MiB while they are put in order; every part reads some rows of its neighbours
)
_SAMPLED_DELIVERIES = 200_000


@dataclass(frozen=True)
class Span:
    """Subscription numbers from `first` on and before `end`; None where nothing bounds them."""

    first: str | None
    end: str | None

    def of(self, rows: ibis.Table) -> ibis.Table:
        """The rows of these subscriptions."""
        begun = rows if self.first is None else rows.filter(rows.subscription_id >= self.first)
        return begun if self.end is None else begun.filter(begun.subscription_id < self.end)


def spans_of(deliveries: ibis.Table, most: int) -> list[Span]:
    """Spans of subscription numbers with about as many deliveries each, `most` at most: a part reads its own rows only.

    Tables rest in the order of their numbers, so a span is a stretch of every file. The numbers at the ends are found
    in a sample of subscriptions drawn by hash: the same whatever the order of the rows.
    """
    cuts = _cuts(deliveries, most)
    return [Span(first, end) for first, end in zip([None, *cuts], [*cuts, None], strict=True)]


def parts_of(deliveries: ibis.Table) -> Iterator[ibis.Table]:
    """The deliveries of each span of subscriptions."""
    for span in spans_of(deliveries, _PART_DELIVERIES):
        yield span.of(deliveries)


def _cuts(deliveries: ibis.Table, most: int) -> list[str]:
    number = deliveries.count().to_pyarrow().as_py()
    parts, every = number // most + 1, number // _SAMPLED_DELIVERIES + 1
    if parts == 1:
        return []
    drawn = deliveries.filter(_.subscription_id.hash() % every == 0).select("subscription_id")
    ids = sorted(drawn.to_pyarrow()["subscription_id"].to_pylist())
    return sorted({ids[len(ids) * place // parts] for place in range(1, parts)}) if ids else []
