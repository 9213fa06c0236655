"""The one way in which the platform says no: what is wrong, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Refused(Exception):
    """A request or delivery that is refused before anything is written; `cli` prints it and exits with 1."""

    problem: str
    remedy: str
    file: str | None = None
    row: int | None = None
    column: str | None = None

    @property
    def place(self) -> str:
        """`order_lines.tsv, row 12, column 受注日`, as far as known."""
        parts = [
            self.file,
            f"row {self.row}" if self.row is not None else None,
            f"column {self.column}" if self.column else None,
        ]
        return ", ".join(part for part in parts if part)

    def __str__(self) -> str:
        return f"{self.place + ': ' if self.place else ''}{self.problem} {self.remedy}"
