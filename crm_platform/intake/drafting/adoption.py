"""A draft, once read and corrected, becomes the client's mapping and definition."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

from crm_platform.clients import client_folder, valid_client_id
from crm_platform.clients.catalogue import client_from_toml
from crm_platform.intake.drafting.definition import Definition
from crm_platform.intake.drafting.definition_documents import definition_text, read_definition
from crm_platform.intake.drafting.draft_texts import DRAFTED
from crm_platform.intake.drafting.drafting import Draft
from crm_platform.intake.mapping.checked_rules import rules_of
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.lake.files import write_whole
from crm_platform.refusals import Refused

_MAPPING_KEYS = ("preset", "tables")
_SECTION = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)")


def head_of(client_toml: str, file: str) -> str:
    """The client's TOML without its mapping, as text with its own comments; Refused where it cannot be parted so."""
    kept, in_tables = list[str](), False
    for line in client_toml.splitlines():
        section = _SECTION.match(line)
        in_tables = section[1] == "tables" if section else in_tables
        if not in_tables and not re.match(r"\s*preset\s*=", line) and not line.startswith(DRAFTED):
            kept.append(line)
    text = "\n".join(kept)
    whole = tomllib.loads(client_toml)
    if tomllib.loads(text) != {key: value for key, value in whole.items() if key not in _MAPPING_KEYS}:
        raise Refused("the mapping cannot be told from the rest.", "Write [tables.…] sections last.", file=file)
    return text


def definition_path(clients: Path, client_id: str) -> Path:
    """Where a client's definition lies: beside its TOML."""
    return clients / f"{valid_client_id(client_id)}.definition.tsv"


def client_definition(clients: Path, client_id: str) -> Definition | None:
    """The definition that the client's deliveries are held against, or None where it gave none."""
    path = definition_path(clients, client_id)
    return read_definition([DeliveredFile(path.name, path.read_bytes())]) if path.exists() else None


def accept_draft(drafts: Path, clients: Path, client_id: str, *, replace: bool = False) -> list[Path]:
    """Put the draft of `client_id` in place of its TOML and definition; returns what was written, each whole.

    The definition goes first: where the work ends between the two, the same command completes it.
    Refused, with nothing written, where the draft is not sound, says another name, or would replace a mapping unasked.
    """
    folder = client_folder(drafts, client_id)
    draft, definition = folder / f"{client_id}.toml", folder / "definition.tsv"
    if not draft.exists():
        raise Refused(f"there is no draft of '{client_id}'.", f"Draft it: mapping draft --client {client_id} FILES.")
    present = clients / f"{client_id}.toml"
    text = draft.read_text("utf-8")
    _check(client_id, text, draft)
    if not replace and set(tomllib.loads(present.read_text("utf-8"))) & set(_MAPPING_KEYS):
        raise Refused(
            f"'{client_id}' has a mapping already.", "Say --replace to put the draft in its place.", str(present)
        )
    stated = definition.read_bytes() if definition.exists() else None
    if stated is not None:
        read_definition([DeliveredFile(definition.name, stated)])
        write_whole(definition_path(clients, client_id), stated)
    write_whole(present, text.encode())
    return [present, *([definition_path(clients, client_id)] if stated is not None else [])]


def _check(client_id: str, text: str, draft: Path) -> None:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"the draft is not valid TOML: {error}.", "Mend that line.", file=str(draft)) from error
    try:
        rules_of(client_from_toml(client_id, values, draft.name))
    except Refused as refused:
        raise replace(refused, file=str(draft)) from refused


def write_draft(drafts: Path, client_id: str, drafted: Draft, head: str) -> Path:
    """Write mapping, definition and profile to the folder of the client's draft, and return it."""
    folder = client_folder(drafts, client_id)
    write_whole(folder / "profile.tsv", drafted.profile_text().encode())
    write_whole(folder / "definition.tsv", definition_text(drafted.definition).encode())
    write_whole(folder / f"{client_id}.toml", drafted.mapping_text(head).encode())
    return folder
