"""The physical lines of a file, as places in its bytes: counting in a million lines takes no loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_platform.intake.reading.text_column import Mask, Positions

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class PhysicalLines:
    """Line i is `content[starts[i] : starts[i + 1]]`, its line end included."""

    content: bytes
    starts: Positions

    @classmethod
    def of(cls, content: bytes) -> PhysicalLines:
        """The lines of `content`, which is not empty; LF ends a line."""
        letters = np.frombuffer(content, np.uint8)
        blocks = range(0, len(content), _BLOCK_BYTES)  # in one go, the comparison would fill as much memory again
        ends = [np.flatnonzero(letters[at : at + _BLOCK_BYTES] == ord("\n")) + at + 1 for at in blocks]
        unfinished = [len(content)] if not content.endswith(b"\n") else []
        return cls(content, np.concatenate([[0], *ends, unfinished]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, position: int) -> bytes:
        return self.content[self.starts[position] : self.starts[position + 1]]

    def behind(self, position: int) -> Iterator[bytes]:
        """The lines from this one on."""
        return (self[line] for line in range(position, len(self)))

    @cached_property
    def lengths(self) -> Positions:
        """Bytes of each line."""
        return np.diff(self.starts)

    @property
    def are_empty(self) -> Mask:
        """Lines that hold nothing but their end."""
        return np.isin(self._bytes[self.starts[:-1]], [ord("\r"), ord("\n")])

    def count(self, character: str) -> npt.NDArray[np.int32]:
        """How often each line holds the (ASCII) character."""
        enough = np.uint8 if self.lengths.max() < 256 else np.int32  # adding up bytes is several times as quick
        hits = (self._bytes == ord(character)).view(np.uint8)
        return np.add.reduceat(hits, self.starts[:-1], dtype=enough).astype(np.int32)

    def with_quotation_or_stray_cr(self) -> Mask:
        """Lines that cannot be split by counting: they hold a quotation mark, or a CR that is not part of a CR LF."""
        odd: Mask = self.count('"') > 0 if b'"' in self.content else np.zeros(len(self), bool)
        if np.count_nonzero(self._bytes == ord("\r")) > self._ends_with_cr_lf.sum():
            odd |= self.count("\r") > self._ends_with_cr_lf
        return odd

    def joined(self, kept: Mask) -> pa.Buffer:
        """The bytes of the lines `kept`, one after the other."""
        buffers = [None, pa.py_buffer(self.starts), pa.py_buffer(self.content)]
        lines = pa.Array.from_buffers(pa.large_binary(), len(self), buffers).filter(pa.array(kept))
        return lines.buffers()[2] or pa.py_buffer(b"")

    @property
    def _bytes(self) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self.content, np.uint8)

    @cached_property
    def _ends_with_cr_lf(self) -> Mask:
        last = self._bytes[self.starts[1:] - 1]
        before_last = self._bytes[np.maximum(self.starts[1:] - 2, 0)]
        return np.asarray((self.lengths > 1) & (before_last == ord("\r")) & (last == ord("\n")), bool)
