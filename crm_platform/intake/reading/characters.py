"""Bytes → characters: what does not decode, or is no text, becomes one marker character.

The marker costs its row, never the file. Each distinct value of a file is decoded once.
"""

from __future__ import annotations

import codecs
import re

import numpy as np
import pyarrow as pa

UNREADABLE = "\uffff"  # a code point that no text holds
STRICT = "crm_platform.strict"  # names of error handlers
_MARKED = "crm_platform.marked"
_NOT_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\uf8f0-\uf8f3]"
)  # U+F8F0…: how Python shows unused cp932 bytes
_TEXT_MARK = re.compile(r"^\s*'(?=\d+\s*$)")  # by which a spreadsheet keeps digits text: '0123
_PLAIN_BYTE = np.isin(np.arange(256), [ord("\t"), ord("\n"), *(set(range(ord(" "), 0x7F)) - {ord("'")})])


def decoded(content: bytes, encoding: str) -> str:
    """The text, lines ending in LF; UNREADABLE stands where bytes do not decode, and for control characters."""
    return _NOT_TEXT.sub(UNREADABLE, content.decode(encoding, _MARKED).replace("\r\n", "\n"))


def decoded_values(values: pa.BinaryArray, encoding: str) -> pa.StringArray:
    """Each value as text, `'0123` as `0123`; where all are plain ASCII, nothing has to be done."""
    data = values.buffers()[2]
    if data is None or _PLAIN_BYTE[np.frombuffer(data, np.uint8)].all():
        return values.cast(pa.string())
    return pa.array([_TEXT_MARK.sub("", decoded(value, encoding)) for value in values.to_pylist()], pa.string())


def _marked(error: UnicodeError) -> tuple[str, int]:
    try:
        return _as_windows_reads(error)
    except UnicodeDecodeError as damage:
        # one byte only, so that a delimiter behind a broken lead byte stays a delimiter
        return UNREADABLE, damage.end if damage.encoding.startswith("utf-16") else damage.start + 1


def _as_windows_reads(error: UnicodeError) -> tuple[str, int]:
    """The character that Windows writes where the standard has none; `error` itself where there is none either."""
    if not isinstance(error, UnicodeDecodeError) or error.encoding != "euc_jp":
        raise error
    character = _windows_character(error.object[error.start : error.start + 2])
    if not character:
        raise error
    return character, error.start + 2


def _windows_character(pair: bytes) -> str:
    """①, ㈱, 髙 and their like, which Windows writes in EUC-JP too though the standard has no place for them (CP51932).

    The same character stands in cp932 at the place that the row and cell of JIS X 0208 give.
    """
    if len(pair) < 2 or min(pair) < 0xA1 or max(pair) > 0xFE:
        return ""
    row, cell = pair[0] - 0xA1, pair[1] - 0xA1
    lead = row // 2 + (0x81 if row < 62 else 0xC1)
    trail = cell + 0x9F if row % 2 else cell + 0x40 + (cell >= 63)
    try:
        return bytes([lead, trail]).decode("cp932")
    except UnicodeDecodeError:
        return ""


codecs.register_error(STRICT, _as_windows_reads)
codecs.register_error(_MARKED, _marked)
