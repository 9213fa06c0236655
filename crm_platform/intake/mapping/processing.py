"""What the estimate depends on: whether a mapping does more than map (加工あり, R09), or nothing at all (R10)."""

from __future__ import annotations

from dataclasses import replace

from crm_platform.clients.mapping import (
    ByCases,
    FirstFilled,
    IntakeRules,
    Joined,
    KeyedHash,
    NumberWithin,
    Part,
    Source,
    TableMapping,
)


def processing_reasons(rules: IntakeRules) -> list[str]:
    """What in the rules is more than renaming, casting, decoding and code mapping (加工あり, R09)."""
    return [f"{name}: {reason}" for name, mapping in rules.tables.items() for reason in _reasons(mapping)]


def is_special_format(rules: IntakeRules) -> bool:
    """Whether the client delivers the standard layout with nothing mapped (R10).

    Where it lies is no mapping: in which file or sheet, in which encoding.
    """
    return all(_wherever_it_lies(mapping) == TableMapping(name) for name, mapping in rules.tables.items())


def _wherever_it_lies(mapping: TableMapping) -> TableMapping:
    return replace(mapping, file=None, sheet=None, encoding=None, delimiter=None)


def _reasons(mapping: TableMapping) -> list[str]:
    reasons = [f"rows set aside by the rule '{rule.rule}'" for rule in mapping.set_aside]
    reasons += [f"derived from {mapping.derived_from}"] if mapping.derived_from else []
    reasons += [f"filled down within {mapping.fill_down.within}"] if mapping.fill_down else []
    reasons += [f"rows split at {mapping.split_rows.header}"] if mapping.split_rows else []
    reasons += ["the discount of an order spread over its lines"] if mapping.order_discount else []
    reasons += ["bulk lines told by quantity and discount"] if mapping.bulk else []
    for target, source in (mapping.columns or {}).items():
        done = _done_to(source)
        reasons += [f"{target} is {done}"] if done else []
    return reasons


def _done_to(source: Source) -> str:
    match source:
        case NumberWithin() | ByCases():
            return "computed from another column"
        case Joined():
            return "joined from several columns"
        case FirstFilled():
            return "the first filled of several columns"
        case Part():
            return "cut out of a column"
        case KeyedHash():
            return "a keyed hash of personal columns"
    return ""
