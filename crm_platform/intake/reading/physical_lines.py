"""The physical lines of a file, as places in its bytes: counting in a million lines takes no loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_platform.intake.reading.text_column import Mask, Positions

_BLOCK_BYTES = 1 << 20  # what is made of a block on the way stays in the processor's cache
_LF, _CR, _QUOTATION_MARK = b'\n\r"'

_Letters = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PhysicalLines:
    """Line i is `content[starts[i] : starts[i + 1]]`, its line end included.

    `delimiters`: how many each line holds, those within quotation marks left out. `odd`: lines that cannot be split by
    counting; a quotation mark is out of place or its partner is missing, or a CR is not part of a CR LF.
    """

    content: bytes
    starts: Positions
    delimiters: Positions
    odd: Mask

    @classmethod
    def of(cls, content: bytes, delimiter: str) -> PhysicalLines:
        """The lines of `content`, which ends in LF, as every line does. `delimiter`: an ASCII character."""
        letters, blocks = np.frombuffer(content, np.uint8), _blocks(content)
        looked_at = [_look_at(letters[first:end], ord(delimiter)) for first, end in blocks]
        ends = [block.ends + first for (first, _), block in zip(blocks, looked_at, strict=True)]
        return cls(
            content,
            np.concatenate([[0], *ends]).astype(np.int64),
            np.concatenate([block.delimiters for block in looked_at]),
            np.concatenate([block.odd for block in looked_at]),
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, position: int) -> bytes:
        return self.between(position, position + 1)

    def between(self, first: int, end: int) -> bytes:
        """The bytes of the lines from `first` on, before `end`."""
        return self.content[self.starts[first] : self.starts[end]]

    def behind(self, position: int) -> Iterator[bytes]:
        """The lines from this one on."""
        return (self[line] for line in range(position, len(self)))

    @property
    def lengths(self) -> Positions:
        """Bytes of each line."""
        return np.diff(self.starts)

    @property
    def are_empty(self) -> Mask:
        """Lines that hold nothing but their end."""
        first = np.frombuffer(self.content, np.uint8)[self.starts[:-1]]
        return np.asarray((first == _LF) | (first == _CR), bool)

    def joined(self, kept: Mask) -> pa.Buffer:
        """The bytes of the lines `kept`, one after the other."""
        borders = np.flatnonzero(np.diff(kept, prepend=False, append=False))
        firsts, ends = self.starts[borders[::2]].tolist(), self.starts[borders[1::2]].tolist()
        whole = memoryview(self.content)
        runs = [whole[first:end] for first, end in zip(firsts, ends, strict=True)]
        return pa.py_buffer(runs[0] if len(runs) == 1 else b"".join(runs))


@dataclass(frozen=True)
class _Block:
    """What PhysicalLines tells, of some lines; `ends`: behind the LF of each."""

    ends: Positions
    delimiters: Positions
    odd: Mask


def _blocks(content: bytes) -> list[tuple[int, int]]:
    """First byte and end of pieces of whole lines, of about the same size."""
    borders = [0]
    while borders[-1] < len(content):
        first = borders[-1]
        end = content.rfind(b"\n", first, first + _BLOCK_BYTES) + 1 or content.index(b"\n", first) + 1
        borders.append(end)
    return list(pairwise(borders))


def _look_at(letters: _Letters, delimiter: int) -> _Block:
    places = np.flatnonzero((letters == delimiter) | (letters == _LF))
    line_ends = np.flatnonzero(letters[places] == _LF)
    ends = places[line_ends] + 1
    block = _Block(ends, np.diff(line_ends, prepend=-1) - 1, _with_stray_cr(letters, ends))
    quotation_marks = np.flatnonzero(letters == _QUOTATION_MARK)
    if len(quotation_marks):
        quoted = np.flatnonzero(np.diff(np.searchsorted(quotation_marks, ends), prepend=0))
        among = _look_at_quotations(_lines_of(letters, ends, quoted), delimiter)
        block.delimiters[quoted] = among.delimiters
        block.odd[quoted] |= among.odd
    return block


def _lines_of(letters: _Letters, ends: Positions, lines: Positions) -> _Letters:
    """The bytes of these lines, one after the other."""
    if len(lines) == len(ends):
        return letters
    starts = np.append(0, ends[:-1])
    runs = zip(starts[lines].tolist(), ends[lines].tolist(), strict=True)
    return np.concatenate([letters[first:end] for first, end in runs])


def _look_at_quotations(letters: _Letters, delimiter: int) -> _Block:
    """Of lines that each hold a quotation mark: the delimiters outside of quotations; odd are unsound quotations."""
    places = np.flatnonzero((letters == delimiter) | (letters == _LF) | (letters == _QUOTATION_MARK))
    marks = letters[places]
    line_ends = np.flatnonzero(marks == _LF)
    quoted = _is_quoted(marks, line_ends)
    odd = quoted[line_ends]
    odd[np.searchsorted(line_ends, _out_of_place(letters, places, marks, quoted, delimiter))] = True
    outside = np.cumsum((marks == delimiter) & ~quoted)
    return _Block(places[line_ends] + 1, np.diff(outside[line_ends], prepend=0), odd)


def _is_quoted(marks: _Letters, line_ends: Positions) -> Mask:
    """Which marks stand in a quotation begun in the same line; one that opens it does, one that closes it does not."""
    met = np.cumsum(marks == _QUOTATION_MARK)
    met_before_line = np.append(0, met[line_ends[:-1]])
    in_line = met - np.repeat(met_before_line, np.diff(line_ends, prepend=-1))
    return np.asarray(in_line % 2 == 1, bool)


def _out_of_place(letters: _Letters, places: Positions, marks: _Letters, quoted: Mask, delimiter: int) -> Positions:
    """Quotation marks that neither begin nor end a field, nor are doubled within one; as positions among the marks."""
    opening = np.flatnonzero((marks == _QUOTATION_MARK) & quoted)
    closing = np.flatnonzero((marks == _QUOTATION_MARK) & ~quoted)
    before = letters[places[opening] - 1]  # of the first byte: the last one, which is a line end as well
    behind = letters[places[closing] + 1]
    begins = (before == delimiter) | (before == _LF) | (before == _QUOTATION_MARK)
    ends = (behind == delimiter) | (behind == _LF) | (behind == _CR) | (behind == _QUOTATION_MARK)
    return np.concatenate([opening[~begins], closing[~ends]])


def _with_stray_cr(letters: _Letters, ends: Positions) -> Mask:
    """Lines with a CR that is not part of a CR LF."""
    odd: Mask = np.zeros(len(ends), bool)
    is_cr = letters == _CR
    if np.count_nonzero(is_cr) > np.count_nonzero(letters[ends - 2] == _CR):
        places = np.flatnonzero(is_cr)
        odd[np.searchsorted(ends, places[letters[places + 1] != _LF], side="right")] = True
    return odd
