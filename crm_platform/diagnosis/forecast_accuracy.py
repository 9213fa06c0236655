"""How the former forecast came true (予測の答え合わせ, J11): ours beside RFM, recency and past sales."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs

LARGEST_BIAS_RATE = 0.1  # the platform's own line: a total that is off by more is no plan
METHODS = ("ours", "rfm", "recency", "past_sales")


def forecast_accuracy(inputs: DiagnosisInputs) -> Finding | None:
    """How well the forecast of `backtest["as_of"]` ordered the customers by their actual six months of sales.

    Healthy where its normalised Gini is above that of RFM, recency and past sales (R50, J11), no value class sold
    more on average than the one above it, and the total was off by at most 10 %. Undetermined where nothing was bought
    since; None where history is too short for a backtest. `bias` is Σ foreseen ÷ Σ actual; `fault` names what failed.
    """
    backtest = inputs.backtest
    if not backtest:
        return None
    methods: Mapping[str, Mapping[str, float | None]] = backtest["methods"]
    ours, gini = methods["ours"], methods["ours"]["gini"]
    rivals = {name: methods[name]["gini"] or 0.0 for name in METHODS[1:] if name in methods}
    best_rival = max(rivals, key=lambda name: rivals[name])
    classes = sorted(backtest["classes"], key=lambda row: row["value_class"])
    inverted = inversions(classes)
    bias_rate = backtest["bias"] - 1 if backtest["bias"] is not None else None
    verdict: Verdict = "undetermined"
    fault = None
    if gini is not None:
        fault = fault_of(gini - rivals[best_rival], inverted, bias_rate)
        verdict = "issue" if fault else "healthy"
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "backtest_month": str(backtest["as_of"])[:7],
        "gini": gini,
        "rival": f"@forecast_method.{best_rival}",
        "rival_gini": rivals[best_rival],
        "rfm_gini": rivals.get("rfm"),
        "top_decile_share_rate": ours["top_decile_share"],
        "rfm_top_decile_share_rate": methods["rfm"]["top_decile_share"] if "rfm" in methods else None,
        "bias_rate": bias_rate,
        "largest_bias_rate": LARGEST_BIAS_RATE,
        "fault": fault,
        "top_class": f"@value_class.{classes[0]['value_class']}" if classes else None,
        "top_expected_jpy": round(classes[0]["mean_expected_jpy"]) if classes else None,
        "top_actual_jpy": round(classes[0]["mean_actual_jpy"]) if classes else None,
        "inverted_classes": inverted,
        "classes": len(classes),
        "customers": sum(row["customers"] for row in classes),
    }
    return Finding(
        key="forecast_accuracy",
        chapter="accuracy",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(methods, classes),
        threshold=rivals[best_rival],
    )


def inversions(classes: list[dict[str, Any]]) -> int:
    """How many classes sold more per customer than the class above them."""
    means = [row["mean_actual_jpy"] for row in classes]
    return sum(lower > upper for upper, lower in pairwise(means))


def fault_of(lead: float, inverted: int, bias_rate: float | None) -> str | None:
    """Why the forecast is no good: its order, its classes or its total; None where all three are."""
    if lead <= 0:
        return "@forecast_fault.order"
    if inverted:
        return "@forecast_fault.classes"
    is_off = bias_rate is not None and round(abs(bias_rate), 3) > LARGEST_BIAS_RATE  # to the tenth of a per cent shown
    return "@forecast_fault.total" if is_off else None


def _exhibits(methods: Mapping[str, Mapping[str, float | None]], classes: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    compared: list[Row] = [
        {
            "method": f"@forecast_method.{name}",
            "gini": methods[name]["gini"],
            "top_decile_share_rate": methods[name]["top_decile_share"],
        }
        for name in METHODS
        if name in methods
    ]
    named: list[Row] = [{**row, "value_class": f"@value_class.{row['value_class']}"} for row in classes]
    lines: list[Row] = [
        {"value_class": row["value_class"], "series": f"@series.{series}", "mean_jpy": row[f"mean_{series}_jpy"]}
        for row in named
        for series in ("expected", "actual")
    ]
    return (
        Exhibit(
            "methods", "bar", tuple(compared), x="method", y="gini", y_unit="rate", highlight="@forecast_method.ours"
        ),
        Exhibit("classes", "bar", tuple(lines), x="value_class", y="mean_jpy", y_unit="jpy", series="series"),
        Exhibit(
            "class_table",
            "table",
            tuple(named),
            columns=(
                ("value_class", "text"),
                ("customers", "count"),
                ("mean_expected_jpy", "jpy"),
                ("mean_actual_jpy", "jpy"),
            ),
        ),
    )
