"""Whether campaigns worked (効果測定, R85, R90): lift beside natural recovery, and whether early contacts pay more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict, client_word
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, Json

RATES, AMOUNTS = ("buyers", "retained"), ("sales", "profit")
_PARTS = ("lift", "low", "high")


def alert_campaigns(inputs: AlertInputs) -> Finding:
    """The lift of every campaign measured so far, plain and adjusted, with what the control group did unasked.

    Judged is the latest one by its lift in buyers: healthy where the adjusted 95 % interval lies above 0, an issue
    where it does not reach above 0, else undetermined. Where none was measured, how to start one.
    """
    found = sorted(inputs.campaigns, key=lambda one: (one["started_on"], one["campaign_id"]))
    if not found:
        can_start = not inputs.groups.empty  # a month without ① and ② has nothing to begin
        numbers: dict[str, Scalar] = {
            **inputs.period,
            "month": str(inputs.month),
            "client_id": inputs.client.id if can_start else None,
        }
        return Finding("alert_no_campaign", "alert_results", "undetermined", numbers)
    latest = found[-1]
    return Finding(
        key="alert_campaigns",
        chapter="alert_results",
        verdict=_verdict(latest["lifts"]["buyers"]["adjusted"]),
        numbers={**inputs.period, **_numbers(latest), "campaigns": len(found)},
        exhibits=(_lifts("rates", RATES, found), _lifts("amounts", AMOUNTS, found), *_response(latest)),
        threshold=0.0,
        concerned_customers=latest["treated_customers"],
    )


def measurement_notes(campaigns: Sequence[Json]) -> list[Row]:
    """What a reader should know of each measurement: `about`, `key` and its numbers, for the appendix."""
    return [{**note, "about": "measurement_note"} for one in campaigns for note in one["notes"]]


def _verdict(estimate: Json) -> Verdict:
    if estimate["low"] is None or estimate["high"] is None:
        return "undetermined"
    return "healthy" if estimate["low"] > 0 else "issue" if estimate["high"] <= 0 else "undetermined"


def _numbers(latest: Json) -> dict[str, Scalar]:
    buyers, sales, worth = latest["lifts"]["buyers"], latest["lifts"]["sales"], latest["worth"]
    per_retained = worth["cost_per_retained_jpy"] or {}
    return {
        "campaign": client_word(latest["campaign_id"]),
        "started_on": latest["started_on"],
        "ends_on": latest["ends_on"],
        "observed_rate": latest["share_observed"],
        "state": "@campaign_state.interim" if latest["is_interim"] else "@campaign_state.final",
        "treated_customers": latest["treated_customers"],
        "control_customers": latest["control_customers"],
        "treated_buyers_rate": buyers["treated_mean"],
        "control_buyers_rate": buyers["control_mean"],
        **{f"buyers_{part}_points": buyers["adjusted"][part] for part in _PARTS},
        **{f"sales_{part}_jpy": sales["adjusted"][part] for part in _PARTS},
        "plain_points": buyers["plain"]["lift"],
        "total_sales_jpy": worth["sales_jpy"]["value"],
        "total_profit_jpy": (worth["profit_jpy"] or {}).get("value"),
        "cost_jpy": worth["cost_jpy"],
        "retained_customers": worth["retained_customers"]["value"],
        "cost_per_retained_jpy": per_retained.get("value"),
        "before_points": _side(latest, before=True),
        "after_points": _side(latest, before=False),
    }


def _side(latest: Json, *, before: bool) -> float | None:
    """Lift in buyers of those contacted before (after) their predicted fall, each span weighing as its treated."""
    spans = [
        (span["treated_customers"], span["lifts"]["buyers"]["adjusted"]["lift"])
        for span in latest["response"]
        if span["lifts"] and (span["days_before_from"] is not None and span["days_before_from"] >= 0) == before
    ]
    customers = sum(treated for treated, _ in spans)
    return sum(treated * lift for treated, lift in spans) / customers if customers else None


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _lifts(key: str, outcomes: tuple[str, ...], found: Sequence[Json]) -> Exhibit:
    """Per campaign and outcome: both groups, the plain difference, and the adjusted one with its interval."""
    unit = "rate" if outcomes == RATES else "jpy"
    rows = tuple(
        {
            "campaign": client_word(one["campaign_id"]),
            "outcome": f"@campaign_outcome.{outcome}",
            "treated_mean": lift["treated_mean"],
            "control_mean": lift["control_mean"],
            "plain_lift": lift["plain"]["lift"],
            **{f"adjusted_{part}": lift["adjusted"][part] for part in _PARTS},
        }
        for one in found
        for outcome in outcomes
        if (lift := one["lifts"].get(outcome))
    )
    figures = ("treated_mean", "control_mean", "plain_lift", *(f"adjusted_{part}" for part in _PARTS))
    columns: Any = (("campaign", "text"), ("outcome", "text"), *((name, unit) for name in figures))
    return Exhibit(key, "table", rows, columns=columns)


def _response(latest: Json) -> tuple[Exhibit, ...]:
    """The latest campaign by days from the contact to the predicted fall, the earliest contacts first (R90)."""
    rows: list[Row] = []
    for span in latest["response"]:
        if not span["lifts"]:
            continue
        buyers = span["lifts"]["buyers"]
        rows.append(
            {
                "days_to_fall": _span(span),
                "treated": span["treated_customers"],
                "control": span["control_customers"],
                "treated_mean": buyers["treated_mean"],
                "control_mean": buyers["control_mean"],
                **{f"adjusted_{part}": buyers["adjusted"][part] for part in _PARTS},
            }
        )
    rates = ("treated_mean", "control_mean", *(f"adjusted_{part}" for part in _PARTS))
    columns: Any = (
        ("days_to_fall", "text"),
        ("treated", "count"),
        ("control", "count"),
        *((name, "rate") for name in rates),
    )
    return (Exhibit("response", "table", tuple(rows), columns=columns),)


def _span(span: Json) -> str:
    """The wording key of a span: `days_to_fall.31_60`, `days_to_fall.after_30`."""
    least, most = span["days_before_from"], span["days_before_to"]
    if least is None:
        return f"@days_to_fall.after_over_{-most - 1}"
    if most is None:
        return f"@days_to_fall.over_{least - 1}"
    return f"@days_to_fall.{least}_{most}" if least >= 0 else f"@days_to_fall.after_{-least}"
