"""Bytes → text: which encoding, and characters that no encoding explains.

No engine reads cp932 without damage or without giving up the whole file, so the platform decodes by itself. Bytes that
do not decode become one marker character; the marker costs its row, never the file.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from crm_platform.refusals import Refused

UNREADABLE = "\uffff"  # a code point that no text holds
_NOT_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\uf8f0-\uf8f3]"
)  # U+F8F0…: how Python shows unused cp932 bytes
_EVIDENCE_LINES = 20_000


@dataclass(frozen=True)
class DecodedText:
    """The text of a file, lines ending in LF, and how it was read. `damaged`: it holds UNREADABLE."""

    text: str
    encoding: str
    reason: str
    damaged: bool


def decode(content: bytes, declared: str | None, file: str) -> DecodedText:
    """Decode `content`; Refused where it is empty or UTF-16. Undecodable bytes become UNREADABLE."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refused("the file is UTF-16.", "Save it as UTF-8 or cp932 (Shift-JIS).", file=file)
    encoding, reason = (declared, "declared") if declared else detect_encoding(content)
    try:
        text, damaged = content.decode(encoding), False
    except UnicodeDecodeError:
        text, damaged = content.decode(encoding, _MARK), True
    text = text.removeprefix("\ufeff").rstrip("\x1a")  # an end mark that older systems write
    text = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
    if not text.strip():
        raise Refused("the file is empty.", "Deliver it with a header line and rows.", file=file)
    if not text.isascii() or _NOT_TEXT.search(text):
        marked, found = _NOT_TEXT.subn(UNREADABLE, text)
        text, damaged = marked, damaged or found > 0
    return DecodedText(text, encoding, reason, damaged)


def detect_encoding(content: bytes) -> tuple[str, str]:
    """The encoding and why it was chosen: UTF-8 with BOM, UTF-8 or cp932.

    Lines of Japanese in cp932 all but never decode as UTF-8; so the majority of the lines that are not ASCII decides,
    and a few damaged lines do not.
    """
    if content.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "begins with the UTF-8 byte order mark"
    if content.isascii():
        return "utf-8", "holds ASCII characters only"
    evidence = [line for line in content.split(b"\n") if not line.isascii()][:_EVIDENCE_LINES]
    good = {name: sum(_decodes(line, name) for line in evidence) for name in ("utf-8", "cp932")}
    encoding = "utf-8" if good["utf-8"] * 2 >= len(evidence) else "cp932"
    return encoding, f"{good[encoding]} of {len(evidence)} lines with other than ASCII characters are valid {encoding}"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE, error.start + 1  # one byte only: a delimiter behind a broken lead byte stays a delimiter


_MARK = "crm_platform.unreadable"
codecs.register_error(_MARK, _mark)
