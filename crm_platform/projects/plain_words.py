"""What may be written into a project's record: roles and plain words, nothing that is personal data."""

from __future__ import annotations

import re

import pyarrow as pa

from crm_platform.intake.guard.telling_values import positions_by_kind, suspects
from crm_platform.intake.reading.text_column import TextColumn
from crm_platform.refusals import Refused

_LONGEST_ROLE, _LONGEST_TEXT = 60, 2_000
_OF_A_PERSON = re.compile(r"(?<!お客)(様|さん|氏|殿)$")


def role(text: str) -> str:
    """`text` as the name of a role (分析担当, CRM部長); Refused where it is empty or looks like a person."""
    if _OF_A_PERSON.search(text.strip()):
        raise Refused("that names a person.", "Name the role instead, such as 分析担当 or head of CRM.")
    return _plain(text, _LONGEST_ROLE, "a role")


def words(text: str) -> str:
    """`text` as a question or an answer; Refused where it is empty or holds personal data."""
    return _plain(text, _LONGEST_TEXT, "a question or an answer")


def reason(text: str) -> str:
    """`text` as the reason of what is done; Refused where it is empty or holds personal data."""
    return _plain(text, _LONGEST_TEXT, "a reason")


def _plain(text: str, longest: int, what: str) -> str:
    stripped = text.strip()
    if not stripped or len(stripped) > longest or not stripped.isprintable():
        remedy = f"Write one line of {longest:,} printable characters at most."
        raise Refused(f"{what} that is written down must say something that can be printed.", remedy)
    told = positions_by_kind(suspects(TextColumn.of(pa.array([stripped]))))
    if told:  # what it is must not be shown here either
        raise Refused(f"{what} that is written down holds {next(iter(told))}.", "Leave it out; a role is enough.")
    return stripped
