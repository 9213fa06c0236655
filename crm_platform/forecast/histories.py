"""Purchase histories as every purchase model reads them: checked, and equal histories counted once.

A customer is three numbers in one unit of time: `repeats` (x, purchases after the first), `recency` (t_x, first to last
purchase) and `age` (T, first purchase to as-of date).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


class Histories(NamedTuple):
    """Distinct histories in the order of x, t_x, T, and how many customers have each."""

    repeats: Reals
    recency: Reals
    age: Reals
    customers: Reals


def checked(
    repeats: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> Histories:
    """One row per customer as float64; without `weights` each row stands for one customer.

    Raises:
        ValueError: no customer observed for any time, columns of different lengths, a value that is negative or not
            finite, a repeat that is no whole number, a last purchase after the as-of date, or one without a repeat.
    """
    x, t_x, end = (np.asarray(values, dtype=np.float64) for values in (repeats, recency, age))
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.ndim != 1 or len({values.shape for values in (x, t_x, end, w)}) > 1:
        raise ValueError("repeats, recency, age and weights must be columns of one length")
    if not all(np.isfinite(values).all() and (values >= 0).all() for values in (x, t_x, end, w)):
        raise ValueError("repeats, recency, age and weights must be finite and not negative")
    if not (x == np.floor(x)).all():
        raise ValueError("repeats must be whole numbers")
    if (t_x > end).any() or t_x[x == 0].any():
        raise ValueError("recency must not exceed age, and is 0 for who bought once")
    if not end[w > 0].any():
        raise ValueError("a purchase model needs at least one customer observed for longer than no time")
    return Histories(x, t_x, end, w)


def distinct(histories: Histories) -> Histories:
    """Equal histories counted once, whatever the order of rows."""
    x, t_x, end, w = histories
    order, first = _grouped(x, t_x, end)
    kept = order[first]
    return Histories(x[kept], t_x[kept], end[kept], np.add.reduceat(w[order], first))


def distinct_rows(*columns: Reals) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """One row number per distinct row, and for every row which of those it equals."""
    order, first = _grouped(*columns)
    group = np.zeros(len(order), dtype=np.int64)
    group[first] = 1
    inverse = np.empty_like(group)
    inverse[order] = np.cumsum(group) - 1
    return order[first], inverse


def _grouped(*columns: Reals) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows in order of the columns, the first the most important, and where in it each new row begins."""
    packed = _packed(columns)
    order = np.lexsort(columns[::-1] if packed is None else (packed,)).astype(np.int64)
    new = np.ones(len(order), dtype=bool)
    new[1:] = False
    for column in columns:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(new).astype(np.int64)


def _packed(columns: tuple[Reals, ...]) -> npt.NDArray[np.int64] | None:
    """Whole numbers, days for instance, as one number per row in the same order: sorted several times faster."""
    widths = [int(column.max()) + 1 if len(column) and column.max() < 2**31 else 2**31 for column in columns]
    if math.prod(widths) >= 2**62 or not all((column == np.floor(column)).all() for column in columns):
        return None
    packed = np.zeros(len(columns[0]), dtype=np.int64)
    for column, width in zip(columns, widths, strict=True):
        packed = packed * width + column.astype(np.int64)
    return packed
