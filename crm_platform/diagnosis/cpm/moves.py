"""Which classes grow and which shrink: the moves of the last month and year, and every month's counts (R102)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ibis import _

from crm_platform.diagnosis.cpm.accounts import Account, Ledger
from crm_platform.diagnosis.cpm.classes import with_sales
from crm_platform.diagnosis.cpm.portfolio import KNOWN_FROM_MONTHS, year_ends
from crm_platform.diagnosis.estimates import Estimate, count_of, errors_for
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Trend, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import change, trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change
from crm_platform.periods import Month
from crm_platform.tables.analyses import CPM_CLASS_NAMES
from crm_platform.tables.portfolio import NOT_YET_KNOWN

PILLARS = ("premium_active", "steady_active")  # 優良現役 and their reserve, コツコツ現役 (CPM.md §4)
_LOOKS = 2
_STAGES = ("premium", "trend", "steady", "toddler", "first")
_STACKED = tuple(f"{stage}_{state}" for state in ("active", "lapsed") for stage in _STAGES)  # the best at the bottom
_SHOWN_MOVES = 10


def cpm_moves(inputs: DiagnosisInputs) -> Finding | None:
    """Opening, in, out and closing of every class over twelve months, and where customers went (R102).

    Judged is the number of 優良現役 and コツコツ現役 customers together, so that a rise from the one to the other is no
    loss, and that of 優良現役 alone. コツコツ現役 alone shrink wherever the data begin late, as old customers reach the
    amount. The error counts every one who came and left. At stake: the customers lost × what such a customer spends in
    half a year. Undetermined below three years of data; None without a closed year of moves.
    """
    months = inputs.closed_months[-YEAR_MONTHS:]
    if inputs.cpm_moves is None or len(months) < YEAR_MONTHS:
        return None
    ledger = Ledger.of(inputs.cpm_moves)
    pillars, premium = ledger.account(PILLARS, months), ledger.account(PILLARS[:1], months)
    steady = ledger.account(PILLARS[1:], months)
    trend = _trend(inputs, ledger)
    verdict: Verdict = "undetermined"
    if len(inputs.closed_months) >= KNOWN_FROM_MONTHS + YEAR_MONTHS:
        verdict = verdict_on_accounts(pillars, premium, trend)
    lost = max(-pillars.change, -premium.change, 0)
    spent_jpy = _half_year_jpy(inputs)
    effect_jpy = round(lost * spent_jpy) or None if verdict == "issue" else None
    expected_jpy = round(pillars.closing * inputs.response_rate * inputs.order_value_jpy)
    moves = ledger.moves(months)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_told("pillars", pillars),
        **_told("premium", premium),
        **_told("steady", steady),
        "promoted": moves["steady_active", "premium_active"],
        "steady_lapses": moves["steady_active", "steady_lapsed"],
        "premium_lapses": moves["premium_active", "premium_lapsed"],
        "returned": sum(count for (former, now), count in moves.items() if _returns(former, now)),
        "moves": sum(moves.values()),
        "lost": lost or None,
        "spent_jpy": round(spent_jpy),
        "effect_jpy": effect_jpy,
        "lapsed_days": inputs.client.settings.cpm_lapsed_gap_days,
        "least_months": KNOWN_FROM_MONTHS + YEAR_MONTHS,
        "response_rate": inputs.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="cpm_moves",
        chapter="cpm",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, ledger, months),
        threshold=float(pillars.opening),
        yen_effect_jpy=effect_jpy,
        concerned_customers=pillars.closing,
        measured=measured_against(
            count_of(pillars.closing), "count", float(pillars.opening), _estimate(pillars), errors=errors_for(_LOOKS)
        ),
        trend=trend,
        action=Action("@action_segment.cpm_pillars", pillars.closing, "@action_channel.insert_phone", expected_jpy),
        sources=("cpm_moves", "customer_history", "customer_months", "cpm_classes"),
    )


def account_rows(ledger: Ledger, months: Sequence[Month]) -> list[dict[str, Any]]:
    """Per class the account of `months`, the last month's moves, and whether it shrinks or grows beyond chance."""
    errors = errors_for(len(CPM_CLASS_NAMES))
    found = []
    for name in CPM_CLASS_NAMES:
        year, last = ledger.account((name,), months), ledger.account((name,), months[-1:])
        sure = abs(year.change) > errors * _estimate(year).error
        found.append(
            {
                "cpm_class": f"@cpm.{name}",
                "opening": year.opening,
                "came": year.came,
                "left": year.left,
                "closing": year.closing,
                "came_last_month": last.came,
                "left_last_month": last.left,
                "direction": f"@direction.{('rising' if year.change > 0 else 'falling') if sure else 'level'}",
            }
        )
    return found


