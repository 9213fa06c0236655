"""Calling dormant customers back (休眠掘り起こし, R126): what one who returns costs, whom it pays for, the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ibis import _

from crm_platform.alerts.campaigns.power import sizes_for_lift_in_buyers, smallest_lift_in_buyers
from crm_platform.diagnosis.dormant.past_returns import (
    LATEST_ORIGINS,
    SILENCE_BELOW_DAYS,
    TERM_MONTHS,
    Past,
    ReturnCell,
    return_cells,
    returns_by_origin,
)
from crm_platform.diagnosis.estimates import SURE_ERRORS, Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows, yen_sum
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import verdict_on_line

_YEARLY_ORIGINS = (1, 3, 5, 7, 9)  # half-years back: the same season of five years


@dataclass(frozen=True)
class CostOfReturn:
    """What one returning customer costs in contacts, where `rate` of those contacted return."""

    rate: Estimate
    cost: Estimate | None  # in yen; None where nobody ever returned


def dormant_follow_up(inputs: DiagnosisInputs) -> Finding | None:
    """What a dormant customer who returns costs in contacts, against what a new customer costs (CPO).

    Cost = settings.alert_unit_cost_jpy ÷ the share of dormant customers who bought within six months, over those as
    silent and as valuable as the ones whom a contact pays for (all, where it pays for none), at the origins half a year
    and a year ago. Those who would have come back anyway are in it: what the contact adds, a test with a control group
    must show; its size is for the assumed response. CPO = media cost ÷ new customers of the media with a cost. The
    trend is that share among all dormant customers, year by year. An issue where a return costs more than a new
    customer, with the expected sales of those it pays for at stake; undetermined without a CPO. None where nobody is
    dormant.
    """
    if inputs.dormant_customers is None or not inputs.closed_months:
        return None
    listed = listed_sums(inputs)
    if not listed["customers"]:
        return None
    past = past_of(inputs)
    found = returns_by_origin(past, sorted({*LATEST_ORIGINS, *_YEARLY_ORIGINS}))
    cells = return_cells([row for row in found if row["origin"] in LATEST_ORIGINS])
    unit_cost_jpy = inputs.client.settings.alert_unit_cost_jpy
    told = cost_of_return(cells, unit_cost_jpy)
    cpo_jpy = new_customer_cost_jpy(inputs)
    verdict: Verdict = "undetermined"
    if told and told.cost and cpo_jpy:
        verdict = verdict_on_line(told.cost.times(-1), -cpo_jpy)
    spent_jpy = listed["expected_jpy"] / listed["returns"] if listed["returns"] > 0 else 0.0
    tested, lift = size_of_test(told.rate.value if told else None, inputs.response_rate, listed["paying"])
    expected_jpy = round(tested * inputs.response_rate * spent_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "dormant_customers": listed["customers"],
        "paying_customers": listed["paying"],
        "paying_sales_jpy": round(listed["paying_jpy"]),
        "unit_cost_jpy": unit_cost_jpy,
        "contact_cost_jpy": listed["paying"] * unit_cost_jpy,
        "spared_cost_jpy": (listed["customers"] - listed["paying"]) * unit_cost_jpy or None,  # nobody is left to spare
        "return_rate": told.rate.value if told else None,
        "cost_per_return_jpy": round(told.cost.value) if told and told.cost else None,
        "cpo_jpy": round(cpo_jpy) if cpo_jpy else None,
        "cost_to_cpo": told.cost.value / cpo_jpy if told and told.cost and cpo_jpy else None,
        "spent_jpy": round(spent_jpy),
        "test_treated": tested,
        "test_control": tested,
        "test_lift_points": lift,
        "test_cost_jpy": tested * unit_cost_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": round(listed["paying_jpy"]) if verdict == "issue" else None,
    }
    return Finding(
        key="dormant_follow_up",
        chapter="dormant",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(numbers, cells, group_rows(inputs)),
        threshold=float(cpo_jpy) if cpo_jpy else None,
        yen_effect_jpy=round(listed["paying_jpy"]) or None if verdict == "issue" else None,
        concerned_customers=listed["paying"],
        measured=_measured(told, cpo_jpy),
        trend=trend_of(_points(inputs, found), "rate"),
        action=Action("@action_segment.dormant_to_test", tested, "@action_channel.post", expected_jpy),
        sources=("dormant_customers", "customer_months", "customer_history", "products", "media"),
    )


def past_of(inputs: DiagnosisInputs) -> Past:
    """What the past of dormant customers is read from."""
    return Past.of(
        inputs.customer_months, inputs.history, inputs.products, inputs.closed_months, inputs.client.settings
    )


def listed_sums(inputs: DiagnosisInputs) -> dict[str, Any]:
    """Of DORMANT_CUSTOMERS: all, those whom a contact pays for, the returns and sales expected of both."""
    table = inputs.dormant_customers
    if table is None:
        raise ValueError("there is no list of dormant customers to sum up")
    pays = _.contact_return_jpy > 0
    return one_row(
        table.agg(
            customers=_.count(),
            paying=_.count(where=pays),
            paying_jpy=exact_sum(_.expected_sales_jpy, pays),
            expected_jpy=exact_sum(_.expected_sales_jpy),
            returns=exact_sum(_.return_rate),
        )
    )


def cost_of_return(cells: Sequence[ReturnCell], unit_cost_jpy: int) -> CostOfReturn | None:
    """The unit cost ÷ the share who returned, over the cells for which a contact pays; over all where it pays for none.

    None where nobody was dormant at the origins.
    """
    paying = [cell for cell in cells if cell.return_rate * cell.spent_jpy > unit_cost_jpy and cell.customers]
    looked_at = paying or cells
    rate = proportion(sum(cell.returned for cell in looked_at), sum(cell.customers for cell in looked_at))
    if rate is None:
        return None
    if rate.value <= 0:
        return CostOfReturn(rate, None)
    cost_jpy = unit_cost_jpy / rate.value
    return CostOfReturn(rate, Estimate(cost_jpy, cost_jpy * rate.error / rate.value))


def new_customer_cost_jpy(inputs: DiagnosisInputs) -> float | None:
    """CPO: cost of all media that have one ÷ new customers whose first purchase names one of them; None without."""
    paid = inputs.media.filter(_.cost_jpy > 0)
    cost_jpy = one_row(paid.agg(cost_jpy=yen_sum(_.cost_jpy)))["cost_jpy"]
    named = inputs.new_customers.semi_join(paid.select(first_media_id=_.media_id), "first_media_id")
    customers = one_row(named.agg(customers=_.count()))["customers"]
    return cost_jpy / customers if cost_jpy and customers else None


def size_of_test(rate: float | None, response_rate: float, paying: int) -> tuple[int, float | None]:
    """How many to contact, and as many not, so that a lift of the assumed response shows (R84); and the lift that does.

    No more than half of those whom a contact pays for. The lift is the smallest that groups of the size can show, in
    the share of buyers; None where they are empty or the share who return anyway is not known.
    """
    size = paying // 2
    if rate is None:
        return size, None
    if rate + response_rate <= 1:
        size = min(size, sizes_for_lift_in_buyers(response_rate, rate)[0])
    return size, smallest_lift_in_buyers(size, size, rate)


def group_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Dormant customers by product group, the largest first: how many, for how many a contact pays, expected sales."""
    table = inputs.dormant_customers
    if table is None:
        return []
    grouped = table.group_by("product_group", "threshold_days").agg(
        dormant_customers=_.count(),
        paying_customers=_.count(where=_.contact_return_jpy > 0),
        expected_jpy=exact_sum(_.expected_sales_jpy),
    )
    found = rows(grouped.order_by(_.dormant_customers.desc(), "product_group"))
    return [{**row, "product_group": row["product_group"] or "@dormant_group.unknown"} for row in found]


