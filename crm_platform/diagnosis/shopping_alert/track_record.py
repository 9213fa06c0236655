"""Did former alerts come true (アラートの答え合わせ, R80): alerted, others of the group, and the natural fall."""

from __future__ import annotations

from typing import Any

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, Json
from crm_platform.diagnosis.verdicts import verdict_on

RATES = ("alerted_fall_rate", "natural_fall_rate", "other_fall_rate")


def alert_track_record(inputs: AlertInputs) -> Finding | None:
    """How many of those whom an alert would have named six months ago fell since, beside the rest of their group.

    Healthy where the alerted fell more often than the others (the threshold; all fell more often than one would think,
    since who is at a peak comes down). Undetermined below 30 alerted or where there were no others; None where history
    is too short.
    """
    origins = [one for one in (inputs.backtest or {}).get("origins", ()) if one.get("lapse")]
    if not origins:
        return None
    latest: Json = origins[0]["lapse"]
    alerted, others = latest["alerted_fall_rate"], latest["other_fall_rate"]
    is_known = alerted is not None and others is not None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "then_month": origins[0]["as_of"][:7],
        "candidates": latest["candidates"],
        "alerted": latest["alerted"],
        **{rate: latest[rate] for rate in RATES},
        "lead_points": alerted - others if is_known else None,
        "expected_fall_rate": latest["expected_fall_rate"],
        "false_alarms": round(latest["alerted"] * (1 - alerted)) if alerted is not None else None,
        "auc": latest["auc"],
        "first_tenth_fall_rate": latest["first_tenth_fall_rate"],
        "origins": len(origins),
    }
    return Finding(
        key="alert_track_record",
        chapter="alert_results",
        verdict=verdict_on(latest["alerted"] if is_known else 0, is_known and alerted > others),
        numbers=numbers,
        exhibits=(_rates(latest), _origins(origins), _signs(latest)),
        threshold=others,
    )


def _signs(latest: Json) -> Exhibit:
    """How well each sign alone would have told who falls, beside the alert's risk."""
    told = {"risk": latest, **latest["signs"]}
    rows = tuple(
        {"sign": f"@fall_sign.{name}", **{figure: one[figure] for figure in ("auc", "first_tenth_fall_rate")}}
        for name, one in told.items()
    )
    columns: Any = (("sign", "text"), ("auc", "index"), ("first_tenth_fall_rate", "rate"))
    return Exhibit("signs", "table", rows, columns=columns)


def _rates(latest: Json) -> Exhibit:
    rows: tuple[Row, ...] = tuple(
        {"who": f"@fall_group.{rate.removesuffix('_fall_rate')}", "fall_rate": latest[rate]} for rate in RATES
    )
    return Exhibit("rates", "bar", rows, x="who", y="fall_rate", y_unit="rate", highlight="@fall_group.alerted")


def _origins(origins: list[Json]) -> Exhibit:
    """Every former day looked back on."""
    counts, rates = ("candidates", "alerted"), (*RATES, "expected_fall_rate")
    rows = tuple(
        {"then": one["as_of"][:7], **{name: one["lapse"][name] for name in (*counts, *rates, "auc")}} for one in origins
    )
    columns: Any = (
        ("then", "month"),
        *((name, "count") for name in counts),
        *((name, "rate") for name in rates),
        ("auc", "index"),
    )
    return Exhibit("origins", "table", rows, columns=columns)
