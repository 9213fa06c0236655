"""From an expression over the lake to a few rows of plain values."""

from __future__ import annotations

from typing import Any

import ibis

_PARTS = 1_000_000
_WIDE = "decimal(38, 0)"  # a square of yen does not fit into 64 bits


def rows(expression: ibis.Table) -> list[dict[str, Any]]:
    """The rows of an expression that its caller has ordered."""
    found: list[dict[str, Any]] = expression.to_pyarrow().to_pylist()
    return found


def one_row(expression: ibis.Table) -> dict[str, Any]:
    """The single row of an aggregate."""
    return rows(expression)[0]


def exact_sum(values: ibis.Value, where: ibis.BooleanValue | None = None) -> ibis.Value:
    """The sum of reals, counted in millionths: a parallel sum of floats differs from run to run in its last digits."""
    return (values * _PARTS).round().cast("int64").sum(where=where).fill_null(0) / float(_PARTS)


def exact_mean(values: ibis.Value, where: ibis.BooleanValue | None = None) -> ibis.Value:
    """The mean of reals by the same rule; null over no rows."""
    return exact_sum(values, where) / values.count(where=where).nullif(0)


def yen_sum(values: ibis.Value, where: ibis.BooleanValue | None = None) -> ibis.Value:
    """The sum of whole yen; 0 over no rows.

    As reals, which hold whole numbers exactly up to 2⁵³ and cost a third of sums of 128 bits.
    """
    counted = values if where is None else ibis.ifelse(where, values, 0)
    return counted.cast("float64").sum().fill_null(0).cast("int64")


def yen_products(left: ibis.Value, right: ibis.Value) -> ibis.Value:
    """Σ left · right of whole yen, as a real; exact, whatever the order of the rows; 0 over no rows."""
    return (left.cast(_WIDE) * right.cast(_WIDE)).sum().cast("float64").fill_null(0)


def client_text(text: ibis.Value) -> ibis.Value:
    """The client's own words for an exhibit: a leading `@` would read as a wording key and becomes `＠`."""
    return text.re_replace("^@", "＠")
