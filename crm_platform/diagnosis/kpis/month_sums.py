"""Named sums by month, gathered from several queries."""

from __future__ import annotations

from collections.abc import Mapping

import ibis

from crm_platform.diagnosis.kpis.sums import added
from crm_platform.diagnosis.rows import rows


class MonthSums(dict[int, dict[str, float]]):
    """By month (`index_of`): sums by name (see `sums.added`)."""

    @classmethod
    def read(cls, grouped: ibis.Table, month: str) -> MonthSums:
        """The rows of an aggregate by the column `month`, each other column under its name."""
        sums = cls()
        for row in rows(grouped.order_by(month)):
            sums.add(row.pop(month), **row)
        return sums

    def add(self, month: int, /, **values: float) -> None:
        """Add `values` to what the month has."""
        self[month] = added([self.get(month, {}), values])

    def add_all(self, others: Mapping[int, Mapping[str, float]]) -> None:
        """Add all that `others` have."""
        for month, values in others.items():
            self.add(month, **values)
