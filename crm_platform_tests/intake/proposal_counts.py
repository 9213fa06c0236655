"""How many columns of an export are proposed rightly, measured against a mapping that is known to be right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_platform.clients import Client
from crm_platform.clients.mapping import KeyedHash, TableMapping, parse_intake_rules
from crm_platform.intake.drafting.drafting import Draft
from crm_platform.intake.drafting.proposal import NOTHING, PERSONAL, ROW_KIND, Proposal
from crm_platform.intake.reading.raw_rows import matching_form

TODAY = dt.date(2025, 7, 1)


@dataclass(frozen=True)
class Count:
    """Columns of an export: all of them and how many are right, those that are mapped and how many are right."""

    columns: int
    right: int
    mapped: int
    mapped_right: int
    wrong: tuple[str, ...]

    def __add__(self, other: Count) -> Count:
        return Count(
            self.columns + other.columns,
            self.right + other.right,
            self.mapped + other.mapped,
            self.mapped_right + other.mapped_right,
            (*self.wrong, *other.wrong),
        )

    @property
    def share(self) -> float:
        """Of all columns."""
        return self.right / self.columns

    @property
    def mapped_share(self) -> float:
        """Of the mapped columns."""
        return self.mapped_right / self.mapped


NONE = Count(0, 0, 0, 0, ())


def preset_truth(preset: str, tables: set[str]) -> dict[str, dict[str, set[str]]]:
    """What a preset reads each header for, by delivered table; of masters not delivered, from the order lines."""
    rules = parse_intake_rules(Client("truth", "Truth", intake={"preset": preset}))
    truth = {table: _read_for(rules.tables[table]) for table in tables}
    for master in ("products", "customers", "media"):
        if master not in tables:
            for target, header in rules.tables[master].derived_columns.items():
                truth["order_lines"].setdefault(matching_form(header), set()).add(f"{master}.{target}")
    return truth


def _read_for(mapping: TableMapping) -> dict[str, set[str]]:
    read: dict[str, set[str]] = {}

    def add(headers: Sequence[str], place: str) -> None:
        for header in headers:
            read.setdefault(matching_form(header), set()).add(place)

    for target, source in (mapping.columns or {}).items():
        add(source.headers if isinstance(source, KeyedHash) else source.reads, f"{mapping.table}.{target}")
    for rule in mapping.set_aside:
        add([rule.header] if rule.one_of else [], ROW_KIND)  # other rules look at what a column lacks
    if mapping.order_discount is not None:
        add(mapping.order_discount.reads, "order_lines.discount_jpy")
    return read


def counted(draft: Draft, truth: Mapping[str, Mapping[str, set[str]]]) -> Count:
    """Proposals, against what each header is right for; a header without an entry is for nothing."""
    total = NONE
    for sample in draft.samples:
        for proposal in draft.proposals[sample.file.name]:
            total += _count(proposal, truth.get(sample.table, {}).get(matching_form(proposal.header), set()))
    return total


def _count(proposal: Proposal, right_for: set[str]) -> Count:
    right = proposal.place in right_for if right_for else proposal.target in {NOTHING, PERSONAL}
    wrong = () if right else (f"{proposal.header}: {proposal.place}, not {' or '.join(sorted(right_for)) or NOTHING}",)
    return Count(1, int(right), int(bool(right_for)), int(right and bool(right_for)), wrong)
