"""The sensor that looks into `data/arrivals` and asks for what is whole."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from crm_platform.lake import digest_of
from crm_platform.orchestration.automation.arrivals import Arrival, arrivals_of, clients_with_arrivals, sweep
from crm_platform.orchestration.automation.client_state import clients_under_way
from crm_platform.orchestration.automation.messages import Message, Messages
from crm_platform.orchestration.automation.other_code import waits_for_restart
from crm_platform.orchestration.automation.take_delivery import arrivals_folder, refusal_of, take, take_delivery
from crm_platform.orchestration.partitions import CLIENT_TAG
from crm_platform.orchestration.platform import Platform
from crm_platform.refusals import Refused

ARRIVAL_TAG = "arrival"
_MOST_TRIES = 3  # of the same files, where a run was killed or the disk full; a refusal is final at once


@dg.sensor(
    job=take_delivery,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Whole folders in data/arrivals/<client>/ become deliveries: one of each client at a time, by name.",
)
def arrivals_complete(
    context: dg.SensorEvaluationContext, platform: Platform, messages: Messages
) -> dg.SensorResult | dg.SkipReason:
    """A folder is asked for when it is whole and as it was at the tick before; a refused one once it changes."""
    if reason := waits_for_restart(messages):  # a run of another version may not know what this one asks for
        return dg.SkipReason(reason)
    seen = json.loads(context.cursor or "{}")
    look = Look(arrivals_folder(platform), context.instance, messages, seen.get("states", {}))
    told, busy, known = seen.get("told", {}), clients_under_way(context.instance), set(platform.catalogue.ids())
    requests = list[dg.RunRequest]()
    for client_id in clients_with_arrivals(look.root):
        try:
            if client_id not in known:
                raise Refused("a folder of arrivals is no client's.", "Name it after a client of data/clients.")
            if client_id not in busy and (request := look.next_of(client_id)):
                requests.append(request)
            told.pop(client_id, None)
        except (Refused, OSError) as error:  # one client's arrivals must not stop the others
            context.log.error(f"arrivals are left alone: {error}")
            messages.tell_once(Message("arrivals_unusable", str(error), "Look into data/arrivals."), told, client_id)
    cursor = json.dumps({"states": look.states, "told": told})
    if requests:
        return dg.SensorResult(run_requests=requests, cursor=cursor)
    reason = "; ".join(look.waiting) or "No folder of arrivals waits."
    return dg.SensorResult(skip_reason=reason, cursor=cursor)


@dataclass
class Look:
    """One look at all arrivals: their states at the look before, and now; and what is waited for."""

    root: Path
    instance: dg.DagsterInstance
    messages: Messages
    before: dict[str, str]
    states: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def next_of(self, client_id: str) -> dg.RunRequest | None:
        """The run that takes the client's first folder that is whole; None where there is none."""
        sweep(self.root, client_id)
        for arrival in arrivals_of(self.root, client_id):
            if arrival.is_refused:
                continue
            try:
                reason = arrival.waits_for or self._unsettled(arrival)
            except Refused as refused:
                arrival.refuse(str(refused))
                self.messages.tell(refusal_of(arrival))
                continue
            request = None if reason else _request(arrival, self.instance)
            if request:
                return request
            self.waiting.append(f"{arrival.place} waits for {reason or f'a change: {_MOST_TRIES} runs failed'}")
        return None

    def _unsettled(self, arrival: Arrival) -> str | None:
        """A copy may bring COMPLETE before the rest: what is whole must look the same twice."""
        key = digest_of([arrival.client, arrival.name])[:16]
        self.states[key] = arrival.state
        return None if self.before.get(key) == arrival.state else "the next look, which must be the same"


def _request(arrival: Arrival, instance: dg.DagsterInstance) -> dg.RunRequest | None:
    """The run that takes the arrival; None where as many as may be tried have come to nothing."""
    tag = digest_of([arrival.client, arrival.name, arrival.state])[:16]
    tries = len(instance.get_run_ids(dg.RunsFilter(tags={ARRIVAL_TAG: tag}), limit=_MOST_TRIES))
    if tries == _MOST_TRIES:
        return None
    return dg.RunRequest(
        run_key=f"{tag}|{tries}",
        run_config={"ops": {take.name: {"config": {"client": arrival.client, "folder": arrival.name}}}},
        tags={CLIENT_TAG: arrival.client, ARRIVAL_TAG: tag},
    )
