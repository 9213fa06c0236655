"""Value classes by the sales of the next six months, and the book that freezes them (アナザースカイ, R50, R51)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.periods import Term
from crm_platform.tables.analyses import SEGMENT_BOOK, SEGMENTS

Wholes = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


def issue_book(forecasts: pa.Table, as_of: dt.date, classes: int) -> pa.Table:
    """The frozen book SEGMENT_BOOK for the six months after `as_of`: one row per customer of FORECASTS.

    Once issued it is stored and never computed again within its term.

    Raises:
        ValueError: `classes` is below 1.
    """
    expected = forecasts["expected_sales_jpy"].to_numpy()
    term = Term.after(as_of)
    return SEGMENT_BOOK.from_columns(
        {
            "customer_id": forecasts["customer_id"],
            "value_class": value_classes(expected, classes),
            "expected_sales_jpy": expected,
            "valid_from": _repeated(term.valid_from, len(expected)),
            "valid_to": _repeated(term.valid_to, len(expected)),
        }
    )


def value_classes(expected_sales_jpy: Reals, classes: int) -> Wholes:
    """Classes 1 (the highest) to `classes` of expected sales, one per customer.

    Sales of mail-order customers have a heavy tail: classes of equal size hide the few best among many, classes of
    equal sales leave a handful of customers in the first and most in the last. The boundaries lie halfway: customers
    are ranked, and every class holds the same share of the sum of the square roots of expected sales. (Dalenius &
    Hodges 1959 cumulate roots of the density; the root alone is borrowed, not their optimum.) So a class is the larger
    the lower it stands.

    Customers with equal forecasts (to a hundredth of a yen) share a class. No class between the first and the last is
    empty while there are at least as many different forecasts as classes; with fewer, the first classes are used.
    """
    if classes < 1:
        raise ValueError(f"there must be at least one value class, not {classes}")
    levels, level_of, counts = np.unique(-np.round(expected_sales_jpy, 2), return_inverse=True, return_counts=True)
    roots = counts * np.sqrt(np.maximum(-levels, 0))
    total = roots.sum()
    middle = (np.cumsum(roots) - roots / 2) / total if total > 0 else np.zeros(len(levels))
    wanted = np.minimum((middle * classes).astype(np.int64), classes - 1)
    return 1 + _without_gaps(wanted, classes)[level_of.ravel()]


def assign_segments(book: pa.Table, forecasts: pa.Table, kinds: pd.Series) -> pa.Table:
    """SEGMENTS: each customer of FORECASTS with the class that `book` gave; who is not in it is new (期間内新規).

    The present forecast and the kind of buyer are shown beside the class and never move it. A customer of the book who
    is no longer known is left out.

    Args:
        book: SEGMENT_BOOK in force.
        forecasts: FORECASTS of today.
        kinds: customer_id → kind of buyer, as `buyer_kinds` gives them for the same customers.

    Raises:
        ValueError: the book has no row, so that no term is in force, or a customer has no kind.
    """
    if book.num_rows == 0:
        raise ValueError("the segment book is empty: issue one first")
    issued = pd.Series(book["value_class"].to_numpy(), index=book["customer_id"].to_pandas())
    found = issued.reindex(forecasts["customer_id"].to_pandas())
    kind = kinds.reindex(forecasts["customer_id"].to_pandas())
    if kind.isna().any():
        raise ValueError(f"{int(kind.isna().sum())} customers have no kind of buyer")
    rows = forecasts.num_rows
    return SEGMENTS.from_columns(
        {
            "customer_id": forecasts["customer_id"],
            "value_class": pa.array(found.to_numpy(dtype=np.float64), from_pandas=True).cast(pa.int64()),
            "is_new_in_term": found.isna().to_numpy(),
            "expected_sales_jpy": forecasts["expected_sales_jpy"],
            "buyer_kind": pa.array(kind.to_numpy(), pa.string()),
            "valid_from": _repeated(book["valid_from"][0].as_py(), rows),
            "valid_to": _repeated(book["valid_to"][0].as_py(), rows),
        }
    )


def _without_gaps(wanted: Wholes, classes: int) -> Wholes:
    """`wanted`, ascending from the best level, moved as little as needed so that no class is skipped or left empty."""
    place = np.arange(len(wanted))
    unbroken = place + np.minimum.accumulate(np.concatenate([[0], wanted[1:] - place[1:]])[: len(wanted)])
    return np.maximum(unbroken, classes - len(wanted) + place) if len(wanted) >= classes else unbroken


def _repeated(day: dt.date, rows: int) -> pa.Array:
    return pa.array([day] * rows, pa.date32())
