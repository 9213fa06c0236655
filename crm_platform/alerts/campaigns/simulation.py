"""What a contact to the alerted customers would bring, before it is made (Before/After, R86, R87; seed 003:129-146)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any


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
    gross_margin_rate: float | None = None  # 粗利率; what follows is null without it
    gross_profit_jpy: int | None = None  # of the campaign's own sales
    profit_minus_cost_jpy: int | None = None
    ltv_profit_increment_jpy: int | None = None
    profit_break_even_response_rate: float | None = None
    profit_break_even_response_rate_with_ltv: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def simulate_campaign(
    targets: int,
    response_rate: float,
    average_order_jpy: int,
    unit_cost_jpy: int,
    ltv_retained_jpy: int,
    ltv_lapsed_jpy: int,
    gross_margin_rate: float | None = None,
) -> CampaignSimulation:
    """Targets × response = retained customers; each brings an order now, and the difference in six-month LTV after.

    Sales and cost as in seed 003:133-135, LTV as in 003:142-145. A fraction of a customer is kept in the amounts and
    rounded only in `retained_customers`. With a gross margin rate (粗利率) the same is told in gross profit besides.

    Raises:
        ValueError: a count or amount is negative, or a rate is not between 0 and 1.
    """
    if min(targets, average_order_jpy, unit_cost_jpy, ltv_retained_jpy, ltv_lapsed_jpy) < 0:
        raise ValueError("counts and amounts must not be negative")
    for name, rate in (("response", response_rate), ("gross margin", gross_margin_rate)):
        if rate is not None and not 0 <= rate <= 1:
            raise ValueError(f"the {name} rate must lie between 0 and 1, not {rate}")
    retained = targets * _exactly(response_rate)
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
        break_even_response_rate=_rate(unit_cost_jpy, Fraction(average_order_jpy)),
        break_even_response_rate_with_ltv=_rate(unit_cost_jpy, Fraction(average_order_jpy + ltv_delta)),
        **_in_profit(retained, average_order_jpy, ltv_delta, targets * unit_cost_jpy, unit_cost_jpy, gross_margin_rate),
    )


# --- inside -----------------------------------------------------------------------------------------------------------


def _in_profit(
    retained: Fraction,
    order_jpy: int,
    ltv_delta_jpy: int,
    cost_jpy: int,
    unit_cost_jpy: int,
    gross_margin_rate: float | None,
) -> dict[str, Any]:
    """The profit side of a simulation; nothing where no margin is known."""
    if gross_margin_rate is None:
        return {}
    margin = _exactly(gross_margin_rate)
    gross_profit, ltv_profit = retained * order_jpy * margin, retained * ltv_delta_jpy * margin
    return {
        "gross_margin_rate": gross_margin_rate,
        "gross_profit_jpy": _whole(gross_profit),
        "profit_minus_cost_jpy": _whole(gross_profit - cost_jpy),
        "ltv_profit_increment_jpy": _whole(ltv_profit),
        "profit_break_even_response_rate": _rate(unit_cost_jpy, order_jpy * margin),
        "profit_break_even_response_rate_with_ltv": _rate(unit_cost_jpy, (order_jpy + ltv_delta_jpy) * margin),
    }


def _exactly(rate: float) -> Fraction:
    """The rate as it is written: 0.07 is 7 of 100, not the float nearest to it."""
    return Fraction(Decimal(str(rate)))


def _whole(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _rate(unit_cost_jpy: int, gain_jpy: Fraction) -> float | None:
    """The response that pays; null where no response could."""
    return float(unit_cost_jpy / gain_jpy) if 0 < gain_jpy >= unit_cost_jpy else None
