"""The portfolio as an account: opening + in − out = closing for every class, over any months of CPM_MOVES (R102)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis

from crm_platform.diagnosis.rows import rows
from crm_platform.periods import Month
from crm_platform.tables.analyses import CPM_CLASS_NAMES

Moves = Counter[tuple[str, str]]  # (former class, class) → customers


@dataclass(frozen=True)
class Account:
    """One class over some months; `came` and `left` count a customer as often as it came and left."""

    opening: int
    came: int
    left: int
    closing: int

    @property
    def change(self) -> int:
        """Closing minus opening, which is `came` minus `left`."""
        return self.closing - self.opening


@dataclass(frozen=True)
class Ledger:
    """CPM_MOVES month by month."""

    by_month: Mapping[dt.date, Moves]

    @classmethod
    def of(cls, cpm_moves: ibis.Table) -> Ledger:
        """Read the table."""
        by_month: dict[dt.date, Moves] = {}
        for row in rows(cpm_moves.order_by("month", "former_class", "cpm_class")):
            moves = by_month.setdefault(row["month"], Counter())
            moves[row["former_class"], row["cpm_class"]] += row["customers"]
        return cls(by_month)

    def closing(self, month: Month) -> dict[str, int]:
        """Customers of every class at the month's end; 0 where nobody is."""
        moves = self.by_month.get(month.first_day, Counter())
        return {name: sum(count for (_, now), count in moves.items() if now == name) for name in CPM_CLASS_NAMES}

    def moves(self, months: Sequence[Month]) -> Moves:
        """Who went where in these months, one after the other; stays left out."""
        found: Moves = Counter()
        for month in months:
            moves = self.by_month.get(month.first_day, Counter())
            found.update({pair: count for pair, count in moves.items() if pair[0] != pair[1]})
        return found

    def account(self, classes: Sequence[str], months: Sequence[Month]) -> Account:
        """One account of `classes` taken together: moves among them are no moves."""
        crossing = {
            pair: count for pair, count in self.moves(months).items() if (pair[0] in classes) != (pair[1] in classes)
        }
        before = self.by_month.get(months[0].first_day, Counter())
        return Account(
            opening=sum(count for (former, _), count in before.items() if former in classes),
            came=sum(count for (_, now), count in crossing.items() if now in classes),
            left=sum(count for (former, _), count in crossing.items() if former in classes),
            closing=sum(count for name, count in self.closing(months[-1]).items() if name in classes),
        )
