"""How former forecasts came true (予測の答え合わせ, J11): ours beside RFM, recency, past and recent sales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs

LARGEST_BIAS_RATE = 0.1  # the platform's own line: a total that is off by more is no plan
METHODS = ("ours", "rfm", "recency", "past_sales", "recent_level")
RIVALS = METHODS[1:]
_MOVING = ("ours", "rfm")  # whose tenths are compared from origin to origin

Json = Mapping[str, Any]


def forecast_accuracy(inputs: DiagnosisInputs) -> Finding | None:
    """How well the latest forecast of `backtest["origins"]` ordered the customers by their actual six months of sales.

    Healthy where its normalised Gini is above that of every plain ranking (R50, J11), no value class sold more on
    average than the one above it, and the total was off by at most 10 %. Undetermined where nothing was bought since;
    None where history is too short for a backtest. `bias_rate` is Σ foreseen ÷ Σ actual − 1; `fault` names what failed.
    """
    backtest = inputs.backtest
    if not backtest:
        return None
    latest: Json = backtest["origins"][0]
    gini = latest["methods"]["ours"]["gini"]
    rivals = {name: latest["methods"][name]["gini"] or 0.0 for name in RIVALS}
    best_rival = max(rivals, key=lambda name: rivals[name])
    bias_rate = latest["bias"] - 1 if latest["bias"] is not None else None
    verdict: Verdict = "undetermined"
    fault = None
    if gini is not None:
        fault = fault_of(gini - rivals[best_rival], latest["class_inversions"], bias_rate)
        verdict = "issue" if fault else "healthy"
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_of_the_latest(latest),
        **_of_all(backtest),
        "rival": f"@forecast_method.{best_rival}",
        "rival_gini": rivals[best_rival],
        "bias_rate": bias_rate,
        "largest_bias_rate": LARGEST_BIAS_RATE,
        "fault": fault,
    }
    return Finding(
        key="forecast_accuracy",
        chapter="accuracy",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(backtest, latest) if gini is not None else (),
        threshold=rivals[best_rival],
    )


def fault_of(lead: float, inverted: int, bias_rate: float | None) -> str | None:
    """Why the forecast is no good: its order, its classes or its total; None where all three are."""
    if lead <= 0:
        return "@forecast_fault.order"
    if inverted:
        return "@forecast_fault.classes"
    is_off = bias_rate is not None and round(abs(bias_rate), 3) > LARGEST_BIAS_RATE  # to the tenth of a per cent shown
    return "@forecast_fault.total" if is_off else None


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