# --- inside -----------------------------------------------------------------------------------------------------------


def _measured(told: CostOfReturn | None, cpo_jpy: float | None) -> Measured | None:
    if told is None or told.cost is None:
        return None
    return Measured(
        value=told.cost.value,
        unit="jpy",
        low=max(told.cost.low, 0.0),
        high=told.cost.high,
        compared=cpo_jpy,
        noticeable=SURE_ERRORS * told.cost.error,
    )


def _points(inputs: DiagnosisInputs, found: Sequence[dict[str, Any]]) -> list[tuple[str, Estimate]]:
    """The share of returns of the same half of each year whose origin has a year of data before it."""
    points = []
    for back in reversed(_YEARLY_ORIGINS):
        then = [row for row in found if row["origin"] == back]
        rate = proportion(sum(row["returned"] for row in then), sum(row["customers"] for row in then))
        known = len(inputs.closed_months) - TERM_MONTHS * back
        if rate and known >= WARM_UP_MONTHS:
            points.append((str(inputs.closed_months[-1].plus(-TERM_MONTHS * (back - 1))), rate))
    return points


def _exhibits(
    numbers: dict[str, Scalar], cells: Sequence[ReturnCell], groups: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    costs: list[Row] = [
        {"cost_of": f"@cost_of.{name}", "jpy_each": numbers[figure]}
        for name, figure in (("returned", "cost_per_return_jpy"), ("new", "cpo_jpy"))
        if numbers[figure] is not None
    ]
    bands = (*(str(upper) for upper in SILENCE_BELOW_DAYS), "longer")
    heat: list[Row] = [
        {
            "silence_band": f"@dormant_silence.{bands[cell.silence]}",
            "value_band": f"@dormant_value.{cell.value}",
            "return_rate": cell.return_rate,
        }
        for cell in cells
        if cell.customers
    ]
    exhibits = (
        Exhibit("costs", "bar", tuple(costs), x="cost_of", y="jpy_each", y_unit="jpy"),
        Exhibit(
            "returns", "heatmap", tuple(heat), x="silence_band", y="return_rate", y_unit="rate", series="value_band"
        ),
        Exhibit(
            "groups",
            "table",
            tuple(groups[:12]),
            columns=(
                ("product_group", "text"),
                ("threshold_days", "days"),
                ("dormant_customers", "count"),
                ("paying_customers", "count"),
                ("expected_jpy", "jpy"),
            ),
        ),
    )
    return tuple(exhibit for exhibit in exhibits if exhibit.rows)
