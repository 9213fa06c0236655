"""What is proposed for a delivered column."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_CONFIDENCE = 0.6
NOTHING, PERSONAL, ROW_KIND = "(nothing)", "(personal)", "(row kind)"


@dataclass(frozen=True)
class Proposal:
    """What a delivered column is for: `table.target`, or NOTHING, PERSONAL, ROW_KIND in `target` with no table."""

    header: str
    table: str
    target: str
    confidence: float
    reason: str

    @property
    def place(self) -> str:
        """`order_lines.order_id`, or what else becomes of the column."""
        return f"{self.table}.{self.target}" if self.table else self.target
