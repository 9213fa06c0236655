"""What one-off sales can become (都度販売の可能性, 000:47, R25, R36): three scenarios, each number with its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_platform.diagnosis.estimates import SURE_ERRORS, Estimate
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.verdicts import NOTICEABLE_RATE
from crm_platform.two_track.business.business_case import INFERRED, RAISED_TO, BusinessCase, Scenario


def one_off_scenarios(inputs: DiagnosisInputs) -> Finding | None:
    """One-off sales of a year under three scenarios, in yen and as a share of 定期＋都度.

    Judged is only the room that the client's own groups prove: 課題 where the ambitious scenario lies above today's by
    more than three standard errors, 健全 where room of three tenths would have been noticed and there is none. What is
    inferred from other clients is not judged (R36). At stake: half a year of the expected scenario beyond today's. None
    without a case, or without a year of subscribers to learn from.
    """
    if inputs.two_track_business is None:
        return None
    case = BusinessCase.from_json(inputs.two_track_business)
    if not case.scenarios:
        return None
    named = {scenario.name: scenario for scenario in case.scenarios}
    verdict = verdict_on_room(case.room, named["cautious"])
    middle = named.get("expected", named["cautious"])
    gain_jpy = middle.one_off_sales_jpy - named["cautious"].one_off_sales_jpy
    effect_jpy = (round(gain_jpy / 2) or None) if verdict == "issue" else None
    expected_jpy = round(case.behind * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_told(named),
        "from_jpy": min(each.low_jpy for each in case.scenarios),
        "to_jpy": max(each.high_jpy for each in case.scenarios),
        "buyers_on_file": case.buyers_on_file,
        "least_buyers": case.least_buyers,
        "cases": case.cases or None,
        "room_jpy": case.room.value if case.room else None,
        "behind_customers": case.behind,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
        "status": f"@two_track_status.{case.status}",
    }
    return Finding(
        key="one_off_scenarios",
        chapter="business",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(case),
        yen_effect_jpy=effect_jpy,
        concerned_customers=case.behind or None,
        measured=_measured(case, middle),
        action=Action("@action_segment.behind_best_quarter", case.behind, "@action_channel.insert_mail", expected_jpy)
        if case.status != INFERRED
        else None,
        sources=("two_track_business", "customer_history"),
    )


def verdict_on_room(room: Estimate | None, today: Scenario) -> Verdict:
    """課題 where there is room beyond chance; 健全 where three tenths of it would have been seen and there is none."""
    if room is None or today.one_off_sales_jpy <= 0:
        return "undetermined"
    if room.value > SURE_ERRORS * room.error and room.value > 0:
        return "issue"
    most = room.value + SURE_ERRORS * room.error
    return "healthy" if most <= NOTICEABLE_RATE * today.one_off_sales_jpy else "undetermined"


def _told(named: Mapping[str, Scenario]) -> dict[str, Scalar]:
    """The scenarios' numbers; None of those that too few groups cannot tell."""
    parts = ("sales_jpy", "low_jpy", "high_jpy", "share_rate")
    found: dict[str, Scalar] = {f"{name}_{part}": None for name in RAISED_TO for part in parts}
    for name, scenario in named.items():
        found[f"{name}_sales_jpy"] = scenario.one_off_sales_jpy
        found[f"{name}_low_jpy"], found[f"{name}_high_jpy"] = scenario.low_jpy, scenario.high_jpy
        found[f"{name}_share_rate"] = scenario.share_rate
    return found


def _measured(case: BusinessCase, middle: Scenario) -> Measured | None:
    """The share of the expected scenario; what is inferred is no measurement of this client."""
    if case.status == INFERRED:
        return None
    return Measured(middle.share_rate, "rate", middle.share_low_rate, middle.share_high_rate)


def _exhibits(case: BusinessCase) -> tuple[Exhibit, ...]:
    table: list[dict[str, Any]] = [
        {
            "scenario": f"@two_track_scenario.{each.name}",
            "scenario_sales_jpy": each.one_off_sales_jpy,
            "low_jpy": each.low_jpy,
            "high_jpy": each.high_jpy,
            "one_off_share_rate": each.share_rate,
            "low_rate": each.share_low_rate,
            "high_rate": each.share_high_rate,
            "number_source": f"@two_track_source.{each.source}",
        }
        for each in case.scenarios
    ]
    yen: tuple[tuple[str, Unit], ...] = (("scenario_sales_jpy", "jpy"), ("low_jpy", "jpy"), ("high_jpy", "jpy"))
    rates: tuple[tuple[str, Unit], ...] = (("one_off_share_rate", "rate"), ("low_rate", "rate"), ("high_rate", "rate"))
    source: tuple[str, Unit] = ("number_source", "text")
    numbers = tuple(
        {
            "number_name": row["number"],
            "customers": row["customers"],
            "number_rate": row["rate"],
            "number_jpy": row["jpy"],
            "number_source": row["source"],
        }
        for row in case.numbers
    )
    named: tuple[tuple[str, Unit], ...] = (
        ("number_name", "text"),
        ("customers", "count"),
        ("number_rate", "rate"),
        ("number_jpy", "jpy"),
        source,
    )
    bars = Exhibit("scenarios", "bar", tuple(table), x="scenario", y="scenario_sales_jpy", y_unit="jpy")
    has_room = len({row["scenario_sales_jpy"] for row in table}) > 1  # else the bars are alike: only the ranges differ
    return (
        *((bars,) if has_room else ()),
        Exhibit("scenario_table", "table", tuple(table), columns=(("scenario", "text"), *yen, *rates, source)),
        Exhibit("numbers", "table", numbers, columns=named),
    )
