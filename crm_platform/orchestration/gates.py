"""The gates of a client's project, held before everything that runs (R38, R39): in Dagster and on the command line.

Order lines and facts belong to the second stage, since the test totals are made of them; all else to the third. The
study (可能性検討) is what `deliverables` adds in `two_track/` once the production run is confirmed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from crm_platform.clients import Client, parse_intake_rules
from crm_platform.intake import rules_of
from crm_platform.intake.judging.control_totals import refuse_beyond_difference
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.since_passed import (
    Publishing,
    changes_since,
    confirmed_parts,
    deliveries_digest,
    projects_folder,
    specification_parts,
    totals_now,
)
from crm_platform.periods import Month
from crm_platform.projects import (
    DeliveryRecord,
    Gate,
    Ledger,
    Passage,
    Stage,
    gates_of,
    read_ledger,
    record,
    refuse_before,
)
from crm_platform.refusals import Refused
from crm_platform.reports import published_manifest


def specification_of(platform: Platform, client: Client) -> str:
    """Fingerprint of what is signed."""
    return digest_of(specification_parts(platform, client))


def ledger_of(platform: Platform, client: Client) -> Ledger:
    """What was recorded of the client's project."""
    return read_ledger(projects_folder(platform), client.id)


def gates_at(data: ClientData, publishing: Publishing | None = None) -> tuple[Gate, ...]:
    """The gates of the client's project as they are now; for `publishing` see `changes_since`."""
    ledger, specification = ledger_of(data.platform, data.client), specification_of(data.platform, data.client)
    return gates_of(ledger, specification, changes_since(data, ledger, specification, publishing))


def refuse_blocked(data: ClientData, stage: Stage, publishing: Publishing | None = None) -> None:
    """Refused where the client's project passes gates and one before `stage` is open."""
    if data.client.project.gates:
        refuse_before(stage, gates_at(data, publishing), data.client.id)


def blocked_because(data: ClientData, stage: Stage, publishing: Publishing | None = None) -> str | None:
    """Why the client's project cannot enter `stage`; None where it can, or passes no gates."""
    try:
        refuse_blocked(data, stage, publishing)
    except Refused as refused:
        return str(refused)
    return None


def stage_of(chapter: str, name: str) -> Stage:
    """To which stage an asset belongs."""
    return Stage.TEST_TOTALS if chapter == "facts" or name == "order_lines" else Stage.PRODUCTION


def sign_specification(platform: Platform, client: Client, by: str, on: dt.date) -> Passage:
    """Sign the specification of the data (仕様確認) as it is now; Refused where the client's file is not sound."""
    rules_of(client)
    parts = specification_parts(platform, client)
    return _passed(platform, client, Passage.of(Stage.SPECIFICATION, by, on, digest_of(parts), parts))


def accept_totals(data: ClientData, by: str, on: dt.date) -> Passage:
    """Accept the test totals (検収, R39), with their difference to the client's own figures per month.

    Refused where the specification is not signed, the client delivered no figures, or one differs beyond tolerance.
    """
    platform, client = data.platform, data.client
    refuse_before(Stage.TEST_TOTALS, gates_at(data), client.id)
    compared = totals_now(data)
    if not compared:
        raise Refused(
            f"'{client.id}' delivered no figures of its own to hold the test totals against.",
            f"Deliver them: crm-platform deliver --client {client.id} control_totals.tsv (month, orders, sales_jpy, …)",
        )
    rules = parse_intake_rules(client)
    refuse_beyond_difference(compared, rules.tolerated_total_difference_rate, rules.file)
    seen = {"totals": digest_of(compared), "deliveries": deliveries_digest(data)}
    fingerprint = specification_of(platform, client)
    return _passed(platform, client, Passage.of(Stage.TEST_TOTALS, by, on, fingerprint, seen, tuple(compared)))


def confirm_production(data: ClientData, month: Month, by: str, on: dt.date) -> Passage:
    """Confirm the deliverables of `month` (本番分析) as they lie in the outbox, file by file.

    Refused where a gate before is open, the outbox does not hold them, or `on` is before the last day of their data.
    """
    platform, client = data.platform, data.client
    refuse_before(Stage.PRODUCTION, gates_at(data), client.id)
    _refuse_before_data_end(data, month, on)
    seen = confirmed_parts({path: one["sha256"] for path, one in _published_files(data, month).items()})
    fingerprint = specification_of(platform, client)
    return _passed(platform, client, Passage.of(Stage.PRODUCTION, by, on, fingerprint, seen, month=str(month)))


def deliver_results(
    data: ClientData, month: Month, on: dt.date, people: Sequence[str], answers: Sequence[tuple[str, str]]
) -> DeliveryRecord:
    """Record that the deliverables of `month` were handed over (納品, R43), which starts the six months.

    Refused where a gate before is open, the outbox does not hold them, a text is personal, or `on` is before the last
    day of their data.
    """
    platform, client = data.platform, data.client
    refuse_blocked(data, Stage.STUDY)
    handed_over, fingerprint = digest_of(_published_files(data, month)), specification_of(platform, client)
    _refuse_before_data_end(data, month, on)
    delivery = DeliveryRecord.of(month, on, tuple(people), tuple(answers), fingerprint, handed_over)
    record(projects_folder(platform), client.id, delivery)
    return delivery


def project_record(data: ClientData, month: Month, publishing: Publishing | None = None) -> dict[str, Any] | None:
    """What the manifest of a month says of the project: gates passed, open, deliveries so far; None without one."""
    ledger = ledger_of(data.platform, data.client)
    if not data.client.project.gates and not ledger.deliveries:
        return None
    passages = [ledger.latest(stage) for stage in Stage]
    told = [one for one in ledger.deliveries if Month.parse(one.month) <= month]
    gates = gates_at(data, publishing) if data.client.project.gates else ()
    return {
        "gates": [_shortened(one) for one in passages if one],
        "open": {gate.stage: gate.open_because for gate in gates if not gate.is_passed},
        "deliveries": [one.to_json() for one in told],
    }


def _shortened(passage: Passage) -> dict[str, Any]:
    """A passage for the manifest: one digest of all that was seen, and the number of accepted figures."""
    told = {"totals": len(passage.totals), "content_sha256": digest_of(passage.seen)}
    return {name: value for name, value in {**passage.to_json(), **told}.items() if name != "seen"}


def _published_files(data: ClientData, month: Month) -> dict[str, Any]:
    """The files of the month by path, as its manifest lists them; Refused where the outbox does not hold them whole."""
    try:
        published = published_manifest(data.platform.outbox, data.client.id, month)
    except (ValueError, LookupError, TypeError):
        published = None
    if published is None:
        raise Refused(
            f"the outbox does not hold the deliverables of '{data.client.id}' for {month}.",
            f"Make them: crm-platform refresh --client {data.client.id} --month {month}",
        )
    files: dict[str, Any] = published["files"]
    return files


def _refuse_before_data_end(data: ClientData, month: Month, on: dt.date) -> None:
    """Nothing can be looked at or handed over before the last day of the data that it was made from."""
    stored = data.lake.provenance(data.client.id, "deliverables", month)  # a later delivery may reach further by now
    data_end = dt.date.fromisoformat(stored.made_from.inputs["as_of"]) if stored else data.at(month).as_of
    if on < data_end:
        raise Refused(
            f"the deliverables of '{data.client.id}' for {month} hold data to {data_end}, which is after {on}.",
            f"Give the day on which it was done, {data_end} or later: a record is never taken back.",
        )


def _passed(platform: Platform, client: Client, passage: Passage) -> Passage:
    record(projects_folder(platform), client.id, passage)
    return passage
