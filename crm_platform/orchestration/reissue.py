"""The job that issues another book of segments inside a term: the one thing that changes a segment before its end."""

import dagster as dg

from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.gates import refuse_blocked
from crm_platform.orchestration.partitions import client_months, read_keys
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.segment_books import BOOK, reissue_book
from crm_platform.projects import Stage
from crm_platform.refusals import Refused


class Reissue(dg.Config):
    """Why the book must go; kept in the new book's record."""

    reason: str


@dg.op(description="Another book of segments from the month's forecasts; the former is kept beside it.")
def issue_another_book(context: dg.OpExecutionContext, config: Reissue, platform: Platform) -> None:
    """Reissue the book of the run's client and month."""
    (key,) = read_keys([context.partition_key])
    at = ClientData(platform, platform.catalogue.load(key.client)).at(key.month)
    try:
        refuse_blocked(at.data, Stage.PRODUCTION)
        with platform.lake.alone(key.client):
            book = reissue_book(at, config.reason)
    except Refused as refused:
        raise dg.Failure(str(refused), allow_retries=False) from refused
    told = {name: value for name, value in book.to_json().items() if value is not None}
    context.log_event(dg.AssetMaterialization(asset_key=BOOK, partition=context.partition_key, metadata=told))


@dg.job(
    partitions_def=client_months,
    description="Reissue the segments of one client and month, for a stated reason; then run analyse_month.",
)
def reissue_segments() -> None:
    """One step: whatever is read from the book is made again by `analyse_month`."""
    issue_another_book()
