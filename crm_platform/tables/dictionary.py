"""The data dictionary, written from the declarations: `make docs` stores it as docs/data_dictionary.md."""

from __future__ import annotations

from crm_platform.tables import TABLES
from crm_platform.tables.table import Column, Table

_HEAD = """# Data dictionary

Generated from `crm_platform/tables` by `make docs`; a test holds the two together. Every table rests in the lake as
Parquet per client and month. Amounts are whole yen, tax excluded.
"""


def data_dictionary() -> str:
    """Every table with grain, key and columns, as Markdown."""
    return "\n".join([_HEAD, *(_section(table) for table in TABLES.values())])


def _section(table: Table) -> str:
    head = f"## {table.name}\n\n{table.meaning}.\n\nGrain: {table.grain}. Key: {', '.join(table.key)}.\n"
    rows = ["| column | type | unit | null | meaning | rules |", "|---|---|---|---|---|---|"]
    return "\n".join([head, *rows, *(_row(column) for column in table.columns), ""])


def _row(column: Column) -> str:
    named = [str(check.name) for check in column.rules]
    named += [f"is in {column.references}"] * (column.required and bool(column.references))
    rules = "; ".join(named)
    cells = (column.name, str(column.type), column.unit, "yes" if column.nullable else "no", column.meaning, rules)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


if __name__ == "__main__":
    print(data_dictionary(), end="")
