"""Media efficiency (媒体効率, R131): what a new customer costs by channel, and when the customer has paid it back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from crm_platform.diagnosis.estimates import errors_for
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Trend, Unit, Verdict
from crm_platform.diagnosis.groundwork.cohorts import last_with_months, over, settled
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.media_payback import (
    JUDGED_MONTHS,
    cost_row,
    media_rows,
    recent_by_channel,
    value_by_cohort,
)
from crm_platform.diagnosis.new_customers.quality import value_12m
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_line

_SHOWN_MEDIA = 15
_HALVES_RATE = HALF_YEAR_MONTHS / JUDGED_MONTHS  # of the new customers of three years, those of a mean half-year
_COST_COLUMNS: tuple[tuple[str, Unit], ...] = (
    ("entry_group", "text"),
    ("cost_jpy", "jpy"),
    ("new_customers", "count"),
    ("cpo_jpy", "jpy"),
    ("subscription_cpo_jpy", "jpy"),
    ("value_12m_jpy", "jpy"),
    ("value_12m_low_jpy", "jpy"),
    ("value_12m_high_jpy", "jpy"),
    ("value_to_cpo", "rate"),
    ("payback_months", "count"),
)


def media_efficiency(inputs: DiagnosisInputs) -> Finding | None:
    """CPO by channel beside the 売上 of a new customer's first twelve months, and the month in which the cost is back.

    Looked at are media that ended in the last three years. Each channel's 12-month value is held against its CPO
    (CPM.md §5, definition A) by as many errors as there are channels; judged is the one that falls shortest of it. At
    stake: the shortfall per customer × half a year's new customers, running placements with them, over the channels
    that are an issue. Where these brought nobody of late nothing is at stake. The action moves their budget to a
    channel that earns its cost; without one, or without newcomers of late (then with the mean half-year of the three
    years behind it), it says what a customer may cost when they are used again. It names the channels whose
    customers it counts: of those that are an issue the ones with newcomers of late, else all. None where no paid medium
    brought a new customer.
    """
    every_year = media_rows(inputs)
    media = [row for row in every_year if row["is_recent"]]
    if not media:
        return None
    recent = recent_by_channel(inputs)
    table = [
        {**cost_row(inputs, name, parts), "recent_customers": recent.get(name, 0)}
        for name, parts in by_channel(media).items()
    ]
    judged = [row for row in table if row["value_12m"]]
    errors = errors_for(len(judged))
    losing = [row for row in judged if verdict_of(row, errors) == "issue"]
    worst = min(losing or judged, key=_times_back, default=None)
    best = max(judged, key=_times_back, default=None)
    verdict: Verdict = verdict_of(worst, errors) if worst else "undetermined"
    half_year = sum(_half_year_customers(row) for row in losing)
    effect_jpy = round(_shortfall_jpy(losing, "recent_customers")) or None
    is_idle = bool(losing) and not half_year
    cut = sorted((row for row in losing if is_idle or row["recent_customers"]), key=_times_back)
    usual_customers = math.ceil(sum(row["judged_customers"] for row in losing) * _HALVES_RATE) if is_idle else half_year
    usual_jpy = round(_shortfall_jpy(losing, "judged_customers") * _HALVES_RATE) if is_idle else effect_jpy
    better = best if best and _times_back(best)[0] >= 1 else None  # a channel to which a losing one's budget can go
    cost_jpy, customers = (sum(row[name] for row in table) for name in ("cost_jpy", "new_customers"))
    subscribers = sum(row["subscribers"] for row in table)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "channels": len(table),
        "judged_channels": len(judged),
        "losing_channels": len(losing),
        "cost_jpy": cost_jpy,
        "new_customers": customers,
        "cpo_jpy": cost_jpy / customers,
        "subscription_cpo_jpy": cost_jpy / subscribers if subscribers else None,
        **_numbers_of("best", best),
        **_numbers_of("worst", worst),
        "better_channel": better["name"] if better else None,
        "better_ratio": _times_back(better)[0] if better else None,
        "cut_channels": " / ".join(row["name"] for row in cut) or None,
        "cut_channel": cut[0]["name"] if cut else None,
        "cut_value_jpy": cut[0]["value_12m"].value if cut else None,
        "losing_customers": half_year,
        "effect_jpy": effect_jpy,
        "usual_customers": usual_customers,
        "usual_jpy": usual_jpy,
        "shortfall_basis": f"@shortfall_basis.{'usual' if is_idle else 'lately'}",
    }
    return Finding(
        key="media_efficiency",
        chapter="new_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(table, [cost_row(inputs, row["medium"], [row]) for row in media], worst),
        threshold=worst["cpo_jpy"] if worst else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=half_year if losing else customers,
        measured=measured_against(worst["value_12m"], "jpy", worst["cpo_jpy"], worst["value_12m"], errors=errors)
        if worst
        else None,
        trend=_course(inputs, by_channel(every_year)[worst["name"]]) if worst else None,
        action=Action(
            "@action_segment.medium_newcomers",
            usual_customers,
            "@action_channel.advertising",
            usual_jpy or 0,
        )
        if verdict == "issue"
        else None,
        sources=("media", "customer_history", "customer_months"),
    )


def by_channel(media: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Media by their channel, by name."""
    return {name: [row for row in media if row["channel"] == name] for name in sorted({r["channel"] for r in media})}


