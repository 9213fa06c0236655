"""Lapse points (離脱ポイント, R123): after which purchase customers stop, by the way they began."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows

SHOWN_PURCHASES = 10
LEAST_REACHED = 30
ERRORS = 3.0  # standard errors beyond which a purchase stands out; some two dozen are looked at
EVERYONE = "@order_kind.all"
_HALF_YEAR = 6
_COUNTS = ("reached", "stopped", "recent")


@dataclass(frozen=True)
class Bump:
    """A purchase whose hazard stands above the mean of the purchases before and after it."""

    row: dict[str, Any]
    excess: float
    error: float

    @property
    def stands_out(self) -> bool:
        """More than chance allows."""
        return self.excess > ERRORS * self.error


def lapse_points(inputs: DiagnosisInputs) -> Finding | None:
    """The share who never came back after their n-th purchase; where it stands out most is the lapse point.

    Looked at are all customers, and those who began with each kind of order. Counted are n-th purchases of months that
    ended settings.lapse_silent_days ago, so every stop is a long silence. A purchase stands out by its excess over the
    mean of the purchases before and after it, 30 customers each; more than three standard errors is an issue. At stake:
    the customers of the last six months who stop there in excess × the mean order value. None where nobody ever bought.
    """
    hazards = hazard_rows(inputs)
    if not hazards:
        return None
    bump = largest_bump(hazards)
    is_issue = bump is not None and bump.stands_out
    verdict: Verdict = "undetermined" if bump is None else "issue" if is_issue else "healthy"
    effect_jpy = round(bump.excess * bump.row["recent"] * inputs.order_value_jpy) if bump and is_issue else None
    everyone = [row for row in hazards if row["kind"] == EVERYONE]
    group = bump.row["kind"] if bump and is_issue else EVERYONE
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "silent_days": inputs.client.settings.lapse_silent_days,
        "first_hazard_rate": everyone[0]["hazard_rate"],
        "point_group": _people(bump.row["kind"]) if bump else None,
        "point_purchase": bump.row["purchase"] if bump else None,
        "point_hazard_rate": bump.row["hazard_rate"] if bump else None,
        "neighbour_hazard_rate": bump.row["hazard_rate"] - bump.excess if bump else None,
        "excess_points": bump.excess if bump else None,
        "error_points": ERRORS * bump.error if bump else None,
        "point_stopped": bump.row["stopped"] if bump else None,
        "recent_customers": bump.row["recent"] if bump else None,
        "last_hazard_rate": everyone[-1]["hazard_rate"],
        "last_purchase": everyone[-1]["purchase"],
        "shown_group": _people(group),
        "effect_jpy": effect_jpy,
    }
    shown = [row for row in hazards if row["kind"] == group]
    return Finding(
        key="lapse_points",
        chapter="existing_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(shown, str(bump.row["purchase"]) if bump and is_issue else None, hazards),
        threshold=ERRORS * bump.error if bump else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=bump.row["recent"] if bump and is_issue else None,
    )


def _people(kind: str) -> str:
    """Customers by the kind of their first order, as a sentence names them."""
    return kind.replace("@order_kind.", "@customers_who_began.")


def largest_bump(hazards: list[dict[str, Any]]) -> Bump | None:
    """The purchase that stands out most, by standard errors; None where no three successive ones have 30 customers."""
    bumps = [
        _bump(*three)
        for three in zip(hazards, hazards[1:], hazards[2:], strict=False)
        if len({row["kind"] for row in three}) == 1 and min(row["reached"] for row in three) >= LEAST_REACHED
    ]
    return max(bumps, key=lambda bump: bump.excess / bump.error if bump.error else 0.0, default=None)


def _bump(former: dict[str, Any], row: dict[str, Any], later: dict[str, Any]) -> Bump:
    variances = [r["hazard_rate"] * (1 - r["hazard_rate"]) / r["reached"] for r in (former, row, later)]
    excess = row["hazard_rate"] - (former["hazard_rate"] + later["hazard_rate"]) / 2
    return Bump(row, excess, math.sqrt(variances[1] + (variances[0] + variances[2]) / 4))


def hazard_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By kind of the first order (everyone first) and number of purchase.

    `reached`: customers whose n-th purchase is long enough ago; `stopped`: those of them without another;
    `hazard_rate`: their share; `recent`: customers who made their n-th purchase in the last six months.
    """
    span = inputs.span(_HALF_YEAR)
    is_recent = span.holds(_.month) if span else ibis.literal(False)
    mature = _is_mature(inputs)
    sums = (
        _reached(inputs)
        .group_by("first_order_kind", "purchase")
        .agg(reached=_.count(where=mature), stopped=_.count(where=mature & _.stopped), recent=_.count(where=is_recent))
    )
    found = [{**row, "kind": f"@order_kind.{row['first_order_kind']}"} for row in rows(sums)]
    totals = [
        {"kind": EVERYONE, "purchase": purchase}
        | {name: sum(row[name] for row in found if row["purchase"] == purchase) for name in _COUNTS}
        for purchase in range(1, SHOWN_PURCHASES + 1)
    ]
    by_kind = sorted(found, key=lambda row: (str(row["kind"]), row["purchase"]))
    known = [row for row in by_kind if row["first_order_kind"] is not None]
    return [
        {name: row[name] for name in ("kind", "purchase", *_COUNTS)}
        | {"number": str(row["purchase"]), "hazard_rate": row["stopped"] / row["reached"]}
        for row in (*totals, *known)
        if row["reached"]
    ]


def _reached(inputs: DiagnosisInputs) -> ibis.Table:
    """One row per customer and n up to 10: the month of the n-th purchase, and whether it was the last so far."""
    bought = inputs.purchases
    so_far = bought.purchase_days.sum().over(
        ibis.window(group_by=bought.customer_id, order_by=bought.month, preceding=(None, 0))
    )
    running = bought.select("customer_id", "month", "purchase_days", so_far=so_far)
    numbers = ibis.memtable({"purchase": list(range(1, SHOWN_PURCHASES + 1))})
    reached = numbers.join(
        running, (numbers.purchase <= running.so_far) & (numbers.purchase > running.so_far - running.purchase_days)
    )
    totals = inputs.buyers.select("customer_id", "first_order_kind", total=_.purchase_days)
    return reached.inner_join(totals, "customer_id").mutate(stopped=_.total == _.purchase)


def _is_mature(inputs: DiagnosisInputs) -> ibis.Deferred:
    last = inputs.as_of - dt.timedelta(days=inputs.client.settings.lapse_silent_days)
    return _.month < last.replace(day=1)


def _exhibits(shown: list[dict[str, Any]], highlight: str | None, hazards: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    kinds = [row for row in hazards if row["kind"] != EVERYONE and row["reached"] >= LEAST_REACHED]
    bar = Exhibit("hazard", "bar", tuple(shown), x="number", y="hazard_rate", y_unit="rate", highlight=highlight)
    heat = Exhibit("kinds", "heatmap", tuple(kinds), x="number", y="hazard_rate", y_unit="rate", series="kind")
    return (bar, heat) if len({row["kind"] for row in kinds}) > 1 else (bar,)
