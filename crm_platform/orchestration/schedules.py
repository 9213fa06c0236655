"""What runs by itself: every client's shopping alert, once a month (R89, R91).

A schedule launches one job only. It asks for the facts, tagged with what shall follow; the sensor asks for the analysis
when they are there.
"""

from collections.abc import Iterator

import dagster as dg

from crm_platform.intake import read_inbox
from crm_platform.lake import digest_of
from crm_platform.orchestration.assets import MONTHS_ASKED_FOR
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.gates import refuse_blocked
from crm_platform.orchestration.jobs import analyse_month, backfill_facts
from crm_platform.orchestration.partitions import TIME_ZONE, partition_key, register_client
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.recipe import everything
from crm_platform.orchestration.stale_months import span_tags, stale_spans
from crm_platform.periods import Month
from crm_platform.projects import Stage
from crm_platform.refusals import Refused

EARLY_ON_THE_THIRD = "0 4 3 * *"  # the deliveries of the month before are in by then
THEN, MONTH, STATE = "then", "month", "state"  # the tags by which the two runs of a refresh belong together
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def refresh_due(data: ClientData) -> dg.RunRequest | None:
    """The run that begins to bring the client's latest month up to date; None where everything is current.

    It is one of `backfill_facts` over all stale months at once, those between them included, which are kept; over the
    latest month where only analyses are stale. Refused where the deliveries cannot be read.
    """
    months = [data.at(month) for month in data.months()]
    latest, spans = months[-1], stale_spans(months)
    if not spans and all(asset.recipe.is_current(latest) for asset in MONTHS_ASKED_FOR):
        return None
    first, last = (spans[0][0], spans[-1][-1]) if spans else (latest, latest)
    state = _state_of(latest)
    return dg.RunRequest(
        run_key=f"{partition_key(data.client.id, latest.month)}|{state}",
        partition_key=partition_key(data.client.id, last.month) if first == last else None,
        tags={**span_tags([first, last]), THEN: analyse_month.name, MONTH: str(latest.month), STATE: state},
    )


@dg.schedule(
    cron_schedule=EARLY_ON_THE_THIRD,
    execution_timezone=TIME_ZONE,
    target=backfill_facts,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every client's latest month, with its shopping alert: facts first, then analyse_month by the sensor.",
)
def monthly_alerts(
    context: dg.ScheduleEvaluationContext, platform: Platform
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One request for each client of the catalogue with deliveries that are not analysed yet."""
    requested, refused = 0, []
    for client_id in platform.catalogue.ids():
        try:
            request = _request_for(platform, client_id, context.instance)
        except (Refused, OSError) as error:  # one client's files must not stop the others
            context.log.error(f"{client_id} is not refreshed: {error}")
            refused.append(client_id)
            continue
        if request is not None:
            requested += 1
            yield request
    if not requested:
        reason = "No client has anything that is not analysed already or under way."
        yield dg.SkipReason(f"{reason} Refused, see the log: {', '.join(refused)}." if refused else reason)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[backfill_facts],
    request_job=analyse_month,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="After the facts that monthly_alerts asked for: the analyses and deliverables of the client's month.",
)
def analyse_after_facts(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """The second half of a refresh; facts that somebody made by hand ask for none."""
    tags = context.dagster_run.tags
    if tags.get(THEN) != analyse_month.name:
        return dg.SkipReason("These facts were made by hand, and ask for no analysis.")
    return dg.RunRequest(
        run_key=context.dagster_run.run_id,
        partition_key=partition_key(tags["client"], Month.parse(tags[MONTH])),
        tags={name: tags[name] for name in ("client", MONTH, STATE)},
    )


SCHEDULES = (monthly_alerts,)
SENSORS = (analyse_after_facts,)


# --- inside -----------------------------------------------------------------------------------------------------------


def _request_for(platform: Platform, client_id: str, instance: dg.DagsterInstance) -> dg.RunRequest | None:
    client = platform.catalogue.load(client_id)
    if not read_inbox(platform.inbox, client_id):
        return None
    data = ClientData(platform, client)
    refuse_blocked(data, Stage.PRODUCTION)
    request = refresh_due(data)
    if request is None or _is_under_way(request, instance):
        return None
    register_client(instance, client_id)
    return request


def _is_under_way(request: dg.RunRequest, instance: dg.DagsterInstance) -> bool:
    """Whether a run for the same state waits or works; Dagster compares run keys within one tick of a schedule only."""
    tags = {name: request.tags[name] for name in ("client", STATE)}
    return bool(instance.get_runs(dg.RunsFilter(tags=tags, statuses=_UNFINISHED), limit=1))


def _state_of(at: ClientMonth) -> str:
    """A digest of all that decides the month: deliveries, what the client's file says, code."""
    receipts = [delivery.receipt for delivery in at.data.deliveries]
    return digest_of([receipts, everything(at.client), code_digest("reports")])[:16]
