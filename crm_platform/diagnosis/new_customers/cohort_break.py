"""A quarter whose new customers stay less than those before and after it (継続が崩れた獲得時期, R58, R64)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.groundwork.cohorts import first_settled, last_with_months, settled, sum_and_squares
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.cohort_retention import RETENTION_MONTHS, retention_rate
from crm_platform.diagnosis.new_customers.comparison import Beside, added, beside, lowest_of
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import QUARTER_MONTHS, blocks_back, index_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.periods import Month

_NEIGHBOURS = 2  # quarters before and after


def cohort_break(inputs: DiagnosisInputs) -> Finding | None:
    """The quarter of acquisition whose customers buy less in months 1 to 6 than those of its neighbours.

    A quarter is held against the two before and the two after it, and against the same season of other years, each
    time against those who began with the same kind of order; the comparison that speaks less against it counts, so
    that neither a season nor a slow change is a break. A quarter in whose six months the house sold nothing to anybody
    for a month is left out: it was closed, and no medium is to blame. `lost_jpy`: what the quarter's customers did not
    buy in those six months. At stake are not these but the months to come: of its customers more are silent now than of
    its neighbours', and each would buy as often as those did; fewer than half of one customer are none. None where
    fewer than three settled quarters have those months behind them.
    """
    shut = shut_months(inputs)
    groups = {month: cells for month, cells in quarter_cells(inputs).items() if not shut & months_to_return(month)}
    if len(groups) < 3:
        return None
    found = {month: one for month in groups if (one := beside_neighbours(month, groups))}
    judged = lowest_of(found)
    one, broken = judged.one, judged.name if judged.verdict == "issue" else None
    each_jpy = RETENTION_MONTHS * inputs.order_value_jpy
    lost_jpy = round(judged.shortfall * one.customers * each_jpy) if one and broken else None
    missing = missing_now(broken, groups) if broken else 0.0
    effect_jpy = round(missing * one.others.value * each_jpy) or None if one and round(missing) else None
    silent = round(added(groups[judged.name])["silent"]) if judged.name else 0
    expected_jpy = round(silent * inputs.response_rate * inputs.order_value_jpy)
    rates = {month: rate for month, parts in groups.items() if (rate := retention_rate(added(parts)))}
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "quarters": judged.groups,
        "first_quarter": min(groups),
        "last_quarter": max(groups),
        "quarter": judged.name,
        "quarter_customers": judged.customers,
        "quarter_rate": judged.own_rate,
        "neighbour_rate": judged.others_rate,
        "compared_with": f"@cohort_times.{compared_with(judged.name, groups)}" if judged.name else None,
        "gap_points": judged.gap,
        "silent_customers": silent,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "lost_jpy": lost_jpy,
        "missing_customers": round(missing) if effect_jpy else None,
        "stayed_like": f"@cohort_times.{_side(broken, _to_stay_like(broken, groups))}" if broken else None,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="cohort_break",
        chapter="new_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=(_exhibit(rates, broken),),
        threshold=judged.others_rate,
        yen_effect_jpy=effect_jpy,
        concerned_customers=judged.customers,
        measured=judged.measured,
        trend=trend_of(sorted(rates.items())[1 - len(rates) % 2 :], "rate"),
        action=Action("@action_segment.broken_cohort", silent, "@action_channel.mail_phone", expected_jpy),
        sources=("customer_months", "customer_history"),
    )


def quarter_cells(inputs: DiagnosisInputs) -> dict[str, list[dict[str, Any]]]:
    """By settled quarter (its last month) and kind of the first order (`stratum`): customers, months bought, silent.

    Only quarters whose customers all have months 1 to 6 behind them; the earliest first.
    """
    last = last_with_months(inputs, RETENTION_MONTHS + 1)
    spans = settled(inputs, last, QUARTER_MONTHS)
    inside = inputs.beginnings.filter(_.cohort.between(first_settled(inputs), last)).mutate(
        back=blocks_back(_.cohort, last, QUARTER_MONTHS), stratum=_.first_order_kind.fill_null("")
    )
    sums = inside.group_by("back", "stratum").agg(
        customers=_.count(), silent=yen_sum(_.is_silent), **sum_and_squares("bought", _.months_bought_6m)
    )
    months = {back: span.month for back, span in enumerate(reversed(spans))}
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows(sums.order_by(_.back.desc(), "stratum")):
        if (back := row.pop("back")) in months:
            groups.setdefault(months[back], []).append(row)
    return groups


def shut_months(inputs: DiagnosisInputs) -> set[int]:
    """The closed months, as counts, in which nobody bought anything."""
    sold = {index_of(Month.of(row["month"])) for row in rows(inputs.purchases.select("month").distinct())}
    return {index_of(month) for month in inputs.closed_months} - sold


def months_to_return(quarter: str) -> set[int]:
    """The months, as counts, in which customers of the quarter that ends with `quarter` are looked for."""
    last = index_of(Month.parse(quarter))
    return set(range(last - QUARTER_MONTHS + 2, last + RETENTION_MONTHS + 1))


def beside_neighbours(month: str, groups: Mapping[str, Sequence[dict[str, Any]]]) -> Beside | None:
    """A quarter beside its neighbours or the same season of other years, whichever speaks less against it."""
    return max(_beside_times(month, groups).values(), key=lambda one: one.errors_off, default=None)


def compared_with(month: str, groups: Mapping[str, Sequence[dict[str, Any]]]) -> str:
    """What `beside_neighbours` holds the quarter against: `around`, `before` or `after` it, or its `season`."""
    compared = _beside_times(month, groups)
    return max(compared, key=lambda times: compared[times].errors_off)


def _beside_times(month: str, groups: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Beside]:
    """A quarter beside its neighbours, and beside its season in other years, as far as these can be compared."""
    near, season = _near(month, groups), [other for other in groups if other != month and other[-2:] == month[-2:]]
    cells = {
        times: [cell for other in others for cell in groups[other]]
        for times, others in ((_side(month, near), near), ("season", season))
    }
    return {times: one for times, found in cells.items() if (one := beside(groups[month], found, retention_rate))}


def _side(month: str, others: Sequence[str]) -> str:
    """On which side of the quarter the others lie."""
    is_before, is_after = any(other < month for other in others), any(other > month for other in others)
    return "around" if is_before and is_after else "before" if is_before else "after"


def missing_now(month: str, groups: Mapping[str, Sequence[dict[str, Any]]]) -> float:
    """How many more customers of the quarter bought nothing in the last half-year than had they stayed as the earlier
    of its neighbours, who had longer to leave; as all of them where none came before. Never below 0.
    """
    cells = [cell for other in _to_stay_like(month, groups) for cell in groups[other]]
    silence = beside(groups[month], cells, lambda sums: proportion(sums["silent"], sums["customers"]))
    return max(silence.change.value, 0.0) * silence.customers if silence else 0.0


def _to_stay_like(month: str, groups: Mapping[str, Sequence[dict[str, Any]]]) -> list[str]:
    near = _near(month, groups)
    return [other for other in near if other < month] or near


def _near(month: str, groups: Mapping[str, Sequence[dict[str, Any]]]) -> list[str]:
    order = list(groups)
    place = order.index(month)
    return [order[other] for other in range(len(order)) if 0 < abs(other - place) <= _NEIGHBOURS]


def _exhibit(rates: Mapping[str, Estimate], broken: str | None) -> Exhibit:
    bars: tuple[Row, ...] = tuple({"quarter": month, "retention_rate": rate.value} for month, rate in rates.items())
    return Exhibit(
        "quarters", "bar", bars, x="quarter", y="retention_rate", x_unit="month", y_unit="rate", highlight=broken
    )
