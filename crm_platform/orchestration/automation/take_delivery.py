"""A whole folder of arrivals becomes a delivery in the inbox, exactly as by `crm-platform deliver`."""

from pathlib import Path

import dagster as dg

from crm_platform.intake import Accepted, read_files
from crm_platform.orchestration.automation.arrivals import REFUSED, Arrival, arrival_named
from crm_platform.orchestration.automation.messages import Message, Messages
from crm_platform.orchestration.delivering import take_files
from crm_platform.orchestration.partitions import register_client
from crm_platform.orchestration.platform import Platform
from crm_platform.refusals import Refused

TOLD_TAG = "told"  # on a run whose failure has its own message


class Taking(dg.Config):
    """Whose folder of arrivals."""

    client: str
    folder: str


@dg.op
def take(context: dg.OpExecutionContext, config: Taking, platform: Platform, messages: Messages) -> None:
    """Examine the files and put them in the inbox; then the folder is removed. Refused: it stays, with the reason."""
    arrival = arrival_named(arrivals_folder(platform), config.client, config.folder)
    if not arrival.folder.is_dir():
        context.log.info(f"{config.folder} is not there: it was taken before.")
        return
    try:
        accepted = _taken(arrival, platform)
    except Refused as refused:
        arrival.refuse(str(refused))
        messages.tell(refusal_of(arrival))
        context.instance.add_run_tags(context.run_id, {TOLD_TAG: "yes"})
        raise dg.Failure(str(refused), allow_retries=False) from refused
    register_client(context.instance, arrival.client)
    if Arrival(arrival.client, arrival.folder).state == arrival.state:  # else something came late: looked at again
        arrival.remove()
    again = "delivered before with the same content: nothing to do" if accepted.is_known else "in the inbox"
    context.log.info(f"{config.client}: {accepted.folder.name}, {again}")
    context.add_output_metadata({"delivery": accepted.folder.name, "known_before": accepted.is_known})


@dg.job(description="The files of data/arrivals/<client>/<folder> become a delivery in the inbox, or are refused.")
def take_delivery() -> None:
    """One op: see `take`."""
    take()


def arrivals_folder(platform: Platform) -> Path:
    """Where raw files are dropped, a folder per client."""
    return platform.data / "arrivals"


def refusal_of(arrival: Arrival) -> Message:
    """What is told of a refused arrival: where to read why, and no value of its files."""
    what_to_do = f"Read {REFUSED} there; mend the files there, or drop them again in a new folder."
    return Message("delivery_refused", f"The files of {arrival.place} are not taken.", what_to_do, arrival.client)


def _taken(arrival: Arrival, platform: Platform) -> Accepted:
    """The delivery in the inbox; a Failure where the folder is no longer whole, or changed while it was read."""
    client = platform.catalogue.load(arrival.client)
    if reason := arrival.waits_for:
        raise dg.Failure(f"{arrival.place} waits for {reason} again.", allow_retries=False)
    files, data_to = read_files(list(arrival.files.values())), arrival.data_to
    if Arrival(arrival.client, arrival.folder).state != arrival.state:
        raise dg.Failure(f"{arrival.place} changed while it was read.", allow_retries=False)
    return take_files(platform, client, files, data_to=data_to)
