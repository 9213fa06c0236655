"""A three-tenths hitter stays one (3割打者, seed 001:141): how many customers a new book moves, beside RFM (R52)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.trends import verdict_on
from crm_platform.forecast import share_that_moves
from crm_platform.segments import vip_classes

_HALF_YEAR = 6
METHODS = {"ours": ("value_class", "value_class_now"), "rfm": ("rfm_class", "rfm_class_now")}


def segment_stability(inputs: DiagnosisInputs) -> Finding | None:
    """Share of customers whom six months moved to another class: the value classes, and RFM in as many classes.

    Compared are the book of six months ago and one issued today; inside a term nothing moves. Healthy where our classes
    moved fewer customers than RFM did. Undetermined below 30 customers; None where the history does not reach back.
    """
    if inputs.former_segments is None:
        return None
    known: pd.DataFrame = inputs.former_segments.order_by("customer_id").to_pandas().dropna(subset="value_class_now")
    if known.empty:
        return None
    classes = int(known["value_class"].max())
    moves = {method: moves_of(known, *columns, classes) for method, columns in METHODS.items()}
    ours, rfm = moves["ours"], moves["rfm"]
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "then_month": str(inputs.month.plus(-_HALF_YEAR)),
        "customers": len(known),
        "classes": classes,
        "book_source": "@book_source.issued" if known["was_issued"].all() else "@book_source.anew",
        "moved_rate": ours["moved_rate"],
        "rfm_moved_rate": rfm["moved_rate"],
        "vip_customers": ours["vip_customers"],
        "vip_fallen_rate": ours["fallen_rate"],
        "rfm_vip_fallen_rate": rfm["fallen_rate"],
        "moved_customers": round(ours["moved_rate"] * len(known)),
    }
    compared: tuple[Row, ...] = tuple({"method": f"@forecast_method.{name}", **found} for name, found in moves.items())
    return Finding(
        key="segment_stability",
        chapter="accuracy",
        verdict=verdict_on(len(known), ours["moved_rate"] < rfm["moved_rate"]),
        numbers=numbers,
        exhibits=(
            Exhibit(
                "moved",
                "bar",
                compared,
                x="method",
                y="moved_rate",
                y_unit="rate",
                highlight="@forecast_method.ours",
            ),
            Exhibit(
                "moves",
                "table",
                compared,
                columns=(
                    ("method", "text"),
                    ("moved_rate", "rate"),
                    ("vip_customers", "count"),
                    ("fallen_rate", "rate"),
                    ("vip_mean_jpy", "jpy"),
                ),
            ),
        ),
        threshold=rfm["moved_rate"],
    )


def moves_of(known: pd.DataFrame, then: str, now: str, classes: int) -> dict[str, Any]:
    """Share of customers who changed class; how many of the best then fell out, and what they bought since."""
    best = vip_classes(classes)
    vips = known[known[then].isin(best)]
    return {
        "moved_rate": share_that_moves(known[then].astype("int64"), known[now].astype("int64")),
        "vip_customers": len(vips),
        "fallen_rate": float((~vips[now].isin(best)).mean()) if len(vips) else None,
        "vip_mean_jpy": float(vips["sales_since_jpy"].mean()) if len(vips) else None,
    }
