"""The one partitioning of every asset: client × month (docs/decisions/0001-one-partitioning.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import dagster as dg

from crm_platform.periods import Month
from crm_platform.refusals import Refused

FIRST_MONTH = Month(2009, 1)  # no order before it is admitted (intake)
LINEAGE_MONTHS = 60  # how far back the UI draws the lineage; computations read all of a client's history
TIME_ZONE = "Asia/Tokyo"
CLIENT_TAG = "client"  # of a run; Dagster lets one at a time through for each
PARTITION_CLIENT_TAG = "dagster/partition/client"  # by which Dagster itself names the client of a run of one partition
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

clients = dg.DynamicPartitionsDefinition(name="client")
months = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH.first_day.isoformat(), timezone=TIME_ZONE, end_offset=1)
client_months = dg.MultiPartitionsDefinition({"client": clients, "month": months})

same_month = dg.MultiPartitionMapping(
    {
        "client": dg.DimensionPartitionMapping("client", dg.IdentityPartitionMapping()),
        "month": dg.DimensionPartitionMapping("month", dg.IdentityPartitionMapping()),
    }
)
months_up_to = dg.MultiPartitionMapping(
    {
        "client": dg.DimensionPartitionMapping("client", dg.IdentityPartitionMapping()),
        "month": dg.DimensionPartitionMapping(
            "month",
            dg.TimeWindowPartitionMapping(start_offset=1 - LINEAGE_MONTHS, allow_nonexistent_upstream_partitions=True),
        ),
    }
)


class ClientMonthKey(NamedTuple):
    """A partition key, read."""

    client: str
    month: Month


def partition_key(client: str, month: Month) -> dg.MultiPartitionKey:
    """The key of a client's month."""
    return dg.MultiPartitionKey({"client": client, "month": month.first_day.isoformat()})


def partition_prefix(client: str) -> str:
    """How every partition key of the client begins, and none of another's."""
    return f"{client}|"


def register_client(instance: dg.DagsterInstance, client_id: str) -> None:
    """Make the client a partition, so that the UI offers it; does nothing where it is one."""
    instance.add_dynamic_partitions(str(clients.name), [client_id])


def read_keys(keys: Iterable[str]) -> list[ClientMonthKey]:
    """Partition keys in order of client and month; Dagster hands them over in none."""
    parsed = (client_months.get_partition_key_from_str(key).keys_by_dimension for key in keys)
    return sorted(ClientMonthKey(key["client"], Month.parse(key["month"])) for key in parsed)


def refuse_lost_months(tags: Mapping[str, str], keys: Sequence[ClientMonthKey]) -> None:
    """Refused where the run's tags speak of a range of months and Dagster hands over the first of them alone.

    It does so for a backfill launched on the page of a job, and would call it a success.
    """
    said = {tags[tag] for tag in RANGE_TAGS if tag in tags}
    if not said <= {str(partition_key(*key)) for key in keys}:
        raise Refused(
            f"this run is to make the months {' to '.join(sorted(said))}, and Dagster gives it {len(keys)} of them.",
            "Launch the backfill not on the page of a job but in the lineage: choose its assets there (facts by the "
            'filter group:"facts" or key:"order_lines"), Materialize all. Or, with facts and analyses of each month: '
            f"{_backfill_command(read_keys(said))}",
        )


def client_of_months(tags: Mapping[str, str]) -> str | None:
    """The client of a run over months, by the tags that Dagster gives it; None where it is over none, or over more."""
    ends = {key.client for key in read_keys(tags[tag] for tag in RANGE_TAGS if tag in tags)}
    if ends:
        return ends.pop() if len(ends) == 1 else None
    return tags.get(PARTITION_CLIENT_TAG)


def _backfill_command(ends: Sequence[ClientMonthKey]) -> str:
    first, last = ends[0], ends[-1]
    if first.client != last.client:
        return "crm-platform backfill --all"
    return f"crm-platform backfill --client {first.client} --from {first.month} --to {last.month}"


def client_of_run(keys: Sequence[ClientMonthKey]) -> str:
    """The one client of a run; Refused where there are more, of whom the refusal of one would stop the others.

    Nor would such a run be of any client for the limit of one run per client, or for who deletes one.
    """
    clients_of_run = sorted({key.client for key in keys})
    if len(clients_of_run) > 1:
        few = ", ".join(clients_of_run[:3]) + (", …" if len(clients_of_run) > 3 else "")
        raise Refused(
            f"this run is over {len(clients_of_run)} clients ({few}); each needs runs of its own.",
            "Launch one backfill per client: choose one in the dialog. Or all at once: crm-platform backfill --all",
        )
    return clients_of_run[0]
