"""Which medium brings customers who do not come back (媒体別の新規客の質, R58)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.cohorts import F2_DAYS, Cohorts, last_aged, settled, year_to
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.comparison import added, lowest_of
from crm_platform.diagnosis.new_customers.f2_conversion import f2_rate
from crm_platform.diagnosis.new_customers.quality import (
    NO_MEDIUM,
    QUALITY_COLUMNS,
    cells,
    each_beside_others,
    grouped,
    half_year_customers,
    media_names,
    quality_rows,
    within,
)
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS

SHOWN_MEDIA = 15
MEDIA_SOURCES = ("customer_history", "customer_months", "media")


def media_quality(inputs: DiagnosisInputs) -> Finding | None:
    """The channel or single medium whose new customers come back least, beside the others' (R58).

    Held against each other are the F2 rates of the last year of cohorts with 180 days behind them, of customers who
    began with the same kind of order in the same quarter. Judged is the group below them that loses most, by as many
    errors as groups are looked at ask for. At stake: the second purchases missing in half a year × the mean order
    value. None where no two channels can be compared.
    """
    span = year_to(inputs, last_aged(inputs, F2_DAYS))
    by_medium = media_cells(inputs)
    channels, media = (groups_of(by_medium, span, column) for column in ("channel", "medium"))
    of_channels, of_media = each_beside_others(channels), each_beside_others(media)
    found = {name: one for name, one in {**of_channels, **of_media, **of_channels}.items() if name != NO_MEDIUM}
    if len([name for name in of_channels if name != NO_MEDIUM]) < 2:
        return None
    judged = lowest_of(found)
    one = judged.one
    recent = half_year_customers(judged.customers or 0)
    effect_jpy = round(judged.shortfall * recent * inputs.order_value_jpy) or None
    enough = max(LEAST_CUSTOMERS, one.customers if one else 0)  # a channel that can take over what the worst brought
    large = {name: found[name] for name in of_channels if name in found and found[name].customers >= enough}
    best = max(large, key=lambda name: (large[name].change.value, name), default=None)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_cohort": span.month,
        "cohort_months": span.months,
        "groups": judged.groups,
        "below_groups": judged.below,
        "new_customers": sum(cell["customers"] for parts in channels.values() for cell in parts),
        "medium": judged.name,
        "medium_customers": judged.customers,
        "medium_f2_rate": judged.own_rate,
        "others_f2_rate": judged.others_rate,
        "gap_points": judged.gap,
        "best_channel": best,
        "best_f2_rate": large[best].own.value if best else None,
        "best_gap_points": large[best].change.value if best else None,
        "recent_customers": recent,
        "order_value_jpy": inputs.order_value_jpy,
        "effect_jpy": effect_jpy,
    }
    worst = judged.name if judged.verdict == "issue" else None
    return Finding(
        key="media_quality",
        chapter="new_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(quality_rows(channels, judged.errors), quality_rows(media, judged.errors), worst),
        threshold=judged.others_rate,
        yen_effect_jpy=effect_jpy,
        concerned_customers=judged.customers,
        measured=judged.measured,
        trend=trend_of(yearly_rates(inputs, by_medium).get(judged.name or "", []), "rate"),
        action=medium_action(worst, recent, effect_jpy),
        sources=MEDIA_SOURCES,
    )


def media_cells(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """New customers by medium, cohort month and kind of the first order, with `channel` and `medium` in words."""
    names = media_names(inputs)
    found = cells(inputs, inputs.beginnings, "first_media_id")
    named = [(cell, names.get(cell.pop("first_media_id"), (NO_MEDIUM, NO_MEDIUM))) for cell in found]
    return [{**cell, "channel": channel, "medium": medium} for cell, (channel, medium) in named]


def groups_of(found: Sequence[dict[str, Any]], span: Cohorts, column: str) -> dict[str, list[dict[str, Any]]]:
    """The cells of `span` by `channel` or `medium`; customers without a medium of the master are one group."""
    return grouped([{**cell, "group": cell[column]} for cell in within(found, span)])


def yearly_rates(inputs: DiagnosisInputs, found: Sequence[dict[str, Any]]) -> dict[str, list[tuple[str, Estimate]]]:
    """By channel and by medium: the F2 rate of each settled year of cohorts, as (last month, rate)."""
    rates: dict[str, list[tuple[str, Estimate]]] = {}
    for span in settled(inputs, last_aged(inputs, F2_DAYS), YEAR_MONTHS):
        for name, parts in {**groups_of(found, span, "medium"), **groups_of(found, span, "channel")}.items():
            if rate := f2_rate(added(parts)):
                rates.setdefault(name, []).append((span.month, rate))
    return rates


def medium_action(worst: str | None, recent: int, effect_jpy: int | None) -> Action | None:
    """What to do about a medium that is an issue: as many customers, won by other media; None where none is."""
    if worst is None:
        return None
    return Action("@action_segment.medium_newcomers", recent, "@action_channel.advertising", effect_jpy or 0)


def _exhibits(table: Sequence[Any], media: Sequence[Any], worst: str | None) -> tuple[Exhibit, ...]:
    bars = [row for row in table if row["new_customers"] >= LEAST_CUSTOMERS][:SHOWN_MEDIA]
    shown = list(media[:SHOWN_MEDIA])
    if worst and worst not in {row["entry_group"] for row in shown}:
        shown[-1:] = [row for row in media if row["entry_group"] == worst] or shown[-1:]
    highlight = worst if worst in {row["entry_group"] for row in bars} else None
    found = (
        Exhibit("rates", "bar", tuple(bars), x="entry_group", y="f2_rate", y_unit="rate", highlight=highlight),
        Exhibit("channels", "table", tuple(table[:SHOWN_MEDIA]), columns=QUALITY_COLUMNS),
        Exhibit("media", "table", tuple(shown), columns=QUALITY_COLUMNS),
    )
    return found if bars else found[1:]
