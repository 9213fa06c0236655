"""What a campaign brought and cost: totals over all treated, cost per retained customer, break-even (R85, R89)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_platform.alerts.measuring.group_lifts import GroupLift, Range

_RANGES = ("retained_customers", "sales_jpy", "profit_jpy", "profit_minus_cost_jpy", "cost_per_retained_jpy")


@dataclass(frozen=True)
class CampaignWorth:
    """All over the treated customers and beyond the control's natural recovery, by the adjusted lifts; yen.

    `profit_jpy` counts the customers with a known margin only. Null is what is not known: the cost without a price,
    profit without costs of products, the cost per retained customer where it is not sure that any was retained.
    """

    cost_jpy: float | None
    cost_is_assumed: bool  # one contact per treated customer, because no contact was delivered
    retained_customers: Range
    sales_jpy: Range
    profit_jpy: Range | None
    profit_minus_cost_jpy: Range | None
    cost_per_retained_jpy: Range | None
    break_even_lift_jpy: float | None  # gross profit per treated customer that pays the cost
    break_even_margin_rate: float | None  # at which the sales lift pays the cost; null where there is none
    break_even_retained_rate: float | None  # lift in retained that pays, at the profit that each of them brought

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        ranges = {name: getattr(self, name) and getattr(self, name).to_json() for name in _RANGES}
        return {**vars(self), **ranges}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CampaignWorth:
        """Read what `to_json` wrote."""
        ranges = {name: values[name] and Range(**values[name]) for name in _RANGES}
        return cls(**{**values, **ranges})


def worth_of(lifts: Mapping[str, GroupLift], cost_jpy: float | None, cost_is_assumed: bool) -> CampaignWorth:
    """The worth of a campaign with these lifts and this cost."""
    retained, sales, profit = lifts["retained"], lifts["sales"].total, lifts.get("profit")
    gain = profit.total if profit else None
    per_treated = None if cost_jpy is None else cost_jpy / retained.treated_customers
    return CampaignWorth(
        cost_jpy=cost_jpy,
        cost_is_assumed=cost_is_assumed,
        retained_customers=retained.total,
        sales_jpy=sales,
        profit_jpy=gain,
        profit_minus_cost_jpy=None if gain is None or cost_jpy is None else _less(gain, cost_jpy),
        cost_per_retained_jpy=None if cost_jpy is None else _cost_per(retained.total, cost_jpy),
        break_even_lift_jpy=per_treated,
        break_even_margin_rate=None if cost_jpy is None or sales.value <= 0 else cost_jpy / sales.value,
        break_even_retained_rate=_break_even_rate(retained, profit, per_treated),
    )


def _less(gain: Range, cost_jpy: float) -> Range:
    ends = (None if end is None else end - cost_jpy for end in (gain.low, gain.high))
    return Range(gain.value - cost_jpy, *ends)


def _cost_per(retained: Range, cost_jpy: float) -> Range | None:
    """Null where the interval of the lift includes 0 or less: a cost of nobody is no cost per customer."""
    if retained.low is None or retained.high is None or retained.low <= 0:
        return None
    return Range(cost_jpy / retained.value, cost_jpy / retained.high, cost_jpy / retained.low)


def _break_even_rate(retained: GroupLift, profit: GroupLift | None, per_treated: float | None) -> float | None:
    if profit is None or per_treated is None or min(profit.adjusted.lift, retained.adjusted.lift) <= 0:
        return None
    return per_treated * retained.adjusted.lift / profit.adjusted.lift
