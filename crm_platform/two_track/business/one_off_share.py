"""The one-off share (都度販売比率, 000:47, R25): one-off ÷ (subscription + one-off) 売上, and its course of years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, difference, ratio, total
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, blocks_back, index_column, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import verdict_on_change
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.facts.order_kinds import one_off_sales_at_share_jpy
from crm_platform.two_track.business.business_case import INFERRED, subscribers_now

PILLAR_SHARE = 0.10  # 年商20億円で都度販売比率10%なら2億円 (000:47)
_YEARS = 5
Sums = Mapping[str, Any]


def one_off_share(inputs: DiagnosisInputs) -> Finding | None:
    """The share of the last twelve closed months against the twelve before, with its interval; bulk sales apart (R24).

    A share may rise because subscriptions fall. So it is 課題 as well where one-off sales themselves fell beyond
    chance, and 健全 only where they did not. At stake: half a year of the one-off sales that the fall takes away.
    With too few one-off buyers (推論) shares are counted but not judged (R36). None without a
    subscription sale in the last year.
    """
    case = inputs.two_track_business
    years = yearly_sums(inputs)
    now = years[0] if years else None
    if case is None or now is None or now["subscription_jpy"] <= 0:
        return None
    judged = YearOnYear(_share(now), _share(years[1]) if len(years) > 1 else None, _trend(inputs, years))
    sales = _sales_change(years)
    is_inferred = case["status"] == INFERRED
    verdict: Verdict = "undetermined" if is_inferred else judged_verdict(judged, sales, years)
    both_jpy = now["subscription_jpy"] + now["one_off_jpy"]
    lost_jpy = max(judged.shortfall * both_jpy, -sales.value if sales else 0.0) if verdict == "issue" else 0.0
    effect_jpy = round(lost_jpy / 2) or None
    subscribers = subscribers_now(case)
    order_jpy = now["one_off_jpy"] / now["one_off_orders"] if now["one_off_orders"] else 0.0
    expected_jpy = round(subscribers * inputs.response_rate * order_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "share_rate": judged.now.value if judged.now else None,
        "share_before_rate": judged.before_value,
        "change_points": judged.change_value,
        "one_off_jpy": now["one_off_jpy"],
        "one_off_before_jpy": years[1]["one_off_jpy"] if len(years) > 1 else None,
        "one_off_change_jpy": sales.value if sales else None,
        "subscription_jpy": now["subscription_jpy"],
        "two_track_jpy": both_jpy,
        "pillar_rate": PILLAR_SHARE,
        "ahead_rate": None if judged.now and judged.now.value > PILLAR_SHARE else PILLAR_SHARE,
        "pillar_jpy": one_off_sales_at_share_jpy(max(both_jpy, 0), PILLAR_SHARE),
        "one_off_buyers": now["one_off_buyers"],
        "subscribers": subscribers,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="one_off_share",
        chapter="business",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, years, with_ends=not is_inferred),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=subscribers,
        measured=None if is_inferred else judged.measured("rate"),
        trend=None if is_inferred else judged.trend,
        action=Action("@action_segment.all_subscribers", subscribers, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_months", "two_track_business"),
    )


def yearly_sums(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Per twelve closed months, the latest first, whole years only: sums, squares and products over customers."""
    count = min(len(inputs.closed_months) // YEAR_MONTHS, _YEARS)
    months = inputs.customer_months
    back = blocks_back(index_column(months.month), inputs.closed_index, YEAR_MONTHS)
    dated = months.mutate(back=back)
    each = (
        dated.filter(dated.back.between(0, count - 1))
        .group_by("back", "customer_id")
        .agg(
            one_off=yen_sum(_.one_off_sales_jpy),
            subscription=yen_sum(_.subscription_sales_jpy),
            orders=yen_sum(_.one_off_orders),
        )
    )
    each = each.mutate(both=each.one_off + each.subscription)
    sums = each.group_by("back").agg(
        one_off_jpy=yen_sum(each.one_off),
        subscription_jpy=yen_sum(each.subscription),
        one_off_buyers=(each.orders > 0).cast("int64").sum(),
        one_off_orders=yen_sum(each.orders),
        one_off_squares=yen_products(each.one_off, each.one_off),
        products=yen_products(each.one_off, each.both),
        both_squares=yen_products(each.both, each.both),
    )
    return rows(sums.order_by("back"))


def judged_verdict(judged: YearOnYear, sales: Estimate | None, years: Sequence[Sums]) -> Verdict:
    """The verdict on the share, made worse by one-off sales that fell beyond chance."""
    if sales is None:
        return "undetermined"
    of_sales = verdict_on_change(sales, float(years[1]["one_off_jpy"]))
    return "issue" if of_sales == "issue" else judged.verdict


def _share(sums: Sums) -> Estimate | None:
    both = sums["one_off_jpy"] + sums["subscription_jpy"]
    return ratio(sums["one_off_jpy"], both, sums["one_off_squares"], sums["products"], sums["both_squares"])


def _sales_change(years: Sequence[Sums]) -> Estimate | None:
    if len(years) < 2:
        return None
    now, before = (total(sums["one_off_jpy"], sums["one_off_squares"]) for sums in years[:2])
    return difference(now, before)


def _month(inputs: DiagnosisInputs, sums: Sums) -> str:
    return str(month_of(inputs.closed_index - sums["back"] * YEAR_MONTHS))


def _trend(inputs: DiagnosisInputs, years: Sequence[Sums]) -> Any:
    told = [(_month(inputs, sums), share) for sums in reversed(years) if (share := _share(sums))]
    return trend_of(told, "rate")


def _exhibits(inputs: DiagnosisInputs, years: Sequence[Sums], *, with_ends: bool) -> tuple[Exhibit, ...]:
    table = []
    for sums in reversed(years):
        share = _share(sums)
        ends = {"low_rate": share.low, "high_rate": share.high} if share and with_ends else {}
        table.append(
            {
                "year_to": _month(inputs, sums),
                "subscription_sales_jpy": sums["subscription_jpy"],
                "one_off_sales_jpy": sums["one_off_jpy"],
                "one_off_buyers": sums["one_off_buyers"],
                "one_off_share_rate": share.value if share else None,
                "low_rate": None,
                "high_rate": None,
                **ends,
            }
        )
    columns: tuple[tuple[str, Unit], ...] = (
        ("year_to", "month"),
        ("subscription_sales_jpy", "jpy"),
        ("one_off_sales_jpy", "jpy"),
        ("one_off_buyers", "count"),
        ("one_off_share_rate", "rate"),
        ("low_rate", "rate"),
        ("high_rate", "rate"),
    )
    line = Exhibit("course", "line", tuple(table), x="year_to", y="one_off_share_rate", x_unit="month", y_unit="rate")
    return (*((line,) if len(table) > 1 else ()), Exhibit("years", "table", tuple(table), columns=columns))