def verdict_of(row: dict[str, Any], errors: float) -> Verdict:
    """Whether a channel earns its CPO in twelve months; what surely does is healthy, however wide its interval."""
    value = row["value_12m"]
    if value.value - errors * value.error >= row["cpo_jpy"]:
        return "healthy"
    return verdict_on_line(value, row["cpo_jpy"], errors=errors)


def curve_rows(table: Sequence[dict[str, Any]]) -> list[Row]:
    """`channel` × `months` since the first purchase: cumulated value ÷ the channel's CPO (1 = paid back)."""
    return [
        {"channel": row["name"], "months": months, "ratio": value / row["cpo_jpy"]}
        for row in table
        for months, value in enumerate(row["curve"], start=1)
    ]


def _times_back(row: dict[str, Any]) -> tuple[float, str]:
    return row["value_12m"].value / row["cpo_jpy"], row["name"]


def _shortfall_jpy(losing: Sequence[dict[str, Any]], customers: str) -> float:
    return sum(float((row["cpo_jpy"] - row["value_12m"].value) * row[customers]) for row in losing)


def _half_year_customers(row: dict[str, Any]) -> int:
    return int(row["recent_customers"])


def _numbers_of(end: str, row: dict[str, Any] | None) -> dict[str, Scalar]:
    return {
        f"{end}_channel": row["name"] if row else None,
        f"{end}_ratio": row["value_12m"].value / row["cpo_jpy"] if row else None,
        f"{end}_cpo_jpy": row["cpo_jpy"] if row else None,
        f"{end}_value_jpy": row["value_12m"].value if row else None,
        f"{end}_payback_months": row["payback_months"] if row else None,
    }


def _course(inputs: DiagnosisInputs, media: Sequence[dict[str, Any]]) -> Trend | None:
    """12-month value of a channel by year of cohorts."""
    monthly = value_by_cohort(media)
    spans = settled(inputs, last_with_months(inputs, YEAR_MONTHS), YEAR_MONTHS)
    values = [(span.month, value) for span in spans if (sums := over(monthly, span)) and (value := value_12m(sums))]
    return trend_of(values, "jpy")


def _table_row(row: dict[str, Any]) -> Row:
    value = row["value_12m"]
    return {
        "entry_group": row["name"],
        **{name: row[name] for name, _ in _COST_COLUMNS if name in row},
        "value_12m_jpy": value.value if value else None,
        "value_12m_low_jpy": value.low_amount if value else None,
        "value_12m_high_jpy": value.high if value else None,
        "value_to_cpo": value.value / row["cpo_jpy"] if value else None,
    }


def _exhibits(
    table: Sequence[dict[str, Any]], media: Sequence[dict[str, Any]], worst: dict[str, Any] | None
) -> tuple[Exhibit, ...]:
    dearest = sorted(media, key=lambda row: (-row["cost_jpy"], row["name"]))[:_SHOWN_MEDIA]
    tables = (
        Exhibit("channels", "table", tuple(_table_row(row) for row in table[:_SHOWN_MEDIA]), columns=_COST_COLUMNS),
        Exhibit("media", "table", tuple(_table_row(row) for row in dearest), columns=_COST_COLUMNS),
    )
    curves = curve_rows(table)
    if not curves:
        return tables
    line = Exhibit(
        "payback",
        "line",
        tuple(curves),
        x="months",
        y="ratio",
        x_unit="count",
        y_unit="rate",
        series="channel",
        highlight=worst["name"] if worst else None,
    )
    return (line, *tables)