def verdict_on_accounts(pillars: Account, premium: Account, trend: Trend | None) -> Verdict:
    """課題 where either shrinks beyond chance, of two that were looked at; else what is said of both together."""
    errors = errors_for(_LOOKS)
    together = verdict_on_change(_estimate(pillars), pillars.opening, trend, errors=errors)
    alone = verdict_on_change(_estimate(premium), premium.opening, errors=errors)
    return "issue" if "issue" in (together, alone) else together


def _estimate(account: Account) -> Estimate:
    """The change of an account; everyone who came or left is a draw of its own."""
    return Estimate(account.change, math.sqrt(max(account.came + account.left, 1)))


def _trend(inputs: DiagnosisInputs, ledger: Ledger) -> Trend | None:
    closing = [(str(month), ledger.closing(month)) for month in year_ends(inputs)]
    return trend_of([(month, count_of(sum(counts[name] for name in PILLARS))) for month, counts in closing], "count")


def _returns(former: str, now: str) -> bool:
    return former.endswith("_lapsed") and now.endswith("_active")


def _half_year_jpy(inputs: DiagnosisInputs) -> float:
    """Half of what an active 優良 or コツコツ customer spent in twelve months, on average; 0 where there is none."""
    pillars = with_sales(inputs).filter(_.cpm_class.isin(PILLARS))
    found = one_row(pillars.agg(customers=pillars.count(), sales_jpy=yen_sum(pillars.sales_12m_jpy)))
    return found["sales_jpy"] / found["customers"] / 2 if found["customers"] else 0.0


def _told(name: str, account: Account) -> dict[str, Scalar]:
    return {
        f"{name}_now": account.closing,
        f"{name}_before": account.opening,
        f"{name}_came": account.came,
        f"{name}_left": account.left,
        f"{name}_difference": account.change,
        f"{name}_change_rate": change(account.closing, account.opening),
    }


def _exhibits(inputs: DiagnosisInputs, ledger: Ledger, months: Sequence[Month]) -> tuple[Exhibit, ...]:
    accounts = Exhibit(
        "accounts",
        "table",
        tuple(account_rows(ledger, months)),
        columns=(
            ("cpm_class", "text"),
            ("opening", "count"),
            ("came", "count"),
            ("left", "count"),
            ("closing", "count"),
            ("came_last_month", "count"),
            ("left_last_month", "count"),
            ("direction", "text"),
        ),
    )
    area = Exhibit(
        "history",
        "stacked_area",
        tuple(history_rows(inputs, ledger)),
        x="month",
        y="customers",
        x_unit="month",
        series="cpm_class",
    )
    heat = Exhibit(
        "moves", "heatmap", tuple(move_rows(ledger, months)), x="cpm_class", y="customers", series="former_class"
    )
    largest = Exhibit(
        "largest",
        "table",
        tuple(largest_rows(ledger, months)),
        columns=(
            ("former_class", "text"),
            ("cpm_class", "text"),
            ("moved_customers", "count"),
            ("moved_last_month", "count"),
        ),
    )
    return accounts, area, heat, largest


def history_rows(inputs: DiagnosisInputs, ledger: Ledger) -> list[dict[str, Any]]:
    """Customers of every class at every closed month's end: `month`, `cpm_class`, `customers`; active classes first."""
    closings = {month: ledger.closing(month) for month in inputs.closed_months}
    return [
        {"month": str(month), "cpm_class": f"@cpm.{name}", "customers": counts[name]}
        for month, counts in closings.items()
        for name in _STACKED
    ]


def move_rows(ledger: Ledger, months: Sequence[Month]) -> list[dict[str, Any]]:
    """Moves of all `months`: former class × class, with customers; new ones come from `not_yet_known`."""
    moves = ledger.moves(months)
    return [
        {"former_class": _named(former), "cpm_class": f"@cpm.{name}", "customers": moves[former, name]}
        for former in (*CPM_CLASS_NAMES, NOT_YET_KNOWN)
        for name in CPM_CLASS_NAMES
    ]


def _named(former: str) -> str:
    return "@cpm_not_yet" if former == NOT_YET_KNOWN else f"@cpm.{former}"


def largest_rows(ledger: Ledger, months: Sequence[Month]) -> list[dict[str, Any]]:
    """The ten largest moves of `months`, and how many of each came in the last month."""
    moves, last = ledger.moves(months), ledger.moves(months[-1:])
    ordered = sorted(moves, key=lambda pair: (-moves[pair], pair))[:_SHOWN_MOVES]
    return [
        {
            "former_class": _named(former),
            "cpm_class": f"@cpm.{now}",
            "moved_customers": moves[former, now],
            "moved_last_month": last[former, now],
        }
        for former, now in ordered
    ]
