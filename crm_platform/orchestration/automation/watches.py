"""Who is told that a run failed, that a client's month did not come, or that a delivery is not analysed (R91)."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping

import dagster as dg

from crm_platform.clients import Client, ScheduleSettings, client_folder, day_in
from crm_platform.intake import refuse_lost
from crm_platform.orchestration.automation.client_state import client_of, delivered_to, deliveries_in
from crm_platform.orchestration.automation.messages import Message, Messages
from crm_platform.orchestration.automation.take_delivery import TOLD_TAG
from crm_platform.orchestration.dead_runs import end_dead_runs
from crm_platform.orchestration.jobs import analyse_month
from crm_platform.orchestration.partitions import read_keys
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month
from crm_platform.refusals import Refused

_PATIENCE = dt.timedelta(days=1)  # between a delivery and its analysis
_PATIENCE_TO_ITS_DAY = dt.timedelta(days=32)  # of a client that is analysed on its day of the month alone
_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A message for each run that failed: client, months, step. The reason stands in the UI alone.",
)
def run_failed(context: dg.RunFailureSensorContext, messages: Messages) -> dg.SkipReason | None:
    """One message; none for a refused delivery, which has its own."""
    run = context.dagster_run
    if TOLD_TAG in run.tags:
        return dg.SkipReason("The refusal of these files was told.")
    steps = [str(event.step_key) for event in context.get_step_failure_events()]
    messages.tell(failure_of(run, steps))
    return None


@dg.sensor(
    minimum_interval_seconds=3_600,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Once an hour: a client's closed month that has not come by its day, a delivery that is not analysed.",
)
def overdue(context: dg.SensorEvaluationContext, platform: Platform, messages: Messages) -> dg.SensorResult:
    """A message for each breach, once; and another try for messages that could not go out."""
    before, now = set(json.loads(context.cursor or "[]")), dt.datetime.now(dt.UTC)
    breaches = breaches_at(now, platform, context.instance)
    for key in breaches.keys() - before:
        messages.tell(breaches[key])
    for failed in messages.send_unsent():
        context.log.error(f"messages wait to go out: {failed}")
    reason = f"{len(breaches)} breaches, {len(breaches.keys() - before)} of them new."
    return dg.SensorResult(skip_reason=reason, cursor=json.dumps(sorted(breaches)))


def breaches_at(now: dt.datetime, platform: Platform, instance: dg.DagsterInstance) -> dict[str, Message]:
    """Every breach at the instant `now`, by what makes it another: client and month, or client and delivery.

    Clients that delivered nothing yet, whose file is wrong or of which a delivery is lost (which `deliveries_arrived`
    tells), are left out.
    """
    found: dict[str, Message] = {}
    for client_id in platform.catalogue.ids():
        try:
            if deliveries_in(platform, client_id):
                found |= dict(_breaches_of(platform.catalogue.load(client_id), now, platform, instance))
        except Refused:
            continue
    return found


def missing_month(schedule: ScheduleSettings, now: dt.datetime, delivered: dt.date | None) -> Month | None:
    """The last month that should have been delivered whole by now, where it is not; None where all is well."""
    today = now.astimezone(schedule.zone).date()
    this = Month.of(today)
    is_past = today > day_in(this, schedule.expects_by_day)
    expected = this.plus(-1 if is_past else -2)
    return expected if delivered is None or delivered < expected.last_day else None


def failure_of(run: dg.DagsterRun, steps: list[str]) -> Message:
    """What is told of a run that failed. Its error may name a customer, and stays in the UI."""
    client, months = client_of(run.tags), _months_of(run.tags)
    where = f" at {', '.join(steps)}" if steps else " before its first step, or was ended from outside"
    text = f"{run.job_name} failed{where}."
    return Message("run_failed", text, f"Open run {run.run_id} in the UI; it says why.", client, months)


def tell_dead_runs(instance: dg.DagsterInstance, messages: Messages) -> None:
    """End every run that a killed process of this machine left behind, and tell of those that were a command's.

    Of the daemon's own the sensor `run_failed` tells.
    """
    for run in end_dead_runs(instance):
        if run.remote_job_origin is None:
            messages.tell(failure_of(run, []))


def _breaches_of(
    client: Client, now: dt.datetime, platform: Platform, instance: dg.DagsterInstance
) -> Iterator[tuple[str, Message]]:
    schedule = client.schedule
    refuse_lost(platform.inbox, client.id)
    missing = missing_month(schedule, now, delivered_to(platform, client.id)) if schedule.expects_by_day else None
    if missing:
        text = f"{missing} is not delivered whole, which was expected by day {schedule.expects_by_day}."
        remedy = "Ask the client for its files; where none will come, set expects_by_day = 0 in its [schedule]."
        yield f"{client.id} {missing}", Message("data_overdue", text, remedy, client.id, str(missing))
    newest, arrived = _newest_delivery(platform, client.id)
    patience = _PATIENCE if schedule.on_delivery else _PATIENCE_TO_ITS_DAY
    if now - arrived > patience and not _was_analysed_since(arrived, client.id, instance):
        text = f"The delivery {newest} of {arrived:%Y-%m-%d} is not analysed."
        remedy = f"See whether a run failed or waits; else crm-platform refresh --client {client.id}"
        yield f"{client.id} {newest}", Message("analyses_overdue", text, remedy, client.id)


def _newest_delivery(platform: Platform, client_id: str) -> tuple[str, dt.datetime]:
    """The name of the latest delivery, and when it was put in the inbox."""
    name = deliveries_in(platform, client_id)[-1]
    receipt = client_folder(platform.inbox, client_id, name) / "receipt.json"
    return name, dt.datetime.fromtimestamp(receipt.stat().st_mtime, dt.UTC)


def _was_analysed_since(arrived: dt.datetime, client_id: str, instance: dg.DagsterInstance) -> bool:
    asked = dg.RunsFilter(
        job_name=analyse_month.name,
        tags={"client": client_id},
        statuses=[dg.DagsterRunStatus.SUCCESS],
        created_after=arrived,
    )
    return instance.get_runs_count(asked) > 0


def _months_of(tags: Mapping[str, str]) -> str | None:
    keys = [tags[tag] for tag in _PARTITION_TAGS if tag in tags]
    months = [str(key.month) for key in read_keys(keys)]
    return " to ".join(dict.fromkeys(months)) or None
