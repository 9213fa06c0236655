"""All subscriptions a part at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import ibis
from ibis import _

_PART_DELIVERIES = 4_000_000  # some hundred MiB while they are put in order
_SAMPLED_DELIVERIES = 200_000


def parts_of(deliveries: ibis.Table) -> Iterator[ibis.Table]:
    """Spans of subscription numbers with about as many deliveries each, so that a part reads its own rows only.

    Tables rest in the order of their numbers, so a span is a stretch of every file. The numbers at the ends are found
    in a sample of subscriptions drawn by hash: the same whatever the order of the rows.
    """
    cuts = _cuts(deliveries)
    for first, end in zip([None, *cuts], [*cuts, None], strict=True):
        rows = deliveries if first is None else deliveries.filter(_.subscription_id >= first)
        yield rows if end is None else rows.filter(rows.subscription_id < end)


def _cuts(deliveries: ibis.Table) -> list[str]:
    number = deliveries.count().to_pyarrow().as_py()
    parts, every = number // _PART_DELIVERIES + 1, number // _SAMPLED_DELIVERIES + 1
    if parts == 1:
        return []
    drawn = deliveries.filter(_.subscription_id.hash() % every == 0).select("subscription_id")
    ids = sorted(drawn.to_pyarrow()["subscription_id"].to_pylist())
    return sorted({ids[len(ids) * place // parts] for place in range(1, parts)}) if ids else []
