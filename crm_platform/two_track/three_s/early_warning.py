"""Who shows the signs that come before a stop (事前に対策, R33), and whether former warnings came true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import SURE_ERRORS, Estimate
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Row, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.two_track.three_s.stop_risk import StopRisk, ToldSign


def early_warning(inputs: DiagnosisInputs) -> Finding | None:
    """How many continuing subscribers show a proven sign of a stop; how often those warned of before did stop (R33).

    健全 where the former warnings stopped more often than others after the same deliveries, by more than three
    standard errors over subscriptions: the list can be trusted. 課題 where they did not; 判定不能 where nobody was
    warned, too few stops are known, or no sign is proven. At stake: the warned subscriptions' risk × their deliveries
    of six months. None where the client has no subscriptions.
    """
    if inputs.stop_warnings is None or inputs.subscriptions is None or inputs.stop_risk is None:
        return None
    stored, past = inputs.stop_risk["model"], inputs.stop_risk["backtest"] or {}
    model = StopRisk.from_json(stored) if stored else None
    warned = inputs.stop_warnings.filter(_.is_warned)
    sums = one_row(
        warned.agg(
            subscriptions=_.count(),
            customers=_.customer_id.nunique(),
            at_risk_jpy=yen_sum(_.expected_sales_at_risk_jpy),
        )
    )
    continuing = one_row(inputs.stop_warnings.agg(all=_.count()))["all"]
    verdict = _verdict(past)
    signs = model.told_signs() if model else []
    expected_jpy = round(sums["at_risk_jpy"] * inputs.response_rate)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "continuing": continuing,
        "warned": sums["subscriptions"],
        "warned_customers": sums["customers"],
        "at_risk_jpy": sums["at_risk_jpy"],
        "leading_sign": f"@stop_sign.{model.leading}" if model and model.leading else None,
        "leading_factor": _leading_factor(model),
        "signs_proven": sum(told.is_proven for told in signs),
        "signs_found": sum(told.is_proven for told in signs) or None,  # none is no sign to name in a title
        "signs_tried": len(signs),
        "least": LEAST_CUSTOMERS,
        "learned_rows": model.rows if model else 0,
        "learned_stops": model.stops if model else 0,
        "tested_from": past.get("as_of"),
        "tested_rows": past.get("rows"),
        "tested_warned": past.get("warned"),
        "precision": past.get("precision"),
        "warned_base_rate": past.get("warned_base_rate"),
        "all_rate": past.get("base_rate"),
        "young_precision": past.get("young_precision"),
        "same_size_precision": past.get("same_size_precision"),
        "captured_tenth": past["captured_by"]["first_tenth"]["ours"] if past else None,
        "captured_tenth_youngest": past["captured_by"]["first_tenth"]["youngest"] if past else None,
        "captured_fifth": past["captured_by"]["first_fifth"]["ours"] if past else None,
        "captured_fifth_youngest": past["captured_by"]["first_fifth"]["youngest"] if past else None,
        "foretold_share": past.get("bias"),
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="early_warning",
        chapter="three_s",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, model, past),
        threshold=past.get("warned_base_rate"),
        yen_effect_jpy=sums["at_risk_jpy"] or None,
        concerned_customers=sums["customers"],
        measured=_measured(past),
        action=Action("@action_segment.warned_of_a_stop", sums["customers"], "@action_channel.phone", expected_jpy),
        sources=("stop_warnings", "stop_risk", "subscriptions"),
    )


def _precision(past: Mapping[str, Any]) -> Estimate | None:
    if past.get("precision") is None or past.get("precision_error") is None:
        return None
    return Estimate(past["precision"], past["precision_error"])


def _verdict(past: Mapping[str, Any]) -> Verdict:
    """Whether former warnings were more often right than the share of the same deliveries."""
    found = _precision(past)
    if found is None or past["warned_subscriptions"] < LEAST_CUSTOMERS:
        return "undetermined"
    above = found.value - past["warned_base_rate"]
    if above > SURE_ERRORS * found.error:
        return "healthy"
    return "issue" if above < 0 else "undetermined"


def _measured(past: Mapping[str, Any]) -> Measured | None:
    found = _precision(past)
    if found is None:
        return None
    low, high = max(found.low, 0.0), min(found.high, 1.0)
    return Measured(found.value, "rate", low, high, past["warned_base_rate"], SURE_ERRORS * found.error)


def _leading_factor(model: StopRisk | None) -> float | None:
    """By how much the leading sign multiplies the odds of a stop."""
    return None if model is None else model.leading_odds


def _exhibits(inputs: DiagnosisInputs, model: StopRisk | None, past: Mapping[str, Any]) -> tuple[Exhibit, ...]:
    columns: tuple[tuple[str, Unit], ...] = (
        ("warning_sign", "text"), ("warned_subscriptions", "count"), ("warning_risk", "rate"),
        ("warning_base_rate", "rate"), ("warning_at_risk_jpy", "jpy"),
    )  # fmt: skip
    sign_columns: tuple[tuple[str, Unit], ...] = (
        ("warning_sign", "text"), ("odds_factor", "index"), ("odds_low", "index"), ("odds_high", "index"),
        ("three_s_beyond_chance", "text"),
    )  # fmt: skip
    deciles: list[Row] = [
        {"risk_tenth": row["tenth"], "foretold_rate": row["foretold"], "came_rate": row["came"]}
        for row in past.get("deciles", ())
    ]
    calibration: tuple[tuple[str, Unit], ...] = (
        ("risk_tenth", "count"), ("foretold_rate", "rate"), ("came_rate", "rate")
    )  # fmt: skip
    exhibits = (
        Exhibit("reasons", "table", tuple(_reason_rows(inputs)), columns=columns),
        Exhibit("signs", "table", tuple(_sign_rows(model)), columns=sign_columns),
        Exhibit("backtest", "table", tuple(deciles), columns=calibration),
    )
    return tuple(exhibit for exhibit in exhibits if exhibit.rows)


def _reason_rows(inputs: DiagnosisInputs) -> list[Row]:
    """Per reason: who is warned for it, their mean risk beside that of their cycles, what is at stake."""
    if inputs.stop_warnings is None:
        return []
    millionths = {name: (_[name] * 1_000_000).round().cast("int64").sum() for name in ("risk", "base_rate")}
    grouped = inputs.stop_warnings.filter(_.is_warned).group_by("reason").agg(
        warned=_.count(), at_risk_jpy=yen_sum(_.expected_sales_at_risk_jpy), **millionths
    )  # fmt: skip
    return [
        {
            "warning_sign": f"@stop_sign.{row['reason']}",
            "warned_subscriptions": row["warned"],
            "warning_risk": row["risk"] / 1_000_000 / row["warned"],
            "warning_base_rate": row["base_rate"] / 1_000_000 / row["warned"],
            "warning_at_risk_jpy": row["at_risk_jpy"],
        }
        for row in rows(grouped.order_by(_.warned.desc(), _.reason))
    ]


def _beyond_chance(told: ToldSign) -> str:
    return "more" if told.is_proven else "less" if told.lowers else "none"


def _sign_rows(model: StopRisk | None) -> list[Row]:
    """Every sign that was tried: by how much it multiplies the odds of a stop, the strongest first."""
    if model is None:
        return []
    return [
        {
            "warning_sign": f"@stop_sign.{told.sign}",
            "odds_factor": told.odds,
            "odds_low": told.low,
            "odds_high": told.high,
            "three_s_beyond_chance": f"@three_s_chance.{_beyond_chance(told)}",
        }
        for told in model.told_signs()
    ]
