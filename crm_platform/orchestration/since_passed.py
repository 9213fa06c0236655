"""What has changed since the gates of a client's project were passed: specification, accepted totals, deliverables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crm_platform.clients import Client, client_folder, parse_intake_rules
from crm_platform.clients.mapping import with_preset
from crm_platform.intake.drafting.adoption import definition_path
from crm_platform.intake.judging.control_totals import compare_totals
from crm_platform.lake import digest_of
from crm_platform.lake.files import write_whole
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month
from crm_platform.projects import Ledger, Stage, changed_figures, changed_parts
from crm_platform.projects.sealed_lines import BrokenSealError, opened, sealed
from crm_platform.reports.left_out import TWO_TRACK as STUDY
from crm_platform.reports.manifest import FILE_NAME as MANIFEST
from crm_platform.reports.quote_json import FILE_NAME as QUOTE

PREVIEW, PROPOSALS, LETTER = "preview/", "proposals/", "letter/"
Publishing = tuple[Month, Mapping[str, str]]  # a month and the digests of its files, before they are in the outbox


def projects_folder(platform: Platform) -> Path:
    """Where the records of the clients' projects lie."""
    return platform.data / "projects"


def specification_parts(platform: Platform, client: Client) -> dict[str, str]:
    """Digests of what is signed, key by key: the mapping with its preset, and the table definition where there is one.

    What a delivery may lack at most (`[admission]`) is agreed with the totals, not with the specification.
    """
    parts: dict[str, Any] = {}
    for key, value in with_preset(client.intake, f"{client.id}.toml").items():
        parts |= {f"{key}.{name}": said for name, said in value.items()} if isinstance(value, Mapping) else {key: value}
    agreed = {name: digest_of(value) for name, value in parts.items() if name.split(".")[0] != "admission"}
    definition = definition_path(platform.catalogue.folder, client.id)
    return agreed | ({definition.name: digest_of(definition.read_bytes())} if definition.exists() else {})


def changes_since(
    data: ClientData, ledger: Ledger, specification: str, publishing: Publishing | None = None
) -> dict[Stage, str]:
    """By stage what has changed since its gate was passed; stages of which nothing has are left out.

    The month of `publishing` is not looked up in the outbox, for what lies there is about to be replaced.
    """
    signed, accepted, confirmed = (ledger.latest(stage) for stage in tuple(Stage)[:3])
    found: dict[Stage, str | None] = {}
    if signed and signed.specification != specification:
        found[Stage.SPECIFICATION] = changed_parts(signed.seen, specification_parts(data.platform, data.client))
    if accepted and accepted.specification == specification:
        rate = parse_intake_rules(data.client).tolerated_total_difference_rate
        found[Stage.TEST_TOTALS] = changed_figures(
            accepted.totals,
            totals_now(data),
            rate,
            delivered_since=accepted.seen["deliveries"] != deliveries_digest(data),
        )
    if confirmed and confirmed.month and confirmed.specification == specification:
        month = Month.parse(confirmed.month)
        is_at_hand = publishing is not None and publishing[0] == month
        seen = publishing[1] if publishing and is_at_hand else published_parts(data, month)
        if seen is not None:  # a month that was moved out of the outbox was confirmed all the same
            found[Stage.PRODUCTION] = changed_parts(confirmed.seen, seen)
    return {stage: change for stage, change in found.items() if change}


def totals_now(data: ClientData) -> list[dict[str, Any]]:
    """Our totals against the client's by month and figure (R39), added up once for the same deliveries and code."""
    made_from = digest_of([deliveries_digest(data), code_digest("intake")])
    path = client_folder(projects_folder(data.platform), data.client.id) / "totals_now.jsonl"
    known = _known_totals(path, data.client.id)
    if known is None or known["made_from"] != made_from:
        totals = compare_totals(data.merged["order_lines"], data.merged["control_totals"])
        known = {"made_from": made_from, "totals": totals}
        write_whole(path, sealed(data.client.id, [known]))
    return list(known["totals"])


def deliveries_digest(data: ClientData) -> str:
    """The digest of all that was delivered so far."""
    return digest_of([delivery.receipt for delivery in data.deliveries])


def _known_totals(path: Path, client_id: str) -> dict[str, Any] | None:
    """What was added up last; None where nothing was, or where the file is not as it was written."""
    try:
        (known,) = opened(client_id, path.read_bytes())
    except (FileNotFoundError, BrokenSealError):
        return None
    return known


def published_parts(data: ClientData, month: Month) -> dict[str, str] | None:
    """Digests of what is confirmed of a month, as the manifest in the outbox lists them; None where none does."""
    path = data.platform.outbox / data.client.id / str(month) / MANIFEST
    if not path.exists():
        return None
    try:
        return confirmed_parts({file: one["sha256"] for file, one in json.loads(path.read_bytes())["files"].items()})
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}  # a damaged manifest lists nothing


def parts_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The same of deliverables before they are published."""
    return confirmed_parts({path: hashlib.sha256(content).hexdigest() for path, content in files.items()})


def confirmed_parts(digests: Mapping[str, str]) -> dict[str, str]:
    """Without what follows the confirmation (study, preview, letter), pages (which share fonts), quote, proposals."""
    return {
        path: digest
        for path, digest in digests.items()
        if not path.startswith((STUDY, PREVIEW, QUOTE, PROPOSALS, LETTER)) and not path.endswith(".html")
    }
