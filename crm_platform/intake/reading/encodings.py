"""Which encoding a file is in, judged by its bytes alone, and why (文字コード判定)."""

from __future__ import annotations

import codecs
import re
from itertools import islice

from crm_platform.intake.reading.characters import STRICT, decoded

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NOT_ASCII_LINE = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_EVIDENCE_LINES = 1_000
_SAMPLE_BYTES = 1 << 16
_CANDIDATES = ("utf-8", "cp932", "euc_jp")
_KANA_AND_SIGNS = re.compile("[\u3000-\u30ff\uff01-\uff5e]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]")


def choose_encoding(content: bytes) -> tuple[str, str]:
    """The encoding of `content` and why it was chosen.

    One of utf-8, utf-8-sig, utf-16, utf-16-le, utf-16-be, iso2022_jp, cp932, euc_jp. The majority of the lines that are
    not ASCII decides, so that a few damaged lines do not.
    """
    if marked := encoding_by_mark(content):
        return marked, f"begins with the {marked.removesuffix('-sig').upper()} byte order mark"
    if unmarked := _utf_16_order(content):
        return unmarked, "about every other byte is null, as in UTF-16"
    if content.isascii():
        if b"\x1b$" in content:
            return "iso2022_jp", "switches to Japanese by escape sequences"
        return "utf-8", "holds ASCII characters only"
    evidence = [match[0] for match in islice(_NOT_ASCII_LINE.finditer(content), _EVIDENCE_LINES)]
    good = {encoding: sum(_decodes(line, encoding) for line in evidence) for encoding in _CANDIDATES}
    encoding = _best(good, evidence)
    return encoding, f"{good[encoding]} of {len(evidence)} lines with other than ASCII characters are valid {encoding}"


def encoding_by_mark(content: bytes) -> str | None:
    """The encoding whose byte order mark (BOM) `content` begins with."""
    return next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), None)


def _best(good: dict[str, int], evidence: list[bytes]) -> str:
    """Lines of Japanese in cp932 or EUC-JP all but never decode as UTF-8; those two are told apart by what they say."""
    if good["utf-8"] * 2 >= len(evidence):
        return "utf-8"
    if good["euc_jp"] != good["cp932"]:
        return max(("cp932", "euc_jp"), key=lambda encoding: good[encoding])
    return "euc_jp" if _reads_better_as_euc(b"\n".join(evidence)) else "cp932"


def _reads_better_as_euc(lines: bytes) -> bool:
    """Where both decode: EUC-JP read as cp932 turns into half-width kana, half-width kana read as EUC-JP into kanji."""
    as_cp932, as_euc = decoded(lines, "cp932"), decoded(lines, "euc_jp")
    if len(_HALF_WIDTH_KANA.findall(as_cp932)) * 2 < len(_NOT_ASCII.findall(as_cp932)):
        return False
    beyond_kana = any(byte >= 0xE0 for byte in lines)
    return beyond_kana or len(_KANA_AND_SIGNS.findall(as_euc)) * 2 >= len(_NOT_ASCII.findall(as_euc))


def _utf_16_order(content: bytes) -> str | None:
    """The byte order of UTF-16 without a mark: digits, tabs and line ends leave a null in every other byte."""
    sample = content[:_SAMPLE_BYTES]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(content) % 2 or max(even, odd) * 10 < len(sample) or min(even, odd) * 10 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding, STRICT)
    except UnicodeDecodeError:
        return False
    return True
