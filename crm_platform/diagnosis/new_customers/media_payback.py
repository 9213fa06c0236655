"""What a medium cost and whom it brought: CPO in both readings, 12-month value, payback month (CPO, R131)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.groundwork.cohorts import first_settled, last_with_months
from crm_platform.diagnosis.groundwork.media_names import named_media
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.quality import value_12m
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, index_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.periods import Month

CURVE_MONTHS = 24
JUDGED_MONTHS = 36  # a year to wait for the value, and two years of media: what media cost long ago is no guide
_COUNTS = ("new_customers", "recent_customers", "judged_customers")
Numbers = dict[str, Any]


def media_rows(inputs: DiagnosisInputs) -> list[Numbers]:
    """Every medium with a cost that is over, not within the first year of data, and brought a new customer.

    `channel`, `medium`, `cost_jpy`; `new_customers` whose first purchase names it, `subscribers` of them who ever
    ordered a subscription, `recent_customers` of the last six closed months, `judged_customers` of the last three
    years; `customers_12m`, `value_12m` and its
    squares of those settled with twelve months behind them; `cohorts` and `sales`: the same by cohort month and by
    age. A medium without a last day ends with its last customer; `is_recent` where that was in the last three years.
    """
    people, curves = _people(inputs), _sales_by_age(inputs)
    found = []
    for medium in _paid_media(inputs):
        cohorts = people.get(medium["media_id"], [])
        if not cohorts or (ended := _ended(medium, cohorts)) < first_settled(inputs):
            continue
        sums = {name: sum(row[name] for row in cohorts) for name in cohorts[0] if name not in ("cohort", "media_id")}
        parts = {"cohorts": cohorts, "sales": curves.get(medium["media_id"], [])}
        found.append({**medium, **sums, **parts, "is_recent": ended > inputs.closed_index - JUDGED_MONTHS})
    return found


def recent_by_channel(inputs: DiagnosisInputs) -> dict[str, int]:
    """New customers of the last six closed months by channel with a cost, those of placements that still run with them.

    A placement that runs has no whole cost yet, so that it is not judged; what it brings is at stake all the same.
    """
    paid = named_media(inputs.media).filter(_.cost_jpy > 0).select("media_id", "channel")
    recent = inputs.beginnings.filter(_.cohort > inputs.closed_index - 6).select(media_id=_.first_media_id)
    sums = recent.join(paid, "media_id").group_by("channel").agg(customers=_.count())
    return {row["channel"]: row["customers"] for row in rows(sums)}


def cost_row(inputs: DiagnosisInputs, name: str, media: Sequence[Numbers]) -> Numbers:
    """A channel or a medium as the report shows it: cost, customers, both CPOs, 12-month value, payback month.

    CPO = cost ÷ new customers, 定期CPO = cost ÷ those of them who ordered a subscription (CPM.md §5: A and B); None
    where there are none. `value_12m` is an estimate, None below 30 customers with twelve months behind them;
    `payback_months` the first month whose cumulated value reaches the CPO, None where none of 24 does.
    """
    sums = {
        column: sum(medium[column] for medium in media)
        for column in ("cost_jpy", "subscribers", "customers_12m", "value_12m", *_COUNTS)
    }
    value = value_12m({**sums, "value_12m_squares": sum(medium["value_12m_squares"] for medium in media)})
    cpo_jpy = sums["cost_jpy"] / sums["new_customers"]
    curve = value_curve(inputs, media) if sums["customers_12m"] >= LEAST_CUSTOMERS else []
    return {
        **sums,
        "name": name,
        "cpo_jpy": cpo_jpy,
        "subscription_cpo_jpy": sums["cost_jpy"] / sums["subscribers"] if sums["subscribers"] else None,
        "value_12m": value,
        "payback_months": next((age + 1 for age, jpy in enumerate(curve) if jpy >= cpo_jpy), None),
        "curve": curve,
    }


def value_curve(inputs: DiagnosisInputs, media: Sequence[Numbers]) -> list[float]:
    """Cumulated 売上 per customer after 1, 2, … 24 months; ends where fewer than 30 have the months behind them.

    The first twelve months are those of the same customers, who have all twelve behind them, so that the twelfth is the
    12-month value. Each later month adds what those who have it behind them bought in it: a sum over fewer and fewer
    customers would fall where the older ones bought less.
    """
    first = first_settled(inputs)
    cohorts = [row for medium in media for row in medium["cohorts"] if row["cohort"] >= first]
    sales = [row for medium in media for row in medium["sales"] if row["cohort"] >= first]
    curve: list[float] = []
    value_jpy = 0.0
    for months in range(1, CURVE_MONTHS + 1):
        last = last_with_months(inputs, max(months, YEAR_MONTHS))
        people = sum(row["new_customers"] for row in cohorts if row["cohort"] <= last)
        if people < LEAST_CUSTOMERS:
            break
        bought_jpy = sum(row["sales_jpy"] for row in sales if row["cohort"] <= last and row["age"] == months - 1)
        value_jpy += bought_jpy / people
        curve.append(value_jpy)
    return curve


def value_by_cohort(media: Iterable[Numbers]) -> list[dict[str, Any]]:
    """12-month sums of media by cohort month, as `cohorts.over` reads them."""
    return [
        {"cohort": row["cohort"], "customers": row["new_customers"]}
        | {name: row[name] for name in ("customers_12m", "value_12m", "value_12m_squares")}
        for medium in media
        for row in medium["cohorts"]
    ]


# --- inside -----------------------------------------------------------------------------------------------------------


def _paid_media(inputs: DiagnosisInputs) -> list[Numbers]:
    """Media of the master with a cost whose placement is not running any more, by their number."""
    paid = named_media(inputs.media).filter((_.cost_jpy > 0) & (_.ended_on.isnull() | (_.ended_on <= inputs.as_of)))
    return rows(paid.select("media_id", "ended_on", "cost_jpy", "medium", "channel").order_by("media_id"))


def _ended(medium: Numbers, cohorts: Sequence[Numbers]) -> int:
    if medium["ended_on"] is not None:
        return index_of(Month.of(medium["ended_on"]))
    return max(int(row["cohort"]) for row in cohorts)


def _people(inputs: DiagnosisInputs) -> dict[str, list[Numbers]]:
    """By medium: its new customers by cohort month."""
    year_is_over = _.cohort.between(first_settled(inputs), last_with_months(inputs, YEAR_MONTHS))
    value_12m = ibis.ifelse(year_is_over, _.value_12m_jpy, 0)
    named = inputs.beginnings.filter(_.first_media_id.notnull()).mutate(media_id=_.first_media_id)
    sums = named.group_by("media_id", "cohort").agg(
        new_customers=_.count(),
        subscribers=yen_sum(_.is_subscriber),
        recent_customers=_.count(where=_.cohort > inputs.closed_index - 6),
        judged_customers=_.count(where=_.cohort > inputs.closed_index - JUDGED_MONTHS),
        customers_12m=_.count(where=year_is_over),
        value_12m=yen_sum(value_12m),
        value_12m_squares=yen_products(value_12m, value_12m),
    )
    return _by_medium(rows(sums.order_by("media_id", "cohort")))


def _sales_by_age(inputs: DiagnosisInputs) -> dict[str, list[Numbers]]:
    """By medium with a cost: 売上 by cohort month and months since the first purchase."""
    paid = inputs.media.filter(_.cost_jpy > 0).select(first_media_id=_.media_id)
    aged = inputs.ages.filter((_.age < CURVE_MONTHS) & (_.cohort + _.age <= inputs.closed_index))
    sums = aged.semi_join(paid, "first_media_id").group_by(media_id=_.first_media_id, cohort=_.cohort, age=_.age)
    return _by_medium(rows(sums.agg(sales_jpy=yen_sum(_.sales_jpy)).order_by("media_id", "cohort", "age")))


def _by_medium(found: Iterable[Numbers]) -> dict[str, list[Numbers]]:
    media: dict[str, list[Numbers]] = {}
    for row in found:
        media.setdefault(row["media_id"], []).append(row)
    return media
