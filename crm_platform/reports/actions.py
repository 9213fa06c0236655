"""What to do about a finding (対策, R67): its sentence, and what that does not say of whom, channel and yen."""

from __future__ import annotations

import re

from crm_platform.diagnosis.finding import Finding
from crm_platform.reports.wording import Wording


def action_of(finding: Finding, words: Wording) -> str:
    """対策: what to do about the finding; empty where its verdict asks for none, or nobody or no yen would come.

    Where the data lack a number of its sentence, the wording's own for that (`action.unknown`), where it has one.
    """
    if finding.action is not None and not (finding.action.customers and finding.action.expected_jpy):
        return ""
    key, unknown = f"{finding.key}.action.{finding.verdict}", f"{finding.key}.action.unknown"
    if not words.has(key):
        return ""
    is_unknown = words.has(unknown) and not words.knows(key, finding.numbers)
    return words.filled(unknown if is_unknown else key, finding.numbers)


def action_facts(finding: Finding, words: Wording) -> str:
    """Whom, how many, channel and yen of the action (R67), as far as its sentence does not say them already."""
    action, sentence = finding.action, action_of(finding, words)
    if action is None or not sentence:
        return ""
    customers, channel = words.formatted(action.customers, "customers"), words.word(action.channel)
    expected = words.formatted(action.expected_jpy, "yen")
    parts = (
        (customers, words.text("report.action_whom", segment=action.segment, customers=customers)),
        (channel, words.text("report.action_channel", channel=channel)),
        (expected, words.text("report.action_expected", expected=expected)),
    )
    return words.text("report.action_comma").join(part for said, part in parts if not _says(sentence, said))


def _says(sentence: str, part: str) -> bool:
    """Whether the sentence holds `part`, not as the end or the beginning of another number."""
    return re.search(rf"(?<![\d,.]){re.escape(part)}(?![\d,.]*\d)", sentence) is not None
