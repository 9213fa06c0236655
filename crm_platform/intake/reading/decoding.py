"""A file's bytes made fit for splitting, and the encoding of its values.

No engine reads cp932 without damage or without giving up the whole file, so the platform decodes by itself. Tab, comma,
semicolon, quotation mark and line ends are never part of a longer character in cp932, EUC-JP and UTF-8: such files are
split as bytes and decoded value by value afterwards.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from crm_platform.intake.reading.characters import decoded
from crm_platform.intake.reading.encodings import choose_encoding, encoding_by_mark
from crm_platform.refusals import Refused

_KANJI_OF_JIS = re.compile(rb"\x1b\$[@B]([\x21-\x7e]*)(?:\x1b\([BJ])?")
_REPEATED_CR = re.compile(rb"\r(?=\r)\r+(?:\n|\Z)")  # line ends that were translated twice
_HIGH_BIT = bytes(byte | 0x80 for byte in range(256))
_SPLIT_AS_BYTES = {"utf-8", "utf-8-sig", "cp932", "euc_jp", "latin-1"}


@dataclass(frozen=True)
class EncodedText:
    """Bytes that can be split at delimiters and line ends (LF or CR LF), and the encoding of what stands between them.

    `encoding` and `reason` speak of the file as it was delivered.
    """

    content: bytes
    values_encoding: str
    encoding: str
    reason: str


@dataclass(frozen=True)
class DecodedText:
    """The text of a file, lines ending in LF, and how it was read."""

    text: str
    encoding: str
    reason: str


def encoded_text(content: bytes, declared: str | None, delimiter: str | None, file: str) -> EncodedText:
    """`content` ready to be split; Refused where it is empty, or no UTF-16 as declared.

    A declared encoding is believed, unless the file begins with the mark of another one.
    """
    encoding, reason = _encoding(content, declared)
    if encoding == "utf-16-le" and b"\0" not in content and content.strip():  # commas and line ends hold a null there
        remedy = "Name its encoding in the client's TOML, or none: it is told by the file's bytes."
        raise Refused("the file is declared as utf-16, which it is not.", remedy, file=file)
    values_encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    if encoding == "iso2022_jp":
        content, values_encoding = _euc_from_jis(content), "euc_jp"
    elif encoding not in _SPLIT_AS_BYTES or (delimiter == "|" and encoding == "cp932"):  # | may end a cp932 character
        content, values_encoding = decoded(content, encoding).encode("utf-8"), "utf-8"
    content = content.removeprefix(codecs.BOM_UTF8) if values_encoding == "utf-8" else content
    content = content.rstrip(b"\x1a")  # an end mark that older systems write
    content = content if b"\n" in content else content.replace(b"\r", b"\n")
    content = _REPEATED_CR.sub(b"\r\n", content)
    if not content or content.isspace():
        raise Refused("the file is empty.", "Deliver it with a header line and rows.", file=file)
    return EncodedText(content, values_encoding, encoding, reason)


def decode(content: bytes, declared: str | None, file: str) -> DecodedText:
    """The whole text of a file; Refused where it is empty. What is no text becomes UNREADABLE."""
    encoded = encoded_text(content, declared, None, file)
    return DecodedText(decoded(encoded.content, encoded.values_encoding), encoded.encoding, encoded.reason)


def _encoding(content: bytes, declared: str | None) -> tuple[str, str]:
    if declared is None or encoding_by_mark(content):
        return choose_encoding(content)
    if declared == "shift_jis":  # what systems call Shift_JIS holds ① and 髙 too
        return "cp932", "declared as shift_jis"
    return ("utf-16-le" if declared == "utf-16" else declared), "declared"


def _euc_from_jis(content: bytes) -> bytes:
    """ISO-2022-JP (JIS) as EUC-JP: the same two bytes per character, with the high bit in place of escape sequences."""
    return _KANJI_OF_JIS.sub(lambda match: match[1].translate(_HIGH_BIT), content)
