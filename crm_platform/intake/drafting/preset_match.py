"""Whether the headers of a sample are those of a cart that has a preset, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_platform.clients.client import Client
from crm_platform.clients.mapping import PRESETS, KeyedHash, TableMapping, parse_intake_rules
from crm_platform.intake.drafting.samples import Sample
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.intake.reading.raw_rows import matching_form

_MOST_OF_THEM = 0.75


@dataclass(frozen=True)
class PresetMatch:
    """A preset that reads the sample. `lacking`: headers it reads and the files lack; `unread`: theirs it does not."""

    preset: str
    share: float
    lacking: Mapping[str, tuple[str, ...]]
    unread: Mapping[str, tuple[str, ...]]


def matching_preset(samples: Sequence[Sample]) -> PresetMatch | None:
    """The preset whose required headers are all in the order file, and most of the others; the best of several."""
    lines = [sample for sample in samples if sample.table == "order_lines"]
    matches = [match for preset in PRESETS if lines and (match := _match(preset, lines[0])) is not None]
    return max(matches, key=lambda match: (match.share, match.preset), default=None)


def headers_of(mapping: TableMapping) -> dict[str, set[str]]:
    """Every delivered header that a mapping reads, with the table columns that it is read for."""
    read: dict[str, set[str]] = {}
    hashed = set[str]()
    for target, source in (mapping.columns or {}).items():
        headers = source.headers if isinstance(source, KeyedHash) else source.reads
        hashed |= set(source.reads) - set(headers)
        for header in headers:
            read.setdefault(header, set()).add(target)
    others = [rule.header for rule in mapping.set_aside if rule.header not in hashed]
    others += mapping.order_discount.reads if mapping.order_discount else ()
    for header in others:
        read.setdefault(header, set())
    return read


def _match(preset: str, lines: Sample) -> PresetMatch | None:
    rules = parse_intake_rules(Client("sample", "sample", intake={"preset": preset}))
    mapping = rules.tables["order_lines"]
    read = headers_of(mapping)
    for header in mapping.drop:
        read.setdefault(header, set())
    delivered = {matching_form(header) for header in lines.headers}
    required = {column.name for column in DELIVERED["order_lines"].columns if column.required}
    lacking = [header for header in read if matching_form(header) not in delivered]
    if any(read[header] & required for header in lacking) or len(lacking) > (1 - _MOST_OF_THEM) * len(read):
        return None
    known = {matching_form(header) for header in read}
    unread = [header for header in lines.headers if matching_form(header) not in known]
    share = (len(read) - len(lacking)) / len(read)
    return PresetMatch(preset, share, {"order_lines": tuple(lacking)}, {"order_lines": tuple(unread)})
