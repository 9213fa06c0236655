"""A three-tenths hitter stays one (3割打者, seed 001:141): how many customers a new book moves, beside RFM (R52)."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, mean, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS
from crm_platform.diagnosis.trends import share
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change
from crm_platform.segments import vip_classes

METHODS = ("ours", "rfm")


def segment_stability(inputs: DiagnosisInputs) -> Finding | None:
    """Share of customers whom six months moved to another class: the value classes, and RFM in as many classes.

    Compared are the book of six months ago and one issued today; inside a term nothing moves. Judged is how many more
    or fewer our classes moved than RFM, each customer beside himself. The action, to hold the classes for their term
    and go on with those who fell out of the best, expects the assumed response at what the best bought since. None
    where the history does not reach back.
    """
    if inputs.former_segments is None:
        return None
    known = inputs.former_segments.filter(_.value_class_now.notnull())
    sums = one_row(known.agg(customers=_.count(), classes=_.value_class.max()))
    customers = sums["customers"]
    if not customers:
        return None
    classes = max(sums["classes"], inputs.value_classes)  # the lowest may hold nobody
    moves = moved_customers(known, vip_classes(classes))
    ours, rfm = (_row(moves, method, customers) for method in METHODS)
    change = _fewer_than_rfm(moves, customers)
    rate = proportion(moves["ours_moved"], customers)
    verdict: Verdict = verdict_on_change(change, rfm["moved_rate"]) if change else "undetermined"
    fallen = moves["ours_fallen"]
    expected_jpy = round(fallen * inputs.response_rate * (ours["vip_mean_jpy"] or 0.0))
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "then_month": str(inputs.month.plus(-HALF_YEAR_MONTHS)),
        "customers": customers,
        "classes": classes,
        "book_source": "@book_source.issued" if moves["was_issued"] else "@book_source.anew",
        "moved_rate": ours["moved_rate"],
        "rfm_moved_rate": rfm["moved_rate"],
        "fewer_points": change.value if change else None,
        "vip_customers": ours["vip_customers"],
        "vip_fallen_customers": fallen,
        "vip_fallen_rate": ours["fallen_rate"],
        "rfm_vip_fallen_rate": rfm["fallen_rate"],
        "moved_customers": moves["ours_moved"],
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": expected_jpy or None if verdict == "issue" else None,
    }
    return Finding(
        key="segment_stability",
        chapter="accuracy",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(ours, rfm),
        threshold=rfm["moved_rate"],
        yen_effect_jpy=expected_jpy or None if verdict == "issue" else None,
        concerned_customers=moves["ours_moved"],
        measured=measured_against(rate, "rate", rfm["moved_rate"], change) if rate else None,
        action=Action("@action_segment.fallen_vips", fallen, "@action_channel.post_phone", expected_jpy),
        sources=("former_segments",),
    )


def moved_customers(known: ibis.Table, best: list[int]) -> dict[str, Any]:
    """Who changed class by our book, by RFM, by both; who of the best classes fell out, and what those bought since."""
    moved = {"ours": known.value_class != known.value_class_now, "rfm": known.rfm_class != known.rfm_class_now}
    then = {"ours": known.value_class, "rfm": known.rfm_class}
    now = {"ours": known.value_class_now, "rfm": known.rfm_class_now}
    lowest = max(best, default=0)
    found = {"was_issued": known.was_issued.all(), "both_moved": (moved["ours"] & moved["rfm"]).sum()}
    for method in METHODS:
        is_best = then[method] <= lowest
        found[f"{method}_moved"] = moved[method].sum()
        found[f"{method}_vips"] = is_best.sum()
        found[f"{method}_fallen"] = (is_best & (now[method] > lowest)).sum()
        found[f"{method}_vip_jpy"] = yen_sum(known.sales_since_jpy, is_best)
    return one_row(known.agg(**found))


def _fewer_than_rfm(moves: dict[str, Any], customers: int) -> Estimate | None:
    """The share whom RFM moved less the share whom our classes moved; who moved by both or neither tells nothing.

    That nobody differs is not certain to stay so: one customer who does is always reckoned with.
    """
    fewer = moves["rfm_moved"] - moves["ours_moved"]
    squares = max(moves["rfm_moved"] + moves["ours_moved"] - 2 * moves["both_moved"], 1)
    return mean(fewer, squares, customers)


def _row(moves: dict[str, Any], method: str, customers: int) -> dict[str, Any]:
    vips = moves[f"{method}_vips"]
    return {
        "method": f"@forecast_method.{method}",
        "moved_rate": moves[f"{method}_moved"] / customers,
        "vip_customers": vips,
        "fallen_rate": share(moves[f"{method}_fallen"], vips),
        "vip_mean_jpy": share(moves[f"{method}_vip_jpy"], vips),
    }


def _exhibits(ours: Row, rfm: Row) -> tuple[Exhibit, ...]:
    bars = Exhibit(
        "moved", "bar", (ours, rfm), x="method", y="moved_rate", y_unit="rate", highlight="@forecast_method.ours"
    )
    table = Exhibit(
        "moves",
        "table",
        (ours, rfm),
        columns=(
            ("method", "text"),
            ("moved_rate", "rate"),
            ("vip_customers", "count"),
            ("fallen_rate", "rate"),
            ("vip_mean_jpy", "jpy"),
        ),
    )
    return (bars, table)
