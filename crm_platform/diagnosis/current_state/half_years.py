"""What the same customers did from half-year to half-year and from year to year, in one pass over the months."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, mean, total
from crm_platform.diagnosis.groundwork.customer_halves import MOST_HALVES, customer_halves
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, yen_products, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS


@dataclass(frozen=True)
class HalfYear:
    """Who bought in the half-year before the one that ends with `month`, and what they did in this one.

    `sales_jpy` is what the buyers spent in the former half; `followed_jpy` the 受注金額 of this one, per buyer.
    """

    month: str
    buyers: int
    repeated: int
    sales_jpy: int
    followed_jpy: Estimate | None


@dataclass(frozen=True)
class Existing:
    """売上 of existing customers: who had bought in the twelve months before. Yearly, per half-year (`points`).

    `lately_jpy` is the mean of the last two half-years, each with its own twelve months before; None without them.
    """

    points: tuple[tuple[str, Estimate], ...]
    lately_jpy: Estimate | None


def past_of_buyers(inputs: DiagnosisInputs) -> tuple[tuple[HalfYear, ...], Existing]:
    """Half-years of the last five with buyers in the one before, and the sales of existing customers.

    The earliest is first. They follow one another to the last: those before a half-year without buyers are left out.
    """
    return inputs.once(_past_of_buyers)


def _past_of_buyers(inputs: DiagnosisInputs) -> tuple[tuple[HalfYear, ...], Existing]:
    halves = min(len(inputs.closed_months) // HALF_YEAR_MONTHS, MOST_HALVES)
    if halves < 2:
        return (), Existing((), None)
    people = customer_halves(inputs)
    sums = one_row(people.agg(**_half_year_measures(halves), **_existing_measures(halves)))
    unbroken = takewhile(lambda back: sums[f"buyers_{back}"], range(halves - 1))
    found = [_half_year(inputs, back, sums) for back in unbroken][::-1]
    years = range(halves // 2 - 2, -1, -1)
    points = [(str(inputs.closed_months[-1].plus(-12 * year)), _total(sums, f"year_{year}")) for year in years]
    lately = _total(sums, "lately") if halves >= 4 else None
    return tuple(found), Existing(
        tuple((month, of_year.times(0.5)) for month, of_year in points), lately.times(0.5) if lately else None
    )


def _half_year_measures(halves: int) -> dict[str, Any]:
    measures: dict[str, Any] = {}
    for back in range(halves - 1):
        buyer = _bought(back + 1)
        followed = ibis.ifelse(buyer, _[f"ordered_{back}"], 0)
        measures |= {
            f"buyers_{back}": yen_sum(buyer.cast("int64")),
            f"repeated_{back}": yen_sum((buyer & _bought(back)).cast("int64")),
            f"spent_{back}": yen_sum(_[f"sales_{back + 1}"], buyer),
            f"followed_{back}": yen_sum(followed),
            f"followed_squares_{back}": yen_products(followed, followed),
        }
    return measures


def _existing_measures(halves: int) -> dict[str, Any]:
    amounts: dict[str, Any] = {}
    for year in range(halves // 2 - 1):
        of_year = _[f"sales_{2 * year}"] + _[f"sales_{2 * year + 1}"]
        amounts[f"year_{year}"] = ibis.ifelse(_had_bought(2 * year + 1), of_year, 0)
    if halves >= 4:
        amounts["lately"] = sum(ibis.ifelse(_had_bought(half), _[f"sales_{half}"], 0) for half in (0, 1))
    sums = {name: yen_sum(amount) for name, amount in amounts.items()}
    return sums | {f"{name}_squares": yen_products(amount, amount) for name, amount in amounts.items()}


def _had_bought(half: int) -> Any:
    """Whether the customer bought in the twelve months before half-year `half`."""
    return _bought(half + 1) | _bought(half + 2)


def _bought(half: int) -> Any:
    return _[f"purchases_{half}"] > 0


def _total(sums: dict[str, Any], name: str) -> Estimate:
    return total(sums[name], sums[f"{name}_squares"])


def _half_year(inputs: DiagnosisInputs, back: int, sums: dict[str, Any]) -> HalfYear:
    buyers = sums[f"buyers_{back}"]
    return HalfYear(
        month=str(inputs.closed_months[-1].plus(-HALF_YEAR_MONTHS * back)),
        buyers=buyers,
        repeated=sums[f"repeated_{back}"],
        sales_jpy=sums[f"spent_{back}"],
        followed_jpy=mean(sums[f"followed_{back}"], sums[f"followed_squares_{back}"], buyers),
    )
