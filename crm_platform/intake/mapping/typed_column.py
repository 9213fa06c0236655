"""A typed column as a text column is kept: each distinct value once, and which of them each row holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.reading.text_column import Mask, Positions


@dataclass(frozen=True)
class TypedColumn:
    """Row i holds `distinct[index[i]]`, which may be null; texts of the same value (`1`, `01`) are there twice."""

    distinct: pa.Array
    index: npt.NDArray[np.int32]

    @classmethod
    def of(cls, values: pa.Array) -> TypedColumn:
        """Of a value for every row."""
        return cls(values, np.arange(len(values), dtype=np.int32))

    @property
    def values(self) -> pa.Array:
        """The value of every row."""
        return self.distinct.take(pa.array(self.index))

    def at(self, rows: Positions) -> pa.Array:
        """The values of these rows."""
        return self.distinct.take(pa.array(self.index[rows]))

    def rows_where(self, hits: pa.Array) -> Mask:
        """Rows whose distinct value is a hit; null is none."""
        said = np.asarray(pc.fill_null(hits, False).to_numpy(zero_copy_only=False), bool)
        return said[self.index] if said.any() else np.zeros(len(self.index), bool)

    @property
    def numbers(self) -> Positions:
        """A whole number for every row, equal where the values are."""
        return value_numbers(self.distinct)[self.index]


def value_numbers(values: pa.Array) -> Positions:
    """A whole number for every value, equal where the values are; at once where they ascend, as order numbers do."""
    before, after = values[:-1], values[1:]
    if not values.null_count and pc.all(pc.less_equal(before, after)).as_py():
        changes = pc.not_equal(before, after).to_numpy(zero_copy_only=False)
        return np.concatenate([[0], np.cumsum(changes)])[: len(values)].astype(np.int64)
    encoded = values.dictionary_encode(null_encoding="encode").indices
    return np.asarray(encoded.to_numpy(zero_copy_only=False), np.int64)
