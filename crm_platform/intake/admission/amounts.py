"""Money of an order line, exactly: ordered amount (受注金額) and sales (売上) part here (R20, R21)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]

_PARTS = 1_000_000  # prices are exact to a millionth of a yen, so that halves round as written


def signed_amounts_jpy(quantity: Whole, unit_price_jpy: Real, discount_jpy: Whole) -> Whole:
    """Quantity × price − discount, rounded half to even; the amount of a credit line is that of its line, negated.

    Callers leave out lines above LARGEST_LINE_JPY.
    """
    price_parts = np.rint(unit_price_jpy * _PARTS).astype(np.int64)
    parts = np.abs(quantity) * price_parts - discount_jpy * _PARTS
    return np.asarray(np.where(quantity < 0, -1, 1) * _half_even(parts), np.int64)


def ordered_and_sales_jpy(quantity: Whole, signed_jpy: Whole, undone: npt.NDArray[np.bool_]) -> tuple[Whole, Whole]:
    """(ordered_jpy, sales_jpy) per line. `undone`: cancelled or returned. A credit line orders nothing."""
    ordered = np.where(quantity > 0, signed_jpy, 0)
    sales = np.where((quantity > 0) & undone, 0, signed_jpy)
    return ordered.astype(np.int64), sales.astype(np.int64)


def _half_even(parts: Whole) -> Whole:
    whole, rest = np.divmod(parts, _PARTS)
    up = (rest * 2 > _PARTS) | ((rest * 2 == _PARTS) & (whole % 2 != 0))
    return _as_whole(whole + up)


def _as_whole(values: Any) -> Whole:
    return np.asarray(values, np.int64)
