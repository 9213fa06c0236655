"""What a change of a KPI is worth in 売上 of six months, and with whom to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from crm_platform.diagnosis.finding import Action, Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.kpis_of_months import CONTACTED, SUBSCRIBERS
from crm_platform.diagnosis.kpis.kpis_of_newcomers import ACQUISITION, NEWCOMERS
from crm_platform.diagnosis.kpis.series import KpiBook
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS

One = TypeVar("One")
# A subscriber lost in the first of six months is missing in all of them, one lost in the last in one: 6 + 5 + … + 1.
_MONTHS_MISSED = HALF_YEAR_MONTHS * (HALF_YEAR_MONTHS + 1) / 2


def worth_of_one(inputs: DiagnosisInputs, book: KpiBook) -> dict[str, float]:
    """By KPI: yen of six months per unit that it rises, at the volumes of the last twelve months.

    A unit is 1 of a rate (a hundred points), a yen, a customer; below 0 where less is better. A KPI of cost is left
    out: it moves cost, not 売上. F2 is worth what `f2_conversion` says: half a year of its own cohorts × an order.
    """
    year = book.last_year(inputs)
    months = max(min(YEAR_MONTHS, len(inputs.closed_months)), 1)

    def monthly(name: str) -> float:
        return year.get(name, 0.0) / months

    order_jpy = _ratio(year.get("buyers_sales_jpy", 0.0), year.get("purchases", 0.0))
    second_buyers = _ratio(year.get("second_12m", 0.0), months)
    recurring_jpy = monthly("subscription_sales_jpy")
    of_subscriber_jpy = _ratio(recurring_jpy, monthly("subscribers_before"))
    new = monthly("new_customers")
    last_settled = book.series["f2_rate"].month
    settled = book.year_to(last_settled) if last_settled is not None else {}
    return {
        "f2_rate": settled.get("new_customers", 0.0) / 2 * inputs.order_value_jpy,
        **dict.fromkeys(("repeat_rate", "survival_of_first"), HALF_YEAR_MONTHS * new * order_jpy),
        "survival_of_previous": HALF_YEAR_MONTHS * second_buyers * order_jpy,
        "pull_up_rate": _MONTHS_MISSED * monthly("began_one_off") * of_subscriber_jpy,
        "pull_up_trial_rate": HALF_YEAR_MONTHS * monthly("began_trial") * order_jpy,
        **dict.fromkeys(("ltv_12m", "ltv_6m"), HALF_YEAR_MONTHS * new),
        "subscription_second_rate": _MONTHS_MISSED * monthly("new_subscribers") * of_subscriber_jpy,
        **dict.fromkeys(("stop_rate", "silent_stop_rate"), -_MONTHS_MISSED * recurring_jpy),
        "mrr": HALF_YEAR_MONTHS,
        "arpu_active": HALF_YEAR_MONTHS * monthly("active"),
        "arpu_paying": HALF_YEAR_MONTHS * monthly("buyers"),
        "order_value": HALF_YEAR_MONTHS * monthly("purchases"),
        "active_customers": HALF_YEAR_MONTHS * _ratio(monthly("sales_jpy"), monthly("active")),
        "response_rate": HALF_YEAR_MONTHS * monthly("contacted") * order_jpy,
        "reactivation_rate": HALF_YEAR_MONTHS * monthly("dormant_contacted") * order_jpy,
    }


def lost_jpy(worth: Mapping[str, float], key: str, change: float) -> int:
    """What a change of a KPI costs in six months; 0 where it does not cost 売上."""
    return max(round(-worth.get(key, 0.0) * change), 0)


def dearest(ones: Sequence[One], losses: Sequence[int]) -> tuple[One | None, int | None]:
    """Of KPIs that are worse the one that costs most, and what it costs; None where none costs 売上."""
    if not ones:
        return None, None
    return ones[losses.index(max(losses))], max(losses) or None


def numbers_at_stake(inputs: DiagnosisInputs, effect_jpy: int | None, action: Action) -> dict[str, Scalar]:
    """What a finding on KPIs says of its worth and its action."""
    return {
        "effect_jpy": effect_jpy or 0,
        "zero_jpy": 0,
        "response_rate": inputs.response_rate,
        "action_customers": action.customers,
        "expected_jpy": action.expected_jpy,
    }


def action_on(inputs: DiagnosisInputs, book: KpiBook, key: str) -> Action:
    """With whom to mend a KPI: expected are the assumed response × an order value of the last twelve months each."""
    year, last = book.last_year(inputs), book.sums.get(inputs.closed_index, {})
    names = {family: {kpi.key for kpi in kpis} for family, kpis in _FAMILIES.items()}
    family = next((family for family, keys in names.items() if key in keys), "buyers")
    people = {
        "acquisition": year.get("brought", 0.0),
        "newcomers": year.get("new_customers", 0.0),
        "subscribers": last.get("subscribers_before", 0.0),
        "contacted": year.get("contacted", 0.0),
        "buyers": last.get("active", 0.0),
    }[family]
    order_jpy = _ratio(year.get("buyers_sales_jpy", 0.0), year.get("purchases", 0.0))
    expected_jpy = round(people * inputs.response_rate * order_jpy)
    return Action(f"@action_segment.kpi_{family}", round(people), _CHANNELS[family], expected_jpy)


_FAMILIES = {
    "acquisition": ACQUISITION,
    "newcomers": NEWCOMERS,
    "subscribers": SUBSCRIBERS,
    "contacted": CONTACTED,
}
_CHANNELS = {
    "acquisition": "@action_channel.advertising",
    "newcomers": "@action_channel.insert_mail",
    "subscribers": "@action_channel.mail_phone",
    "contacted": "@action_channel.post",
    "buyers": "@action_channel.mail",
}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
