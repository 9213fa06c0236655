"""The gates of a client's project, held before everything that runs (R38, R39): in Dagster and on the command line.

Order lines and facts belong to the second stage, since the test totals are made of them; all else to the third. The
study (可能性検討) is what `deliverables` adds in `two_track/` once the production run is confirmed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis

from crm_platform.clients import Client, parse_intake_rules
from crm_platform.clients.mapping import with_preset
from crm_platform.intake import rules_of
from crm_platform.intake.drafting.adoption import definition_path
from crm_platform.intake.judging.control_totals import compare_totals, refuse_beyond_difference
from crm_platform.intake.judging.monthly_totals import monthly_totals
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month
from crm_platform.projects import (
    DeliveryRecord,
    Gate,
    Ledger,
    Passage,
    Stage,
    gates_of,
    read_ledger,
    record_delivery,
    record_passage,
    refuse_before,
)
from crm_platform.refusals import Refused
from crm_platform.reports import published_manifest


def projects_folder(platform: Platform) -> Path:
    """Where the records of the clients' projects lie."""
    return platform.data / "projects"


def specification_of(platform: Platform, client: Client) -> str:
    """Fingerprint of what is signed: the mapping with its preset, and the table definition where there is one.

    What a delivery may lack at most (`[admission]`) is agreed with the totals, not with the specification.
    """
    mapping = {
        key: value for key, value in with_preset(client.intake, f"{client.id}.toml").items() if key != "admission"
    }
    definition = definition_path(platform.catalogue.folder, client.id)
    stated = digest_of(definition.read_bytes()) if definition.exists() else None
    return digest_of({"mapping": mapping, "definition": stated})


def ledger_of(platform: Platform, client: Client) -> Ledger:
    """What was recorded of the client's project."""
    return read_ledger(projects_folder(platform), client.id)


def gates_at(platform: Platform, client: Client) -> tuple[Gate, ...]:
    """The gates of the client's project as they are now."""
    return gates_of(ledger_of(platform, client), specification_of(platform, client))


def refuse_blocked(platform: Platform, client: Client, stage: Stage) -> None:
    """Refused where the client's project passes gates and one before `stage` is open."""
    if client.project.gates:
        refuse_before(stage, gates_at(platform, client), client.id)


def blocked_because(platform: Platform, client: Client, stage: Stage) -> str | None:
    """Why the client's project cannot enter `stage`; None where it can, or passes no gates."""
    try:
        refuse_blocked(platform, client, stage)
    except Refused as refused:
        return str(refused)
    return None


def stage_of(chapter: str, name: str) -> Stage:
    """To which stage an asset belongs."""
    return Stage.TEST_TOTALS if chapter == "facts" or name == "order_lines" else Stage.PRODUCTION


def sign_specification(platform: Platform, client: Client, by: str, on: dt.date) -> Passage:
    """Sign the specification of the data (仕様確認) as it is now; Refused where the client's file is not sound."""
    rules_of(client)
    fingerprint = specification_of(platform, client)
    return _passed(platform, client, Passage.of(Stage.SPECIFICATION, by, on, fingerprint, fingerprint))


def accept_totals(data: ClientData, by: str, on: dt.date) -> Passage:
    """Accept the test totals (検収, R39), with their difference to the client's own figures per month.

    Refused where the specification is not signed, the client delivered no figures, or one differs beyond tolerance.
    """
    platform, client = data.platform, data.client
    refuse_before(Stage.TEST_TOTALS, gates_at(platform, client), client.id)
    lines = data.merged["order_lines"]
    compared = compare_totals(lines, data.merged["control_totals"])
    if not compared:
        raise Refused(
            f"'{client.id}' delivered no figures of its own to hold the test totals against.",
            f"Deliver them: crm-platform deliver --client {client.id} control_totals.tsv (month, orders, sales_jpy, …)",
        )
    rules = parse_intake_rules(client)
    refuse_beyond_difference(compared, rules.tolerated_total_difference_rate, rules.file)
    ours = monthly_totals(ibis.memtable(lines)).to_pyarrow().to_pylist()
    seen = digest_of([[str(value) for value in row.values()] for row in ours] + compared)
    fingerprint = specification_of(platform, client)
    return _passed(platform, client, Passage.of(Stage.TEST_TOTALS, by, on, fingerprint, seen, tuple(compared)))


def confirm_production(data: ClientData, month: Month, by: str, on: dt.date) -> Passage:
    """Confirm the deliverables of `month` (本番分析), byte for byte as they lie in the outbox.

    Refused where a gate before is open, or the outbox does not hold them.
    """
    platform, client = data.platform, data.client
    refuse_before(Stage.PRODUCTION, gates_at(platform, client), client.id)
    seen, fingerprint = files_digest(data, month), specification_of(platform, client)
    return _passed(platform, client, Passage.of(Stage.PRODUCTION, by, on, fingerprint, seen))


def deliver_results(
    data: ClientData, month: Month, on: dt.date, people: Sequence[str], answers: Sequence[tuple[str, str]]
) -> DeliveryRecord:
    """Record that the deliverables of `month` were handed over (納品, R43), which starts the six months.

    Refused where a gate before is open, the outbox does not hold them, or a text is personal.
    """
    platform, client = data.platform, data.client
    refuse_blocked(platform, client, Stage.STUDY)
    record = DeliveryRecord.of(
        month, on, tuple(people), tuple(answers), specification_of(platform, client), files_digest(data, month)
    )
    record_delivery(projects_folder(platform), client.id, record)
    return record


def files_digest(data: ClientData, month: Month) -> str:
    """Digest of all deliverables of the month; Refused where the outbox does not hold them whole."""
    try:
        published = published_manifest(data.platform.outbox, data.client.id, month)
    except (ValueError, LookupError, TypeError):
        published = None
    if published is None:
        raise Refused(
            f"the outbox does not hold the deliverables of '{data.client.id}' for {month}.",
            f"Make them: crm-platform refresh --client {data.client.id} --month {month}",
        )
    return digest_of(published["files"])


def project_record(platform: Platform, client: Client, month: Month) -> dict[str, Any] | None:
    """What the manifest of a month says of the project: gates passed, deliveries so far; None without one."""
    ledger = ledger_of(platform, client)
    if not client.project.gates and not ledger.deliveries:
        return None
    passages = [ledger.latest(stage) for stage in Stage]
    told = [one for one in ledger.deliveries if Month.parse(one.month) <= month]
    return {
        "gates": [{**one.to_json(), "totals": len(one.totals)} for one in passages if one],
        "deliveries": [one.to_json() for one in told],
    }


def _passed(platform: Platform, client: Client, passage: Passage) -> Passage:
    record_passage(projects_folder(platform), client.id, passage)
    return passage
