"""Rows of several expressions one below the other, whether or not a column of one can be null."""

from __future__ import annotations

import ibis


def together(first: ibis.Table, *others: ibis.Table) -> ibis.Table:
    """All rows; the columns are those of `first`, by name."""
    parts = [_nullable(rows.select(*first.columns)) for rows in others]
    return _nullable(first).union(*parts)


def _nullable(rows: ibis.Table) -> ibis.Table:
    return rows.cast({name: kind(nullable=True) for name, kind in rows.schema().items() if not kind.nullable})
