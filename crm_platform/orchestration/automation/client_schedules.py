"""Two schedules per client, each to be paused by itself: its monthly shopping alert, and the next book of segments.

They are made when the code location loads: a client added later, or another day, needs a reload in the UI (Deployment).
"""

import datetime as dt
from typing import Any

import dagster as dg
import pyarrow.compute as pc

from crm_platform.clients import ScheduleSettings, day_in
from crm_platform.orchestration.automation.client_state import clients_under_way, delivered_to, deliveries_in
from crm_platform.orchestration.automation.deliveries_arrived import client_refused
from crm_platform.orchestration.automation.due_runs import due_runs
from crm_platform.orchestration.automation.messages import Messages
from crm_platform.orchestration.automation.other_code import is_other_code_installed
from crm_platform.orchestration.automation.refresh_client import refresh_client
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.partitions import CLIENT_TAG
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.segment_books import BOOK
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables.analyses import SEGMENT_BOOK

_SHORTEST_MONTH_DAYS = 28
Asked = dg.RunRequest | dg.SkipReason


def client_schedules(platform: Platform) -> list[dg.ScheduleDefinition]:
    """`monthly_alerts_<client>` and `segment_book_<client>` of every client of the catalogue.

    One whose file is wrong has them too, by the defaults; their ticks say what is wrong.
    """
    said = [(client_id, _said_by(platform, client_id)) for client_id in platform.catalogue.ids()]
    return [make(client_id, settings) for client_id, settings in said for make in (_monthly_alerts, _segment_book)]


def dagster_name(prefix: str, client_id: str) -> str:
    """A name of Dagster's, which has no '-', and no other client's: ids hold no capitals."""
    return f"{prefix}_{client_id.replace('-', 'X')}"


def schedule_names(client_id: str) -> tuple[str, str]:
    """What the client's two schedules are called."""
    return dagster_name("monthly_alerts", client_id), dagster_name("segment_book", client_id)


def cron_of(settings: ScheduleSettings) -> str:
    """The client's day and time as cron says it; a day that some months lack is sought among their last days."""
    hour, minute = settings.hour_and_minute
    days = settings.day if settings.day <= _SHORTEST_MONTH_DAYS else f"{_SHORTEST_MONTH_DAYS}-31"
    return f"{minute} {hour} {days} * *"


def awaited_day(settings: ScheduleSettings, moment: dt.datetime) -> dt.date | None:
    """The client's day of the month where the moment does not lie on it; None on that day itself."""
    today = moment.astimezone(settings.zone).date()
    wanted = day_in(Month.of(today), settings.day)
    return None if today == wanted else wanted


def book_is_due(platform: Platform, client_id: str, today: dt.date) -> str | None:
    """None where the term of the latest book has ended and the data reach its end; else why there is none to issue."""
    lake = platform.lake
    issued = lake.months(client_id, BOOK)
    if not issued:
        return "No book was issued yet; the first analysis issues one."
    valid_to: dt.date = pc.max(lake.read(client_id, SEGMENT_BOOK, issued[-1], ["valid_to"])["valid_to"]).as_py()
    if today <= valid_to:
        return f"The book of {issued[-1]} is in force to {valid_to}."
    reached = delivered_to(platform, client_id)
    if reached is None or reached < valid_to:
        return f"The term ended on {valid_to}, and the data reach {reached}: the next book needs them to its end."
    return None


def _monthly_alerts(client_id: str, settings: ScheduleSettings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=dagster_name("monthly_alerts", client_id),
        cron_schedule=cron_of(settings),
        description=f"{client_id}: its latest month with the shopping alert, on day {settings.day} of each month.",
        **_alike(client_id, settings),
    )
    def monthly_alerts(context: dg.ScheduleEvaluationContext, platform: Platform, messages: Messages) -> Asked:
        if awaited := awaited_day(settings, context.scheduled_execution_time):
            return dg.SkipReason(f"The day of this month is {awaited}.")
        return _asked(client_id, platform, messages, context)

    return monthly_alerts


def _segment_book(client_id: str, settings: ScheduleSettings) -> dg.ScheduleDefinition:
    hour, minute = settings.hour_and_minute

    @dg.schedule(
        name=dagster_name("segment_book", client_id),
        cron_schedule=f"{minute} {hour} * * *",
        description=f"{client_id}: the next book of segments, once the term of the present one has ended (R51).",
        **_alike(client_id, settings),
    )
    def segment_book(context: dg.ScheduleEvaluationContext, platform: Platform, messages: Messages) -> Asked:
        today = context.scheduled_execution_time.astimezone(settings.zone).date()
        try:
            reason = book_is_due(platform, client_id, today)
        except Refused as refused:
            return _refused(client_id, refused, messages, context)
        return dg.SkipReason(reason) if reason else _asked(client_id, platform, messages, context)

    return segment_book


def _alike(client_id: str, settings: ScheduleSettings) -> dict[str, Any]:
    return {
        "job": refresh_client,
        "execution_timezone": settings.time_zone,
        "default_status": dg.DefaultScheduleStatus.RUNNING,
        "tags": {CLIENT_TAG: client_id},
    }


def _asked(client_id: str, platform: Platform, messages: Messages, context: dg.ScheduleEvaluationContext) -> Asked:
    """The run that begins the client's refresh, or why there is none.

    With another version installed the code in memory decides nothing: the run looks, by that version, and what it found
    wanted waits for `deliveries_arrived`. Skipped, the client's day would be lost for a month.
    """
    if client_id in clients_under_way(context.instance):
        return dg.SkipReason("A run of the client is under way.")
    if not deliveries_in(platform, client_id):
        return dg.SkipReason("Nothing was delivered yet.")
    if is_other_code_installed():
        return dg.RunRequest(tags={CLIENT_TAG: client_id})
    try:
        due = due_runs(ClientData(platform, platform.catalogue.load(client_id)))
    except (Refused, OSError) as error:
        return _refused(client_id, error, messages, context)
    if not due:
        return dg.SkipReason("Everything that was delivered is analysed.")
    return dg.RunRequest(tags={CLIENT_TAG: client_id})


def _refused(
    client_id: str, error: Refused | OSError, messages: Messages, context: dg.ScheduleEvaluationContext
) -> dg.SkipReason:
    context.log.error(f"{client_id} is not refreshed: {error}")
    messages.tell(client_refused(client_id, error))
    return dg.SkipReason(f"Refused: {error}")


def _said_by(platform: Platform, client_id: str) -> ScheduleSettings:
    try:
        return platform.catalogue.load(client_id).schedule
    except Refused:
        return ScheduleSettings()
