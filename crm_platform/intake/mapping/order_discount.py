"""A discount of the whole order (値引き), spread over its lines in proportion to their amounts, exactly to the yen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.mapping.standard_layout import LARGEST_LINE_JPY
from crm_platform.intake.reading.text_column import Mask, union_of

_Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OrderLines:
    """What of the lines matters here. `order`: a number per order; amounts are null where they cannot be read."""

    order: npt.NDArray[np.int32]
    quantity: pa.Array
    unit_price_jpy: pa.Array
    set_aside: Mapping[str, Mask]

    @property
    def amounts_jpy(self) -> _Whole:
        """Quantity × price of every row in whole yen, 0 where it cannot be read."""
        product = pc.multiply(self.quantity.cast(pa.float64()), self.unit_price_jpy.cast(pa.float64()))
        amounts = np.asarray(pc.fill_null(product, 0.0).to_numpy(zero_copy_only=False), np.float64)
        return np.rint(np.where(np.abs(amounts) <= LARGEST_LINE_JPY, amounts, 0.0)).astype(np.int64)

    @property
    def standing(self) -> Mask:
        """Rows that are order lines: not set aside, of a positive amount."""
        return (self.amounts_jpy > 0) & ~union_of(self.set_aside.values(), len(self.order))


@dataclass(frozen=True)
class SpreadDiscount:
    """Discount of every row in yen, and of how many orders the discount and the lines contradict each other."""

    discount_jpy: _Whole
    orders_that_do_not_add_up: int


def spread_amount(lines: OrderLines, stated_jpy: pa.Array) -> SpreadDiscount:
    """`stated_jpy`: the order's discount, repeated on its rows or on one of them; its sign does not matter."""
    stated = np.abs(np.asarray(pc.fill_null(stated_jpy, 0).to_numpy(zero_copy_only=False), np.int64))
    wanted = np.zeros(_orders(lines), np.int64)
    np.maximum.at(wanted, lines.order, stated)
    return _spread_over_standing_lines(lines, wanted, np.zeros(len(wanted), bool))


def spread_difference(lines: OrderLines, total_jpy: pa.Array) -> SpreadDiscount:
    """`total_jpy`: what the lines come to after the discount; nothing is taken off where it is missing or more."""
    known = pc.is_valid(total_jpy).to_numpy(zero_copy_only=False).astype(bool)
    totals = np.full(_orders(lines), np.iinfo(np.int64).min)
    stated = np.asarray(pc.fill_null(total_jpy, 0).to_numpy(zero_copy_only=False), np.int64)
    np.maximum.at(totals, lines.order[known], stated[known])
    unknown = totals == np.iinfo(np.int64).min
    difference = np.where(unknown, 0, _sums(lines, lines.standing) - np.where(unknown, 0, totals))
    return _spread_over_standing_lines(lines, np.maximum(difference, 0), unknown | (difference < 0))


def spread_rows(lines: OrderLines, rule: str) -> SpreadDiscount:
    """The rows that `rule` sets aside are the discount; what the lines take over is taken off these rows in turn."""
    rows = lines.set_aside[rule]
    wanted = np.abs(_sums(lines, rows))
    spread = _spread_over_standing_lines(lines, wanted, np.zeros(len(wanted), bool))
    taken_over = np.zeros(len(wanted), np.int64)
    np.add.at(taken_over, lines.order, spread.discount_jpy)
    weights = np.where(rows, np.abs(lines.amounts_jpy), 0)
    share = spread_exactly(np.minimum(taken_over, _totals(lines.order, weights, len(wanted))), lines.order, weights)
    prices = np.asarray(pc.fill_null(lines.unit_price_jpy.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False))
    moved = np.sign(prices).astype(np.int64) * share
    return SpreadDiscount(np.where(rows, moved, spread.discount_jpy), spread.orders_that_do_not_add_up)


def spread_exactly(wanted_jpy: _Whole, order: npt.NDArray[np.int32], weights: _Whole) -> _Whole:
    """Each order's amount over its rows in proportion to their weights, by the largest remainder; sums are exact.

    `wanted_jpy`: per order, at most the sum of its weights. Of equal remainders the larger weight goes first, then the
    earlier row.
    """
    sums = _totals(order, weights, len(wanted_jpy))
    large = int(wanted_jpy.max(initial=0)) * int(weights.max(initial=0)) >= 1 << 62
    each = wanted_jpy[order].astype(object if large else np.int64) * weights
    share, rest = each // np.maximum(sums[order], 1), each % np.maximum(sums[order], 1)
    whole = np.asarray(share, np.int64)
    left = wanted_jpy - _totals(order, whole, len(wanted_jpy))
    ranked = np.lexsort((-weights, -np.asarray(rest, np.int64), order))
    rank = pd.Series(order[ranked]).groupby(order[ranked]).cumcount().to_numpy()
    whole[ranked] += (rank < left[order[ranked]]) & (sums[order[ranked]] > 0)
    return whole


def _spread_over_standing_lines(lines: OrderLines, wanted: _Whole, contradicted: Mask) -> SpreadDiscount:
    standing = lines.standing
    weights = np.where(standing, lines.amounts_jpy, 0)
    sums = _totals(lines.order, weights, len(wanted))
    contradicted = (contradicted | (wanted > sums)) & (sums > 0)
    return SpreadDiscount(spread_exactly(np.minimum(wanted, sums), lines.order, weights), int(contradicted.sum()))


def _sums(lines: OrderLines, among: Mask) -> _Whole:
    return _totals(lines.order, np.where(among, lines.amounts_jpy, 0), _orders(lines))


def _totals(order: npt.NDArray[np.int32], amounts: _Whole, orders: int) -> _Whole:
    totals = np.zeros(orders, np.int64)
    np.add.at(totals, order, amounts)
    return totals


def _orders(lines: OrderLines) -> int:
    return int(lines.order.max(initial=-1)) + 1
