"""Which channel's new customers got worse against its own past (前より続かなくなった媒体, R58, R64)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_platform.diagnosis.estimates import Estimate, difference
from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Unit
from crm_platform.diagnosis.groundwork.cohorts import F2_DAYS, Cohorts, first_settled, last_aged, year_to
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.comparison import Beside, lowest_of
from crm_platform.diagnosis.new_customers.media_quality import (
    MEDIA_SOURCES,
    SHOWN_MEDIA,
    groups_of,
    media_cells,
    medium_action,
    yearly_rates,
)
from crm_platform.diagnosis.new_customers.quality import NO_MEDIUM, each_beside_others, half_year_customers
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of

_SHOWN_LINES = 6
_COLUMNS: tuple[tuple[str, Unit], ...] = (
    ("entry_group", "text"),
    ("new_customers", "count"),
    ("former_f2_rate", "rate"),
    ("expected_f2_rate", "rate"),
    ("f2_rate", "rate"),
    ("decline_points", "rate"),
)


def media_decline(inputs: DiagnosisInputs) -> Finding | None:
    """The channel whose new customers come back less than its own did before, beyond what the others' rate did.

    Held against each other are a channel's distance to the others (as in `media_quality`) in the last year of cohorts
    with 180 days behind them, and that in all its settled cohorts before; so a fall that all channels share is none of
    one channel. At stake: the second purchases missing in half a year × the mean order value. None where a year of
    settled cohorts before is missing, or no channel can be compared.
    """
    last = last_aged(inputs, F2_DAYS)
    now, past = year_to(inputs, last), Cohorts(first_settled(inputs), last - YEAR_MONTHS)
    if past.last - past.first + 1 < YEAR_MONTHS:
        return None
    by_medium = media_cells(inputs)
    present, former = (each_beside_others(groups_of(by_medium, span, "channel")) for span in (now, past))
    shared = [name for name in present if name in former and name != NO_MEDIUM]
    found = {name: against_own_past(present[name], former[name]) for name in shared}
    if not found:
        return None
    judged = lowest_of(found)
    rates = yearly_rates(inputs, by_medium)
    recent = half_year_customers(judged.customers or 0)
    effect_jpy = round(judged.shortfall * recent * inputs.order_value_jpy) or None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_cohort": now.month,
        "past_last_cohort": past.month,
        "channels": len(found),
        "channel": judged.name,
        "channel_customers": judged.customers,
        "channel_f2_rate": judged.own_rate,
        "channel_f2_rate_before": former[judged.name].own.value if judged.name else None,
        "expected_f2_rate": judged.others_rate,
        "gap_points": judged.gap,
        "recent_customers": recent,
        "order_value_jpy": inputs.order_value_jpy,
        "effect_jpy": effect_jpy,
    }
    worst = judged.name if judged.verdict == "issue" else None
    return Finding(
        key="media_decline",
        chapter="new_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(rates, decline_rows(found, former), worst),
        threshold=judged.others_rate,
        yen_effect_jpy=effect_jpy,
        concerned_customers=judged.customers,
        measured=judged.measured,
        trend=trend_of(rates.get(judged.name or "", []), "rate"),
        action=medium_action(worst, recent, effect_jpy),
        sources=MEDIA_SOURCES,
    )


def against_own_past(present: Beside, former: Beside) -> Beside:
    """A channel's rate beside what it would be, had it kept its former distance to the others."""
    distance = former.change
    expected = present.others.value + distance.value
    error = difference(present.others, distance).error
    return Beside(present.own, Estimate(expected, error), present.customers)


def decline_rows(found: Mapping[str, Beside], former: Mapping[str, Beside]) -> list[dict[str, Any]]:
    """Per channel: its rate before, the rate it would have had at its former distance to the others, and its rate."""
    return [
        {
            "entry_group": name,
            "new_customers": one.customers,
            "former_f2_rate": former[name].own.value,
            "expected_f2_rate": one.others.value,
            "f2_rate": one.own.value,
            "decline_points": one.change.value,
        }
        for name, one in found.items()
    ]


def _exhibits(
    rates: Mapping[str, list[tuple[str, Estimate]]], table: list[dict[str, Any]], worst: str | None
) -> tuple[Exhibit, ...]:
    largest = [row["entry_group"] for row in table[:_SHOWN_LINES]]
    channels = largest if worst is None or worst in largest else [*largest[:-1], worst]
    lines = [
        {"cohort_month": month, "channel": name, "f2_rate": rate.value}
        for name in channels
        for month, rate in rates.get(name, [])
    ]
    shown = Exhibit("channels", "table", tuple(table[:SHOWN_MEDIA]), columns=_COLUMNS)
    if len({row["cohort_month"] for row in lines}) < 2:
        return (shown,)
    years = Exhibit(
        "years",
        "line",
        tuple(lines),
        x="cohort_month",
        y="f2_rate",
        x_unit="month",
        y_unit="rate",
        series="channel",
        highlight=worst,
    )
    return (years, shown)
