"""How sales concentrate on few customers (パレート, R128): the Lorenz curve, and the top fifth's share year by year."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.groundwork.cohorts import first_settled
from crm_platform.diagnosis.groundwork.customer_halves import customer_halves, halves_known
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import FIVE_YEARS_MONTHS, YEAR_MONTHS, index_of
from crm_platform.periods import Month

TOP_RATE = 0.2
_STEPS = 20
_MOST_YEARS = FIVE_YEARS_MONTHS // YEAR_MONTHS


def top_shares(inputs: DiagnosisInputs) -> list[tuple[str, Estimate]]:
    """(last month, share of the year's 売上 that the top fifth of its buyers bring), up to five years, earliest first.

    Years are counted back from the last closed month; a history of less than one counts as one. The customer at the
    boundary counts in. A year in which nobody bought is left out.
    """
    if not inputs.closed_months:
        return []
    years = range(max(min(len(inputs.closed_months) // YEAR_MONTHS, _MOST_YEARS), 1))
    customers = _yearly_sales(inputs, len(years))
    sales_jpy = {year: _[f"sales_{year}"] for year in years}
    cuts = one_row(
        customers.agg(
            **{f"cut_{year}": sold.quantile(1 - TOP_RATE, where=sold > 0) for year, sold in sales_jpy.items()},
            **{f"buyers_{year}": _.count(where=sold > 0) for year, sold in sales_jpy.items()},
        )
    )
    bought = [year for year in reversed(years) if cuts[f"buyers_{year}"]]
    if not bought:
        return []
    sums = one_row(customers.agg(**{name: sum_ for year in bought for name, sum_ in _sums(year, cuts).items()}))
    return [
        (str(inputs.closed_months[-1].plus(-YEAR_MONTHS * year)), _share(year, cuts[f"cut_{year}"], sums))
        for year in bought
    ]


def settled_shares(inputs: DiagnosisInputs) -> list[tuple[str, Estimate]]:
    """`top_shares` of whole years without one that the first year of data is in; that one is no verdict's ground."""
    settled_to = first_settled(inputs) + YEAR_MONTHS - 1
    return [(month, share) for month, share in top_shares(inputs) if index_of(Month.parse(month)) >= settled_to]


def _yearly_sales(inputs: DiagnosisInputs, years: int) -> ibis.Table:
    """Per customer: `sales_0` of the last twelve closed months, `sales_1` of those before, …"""
    halves = customer_halves(inputs)
    return halves.select(
        "customer_id",
        **{
            f"sales_{year}": sum(
                (halves[f"sales_{half}"] for half in (2 * year, 2 * year + 1) if half < halves_known(inputs)),
                start=ibis.literal(0, "int64"),
            )
            for year in range(years)
        },
    )


def _sums(year: int, cuts: Mapping[str, Any]) -> dict[str, ibis.Value]:
    sales_jpy = _[f"sales_{year}"]
    above = sales_jpy > cuts[f"cut_{year}"]
    top, rest = ibis.ifelse(above, sales_jpy, 0), ibis.ifelse(~above & (sales_jpy > 0), sales_jpy, 0)
    return {
        f"above_{year}": _.count(where=above),
        f"below_{year}": _.count(where=~above & (sales_jpy > 0)),
        f"top_{year}": yen_sum(top),
        f"rest_{year}": yen_sum(rest),
        f"top_squares_{year}": yen_products(top, top),
        f"rest_squares_{year}": yen_products(rest, rest),
    }


def _share(year: int, cut_jpy: float, sums: Mapping[str, Any]) -> Estimate:
    """The share and its error, linearised over customers.

    A customer who spent x moves the share by ((x − q)⁺ + p·q − S·x) ÷ Σx, with q the spending at the boundary of the
    top p and S the share (the influence of an ordinate of the Lorenz curve).
    """
    above, below = sums[f"above_{year}"], sums[f"below_{year}"]
    top, rest = sums[f"top_{year}"], sums[f"rest_{year}"]
    missing = math.ceil((above + below) * TOP_RATE - 1e-9) - above
    whole = top + rest
    share = (top + missing * cut_jpy) / whole
    of_top, of_rest, shared = 1 - share, -share, TOP_RATE * cut_jpy
    squares = (
        of_top**2 * sums[f"top_squares_{year}"]
        + 2 * of_top * (shared - cut_jpy) * top
        + above * (shared - cut_jpy) ** 2
        + of_rest**2 * sums[f"rest_squares_{year}"]
        + 2 * of_rest * shared * rest
        + below * shared**2
    )
    people = above + below
    return Estimate(share, math.sqrt(max(squares, 0.0) * people / max(people - 1, 1)) / whole)


def lorenz_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Cumulated share of the last twelve closed months' sales by cumulated share of their buyers, the largest first.

    21 points from (0, 0) to (1, 1). A twentieth that does not fall on a whole customer counts that customer in.
    """
    if not inputs.closed_months:
        return []
    bought = _yearly_sales(inputs, 1).filter(_.sales_0 > 0)
    rank = ibis.row_number().over(ibis.window(order_by=[bought.sales_0.desc(), bought.customer_id])) + 1
    ranked = bought.select("sales_0", rank=rank, buyers=bought.count().over(ibis.window()))
    step = ((ranked.rank - 1) * _STEPS // ranked.buyers).cast("int64")
    sums = ranked.group_by(step=step).agg(sales_jpy=yen_sum(ranked.sales_0), customers=ranked.count()).order_by("step")
    found = {row["step"]: row for row in rows(sums)}
    total = sum(row["sales_jpy"] for row in found.values())
    points = [{"customers_rate": 0.0, "sales_rate": 0.0}]
    running = 0
    for number in range(_STEPS):
        running += found[number]["sales_jpy"] if number in found else 0
        points.append({"customers_rate": (number + 1) / _STEPS, "sales_rate": running / total if total else 0.0})
    return points if total else []


def buyers_of_the_year(inputs: DiagnosisInputs) -> tuple[int, int]:
    """How many bought in the last twelve closed months, and their 売上."""
    if not inputs.closed_months:
        return 0, 0
    bought = _yearly_sales(inputs, 1).filter(_.sales_0 > 0)
    sums = one_row(bought.agg(buyers=_.count(), sales_jpy=yen_sum(_.sales_0)))
    return sums["buyers"], sums["sales_jpy"]
