"""A broken rule and the rows that break it; where rows came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_platform.intake.reading.text_column import Mask, Positions, TextColumn


@dataclass(frozen=True)
class Breach:
    """A rule broken by some rows of a table, with the column at fault as the file names it."""

    rule: str
    column: str
    rows: Mask
    texts: TextColumn | None


@dataclass(frozen=True)
class Origin:
    """Where each row of a table came from."""

    files: tuple[str, ...]
    file_of: np.ndarray[tuple[int], np.dtype[np.int32]]
    row_numbers: Positions

    def whole_rows(self, lines: Mask) -> Mask:
        """All lines of the delivered rows of `lines`: a row that is split is admitted whole or not at all."""
        if not len(lines):
            return lines
        begins = np.r_[True, (np.diff(self.row_numbers) != 0) | (np.diff(self.file_of) != 0)]
        row = np.cumsum(begins) - 1
        told: Mask = (np.bincount(row, weights=lines) > 0)[row]
        return told
