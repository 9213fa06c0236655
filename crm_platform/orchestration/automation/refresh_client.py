"""What a client's schedule launches: a run that says what is stale of it, which `deliveries_arrived` then has made.

The job holds no asset. With an asset Dagster shows every schedule whose job makes it, and asks the database for the
state of each by itself: with two schedules of each of 200 clients its pages waited for seconds (decision 0013).
"""

import dagster as dg

from crm_platform.orchestration.automation.due_runs import WANTED, DueRun, due_runs
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.partitions import CLIENT_TAG, register_client
from crm_platform.orchestration.platform import Platform
from crm_platform.refusals import Refused


@dg.op
def look_at_what_is_stale(context: dg.OpExecutionContext, platform: Platform) -> None:
    """The months to be made of the client whom the run's tag `client` names, as metadata.

    A Failure without the tag, or where the client's files or a gate forbid it.
    """
    client_id = context.run.tags.get(CLIENT_TAG)
    if client_id is None:
        said = "This run does not say whose it is. Launch it with the tag `client`, and the client's id as its value."
        raise dg.Failure(said, allow_retries=False)
    try:
        due = due_runs(ClientData(platform, platform.catalogue.load(client_id)))
    except Refused as refused:
        raise dg.Failure(str(refused), allow_retries=False) from refused
    register_client(context.instance, client_id)
    said = "; ".join(map(_spelled, due)) or "nothing"
    context.log.info(f"{client_id}, to be made: {said}")
    context.add_output_metadata({"to_be_made": said})


@dg.job(
    tags=WANTED,
    description="Says what is stale of the client whom the tag `client` names. The sensor deliveries_arrived then "
    "launches that, facts first, also where the client waits for its day. Schedules launch this job; so may you.",
)
def refresh_client() -> None:
    """One op: see `look_at_what_is_stale`."""
    look_at_what_is_stale()


def _spelled(due: DueRun) -> str:
    return f"{due.job} of {due.months[0].month} to {due.months[-1].month}"
