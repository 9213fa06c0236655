"""Orders before an as-of day → the days of each customer, as every forecast reads them (CUSTOMER_DAYS).

Amounts become whole numbers, and a day's sum a multiple of the largest amount of which all are multiples. So sums are
exact whatever the order of rows, and the same orders in another currency or in cents give the same numbers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.scoring.order_columns import Orders
from crm_platform.tables import TABLES
from crm_platform.tables.table import TEXT, Column

Wholes = npt.NDArray[np.int64]

MOST_DECIMALS = 6
TYPICAL_AMOUNT = 10_000  # whole numbers that a usual order comes to, at least
LARGEST_SUM = 2.0**42  # leaves the features room to count in millionths, as whole numbers
_SUMS = ("standing_sales_jpy", "returned_jpy")


@dataclass(frozen=True)
class ScoredDays:
    """`days`: CUSTOMER_DAYS of customers named by their place in `customer_ids`; one unit of its yen is `unit`."""

    days: ibis.Table
    customer_ids: pa.Array
    unit: float


def days_before(orders: Orders, as_of: dt.date) -> ScoredDays:
    """The days of all customers with an order dated before `as_of`; no other order has any effect."""
    known = np.flatnonzero(orders.ordered_on < np.datetime64(as_of, "D"))
    there = np.zeros(len(orders.customer_ids), bool)
    there[orders.customer[known]] = True
    place = (np.cumsum(there) - 1)[orders.customer[known]]
    whole, unit = whole_amounts(orders.amount[known])
    table = _day_rows(place, orders.ordered_on[known], whole)
    sums = [table[name].to_numpy() for name in _SUMS]
    times, divided_by = _rescaling(np.concatenate(sums))
    for name, values in zip(_SUMS, sums, strict=True):
        table = table.set_column(table.column_names.index(name), name, pa.array(values // divided_by * times))
    ids = orders.customer_ids.filter(pa.array(there))
    return ScoredDays(_customer_days(table), ids, unit * divided_by / times)


def whole_amounts(amount: npt.NDArray[np.float64]) -> tuple[Wholes, float]:
    """Amounts in whole units, so that they add up exactly, and the unit. An amount other than 0 does not become 0.

    The unit is the last decimal place; where there are too many, a millionth of the median amount.
    """
    for decimals in range(MOST_DECIMALS + 1):
        scaled = amount * 10.0**decimals
        whole = np.rint(scaled)
        close = np.abs(scaled - whole) <= 1e-6 + 4 * np.spacing(np.abs(scaled))
        if close.all() and np.array_equal(whole == 0, amount == 0) and np.abs(whole).sum() <= LARGEST_SUM:
            return whole.astype(np.int64), 10.0**-decimals
    sizes = np.abs(amount[amount != 0])
    unit = max(float(np.median(sizes)) / 1e6, float(sizes.sum()) / LARGEST_SUM)
    whole = np.maximum(np.rint(np.abs(amount) / unit), amount != 0)
    return np.copysign(whole, amount).astype(np.int64), unit


# --- inside -----------------------------------------------------------------------------------------------------------


def _rescaling(sums: Wholes) -> tuple[int, int]:
    """What to multiply and to divide the sums of days by: the same orders in any unit come to the same numbers."""
    sizes = sums[sums > 0]
    if not len(sizes):
        return 1, 1
    divided_by = int(np.gcd.reduce(sizes))
    room = np.floor(np.log10(LARGEST_SUM / float(sizes.sum()) * divided_by))
    wanted = np.ceil(np.log10(TYPICAL_AMOUNT / float(np.median(sizes)) * divided_by))
    return 10 ** int(np.clip(wanted, 0, max(room, 0))), divided_by


def _day_rows(place: Wholes, ordered_on: npt.NDArray[np.datetime64], whole: Wholes) -> pa.Table:
    """A row per customer and day, in that order: what was bought, and what was returned as a number above 0."""
    day = ordered_on.astype("datetime64[D]").astype(np.int64)
    first, span = int(day.min()), int(np.ptp(day)) + 1
    key = place * span + (day - first)
    order = np.argsort(key, kind="stable")
    key, whole = key[order], whole[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    label = pc.utf8_lpad(pa.array(key[starts] // span).cast(pa.string()), width=9, padding="0")
    return pa.table(
        {
            "customer_id": label,
            "day": pa.array((key[starts] % span + first).astype(np.int32)).cast(pa.date32()),
            "standing_sales_jpy": np.add.reduceat(np.maximum(whole, 0), starts),
            "returned_jpy": np.add.reduceat(np.maximum(-whole, 0), starts),
        }
    )


def _customer_days(rows: pa.Table) -> ibis.Table:
    """CUSTOMER_DAYS of these rows; what a list of orders does not tell is 0, or null."""
    engine = ibis.duckdb.connect()
    days = engine.create_table("told", rows)
    bought = (days.standing_sales_jpy > 0).cast("int64")
    known = {
        "month": days.day.truncate("M").cast("date"),
        "orders": bought,
        "standing_orders": bought,
        "ordered_jpy": days.standing_sales_jpy,
        **{name: days[name] for name in days.columns},
    }
    columns = {column.name: known.get(column.name, _untold(column)) for column in TABLES["customer_days"].columns}
    return engine.create_view("customer_days", days.select(**columns))  # a view: what is not told takes no memory


def _untold(column: Column) -> ibis.Value:
    return ibis.null("string") if column.type == TEXT else ibis.literal(0, "int64")
