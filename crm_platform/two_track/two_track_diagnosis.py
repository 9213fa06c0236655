"""The two tracks of one client and month (定期もTudomo, seed 000): what subscribers will buy one by one.

Belongs here: which questions its report asks, in which order, and the figures of its cover. Does not: the questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ibis import _

from crm_platform.diagnosis.finding import Diagnosis, Finding, Scalar, client_word, figures
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows
from crm_platform.tables.targets import NEEDS, SUBSCRIPTION_STATES
from crm_platform.two_track.business import BUSINESS_QUESTIONS
from crm_platform.two_track.contact_dates import CONTACT_QUESTIONS
from crm_platform.two_track.targets import TARGET_QUESTIONS
from crm_platform.two_track.three_s import THREE_S_QUESTIONS
from crm_platform.two_track.turns import customer_states

TWO_TRACK_QUESTIONS: tuple[Callable[[DiagnosisInputs], Finding | None], ...] = (
    *THREE_S_QUESTIONS,
    *TARGET_QUESTIONS,
    *BUSINESS_QUESTIONS,
    *CONTACT_QUESTIONS,
)
OFFERS = 3  # product groups named on the first page
_OF_FINDINGS = {
    "expected_low_jpy": ("one_off_targets", "low_jpy"),
    "expected_high_jpy": ("one_off_targets", "high_jpy"),
    "one_off_share_rate": ("one_off_share", "share_rate"),
    "one_off_12m_jpy": ("one_off_share", "one_off_jpy"),
    "pillar_rate": ("one_off_share", "pillar_rate"),
    "pillar_jpy": ("one_off_share", "pillar_jpy"),
    "cautious_jpy": ("one_off_scenarios", "cautious_sales_jpy"),
    "standard_jpy": ("one_off_scenarios", "expected_sales_jpy"),
    "standard_low_jpy": ("one_off_scenarios", "expected_low_jpy"),
    "standard_high_jpy": ("one_off_scenarios", "expected_high_jpy"),
    "standard_share_rate": ("one_off_scenarios", "expected_share_rate"),
    "cases": ("one_off_scenarios", "cases"),
}


def two_track_diagnosis(inputs: DiagnosisInputs, contact_timing: Finding | None = None) -> Diagnosis:
    """Ask the two tracks' questions; a question without its data is left out.

    `contact_timing` is the finding on the next contact dates (次回連絡日, R107); None where nobody has one.
    """
    answers = (contact_timing, *(question(inputs) for question in TWO_TRACK_QUESTIONS))
    findings = tuple(answer for answer in answers if answer is not None)
    return Diagnosis(
        client=inputs.client.name,
        month=str(inputs.month),
        as_of=inputs.as_of.isoformat(),
        first_month=str(inputs.months[0]),
        headline=headline(inputs, findings),
        findings=findings,
        method=method(inputs),
        report="two_track",
    )


def headline(inputs: DiagnosisInputs, findings: Sequence[Finding]) -> dict[str, Scalar]:
    """The figures of cover and first page; None where nothing tells them."""
    case, told = inputs.two_track_business or {}, figures(findings, _OF_FINDINGS)
    return {
        **subscribers(inputs),
        **targets_counted(inputs),
        **offers(inputs),
        **told,
        **beside_a_pillar(told["one_off_share_rate"], told["pillar_rate"]),
        **beside_today(told["cautious_jpy"], told["standard_jpy"]),
        "status": case.get("status"),
        "buyers_on_file": case.get("buyers_on_file"),
        "least_buyers": inputs.client.settings.two_track_least_buyers,
    }


def subscribers(inputs: DiagnosisInputs) -> dict[str, Scalar]:
    """Customers with a running subscription (継続中), and those of whom every subscription stopped (解約)."""
    if inputs.subscriptions is None:
        return dict.fromkeys(("subscribers", "continuing_customers", "stopped_customers"))
    each = customer_states(inputs.subscriptions)
    counted = {f"{state}_customers": _.count(where=_.subscription_state == state) for state in SUBSCRIPTION_STATES}
    return one_row(each.agg(subscribers=_.count(), **counted))


def beside_a_pillar(share: Scalar, pillar: Scalar) -> dict[str, Scalar]:
    """The share of a second pillar (R25) as `reached_rate` or as `pillar_rate` still to come; the other is None."""
    is_reached = isinstance(share, float) and isinstance(pillar, float) and share >= pillar
    return (
        {"reached_rate": pillar, "pillar_rate": None} if is_reached else {"reached_rate": None, "pillar_rate": pillar}
    )


def beside_today(cautious: Scalar, standard: Scalar) -> dict[str, Scalar]:
    """What take-up as it is would bring in a year; None where the middle scenario adds nothing to it."""
    return {"cautious_jpy": None if standard is not None and standard == cautious else cautious}


def targets_counted(inputs: DiagnosisInputs) -> dict[str, Scalar]:
    """How many targets there are, by state and by need; how many should buy one-off in six months, for how much."""
    sums = {"expected_buyers": "p_buys", "expected_one_off_jpy": "expected_sales_jpy"}
    names = ("targets", *sums, *(f"targets_{name}" for name in (*SUBSCRIPTION_STATES, *NEEDS)))
    if inputs.targets is None:
        return dict.fromkeys(names)
    counted = inputs.targets.agg(
        targets=_.count(),
        **{name: exact_sum(_[column].fill_null(0)) for name, column in sums.items()},
        **{f"targets_{state}": _.count(where=_.subscription_state == state) for state in SUBSCRIPTION_STATES},
        **{f"targets_{need}": _.count(where=_.need == need) for need in NEEDS},
    )
    found: dict[str, Any] = one_row(counted)
    return {**found, **{name: round(found[name]) if found["targets"] else None for name in sums}}


def offers(inputs: DiagnosisInputs) -> dict[str, Scalar]:
    """The product groups to offer to most targets: `offer_1` with `offer_1_customers`, and so on."""
    found: dict[str, Scalar] = {
        f"offer_{place}{end}": None for place in range(1, OFFERS + 1) for end in ("", "_customers")
    }
    if inputs.targets is None:
        return found
    named = inputs.targets.filter(_.product_group.notnull()).group_by("product_group").agg(customers=_.count())
    first = named.order_by(_.customers.desc(), _.product_group).limit(OFFERS)
    for place, row in enumerate(rows(first), start=1):
        found[f"offer_{place}"] = client_word(row["product_group"])
        found[f"offer_{place}_customers"] = row["customers"]
    return found


def method(inputs: DiagnosisInputs) -> dict[str, Scalar]:
    """The thresholds in force."""
    settings = inputs.client.settings
    return {
        "months": len(inputs.months),
        "closed_months": len(inputs.closed_months),
        "subscription_silent_cycles": settings.subscription_silent_cycles,
        "two_track_least_buyers": settings.two_track_least_buyers,
        "alert_unit_cost_jpy": settings.alert_unit_cost_jpy,
        "contact_lead_days": settings.contact_lead_days,
        "contact_lapse_supplies": settings.contact_lapse_supplies,
    }
