"""企画書 for the test of the shopping alert, line by line as its sample (003:87-135), with the client's numbers."""

from __future__ import annotations

from crm_platform.diagnosis.finding import Diagnosis
from crm_platform.reports.pages import Grid
from crm_platform.reports.proposals.document import Part, Points, Proposal, Said
from crm_platform.reports.proposals.evidence import Evidence, Quote, fee_of
from crm_platform.reports.wording import Wording


def alert_test_plan(alert: Diagnosis, quote: Quote, words: Wording) -> Proposal:
    """ショッピングアラートを利用した上位客のランクダウン予防テスト, of one client and month (R69).

    `alert` is the diagnosis of the shopping alert, `quote` that of the service.
    Where nobody is alerted, a line says so in the place of each number. MissingWordingError for a missing text.
    """
    evidence = Evidence.of("alert_test_plan", (alert,), words)
    nobody = "nobody" if alert.headline["alerted_customers"] == 0 else "too_little"
    purposes = (
        evidence.said("prevent", "alert_no_action", nobody),
        evidence.said("before_after", "alert_before_after", nobody),
    )
    steps = (
        evidence.said("whom", "alert_whom"),
        evidence.said("no_action", "alert_no_action", nobody),
        evidence.said("approach", "alert_simulation", nobody),
    )
    return evidence.proposal(
        (
            Part(evidence.text("purpose"), (Points(purposes),)),
            Part(evidence.text("method"), (Points(steps),)),
            Part(evidence.text("measuring"), _measuring(evidence, nobody)),
            Part(evidence.text("effect"), _effect(evidence, nobody)),
            Part(evidence.text("deliverables"), (evidence.points("report", "numbers", "explanation"),)),
            Part(evidence.text("fee.heading"), fee_of(quote, evidence)),
        )
    )


def _measuring(evidence: Evidence, nobody: str) -> tuple[Said | Grid, ...]:
    """測定方法: groups ① and ②, and the smallest difference that they can show (003:104-107)."""
    found, words = evidence.findings.get("alert_test_design"), evidence.words
    if found is None:
        return (Said(evidence.text("groups.lead"), evidence.text(nobody)),)
    rows = [
        (
            words.text(f"group.{group}"),
            evidence.text(f"groups.{group}"),
            words.formatted(found.numbers[count], "customers"),
        )
        for group, count in (("treated", "treated_customers"), ("control", "control_customers"))
    ]
    table = evidence.grid("groups", rows, (False, False, True), evidence.source(found.key))
    return Said(evidence.text("groups.lead")), table, evidence.said("power", "alert_test_design")


def _effect(evidence: Evidence, nobody: str) -> tuple[Said | Grid, ...]:
    """想定効果 (003:128-135): customers × response = kept; × order value = sales; × unit cost = cost."""
    found, words = evidence.findings.get("alert_simulation"), evidence.words
    if found is None:
        return (Said(evidence.text("sums.lead"), evidence.text(nobody)),)
    names = ("kept", "sales", "cost", "gain")
    keys = {
        name: (f"proposal.alert_test_plan.sums.{name}", f"proposal.alert_test_plan.sums.{name}_is") for name in names
    }
    rows = [
        (words.filled(sum_of, found.numbers), words.filled(result, found.numbers)) for sum_of, result in keys.values()
    ]
    table = evidence.grid("sums", rows, (False, True), evidence.source(found.key))
    return table, evidence.said("break_even", "alert_simulation")
