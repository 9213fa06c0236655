"""Existing customers by profitability class and half-year (対既存客 収益力別, R59): how many, and where they moved."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from crm_platform.diagnosis.estimates import Estimate, count_of
from crm_platform.diagnosis.existing_customers.profit_classes import (
    CLASSES,
    DORMANT,
    NOT_YET,
    TOP,
    class_moves,
    class_rows,
    half_year_ends,
    profit_lines,
)
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change

_YEAR = 2  # half-years
_LEAST_ENDS = 4  # the first is a year after the first month, the year before must not be that one


def profit_class_moves(inputs: DiagnosisInputs) -> Finding | None:
    """Customers of the top class (上位: the 売上 of twelve months that a fifth of today's buyers reach), year on year.

    The lines are in yen and the same for all five years; 中位 and 下位 are cut at today's upper half, 休眠 has bought
    nothing in twelve months. Judged are the top class's customers against a year before, by those who joined and left
    it, and over five years (R61). At stake: the customers lost × the half-year's sales that one of the top brings more
    than one of the middle class. The action expects the assumed response of those who left the top in the last
    half-year. None below three half-years with a year behind them, or where nobody bought in the last twelve months.
    """
    months, lines = half_year_ends(inputs), profit_lines(inputs)
    if lines is None or len(months) <= _YEAR:
        return None
    moves = class_moves(inputs, lines)
    found = class_rows(moves, months)
    top = [row for row in found if row["number"] == TOP]
    trend = trend_of([(row["month"], count_of(row["customers"])) for row in top], "count")
    now, joined, left = _year_of(moves)
    before = now - joined + left
    fallen = Estimate(joined - left, math.sqrt(max(joined + left, 1)))
    verdict: Verdict = verdict_on_change(fallen, before, trend) if len(months) >= _LEAST_ENDS else "undetermined"
    more_jpy = max(_spent_jpy(found, TOP) - _spent_jpy(found, TOP + 1), 0.0)
    effect_jpy = round(max(before - now, 0) * more_jpy) or None if verdict == "issue" else None
    expected_jpy = round(top[-1]["left"] * inputs.response_rate * more_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "top_line_jpy": lines.top_jpy,
        "middle_line_jpy": lines.middle_jpy,
        "top_customers": now,
        "top_customers_before": before,
        "top_difference": now - before,
        "change_rate": now / before - 1 if before else None,
        "joined_customers": joined,
        "left_customers": left,
        "top_repeat_rate": top[-1]["repeat_rate"],
        "top_share_rate": _share_of_sales(found),
        "left_in_half_year": top[-1]["left"],
        "dormant_customers": next(row["customers"] for row in found[::-1] if row["number"] == DORMANT),
        "more_jpy": round(more_jpy),
        "effect_jpy": effect_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="profit_class_moves",
        chapter="existing_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(found, moves),
        threshold=float(before),
        yen_effect_jpy=effect_jpy,
        concerned_customers=now,
        measured=measured_against(count_of(now), "count", before, fallen),
        trend=trend,
        action=Action("@action_segment.left_the_top", top[-1]["left"], "@action_channel.mail_phone", expected_jpy),
        sources=("customer_months", "customer_history"),
    )


def _year_of(moves: pd.DataFrame) -> tuple[int, int, int]:
    """The top class now, who of it was not in it a year before, and who was in it then and no longer is."""
    year = moves[(moves["halves"] == _YEAR) & (moves["end"] == 0)]
    is_now, was = year["now"] == TOP, year["former"] == TOP
    counted = [int(year.loc[chosen, "customers"].sum()) for chosen in (is_now, is_now & ~was, was & ~is_now)]
    return counted[0], counted[1], counted[2]


def _spent_jpy(found: list[dict[str, Any]], number: int) -> float:
    """Mean 売上 of the last half-year of those who were in the class at its beginning."""
    row = next(row for row in found[::-1] if row["number"] == number)
    return row["spent_6m_jpy"] / row["opening"] if row["opening"] else 0.0


def _share_of_sales(found: list[dict[str, Any]]) -> float | None:
    """The top class's share of twelve months' sales."""
    last = found[-len(CLASSES) :]
    total_jpy = sum(row["sales_12m_jpy"] for row in last)
    return last[0]["sales_12m_jpy"] / total_jpy if total_jpy > 0 else None


def _exhibits(found: list[dict[str, Any]], moves: pd.DataFrame) -> tuple[Exhibit, ...]:
    named = [{**row, "profit_class": f"@profit_class.{row['number']}"} for row in found]
    area = Exhibit(
        "customers", "stacked_area", tuple(named), x="month", y="customers", x_unit="month", series="profit_class"
    )
    rates = tuple(row for row in named if row["repeat_rate"] is not None)
    line = Exhibit(
        "repeat",
        "line",
        rates,
        x="month",
        y="repeat_rate",
        x_unit="month",
        y_unit="rate",
        series="profit_class",
        highlight=f"@profit_class.{TOP}",
    )
    heat = Exhibit(
        "moves", "heatmap", tuple(last_moves(moves)), x="profit_class", y="customers", series="former_profit_class"
    )
    table = Exhibit(
        "classes",
        "table",
        tuple(named[-len(CLASSES) :]),
        columns=(
            ("profit_class", "text"),
            ("opening", "count"),
            ("joined", "count"),
            ("left", "count"),
            ("customers", "count"),
            ("repeat_rate", "rate"),
            ("sales_12m_jpy", "jpy"),
        ),
    )
    return area, line, heat, table


def last_moves(moves: pd.DataFrame) -> list[dict[str, Any]]:
    """The moves of the last half-year: every former class and who came new × every class, with customers."""
    last = moves[(moves["halves"] == 1) & (moves["end"] == 0)].set_index(["former", "now"])["customers"]
    return [
        {
            "former_profit_class": f"@profit_class.{former}",
            "profit_class": f"@profit_class.{now}",
            "customers": int(last.get((former, now), 0)),
        }
        for former in (*CLASSES, NOT_YET)
        for now in CLASSES
    ]
