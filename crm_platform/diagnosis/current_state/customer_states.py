"""Each customer's state (購入回数, 空白日数, 購入単価) today and at two earlier days, and what followed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.current_state.natural_levels import Cell, Levels, Place, levels_of
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS

PURCHASES_FROM = (10, 6, 3, 2, 1)
SILENT_DAYS_TO = (30, 90, 180, 365, 730)
LONGEST = 9999  # stands for every silence beyond the last ceiling
VALUE_TIMES = (4.0, 2.0, 1.0, 0.5)  # of the median customer's mean value of a purchase (購入単価)
NEVER: Place = (0, 0)  # who has not bought yet
RETENTION_PLACES = [NEVER, *((count, days) for count in PURCHASES_FROM for days in (*SILENT_DAYS_TO, LONGEST))]
PURCHASING_PLACES = [(count, band) for count in PURCHASES_FROM for band in range(1, len(VALUE_TIMES) + 2)]


@dataclass(frozen=True)
class CustomerPowers:
    """The rules that tell the levels of retention and of purchasing power apart, and what each level did.

    `value_floors_jpy` are the lower ends of the bands of 購入単価, the highest first, the last one 0. `is_tested` says
    whether the levels were learned in an earlier half-year than the one that they were held against.
    """

    retention: Levels
    purchasing: Levels
    value_floors_jpy: tuple[int, ...]
    is_tested: bool


def customer_powers(inputs: DiagnosisInputs) -> CustomerPowers:
    """The rules of the levels, learned and tested in the last two closed half-years; one of them does for both."""
    return inputs.once(_customer_powers)


def _customer_powers(inputs: DiagnosisInputs) -> CustomerPowers:
    floors = value_floors_jpy(inputs)
    grids = past_cells(inputs, floors)
    tested = grids[0] if grids else {}
    learned = grids[-1] if grids else {}
    return CustomerPowers(
        retention=levels_of(RETENTION_PLACES, _retention(learned), _retention(tested), "rate"),
        purchasing=levels_of(PURCHASING_PLACES, _purchasing(learned), _purchasing(tested), "jpy"),
        value_floors_jpy=floors,
        is_tested=len(grids) > 1,
    )


def value_floors_jpy(inputs: DiagnosisInputs) -> tuple[int, ...]:
    """Bands of 購入単価: 4, 2, 1 and ½ times that of the median customer, to two digits; the last band is from 0."""
    median = one_row(inputs.buyers.agg(median=(_.sales_jpy / _.purchase_days).median()))["median"] or 0.0
    return (*(int(float(f"{max(median, 0.0) * times:.2g}")) for times in VALUE_TIMES), 0)


def banded(customers: ibis.Table, floors_jpy: Sequence[int]) -> ibis.Table:
    """`customers` with their bands, from `purchases`, `silent_days` and `sales_jpy`.

    Who has not bought yet is at 0 of purchases and silence, and at the lowest 購入単価.
    """
    never = customers.purchases <= 0
    value_jpy = customers.sales_jpy / customers.purchases.nullif(0)
    return customers.mutate(
        count_band=ibis.cases(
            (never, 0), *[(customers.purchases >= floor, floor) for floor in PURCHASES_FROM[:-1]], else_=1
        ),
        gap_band=ibis.cases(
            (never, 0), *[(customers.silent_days <= ceiling, ceiling) for ceiling in SILENT_DAYS_TO], else_=LONGEST
        ),
        value_band=ibis.cases(
            *[(value_jpy >= floor, number) for number, floor in enumerate(floors_jpy[:-1], start=1)],
            else_=len(floors_jpy),
        ),
    )


# --- the past ---------------------------------------------------------------------------------------------------------


def past_cells(inputs: DiagnosisInputs, floors_jpy: Sequence[int]) -> list[dict[tuple[int, int, int], Any]]:
    """For the last half-year and the one before it, where history reaches back: counts by all three bands.

    Customers stand where they stood when the half-year began. Each count has `people`, how many of them `bought` in it,
    and the 受注金額 of these with its squares.
    """
    backs = [back for back in (0, HALF_YEAR_MONTHS) if len(inputs.closed_months) > back + HALF_YEAR_MONTHS]
    if not backs:
        return []
    spans = {back: span for back in backs if (span := inputs.span(HALF_YEAR_MONTHS, back))}
    facts = inputs.customer_months
    measures: dict[str, ibis.Value] = {}
    for back, span in spans.items():
        known, during = facts.month <= span.first.plus(-1).last_day, span.holds(facts.month)
        measures |= {
            f"purchases_{back}": yen_sum(facts.purchase_days, known),
            f"sales_jpy_{back}": yen_sum(facts.sales_jpy, known),
            f"last_{back}": facts.last_purchased_on.max(where=known),
            f"bought_{back}": yen_sum(facts.purchase_days, during) > 0,
            f"ordered_jpy_{back}": yen_sum(facts.ordered_jpy, during),
        }
    past = facts.group_by("customer_id").agg(**measures)
    joined = inputs.history.select("customer_id", "registered_on").left_join(past, "customer_id")
    states = [_state(joined, back, span.first.plus(-1).last_day) for back, span in spans.items()]
    grouped = banded(ibis.union(*states) if len(states) > 1 else states[0], floors_jpy).group_by(
        "back", "count_band", "gap_band", "value_band"
    )
    spent_jpy = ibis.ifelse(_.bought, _.ordered_jpy, 0)
    sums = grouped.agg(
        people=_.count(),
        bought=_.bought.sum(),
        ordered_jpy=yen_sum(_.ordered_jpy, _.bought),
        squares=yen_products(spent_jpy, spent_jpy),
    ).order_by("back", "count_band", "gap_band", "value_band")
    found: dict[int, dict[tuple[int, int, int], Any]] = {back: {} for back in spans}
    for row in rows(sums):
        found[row["back"]][row["count_band"], row["gap_band"], row["value_band"]] = row
    return list(found.values())


def _state(joined: ibis.Table, back: int, then: dt.date) -> ibis.Table:
    """Everyone known at `then`, as they stood, and what they did in the half-year that followed."""
    purchases = joined[f"purchases_{back}"].fill_null(0)
    known = joined.filter((purchases > 0) | (joined.registered_on <= then))
    return known.select(
        back=ibis.literal(back, "int64"),
        purchases=known[f"purchases_{back}"].fill_null(0),
        sales_jpy=known[f"sales_jpy_{back}"].fill_null(0),
        silent_days=ibis.literal(then).delta(known[f"last_{back}"], unit="day"),
        bought=known[f"bought_{back}"].fill_null(False),
        ordered_jpy=known[f"ordered_jpy_{back}"].fill_null(0),
    )


def _retention(grid: Mapping[tuple[int, int, int], Any]) -> dict[Place, Cell]:
    """How many of each cell bought, by purchases × silence."""
    found: dict[Place, Cell] = {}
    for (count, days, _value), row in sorted(grid.items()):
        former = found.get((count, days), Cell(0, 0.0, 0.0))
        bought = former.amount + row["bought"]
        found[count, days] = Cell(former.people + row["people"], bought, bought)
    return found


def _purchasing(grid: Mapping[tuple[int, int, int], Any]) -> dict[Place, Cell]:
    """What those of each cell who bought spent, by purchases × 購入単価; who had not bought counts as one purchase."""
    found: dict[Place, Cell] = {}
    for (count, _days, value), row in sorted(grid.items()):
        at = (max(count, 1), value)
        former = found.get(at, Cell(0, 0.0, 0.0))
        found[at] = Cell(
            former.people + row["bought"], former.amount + row["ordered_jpy"], former.squares + row["squares"]
        )
    return found
