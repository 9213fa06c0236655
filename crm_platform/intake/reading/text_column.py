"""A delivered column as text: each distinct value once, and which of them each row holds.

Orders repeat customers, products, dates and prices; looking at a distinct value once makes a million rows quick.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.reading.characters import decoded_values

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TextColumn:
    """Texts without surrounding white space; `""` is an empty cell. Row i holds `distinct[index[i]]`."""

    distinct: pa.Array
    index: npt.NDArray[np.int32]

    @classmethod
    def of(cls, texts: pa.ChunkedArray | pa.Array) -> TextColumn:
        """From plain or dictionary-encoded texts."""
        chunked = texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])
        encoded = chunked if pa.types.is_dictionary(chunked.type) else chunked.dictionary_encode()
        encoded = encoded.unify_dictionaries().combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
        return cls(encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)).trimmed()

    @classmethod
    def decoded(cls, values: pa.ChunkedArray, encoding: str) -> TextColumn:
        """From bytes, in one chunk or more; each distinct value is decoded once, as `decoded_values` says."""
        chunks = values.dictionary_encode().chunks
        distinct = chunks[0].dictionary  # of all of them
        index = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
        texts = pc.utf8_trim_whitespace(decoded_values(distinct, encoding))
        if texts.cast(pa.binary()).equals(distinct):
            return cls(texts, index)
        return cls(distinct, index).mapped_to(texts)

    @classmethod
    def constant(cls, value: str, rows: int) -> TextColumn:
        """The same text in every row."""
        return cls(pa.array([value], pa.string()), np.zeros(rows, np.int32))

    @classmethod
    def joined(cls, columns: Sequence[TextColumn]) -> TextColumn:
        """The rows of all, one after the other."""
        return columns[0] if len(columns) == 1 else cls.of(pa.chunked_array([column.texts for column in columns]))

    def trimmed(self) -> TextColumn:
        """Without white space (full-width spaces too) around the values."""
        trimmed = pc.utf8_trim_whitespace(self.distinct)
        if trimmed.equals(self.distinct):
            return self
        return self.mapped_to(trimmed)

    def mapped_to(self, values: pa.Array) -> TextColumn:
        """The same rows with `values[k]` in place of `distinct[k]`; equal values become one."""
        encoded = values.dictionary_encode()
        return TextColumn(encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)[self.index])

    def kept(self, rows: Mask) -> TextColumn:
        """Only the rows where `rows` is true."""
        index = self.index[rows]
        used: Mask = np.zeros(len(self.distinct), bool)
        used[index] = True
        if used.all():
            return TextColumn(self.distinct, index)
        renumbered = np.cumsum(used, dtype=np.int32) - 1
        return TextColumn(self.distinct.filter(pa.array(used)), renumbered[index])

    def mapped(self, change: Callable[[str], str]) -> TextColumn:
        """The same rows, each distinct value changed."""
        return self.mapped_to(pa.array([change(text) for text in self.distinct.to_pylist()], pa.string()))

    def __len__(self) -> int:
        return len(self.index)

    @property
    def texts(self) -> pa.Array:
        """The text of every row."""
        return self.distinct.take(pa.array(self.index))

    @cached_property
    def is_empty(self) -> Mask:
        """Rows with an empty cell."""
        return self.rows_where(pc.equal(self.distinct, ""))

    def matches(self, pattern: str) -> Mask:
        """Rows whose text matches the regular expression anywhere."""
        compiled = re.compile(pattern)
        return self.rows_where([compiled.search(text) is not None for text in self.distinct.to_pylist()])

    def rows_where(self, hits: pa.Array | Sequence[bool] | Mask) -> Mask:
        """Rows whose distinct value is a hit."""
        array = np.asarray(hits.to_numpy(zero_copy_only=False) if isinstance(hits, pa.Array) else hits, bool)
        return array[self.index] if array.any() else np.zeros(len(self.index), bool)

    def at(self, rows: Positions) -> list[str]:
        """The texts of these rows."""
        return list(self.distinct.take(pa.array(self.index[rows])).to_pylist())


def union_of(masks: Iterable[Mask], rows: int) -> Mask:
    """Rows in any of the masks."""
    union: Mask = np.zeros(rows, bool)
    for mask in masks:
        union |= mask
    return union
