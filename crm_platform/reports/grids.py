"""Rows of an exhibit as a table of final text: on the page, beneath a chart, and at each mark of that chart."""

from __future__ import annotations

from crm_platform.diagnosis.finding import Exhibit, Unit
from crm_platform.reports import theme
from crm_platform.reports.exhibits import data_columns
from crm_platform.reports.glyphs import set_width
from crm_platform.reports.pages import Grid
from crm_platform.reports.wording import Wording

SHOWN_ROWS = 40


def grid_of(key: str, title: str, source: str, exhibit: Exhibit, headers: tuple[str, ...], words: Wording) -> Grid:
    """The exhibit's rows as a table of final text; a table exhibit shows its first 40 rows."""
    columns = data_columns(exhibit)
    is_table = exhibit.kind == "table"
    rows = exhibit.rows[:SHOWN_ROWS] if is_table else exhibit.rows
    left_out = len(exhibit.rows) - len(rows)
    return Grid(
        key=key,
        title=title,
        source=source,
        headers=headers,
        rows=tuple(
            tuple(words.in_table(row[column], _shown_unit(column, unit)) for column, unit in columns) for row in rows
        ),
        numeric=tuple(_is_numeric(unit) for _, unit in columns),
        remark=words.text("report.rows_left_out", rows=left_out) if left_out else "",
    )


def _shown_unit(column: str, unit: Unit) -> str:
    """Differences of rates are told in points, changes with their sign; both by the column's name."""
    if unit != "rate":
        return unit
    return "points_in_table" if column.endswith("_points") else "change" if column.endswith("change_rate") else unit


def _is_numeric(unit: Unit) -> bool:
    return unit not in ("text", "month")


def told_of(grid: Grid, words: Wording) -> list[str]:
    """What the chart of `grid` tells at each of its marks: the row of the table, a line per column."""
    return [
        "\n".join(
            words.text("report.mark", name=name, value=cell) for name, cell in zip(grid.headers, row, strict=True)
        )
        for row in grid.rows
    ]


def column_widths(grid: Grid) -> list[float]:
    """Width in points that each column of a table needs on one line."""
    columns = zip(grid.headers, *grid.rows, strict=True)
    return [theme.CELL_MARGIN + max(set_width(cell, theme.TABLE_SIZE) for cell in column) for column in columns]
