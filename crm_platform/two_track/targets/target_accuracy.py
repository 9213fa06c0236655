"""How well former lists of targets would have worked, beside the lists that anyone can make (R32)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_platform.diagnosis.estimates import SURE_ERRORS, Estimate, errors_for
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change
from crm_platform.two_track.targets.backtest import YARDSTICKS
from crm_platform.two_track.targets.listed import listed

LARGEST_BIAS_RATE = 0.1  # the platform's own line: a total that is off by more is no plan
METHODS = ("ours", *YARDSTICKS)
_ERRORS = errors_for(len(YARDSTICKS))  # the best of so many is the rival

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """The list beside the best plain one of its size, `rival`: `lead` is our share − its; None where nobody bought.

    `fault` is why the list is no good (see `fault_of`), `at_stake_jpy` what that costs in a term.
    """

    rival: str
    rival_rate: float | None
    lead: Estimate | None
    fault: str | None
    verdict: Verdict
    measured: Measured | None
    at_stake_jpy: int | None


def target_accuracy(inputs: DiagnosisInputs) -> Finding | None:
    """What share of the one-off sales the first fifth of the latest former list held, beside three plain lists.

    課題 where, beyond chance, the best plain list of the same size held more, or the expected sum was off by more than
    10 %; `fault` names which. At stake: the sales that the better list held more, or the yen by which the sum was off
    beyond the 10 %. The action expects what contacting the head of today's list adds. Undetermined where nobody bought
    since; None where history is too short for a backtest, and where nothing is foretold now: under 推論 no figure of a
    model of own data is printed (R36). `bias_rate` is Σ expected ÷ Σ actual − 1.
    """
    found, backtest = inputs.once(listed), inputs.targets_backtest
    if found is None or not found.is_foretold or not backtest:
        return None
    latest: Json = backtest["origins"][0]
    judged = _judged(latest)
    first, expected_jpy = found.first["targets"], round(found.first["added_jpy"])
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_of_the_former_list(backtest),
        **_beside_the_rival(judged),
        **_of_its_sum(latest),
        "first_customers": first,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="target_accuracy",
        chapter="targets",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(backtest) if judged.lead else (),
        threshold=judged.rival_rate,
        yen_effect_jpy=judged.at_stake_jpy,
        concerned_customers=latest["subscribers"],
        measured=judged.measured,
        action=Action("@action_segment.first_fifth_of_targets", first, "@action_channel.insert_mail", expected_jpy),
        sources=("targets_backtest", "one_off_candidates"),
    )


def fault_of(latest: Json, lead: Estimate) -> str | None:
    """Why the list is no good beyond chance: its `order`, or the `total` it expects; None where both hold."""
    if lead.value < -_ERRORS * lead.error:
        return "order"
    is_off = abs(latest["bias"] - 1) - LARGEST_BIAS_RATE > SURE_ERRORS * latest["bias_error"]
    return "total" if is_off else None


# --- inside -----------------------------------------------------------------------------------------------------------


def _judged(latest: Json) -> Judged:
    captured: Json = latest["captured"]
    rival = max(YARDSTICKS, key=lambda name: captured[name] or 0.0)
    rate: float | None = captured[rival]
    if captured["ours"] is None or rate is None:
        return Judged(rival, None, None, None, "undetermined", None, None)
    lead = Estimate(captured["ours"] - rate, latest["lead_errors"][rival])
    fault = fault_of(latest, lead)
    return Judged(
        rival=rival,
        rival_rate=rate,
        lead=lead,
        fault=fault,
        verdict="issue" if fault else verdict_on_change(lead, rate, errors=_ERRORS),
        measured=measured_against(
            Estimate(captured["ours"], latest["captured_error"]), "rate", rate, lead, errors=_ERRORS
        ),
        at_stake_jpy=_at_stake_jpy(latest, lead, fault),
    )


def _at_stake_jpy(latest: Json, lead: Estimate, fault: str | None) -> int | None:
    if fault is None:
        return None
    off_rate: float = -lead.value if fault == "order" else abs(latest["bias"] - 1) - LARGEST_BIAS_RATE
    sales_jpy: int = latest["sales_jpy"]
    return round(off_rate * sales_jpy)


def _of_the_former_list(backtest: Json) -> dict[str, Scalar]:
    """When it was made, of how many, and what came of them."""
    latest: Json = backtest["origins"][0]
    return {
        **{f"{name}_rate": latest["captured"][name] for name in METHODS},
        "backtest_month": latest["as_of"][:7],
        "first_share_rate": backtest["first_share"],
        "former_subscribers": latest["subscribers"],
        "former_buyers": latest["buyers"],
        "former_sales_jpy": latest["sales_jpy"],
        "origins": len(backtest["origins"]),
    }


def _beside_the_rival(judged: Judged) -> dict[str, Scalar]:
    lead = judged.lead
    return {
        "rival": f"@target_order.{judged.rival}",
        "rival_rate": judged.rival_rate,
        "lead_points": lead.value if lead else None,
        "lead_low_points": lead.low if lead else None,
        "lead_high_points": lead.high if lead else None,
        "fault": f"@target_fault.{judged.fault}" if judged.fault else None,
        "effect_jpy": judged.at_stake_jpy,
    }


def _of_its_sum(latest: Json) -> dict[str, Scalar]:
    """By how much the expected sum was off, and how often the upper end was passed; null where nobody bought."""
    bias = None if latest["bias"] is None else Estimate(latest["bias"] - 1, latest["bias_error"])
    return {
        "bias_rate": bias.value if bias else None,
        "bias_low_rate": bias.low if bias else None,
        "bias_high_rate": bias.high if bias else None,
        "largest_bias_rate": LARGEST_BIAS_RATE,
        "above_p90_rate": latest["coverage"]["above_p90_rate"],
    }


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _exhibits(backtest: Json) -> tuple[Exhibit, ...]:
    latest: Json = backtest["origins"][0]
    bars = tuple(
        {"target_order": f"@target_order.{name}", "captured_rate": latest["captured"][name]} for name in METHODS
    )
    curves = tuple(
        {
            "customers_rate": place / (len(points) - 1),
            "target_sales_rate": share,
            "target_order": f"@target_order.{name}",
        }
        for name, points in ((name, latest["lorenz"][name]) for name in METHODS)
        for place, share in enumerate(points)
    )
    shares: Any = {"x": "target_order", "y_unit": "rate"}
    rates: Any = {"x_unit": "rate", "y_unit": "rate", "series": "target_order"}
    return (
        Exhibit("lorenz", "lorenz", curves, x="customers_rate", y="target_sales_rate", **rates),
        Exhibit("captured", "bar", bars, y="captured_rate", highlight=f"@target_order.{METHODS[0]}", **shares),
        _origins(backtest),
    )


def _origins(backtest: Json) -> Exhibit:
    """Every former list: how much its first fifth held, how far its sum was off."""
    rows = tuple(
        {
            "listed_on": one["as_of"][:7],
            "subscribers": one["subscribers"],
            "former_buyers": one["buyers"],
            **{f"{name}_rate": one["captured"][name] for name in METHODS},
            "total_bias_rate": one["bias"] - 1 if one["bias"] is not None else None,
            "above_p90_rate": one["coverage"]["above_p90_rate"],
        }
        for one in backtest["origins"]
    )
    counts: tuple[tuple[str, Unit], ...] = (
        ("listed_on", "month"),
        ("subscribers", "count"),
        ("former_buyers", "count"),
    )
    rates: Any = tuple((name, "rate") for name in list(rows[0])[len(counts) :])
    return Exhibit("origins", "table", rows, columns=(*counts, *rates))
