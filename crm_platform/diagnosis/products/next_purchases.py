"""What buyers of a product group do in the six months after their first purchase of it (R62)."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, difference, errors_for, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.groundwork.cohorts import settled_years
from crm_platform.diagnosis.groundwork.product_levels import group_purchases
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows
from crm_platform.diagnosis.spans import (
    HALF_YEAR_MONTHS,
    YEAR_MONTHS,
    blocks_back,
    index_column,
    month_of,
)
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change

SHOWN_GROUPS = 10
_LEAST_FIRST_BUYERS = 100  # of fewer, the normal law calls chance a fall about twice as often as it should
_OUTCOMES = ("nothing", "same", "other")


def next_purchases(inputs: DiagnosisInputs) -> Finding | None:
    """Of those who bought a group for the first time: nothing in six months, the same again, or only another (which).

    Judged is the share who bought anything again, group by group against the year before, as sure as so many looks ask:
    the group that fell and loses most, else the group of most first buyers. At stake: the buyers missing of half a year
    × the mean order value. The action expects the assumed response of those who bought nothing, one order each. The
    first year of data, in which no first purchase is known, is left out. None where no group has such buyers.
    """
    years = outcomes_by_year(inputs)
    if not years or not years[-1]["groups"]:
        return None
    latest, former = years[-1]["groups"], years[-2]["groups"] if len(years) >= 2 else {}
    changes = {name: shift for name in latest if (shift := _change(latest[name], former.get(name)))}
    errors = errors_for(len(changes))
    fallen = [name for name in changes if _verdict(changes[name], errors) == "issue"]
    lost = {name: -changes[name][0].value * latest[name]["people"] for name in fallen}
    name = max(lost, key=lambda one: (lost[one], one)) if lost else _largest(latest)
    row, judged = latest[name], changes.get(name)
    verdict: Verdict = _verdict(judged, errors) if judged else "undetermined"
    again = _again(row)
    trend = trend_of([(year["month"], found) for year in years if (found := _again(year["groups"].get(name)))], "rate")
    effect_jpy = round(lost[name] / 2 * inputs.order_value_jpy) or None if lost else None
    expected_jpy = round(row["nothing"] * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "group": name,
        "first_buyers": row["people"],
        "starts_to": years[-1]["month"],
        "again_rate": again.value if again else None,
        "again_rate_before": judged[1] if judged else None,
        "again_points": judged[0].value if judged else None,
        "nothing_customers": row["nothing"],
        "nothing_rate": row["nothing"] / row["people"],
        "same_rate": row["same"] / row["people"],
        "other_rate": row["other"] / row["people"],
        "next_group": row["next_group"],
        "next_group_rate": row["next_people"] / row["people"],
        "order_value_jpy": inputs.order_value_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="next_purchases",
        chapter="products",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(latest),
        threshold=judged[1] if judged else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=row["nothing"],
        measured=measured_against(
            again, "rate", judged[1] if judged else None, judged[0] if judged else None, errors=errors
        )
        if again
        else None,
        trend=trend,
        action=Action(
            "@action_segment.bought_once_of_group", row["nothing"], "@action_channel.insert_mail", expected_jpy
        ),
        sources=("customer_product_months", "products", "customer_history"),
    )


def outcomes_by_year(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """First purchases of a group by year: `month`, the year's last, and `groups`, the latest year last.

    A year ends six closed months ago or whole years earlier. Per group: `people`, of whom `nothing` bought nothing,
    `same` the group again, `other` only other groups within six months after the day of the first purchase; `next` says
    how many bought each group then, `next_group` is the other group most of them bought (`next_people`), None of none.
    """
    last = inputs.closed_index - HALF_YEAR_MONTHS
    years = settled_years(inputs, last)
    if years < 1:
        return []
    bought = group_purchases(inputs)
    firsts = bought.group_by("customer_id", "product_group").agg(began_on=_.first_purchased_on.min())
    firsts = firsts.mutate(year=blocks_back(index_column(firsts.began_on), last, YEAR_MONTHS))
    firsts = firsts.filter((_.year >= 0) & (_.year < years))
    firsts = firsts.select("customer_id", "year", "began_on", began=_.product_group).cache()  # read twice
    people = rows(firsts.group_by("year", "began").agg(people=_.count()).order_by("year", "began"))
    after = rows(_after(bought, firsts, inputs.closed_index - YEAR_MONTHS * years - HALF_YEAR_MONTHS))
    return [
        {
            "month": str(month_of(last - YEAR_MONTHS * year)),
            "groups": {
                row["began"]: _row(row, [one for one in after if (one["year"], one["began"]) == (year, row["began"])])
                for row in people
                if row["year"] == year
            },
        }
        for year in reversed(range(years))
    ]


def _after(bought: ibis.Table, firsts: ibis.Table, before: int) -> ibis.Table:
    """By year, group begun and group bought within six months after that day: `people`; `anything` is who bought any.

    Months up to `before`, in which nobody began, are not read.
    """
    recent = bought.filter(index_column(bought.month) > before)
    days = recent.select("customer_id", "product_group", "first_purchased_on", "last_purchased_on")
    joined = firsts.inner_join(days, "customer_id")
    until = joined.began_on + ibis.interval(months=HALF_YEAR_MONTHS)
    within = joined.filter((joined.last_purchased_on > joined.began_on) & (joined.first_purchased_on <= until))
    held = within.select("year", "began", "customer_id", "product_group").distinct().cache()  # counted twice
    groups = held.group_by("year", "began", "product_group").agg(people=_.count())
    anything = held.select("year", "began", "customer_id").distinct().group_by("year", "began").agg(anything=_.count())
    return groups.inner_join(anything, ["year", "began"]).order_by("year", "began", "product_group")


def _row(begun: dict[str, Any], after: list[dict[str, Any]]) -> dict[str, Any]:
    name, people = begun["began"], begun["people"]
    then = {row["product_group"]: row["people"] for row in after}
    same, anything = then.get(name, 0), after[0]["anything"] if after else 0
    others = {group: count for group, count in then.items() if group != name}
    best = max(others, key=lambda group: (others[group], group), default=None)
    return {
        "people": people,
        "nothing": people - anything,
        "same": same,
        "other": anything - same,
        "next": then,
        "next_group": best,
        "next_people": others[best] if best else 0,
    }


def _again(row: dict[str, Any] | None) -> Estimate | None:
    return proportion(row["people"] - row["nothing"], row["people"]) if row else None


def _change(now: dict[str, Any], before: dict[str, Any] | None) -> tuple[Estimate, float] | None:
    """The change of the share who bought again, and the former share; None below 100 first buyers in either year."""
    if before is None or min(now["people"], before["people"]) < _LEAST_FIRST_BUYERS:
        return None
    rate, former = _again(now), _again(before)
    return (difference(rate, former), former.value) if rate and former else None


def _verdict(change: tuple[Estimate, float], errors: float) -> Verdict:
    return verdict_on_change(change[0], change[1], errors=errors)


def _largest(groups: dict[str, Any]) -> str:
    return max(groups, key=lambda name: (groups[name]["people"], name))


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _exhibits(groups: dict[str, Any]) -> tuple[Exhibit, ...]:
    shown = sorted(groups, key=lambda name: (-groups[name]["people"], name))[:SHOWN_GROUPS]
    bars: list[Row] = [
        {
            "group": name,
            "outcome": f"@next_outcome.{outcome}",
            "share_rate": groups[name][outcome] / groups[name]["people"],
        }
        for name in shown
        for outcome in _OUTCOMES
    ]
    cells: list[Row] = [
        {"group": name, "next": then, "share_rate": groups[name]["next"].get(then, 0) / groups[name]["people"]}
        for name in shown
        for then in shown
    ]
    chart = Exhibit("outcomes", "stacked_bar", tuple(bars), x="group", y="share_rate", y_unit="rate", series="outcome")
    matrix = Exhibit("matrix", "heatmap", tuple(cells), x="next", y="share_rate", y_unit="rate", series="group")
    table = Exhibit(
        "rates",
        "table",
        tuple(_table_row(name, groups[name]) for name in shown),
        columns=(
            ("product_group", "text"),
            ("first_buyers", "count"),
            ("nothing_rate", "rate"),
            ("nothing_low_rate", "rate"),
            ("nothing_high_rate", "rate"),
            ("same_again_rate", "rate"),
            ("other_only_rate", "rate"),
            ("next_group", "text"),
            ("next_group_rate", "rate"),
        ),
    )
    return (chart, matrix, table) if len(shown) > 1 else (table,)


def _table_row(name: str, row: dict[str, Any]) -> Row:
    nothing = proportion(row["nothing"], row["people"])
    return {
        "product_group": name,
        "first_buyers": row["people"],
        "nothing_rate": row["nothing"] / row["people"],
        "nothing_low_rate": max(nothing.low, 0.0) if nothing else None,
        "nothing_high_rate": min(nothing.high, 1.0) if nothing else None,
        "same_again_rate": row["same"] / row["people"],
        "other_only_rate": row["other"] / row["people"],
        "next_group": row["next_group"],
        "next_group_rate": row["next_people"] / row["people"],
    }
