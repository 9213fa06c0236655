"""社内稟議書 for the second opinion, line by line as its sample has it (001:209-252), with the client's own numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crm_platform.diagnosis.finding import Diagnosis
from crm_platform.reports.actions import action_of
from crm_platform.reports.alert_report import CHAPTERS as OF_ALERT
from crm_platform.reports.pages import SIGNS, Grid
from crm_platform.reports.proposals.document import Part, Points, Proposal, Said
from crm_platform.reports.proposals.evidence import Evidence, Quote, at_stake, fee_of
from crm_platform.reports.wording import Wording

SHOWN_ISSUES = 3
_LOOKED_AT = (  # 顧客の継続状況・購買状況・ランク分け (001:218)
    ("retention", "retention_power"),
    ("purchases", "purchasing_power"),
    ("ranking", "segment_stability"),
)


def internal_approval(diagnosis: Diagnosis, others: Sequence[Diagnosis], quote: Quote, words: Wording) -> Proposal:
    """CRMセカンドオピニオン＋を利用した顧客動向の実態把握と解決策の検討, of one client and month (R69).

    `diagnosis` is the second opinion, `others` those that it cites besides (alert, portfolio), `quote` that of the
    service. Where a question could not be answered, a line says so. MissingWordingError for a missing text.
    """
    evidence = Evidence.of("internal_approval", (diagnosis, *others), words)
    ways = (
        _questions(diagnosis, evidence),
        evidence.concluded("rank", "client_rank", "no_rank"),
        evidence.said("test", "alert_test_design"),
    )
    return evidence.proposal(
        (
            Part(
                evidence.text("purpose"), (Said(evidence.text("purpose_text")), _state(evidence), evidence.form("past"))
            ),
            Part(evidence.text("method"), (Points(ways),)),
            Part(evidence.text("issues.heading"), (_issues(evidence),)),
            Part(evidence.text("deliverables"), (evidence.points("report", "numbers", "explanation"),)),
            Part(evidence.text("fee.heading"), fee_of(quote, evidence)),
        )
    )


def _state(evidence: Evidence) -> Grid:
    """What the diagnosis found of retention, purchases and ranks."""
    rows = []
    for name, key in _LOOKED_AT:
        found = evidence.findings.get(key)
        label = evidence.text(f"state.{name}")
        if found is None:
            rows.append((label, evidence.text("too_little"), "", ""))
        else:
            verdict = f"{SIGNS[found.verdict]} {evidence.words.text(f'verdict.{found.verdict}')}"
            rows.append((label, evidence.title(found), verdict, evidence.places[key]))
    return evidence.grid("state", rows, (False,) * 4)


def _questions(diagnosis: Diagnosis, evidence: Evidence) -> Said:
    """How many questions the second opinion asked, and how they came out."""
    verdicts = Counter(finding.verdict for finding in diagnosis.findings)
    numbers = {"questions": verdicts.total(), **{str(verdict): verdicts[verdict] for verdict in SIGNS}}
    text = evidence.words.filled("proposal.internal_approval.questions.text", numbers)
    return Said(evidence.text("questions.lead"), text, evidence.text("questions.source"))


def _issues(evidence: Evidence) -> Grid | Said:
    """The largest issues with what to do about them and what is at stake; a line where there is none."""
    words = evidence.words
    found = [one for one in evidence.issues() if one.chapter not in OF_ALERT]  # the alert is a service of its own
    issues = found[:SHOWN_ISSUES]
    if not issues:
        return Said(words.text("actions.heading_none"))
    rows = [
        (evidence.title(one), action_of(one, words), at_stake(one, words), evidence.places[one.key]) for one in issues
    ]
    further = len(found) - len(issues)
    note = words.known_sentences("proposal.internal_approval.issues.note", {"further": further or None})
    return evidence.grid("issues", rows, (False, False, True, False), note)
