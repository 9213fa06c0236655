"""Several months of a client, one after another: each analysis finds the book of the month before it (R51)."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.runs import Listener, RunReport, client_at, run_platform
from crm_platform.periods import Month, months_between
from crm_platform.refusals import Refused


def backfill_client(
    platform: Platform,
    client_id: str,
    first: Month | None,
    last: Month | None,
    instance: dg.DagsterInstance,
    listen: Listener,
) -> Iterator[tuple[Month, RunReport]]:
    """Bring the client's months from `first` to `last` up to date, each by default the latest; yields month by month.

    What is current is kept, so that a backfill that was stopped goes on where it was.

    Raises:
        Refused: the months run backwards or lie outside the data, or `run_platform` refuses.
    """
    latest = client_at(platform, client_id, last).month
    earliest = client_at(platform, client_id, first or latest).month
    if earliest > latest:
        raise Refused(f"{earliest} comes after {latest}.", "Name the earlier month with --from, the later with --to.")
    for month in months_between(earliest, latest):
        yield month, run_platform(platform, client_id, month, instance, listen)
