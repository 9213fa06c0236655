"""How former forecasts came true (予測の答え合わせ, J11): ours beside RFM, recency, past and recent sales."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from crm_platform.diagnosis.estimates import SURE_ERRORS, Estimate, errors_for
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import NOTICEABLE_RATE, measured_against, verdict_on_change

LARGEST_BIAS_RATE = 0.1  # the platform's own line: a total that is off by more is no plan
METHODS = ("ours", "rfm", "recency", "past_sales", "recent_level")
RIVALS = METHODS[1:]
_MOVING = ("ours", "rfm")  # whose tenths are compared from origin to origin
_TOP_SHARE = 0.1

Json = Mapping[str, Any]


def forecast_accuracy(inputs: DiagnosisInputs) -> Finding | None:
    """How well the latest forecast of `backtest["origins"]` ordered the customers by their actual six months of sales.

    課題 where, beyond chance, its normalised Gini is below that of the best plain ranking (R50, J11), a value class
    sold more on average than the one above it, or the total was off by more than 10 %; `fault` names which, in that
    order. At stake: the yen by which the total was off beyond the 10 %. The action, to use the order and not the
    amounts, expects the assumed response of the best tenth. Undetermined where nothing was bought since; None where
    history is too short for a backtest. `bias_rate` is Σ foreseen ÷ Σ actual − 1.
    """
    backtest = inputs.backtest
    if not backtest:
        return None
    latest: Json = backtest["origins"][0]
    gini = latest["methods"]["ours"]["gini"]
    rivals = {name: latest["methods"][name]["gini"] or 0.0 for name in RIVALS}
    best_rival = max(rivals, key=lambda name: rivals[name])
    bias_rate = latest["bias"] - 1 if latest["bias"] is not None else None
    errors: Json = latest["errors"]
    verdict: Verdict = "undetermined"
    fault = lead = None
    if gini is not None:
        lead = Estimate(gini - rivals[best_rival], errors["leads"][best_rival])
        fault = fault_of(latest, lead)
        verdict = "issue" if fault else _unless_unknowable(lead, rivals[best_rival], errors["bias"])
    actual_jpy = sum(row["customers"] * row["mean_actual_jpy"] for row in latest["classes"])
    off_jpy = round(max(abs(bias_rate or 0.0) - LARGEST_BIAS_RATE, 0.0) * actual_jpy)
    top = round(latest["customers"] * _TOP_SHARE)
    top_jpy = (latest["methods"]["ours"]["top_decile_share"] or 0.0) * actual_jpy
    expected_jpy = round(top_jpy * inputs.response_rate)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_of_the_latest(latest),
        **_of_all(backtest),
        "rival": f"@forecast_method.{best_rival}",
        "rival_gini": rivals[best_rival],
        "bias_rate": bias_rate,
        "largest_bias_rate": LARGEST_BIAS_RATE,
        "fault": fault,
        "top_customers": top,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "off_jpy": off_jpy,
    }
    return Finding(
        key="forecast_accuracy",
        chapter="accuracy",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(backtest, latest) if gini is not None else (),
        threshold=rivals[best_rival],
        yen_effect_jpy=off_jpy or None if verdict == "issue" else None,
        concerned_customers=latest["customers"],
        measured=measured_against(
            Estimate(gini, errors["gini"]), "rate", rivals[best_rival], lead, errors=errors_for(len(RIVALS))
        )
        if gini is not None
        else None,
        trend=trend_of(_ginis(backtest), "rate"),
        action=Action("@action_segment.top_tenth", top, "@action_channel.mail_phone", expected_jpy),
        sources=("backtest",),
    )


def fault_of(latest: Json, lead: Estimate) -> str | None:
    """Why the forecast is no good beyond chance: its order, its classes or its total; None where all three are."""
    if lead.value < -errors_for(len(RIVALS)) * lead.error:
        return "@forecast_fault.order"
    means = [row["mean_actual_jpy"] for row in latest["classes"]]
    pairs = list(zip(pairwise(means), pairwise(latest["errors"]["class_means_jpy"]), strict=True))
    sure = errors_for(len(pairs))
    # A class of one customer has no error of its own and proves nothing.
    if any(None not in errors and lower - upper > sure * math.hypot(*errors) for (upper, lower), errors in pairs):
        return "@forecast_fault.classes"
    bias_error = latest["errors"]["bias"]
    is_off = bias_error is not None and abs(latest["bias"] - 1) - LARGEST_BIAS_RATE > SURE_ERRORS * bias_error
    return "@forecast_fault.total" if is_off else None


def _unless_unknowable(lead: Estimate, rival_gini: float, bias_error: float) -> Verdict:
    """健全 where a lead lost and a total missed by three tenths would both have been noticed."""
    if SURE_ERRORS * bias_error > NOTICEABLE_RATE:
        return "undetermined"
    return verdict_on_change(lead, rival_gini, errors=errors_for(len(RIVALS)))


def _ginis(backtest: Json) -> list[tuple[str, Estimate]]:
    """Our Gini at every origin, the earliest first."""
    return [
        (one["as_of"][:7], Estimate(one["methods"]["ours"]["gini"], one["errors"]["gini"]))
        for one in reversed(backtest["origins"])
        if one["methods"]["ours"]["gini"] is not None
    ]


# --- numbers ----------------------------------------------------------------------------------------------------------


def _of_the_latest(latest: Json) -> dict[str, Scalar]:
    methods, classes = latest["methods"], latest["classes"]
    return {
        "backtest_month": latest["as_of"][:7],
        "customers": latest["customers"],
        "gini": methods["ours"]["gini"],
        "rfm_gini": methods["rfm"]["gini"],
        "top_decile_share_rate": methods["ours"]["top_decile_share"],
        "rfm_top_decile_share_rate": methods["rfm"]["top_decile_share"],
        "decile_error_rate": latest["decile_error"],
        "above_p90_rate": latest["coverage"]["above_p90_rate"],
        "below_p10_rate": latest["coverage"]["below_p10_rate"],
        "classes": len(classes),
        "inverted_classes": latest["class_inversions"],
        "top_class": f"@value_class.{classes[0]['value_class']}",
        "top_expected_jpy": round(classes[0]["mean_expected_jpy"]),
        "top_actual_jpy": round(classes[0]["mean_actual_jpy"]),
    }


def _of_all(backtest: Json) -> dict[str, Scalar]:
    """The number of origins, their mean, and the share of customers who moved between the last two."""
    moved = backtest["stability"][0] if backtest["stability"] else dict.fromkeys(_MOVING)
    mean = backtest["mean"]
    return {
        "origins": len(backtest["origins"]),
        "mean_gini": mean["methods"]["ours"]["gini"],
        "mean_rfm_gini": mean["methods"]["rfm"]["gini"],
        "mean_bias_rate": mean["bias"] - 1 if mean["bias"] is not None else None,
        "moved_rate": moved["ours"],
        "rfm_moved_rate": moved["rfm"],
    }


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _exhibits(backtest: Json, latest: Json) -> tuple[Exhibit, ...]:
    share: Any = {"x_unit": "rate", "y_unit": "rate", "series": "method"}
    yen: Any = {"x_unit": "jpy", "y_unit": "jpy", "series": "tenth"}
    tenths = tuple({**row, "tenth": str(row["decile"])} for row in latest["deciles"])
    return (
        Exhibit("lorenz", "lorenz", _curves(latest["lorenz"]), x="customers_rate", y="sales_rate", **share),
        Exhibit("calibration", "calibration", tenths, x="mean_expected_jpy", y="mean_actual_jpy", **yen),
        Exhibit("deciles", "bar", _bars(latest["deciles"]), x="tenth", y="mean_jpy", y_unit="jpy", series="series"),
        _methods(backtest, latest),
        _origins(backtest),
        _classes(latest),
    )


def _curves(lorenz: Json) -> tuple[Row, ...]:
    return tuple(
        {"customers_rate": place / (len(points) - 1), "sales_rate": share, "method": f"@forecast_method.{name}"}
        for name, points in lorenz.items()
        for place, share in enumerate(points)
    )


def _bars(deciles: list[Json]) -> tuple[Row, ...]:
    return tuple(
        {"tenth": f"@tenth.{row['decile']}", "series": f"@series.{series}", "mean_jpy": row[f"mean_{series}_jpy"]}
        for row in deciles
        for series in ("expected", "actual")
    )


def _methods(backtest: Json, latest: Json) -> Exhibit:
    """Every method beside ours, at the latest origin and in the mean."""
    mean = backtest["mean"]["methods"]
    moved = backtest["stability"][0] if backtest["stability"] else {}
    rows = tuple(
        {
            "method": f"@forecast_method.{name}",
            "gini": latest["methods"][name]["gini"],
            "mean_gini": mean[name]["gini"],
            "top_decile_share_rate": latest["methods"][name]["top_decile_share"],
            "mean_top_decile_share_rate": mean[name]["top_decile_share"],
            "moved_rate": moved.get(name),
        }
        for name in METHODS
    )
    rates: Any = tuple((name, "rate") for name in list(rows[0])[1:])
    return Exhibit("methods", "table", rows, columns=(("method", "text"), *rates))


def _origins(backtest: Json) -> Exhibit:
    """Our forecast at every origin: what was expected of it, and what came."""
    rows = tuple(
        {
            "origin": one["as_of"][:7],
            "customers": one["customers"],
            "gini": one["methods"]["ours"]["gini"],
            "rfm_gini": one["methods"]["rfm"]["gini"],
            "bias_rate": one["bias"] - 1 if one["bias"] is not None else None,
            "decile_error_rate": one["decile_error"],
            **{name: one["coverage"][name] for name in ("above_p90_rate", "below_p10_rate")},
        }
        for one in backtest["origins"]
    )
    rates: Any = tuple((name, "rate") for name in list(rows[0])[2:])
    return Exhibit("origins", "table", rows, columns=(("origin", "month"), ("customers", "count"), *rates))


def _classes(latest: Json) -> Exhibit:
    """Per value class what was expected and what came, and what became of those whom the alert named."""
    alerts = {row["value_class"]: row for row in latest["lapse"]["by_class"]}
    rows = tuple(
        {
            **row,
            "value_class": f"@value_class.{row['value_class']}",
            "alerted": alerts[row["value_class"]]["alerted"],
            "alerted_fall_rate": alerts[row["value_class"]]["alerted_fall_rate"],
            "natural_fall_rate": alerts[row["value_class"]]["natural_fall_rate"],
        }
        for row in latest["classes"]
    )
    columns: Any = (
        ("value_class", "text"),
        ("customers", "count"),
        ("mean_expected_jpy", "jpy"),
        ("mean_actual_jpy", "jpy"),
        ("alerted", "count"),
        ("alerted_fall_rate", "rate"),
        ("natural_fall_rate", "rate"),
    )
    return Exhibit("class_table", "table", rows, columns=columns)
