"""The customer portfolio (CPM, 顧客ポートフォリオ): ten classes now and through the years, and the moves of a year."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.cpm.states import amount_threshold_jpy, cpm_states
from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.trends import change, share, verdict_on
from crm_platform.tables.analyses import CPM_CLASS_NAMES

GROWN_SHARE_RATE = 0.5  # 優良顧客 + 継続顧客 bring half of the sales or more (seed 002:80, R103)
_GROWN = ("premium_active", "premium_lapsed", "steady_active", "steady_lapsed")
_STAGES = ("premium", "trend", "steady", "toddler", "first")
_QUARTER = 3
_YEAR = 12
_NOT_YET = "@cpm_not_yet"
_STACKED = tuple(f"{stage}_{state}" for state in ("active", "lapsed") for stage in _STAGES)  # the best at the bottom


def cpm_portfolio(inputs: DiagnosisInputs) -> Finding | None:
    """The share of twelve months' sales that 優良 and コツコツ customers bring, against 50 % (R103).

    At stake where it is less: the sales that they would have to add in six months to reach it. Undetermined below 30
    customers or without sales; None without customers.
    """
    now = class_rows(inputs)
    if not now:
        return None
    total_jpy = sum(row["sales_12m_jpy"] for row in now)
    grown_jpy = sum(row["sales_12m_jpy"] for row in now if row["cpm_class"][5:] in _GROWN)
    grown_rate = share(grown_jpy, total_jpy) if total_jpy > 0 else None
    moves = move_rows(inputs)
    former = _counts_before(moves)
    counts = {row["cpm_class"][5:]: row["customers"] for row in now}
    verdict: Verdict = "undetermined"
    if grown_rate is not None:
        verdict = verdict_on(sum(counts.values()), grown_rate >= GROWN_SHARE_RATE)
    effect_jpy = max((total_jpy - 2 * grown_jpy) // 2, 0) if verdict == "issue" else None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "customers": sum(counts.values()),
        "grown_share_rate": grown_rate,
        "benchmark_rate": GROWN_SHARE_RATE,
        "sales_jpy": total_jpy,
        "grown_jpy": grown_jpy,
        "effect_jpy": effect_jpy,
        "amount_threshold_jpy": amount_threshold_jpy(inputs),
        "premium_active": counts["premium_active"],
        "premium_lapsed": counts["premium_lapsed"],
        "steady_active": counts["steady_active"],
        "first_active": counts["first_active"],
        "premium_change_rate": change(counts["premium_active"], former.get("@cpm.premium_active")) if former else None,
    }
    return Finding(
        key="cpm_portfolio",
        chapter="cpm",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(now, former, history_rows(inputs), moves),
        threshold=GROWN_SHARE_RATE,
        yen_effect_jpy=effect_jpy,
        concerned_customers=counts["steady_active"] + counts["premium_active"],
    )


def class_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Every class, in order: customers and their 売上 of twelve months; a class without a customer has 0."""
    amounts = inputs.history.select("customer_id", "sales_12m_jpy")
    joined = inputs.cpm_classes.select("customer_id", "cpm_class").left_join(amounts, "customer_id")
    grouped = joined.group_by("cpm_class").agg(customers=_.count(), sales_12m_jpy=yen_sum(_.sales_12m_jpy))
    found = {row["cpm_class"]: row for row in rows(grouped.order_by("cpm_class"))}
    nobody = {"customers": 0, "sales_12m_jpy": 0}
    return [{**found.get(name, nobody), "cpm_class": f"@cpm.{name}"} for name in CPM_CLASS_NAMES if found]


def quarter_ends(inputs: DiagnosisInputs) -> list[dt.date]:
    """Every third month-end back from the as-of date, the earliest first."""
    ends = [month.last_day for month in reversed(inputs.months)][::_QUARTER]
    return sorted({inputs.as_of, *ends[1:]})


def history_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Customers of every class at every quarter's end: `month`, `cpm_class`, `customers`; active classes first."""
    counted = cpm_states(inputs, quarter_ends(inputs)).group_by("end_on", "cpm_class").agg(customers=_.count())
    found = {
        (row["end_on"], row["cpm_class"]): row["customers"] for row in rows(counted.order_by("end_on", "cpm_class"))
    }
    return [
        {"month": f"{end_on:%Y-%m}", "cpm_class": f"@cpm.{name}", "customers": found.get((end_on, name), 0)}
        for end_on in quarter_ends(inputs)
        for name in _STACKED
    ]


def move_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Moves of a year: class twelve months ago × class now, with customers (R102: opening + in − out = closing).

    Customers who came in the year were `not yet` there. Empty where the history is not longer than a year.
    """
    if len(inputs.months) <= _YEAR:
        return []
    then = cpm_states(inputs, [inputs.month.plus(-_YEAR).last_day]).select("customer_id", former_class=_.cpm_class)
    joined = inputs.cpm_classes.select("customer_id", "cpm_class").left_join(then, "customer_id")
    counted = joined.group_by("former_class", "cpm_class").agg(customers=_.count())
    found = {
        (row["former_class"], row["cpm_class"]): row["customers"]
        for row in rows(counted.order_by(ibis.asc("cpm_class"), "former_class"))
    }
    return [
        {
            "former_class": f"@cpm.{former}" if former else _NOT_YET,
            "cpm_class": f"@cpm.{name}",
            "customers": found.get((former, name), 0),
        }
        for former in (*CPM_CLASS_NAMES, None)
        for name in CPM_CLASS_NAMES
    ]


def _counts_before(moves: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in moves:
        if row["former_class"] != _NOT_YET:
            counts[row["former_class"]] = counts.get(row["former_class"], 0) + row["customers"]
    return counts


def _exhibits(
    now: list[dict[str, Any]], former: dict[str, int], history: list[dict[str, Any]], moves: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    compared = [
        {
            **row,
            "former_customers": former.get(row["cpm_class"]) if former else None,
            "difference": row["customers"] - former.get(row["cpm_class"], 0) if former else None,
        }
        for row in now
    ]
    table = Exhibit(
        "classes",
        "table",
        tuple(compared),
        columns=(
            ("cpm_class", "text"),
            ("customers", "count"),
            ("former_customers", "count"),
            ("difference", "count"),
            ("sales_12m_jpy", "jpy"),
        ),
    )
    area = Exhibit(
        "history", "stacked_area", tuple(history), x="month", y="customers", x_unit="month", series="cpm_class"
    )
    heat = Exhibit("moves", "heatmap", tuple(moves), x="cpm_class", y="customers", series="former_class")
    return (table, *((area,) if len(history) > len(CPM_CLASS_NAMES) else ()), *((heat,) if moves else ()))
