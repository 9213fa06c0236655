"""What a contact to the alerted customers would bring, before it is made (Before/After, R86, R87; seed 003:129-146)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True)
class CampaignSimulation:
    """All amounts in whole yen; computed in exact arithmetic and rounded half up only at the end."""

    targets: int
    response_rate: float
    retained_customers: int
    sales_jpy: int
    cost_jpy: int
    sales_minus_cost_jpy: int
    ltv_delta_jpy: int
    ltv_increment_jpy: int  # shown apart from the campaign's own sales
    total_jpy: int
    cost_per_retained_jpy: int | None
    break_even_response_rate: float | None  # at which the campaign's own sales pay its cost
    break_even_response_rate_with_ltv: float | None


def simulate_campaign(
    targets: int,
    response_rate: float,
    average_order_jpy: int,
    unit_cost_jpy: int,
    ltv_retained_jpy: int,
    ltv_lapsed_jpy: int,
) -> CampaignSimulation:
    """Targets × response = retained customers; each brings an order now, and the difference in six-month LTV after.

    Sales and cost as in seed 003:133-135, LTV as in 003:142-145. A fraction of a customer is kept in the amounts and
    rounded only in `retained_customers`.

    Raises:
        ValueError: a count or amount is negative, or the rate is not between 0 and 1.
    """
    if min(targets, average_order_jpy, unit_cost_jpy, ltv_retained_jpy, ltv_lapsed_jpy) < 0:
        raise ValueError("counts and amounts must not be negative")
    if not 0 <= response_rate <= 1:
        raise ValueError(f"the response rate must lie between 0 and 1, not {response_rate}")
    retained = targets * Fraction(Decimal(str(response_rate)))
    sales, cost = retained * average_order_jpy, targets * unit_cost_jpy
    ltv_delta = ltv_retained_jpy - ltv_lapsed_jpy
    return CampaignSimulation(
        targets=targets,
        response_rate=response_rate,
        retained_customers=_whole(retained),
        sales_jpy=_whole(sales),
        cost_jpy=cost,
        sales_minus_cost_jpy=_whole(sales - cost),
        ltv_delta_jpy=ltv_delta,
        ltv_increment_jpy=_whole(retained * ltv_delta),
        total_jpy=_whole(sales + retained * ltv_delta),
        cost_per_retained_jpy=_whole(cost / retained) if retained > 0 else None,
        break_even_response_rate=_rate(unit_cost_jpy, average_order_jpy),
        break_even_response_rate_with_ltv=_rate(unit_cost_jpy, average_order_jpy + ltv_delta),
    )


def _whole(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _rate(unit_cost_jpy: int, gain_jpy: int) -> float | None:
    """The response that pays; null where no response could."""
    return unit_cost_jpy / gain_jpy if 0 < gain_jpy >= unit_cost_jpy else None
