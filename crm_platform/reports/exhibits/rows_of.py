"""Reading an exhibit's rows."""

from __future__ import annotations

from collections.abc import Sequence

from crm_platform.diagnosis.finding import Exhibit, Row, Scalar

_TOLD = "text of the mark"  # a column beside the exhibit's own, with a name that none of them has


def number(row: Row, column: str) -> float | None:
    """The number in `column`; None where the row has none. TypeError on text."""
    value = row[column]
    if isinstance(value, str):
        raise TypeError(f"the exhibit's column '{column}' holds the text '{value}', where a chart needs a number")
    return None if value is None else float(value)


def numbers(rows: Sequence[Row], column: str) -> list[float]:
    """All numbers in `column`, those missing left out."""
    return [value for row in rows if (value := number(row, column)) is not None]


def plotted_rows(exhibit: Exhibit) -> list[Row]:
    """The rows that have a y value."""
    return [row for row in exhibit.rows if number(row, exhibit.y) is not None]


def with_told(rows: Sequence[Row], texts: Sequence[str]) -> tuple[Row, ...]:
    """The rows, each with the text that its mark on the chart tells who points at it."""
    return tuple({**row, _TOLD: text} for row, text in zip(rows, texts, strict=True))


def told(row: Row) -> str:
    """What the row's mark tells; empty in a picture at which nobody can point."""
    return str(row.get(_TOLD, ""))


def distinct(rows: Sequence[Row], column: str) -> list[Scalar]:
    """The values in `column`, each once, in order of appearance."""
    return list(dict.fromkeys(row[column] for row in rows))


def is_highlighted(exhibit: Exhibit, row: Row) -> bool:
    """Whether the row is the one to notice, by its x or by its series."""
    columns = [exhibit.x, exhibit.series] if exhibit.series else [exhibit.x]
    return exhibit.highlight is not None and any(str(row[column]) == exhibit.highlight for column in columns)
