"""The sensor that starts exactly what a delivery touches: of that client only, and of its months only (R11, R91).

Each tick looks at every client from outside. Read is only one whose fingerprint differs from that of the tick at which
nothing was left to ask for, or of which a run has ended since.
"""

import datetime as dt
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import dagster as dg

from crm_platform.orchestration.automation.client_state import (
    broken_off,
    client_of,
    clients_under_way,
    deliveries_in,
    fingerprint,
    last_success,
)
from crm_platform.orchestration.automation.due_runs import WANTED, due_runs
from crm_platform.orchestration.automation.messages import Message, Messages
from crm_platform.orchestration.automation.other_code import waits_for_restart
from crm_platform.orchestration.automation.watches import tell_dead_runs
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.jobs import analyse_month, backfill_facts
from crm_platform.orchestration.partitions import register_client
from crm_platform.orchestration.platform import Platform
from crm_platform.refusals import Refused

_READING_SECONDS = 1.5  # after which a tick leaves the other clients to the next; Dagster gives one client's reading 60
_BEGINNING = dt.datetime(2009, 1, 1, tzinfo=dt.UTC)
_MOST_RUNS = 1_000  # that may end between two ticks


@dataclass
class Seen:
    """What the sensor remembers: its cursor.

    `asked`: the fingerprint of each client for which everything due was asked for; `again`: clients to be read whatever
    their fingerprint, and whether a schedule wants them analysed; `told`: the last refusal of each; `runs_to`: the last
    change of a run that was seen.
    """

    asked: dict[str, str] = field(default_factory=dict)
    again: dict[str, bool] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    runs_to: str = _BEGINNING.isoformat()

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Self:
        """Read what `to_cursor` wrote, of another version what this one knows; a first tick has seen nothing."""
        known = {one.name for one in fields(cls)}
        said: dict[str, Any] = json.loads(cursor) if cursor else {}
        return cls(**{name: value for name, value in said.items() if name in known})

    def to_cursor(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    def look_at_runs(self, instance: dg.DagsterInstance) -> None:
        """Note the clients of all runs that changed since the tick before."""
        since = dg.RunsFilter(updated_after=_no_later_than_now(dt.datetime.fromisoformat(self.runs_to)))
        for record in instance.get_run_records(since, limit=_MOST_RUNS, order_by="update_timestamp"):
            tags = record.dagster_run.tags
            if client := client_of(tags):
                self.again[client] = self.again.get(client, False) or WANTED.items() <= tags.items()
            self.runs_to = max(self.runs_to, record.update_timestamp.astimezone(dt.UTC).isoformat())

    def forget_all_but(self, clients: Iterable[str]) -> None:
        """Drop clients that are in the catalogue no more."""
        kept = set(clients)
        memories: tuple[dict[str, Any], ...] = (self.asked, self.again, self.told)
        for known in memories:
            for client in known.keys() - kept:
                del known[client]


@dg.sensor(
    jobs=[backfill_facts, analyse_month],
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A delivery in the inbox, or a changed file of a client: its stale months, and when these are made, "
    "the analyses of its latest month. A new client is registered.",
)
def deliveries_arrived(
    context: dg.SensorEvaluationContext, platform: Platform, messages: Messages
) -> dg.SensorResult | dg.SkipReason:
    """One request for each stretch of stale months of each client; then one for the analyses."""
    seen, clients = Seen.from_cursor(context.cursor), platform.catalogue.ids()
    tell_dead_runs(context.instance, messages)
    if reason := waits_for_restart(messages):
        return dg.SensorResult(skip_reason=reason, cursor=seen.to_cursor())
    seen.forget_all_but(clients)
    seen.look_at_runs(context.instance)
    busy, until = clients_under_way(context.instance), time.monotonic() + _READING_SECONDS
    requests, later = list[dg.RunRequest](), list[str]()
    for client_id in sorted(clients, key=lambda one: one in seen.told):  # one that cannot be read delays nobody
        state = fingerprint(platform, client_id)
        if client_id in busy or (seen.asked.get(client_id) == state and client_id not in seen.again):
            continue
        if time.monotonic() > until:
            later.append(client_id)
            continue
        try:
            requests += _due(platform, context.instance, client_id, state, is_wanted=seen.again.get(client_id, False))
            seen.told.pop(client_id, None)
        except (Refused, OSError) as error:  # one client's files must not stop the others
            context.log.error(f"{client_id} is not refreshed: {error}")
            messages.tell_once(client_refused(client_id, error), seen.told, client_id)
            if isinstance(error, OSError):  # a busy disk may recover, so it is read again
                continue
        seen.asked[client_id] = state
        seen.again.pop(client_id, None)
    if requests:
        return dg.SensorResult(run_requests=requests, cursor=seen.to_cursor())
    return dg.SensorResult(skip_reason=_nothing_because(seen, busy, later), cursor=seen.to_cursor())


def _no_later_than_now(seen_to: dt.datetime) -> dt.datetime:
    """From where to look; where the clock was set back, the day before now, for runs ended by either time."""
    now = dt.datetime.now(dt.UTC)
    return seen_to if seen_to <= now else now - dt.timedelta(days=1)


def client_refused(client_id: str, error: Refused | OSError) -> Message:
    """What is told where a client's file, its deliveries or a gate forbid what is due."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    what_to_do = f"Mend it; crm-platform refresh --client {client_id} says whether all is well."
    return Message("client_refused", said, what_to_do, client_id)


def _due(
    platform: Platform, instance: dg.DagsterInstance, client_id: str, state: str, *, is_wanted: bool
) -> list[dg.RunRequest]:
    """What is due of the client; nothing where it delivered nothing, or waits for its own day."""
    client = platform.catalogue.load(client_id)
    if not deliveries_in(platform, client_id) or not (client.schedule.on_delivery or is_wanted):
        return []
    due = due_runs(ClientData(platform, client))
    if due:
        register_client(instance, client_id)
    key = f"{state[:16]}|{last_success(instance, client_id)[:8]}|{broken_off(instance, client_id)}" if due else ""
    return [run.request(key, is_wanted=is_wanted) for run in due]


def _nothing_because(seen: Seen, busy: Iterable[str], later: Iterable[str]) -> str:
    said = ["No client has anything that is not analysed already or asked for."]
    for reason, clients in (("Under way", busy), ("Left to the next tick", later), ("Refused, see the log", seen.told)):
        if names := ", ".join(sorted(clients)):
            said.append(f"{reason}: {names}.")
    return " ".join(said)
