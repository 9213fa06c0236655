"""Which months of a client must be made, and how a run over them is named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crm_platform.orchestration.assets import EVERY_MONTH
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.partitions import partition_key


def stale_spans(months: Iterable[ClientMonth]) -> list[list[ClientMonth]]:
    """The months whose lines or facts must be made, as runs of successive months."""
    spans: list[list[ClientMonth]] = []
    for at in months:
        if all(asset.recipe.is_current(at) for asset in EVERY_MONTH):
            continue
        if spans and at.month.minus(spans[-1][-1].month) == 1:
            spans[-1].append(at)
        else:
            spans.append([at])
    return spans


def span_tags(span: Sequence[ClientMonth]) -> dict[str, str]:
    """The tags of a run of one client over `span`; a single month needs its partition key besides."""
    client = span[0].client.id
    first, last = (str(partition_key(client, at.month)) for at in (span[0], span[-1]))
    if first == last:
        return {"client": client}
    return {"client": client, "dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
