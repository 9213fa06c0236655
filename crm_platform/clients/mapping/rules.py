"""All intake rules of a client, read from its TOML and the preset that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crm_platform.clients.client import Client
from crm_platform.clients.mapping.presets import with_preset
from crm_platform.clients.mapping.table_mapping import DELIVERED_TABLES, TableMapping
from crm_platform.clients.mapping.table_words import parse_table
from crm_platform.clients.mapping.toml_reader import TomlReader

TOLERATED_BAD_ROW_RATE = 0.005  # by default: real exports hold a few; more means that something is wrong as a whole
TOLERATED_TOTAL_DIFFERENCE_RATE = 0.0  # of the client's own totals (検収): by default they agree to the yen
PersonalDataPolicy = Literal["drop", "strict"]


@dataclass(frozen=True)
class IntakeRules:
    """All that decides which of a client's rows are admitted, and as what."""

    file: str
    tolerated_bad_row_rate: float
    personal_data: PersonalDataPolicy
    tables: Mapping[str, TableMapping]
    preset: str | None = None
    tolerated_total_difference_rate: float = 0.0


def parse_intake_rules(client: Client) -> IntakeRules:
    """The rules of `client`; Refused names the key that is unknown or wrong. Nothing said: the standard layout."""
    reader = TomlReader(f"{client.id}.toml")
    raw = with_preset(client.intake, reader.file)
    preset = raw.get("preset")
    admission = reader.table(raw.get("admission", {}), "admission", set(_TOLERATED))
    rates = {name: reader.share(admission.get(name, usual), f"admission.{name}") for name, usual in _TOLERATED.items()}
    guard = reader.table(raw.get("personal_data", {}), "personal_data", {"policy"})
    policy = reader.choice(guard.get("policy", "drop"), ("drop", "strict"), "personal_data.policy")
    said = reader.table(raw.get("tables", {}), "tables", set(DELIVERED_TABLES))
    own = _own_columns(client.intake)
    tables = {
        name: parse_table(
            reader, name, said.get(name, {}), preset if name in said else None, own.get(name, frozenset())
        )
        for name in DELIVERED_TABLES
    }
    return IntakeRules(
        file=reader.file,
        personal_data="strict" if policy == "strict" else "drop",
        tables=tables,
        preset=preset,
        **rates,
    )


_TOLERATED = {
    "tolerated_bad_row_rate": TOLERATED_BAD_ROW_RATE,
    "tolerated_total_difference_rate": TOLERATED_TOTAL_DIFFERENCE_RATE,
}


def _own_columns(intake: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Columns by table that the client's own file names, which matters where a preset names others."""
    tables = {} if intake.get("preset") is None else intake.get("tables", {})
    columns = {name: said.get("columns") for name, said in tables.items() if isinstance(said, Mapping)}
    return {name: frozenset(said) for name, said in columns.items() if isinstance(said, Mapping)}
