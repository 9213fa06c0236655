"""Values that tell by their shape that they are personal: addresses, numbers to call, cards, names in kana, birthdays.

Arrow's RE2 finds the few distinct values worth a look; Python's expressions, which can look around, decide on those.
A name in ordinary script cannot be told from any other words; there only the header helps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.reading.text_column import TextColumn

MAIL, MOBILE, TELEPHONE, BARE_LANDLINE = (
    "an e-mail address",
    "a mobile telephone number",
    "a telephone number",
    "a telephone number without hyphens",
)
POSTAL_CODE, STREET, CARD, KANA_NAME = "a postal code", "a street address", "a card number", "a name in kana"
ZEROLESS_MOBILE = "a mobile telephone number without its zero"  # a spreadsheet took it for a number
BIRTHDAY = "a full date of birth"

_BEFORE, _AFTER = r"(^|[^0-9-])", r"($|[^0-9-])"
_WORTH_A_LOOK = "|".join(
    (
        "@",
        _BEFORE + r"(0[0-9]{1,4}|\(0[0-9]{1,4}\))[- (]?[0-9]{1,4}[-) ][0-9]{3,4}" + _AFTER,
        r"\+81",
        _BEFORE + r"0[5789]0[0-9]{8}" + _AFTER,
        r"^0[1-9][0-9]{8}$",
        r"^[0-9]{3}-[0-9]{4}$",
        r"[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}|2[2-7][0-9]{14}|3[04678][0-9]{12}",
    )
)
_WORTH_A_LOOK_IN_JAPANESE = _WORTH_A_LOOK + r"|〒|[市区町村郡]|丁目|[0-9]番地|^[ァ-ヴー]+ [ァ-ヴー]+$"

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_MOBILE = re.compile(
    r"(?<![\d-])0[5789]0[- ]\d{4}[- ]\d{4}(?![\d-])|\+81[- ]?\(?0?\)?[1-9]\d{0,3}[- ]?\d{1,4}[- ]?\d{3,4}"
)
_BARE_MOBILE = re.compile(r"(?<![\d-])0[5789]0\d{8}(?![\d-])")
_LANDLINE = re.compile(r"0[1-9]\d{8}")
_DIALLED = re.compile(r"(?<![\d-])(0\d{1,4}|\(0\d{1,4}\))[- (]?\d{1,4}[-) ]\d{3,4}(?![\d-])")
_OF_A_SERVICE = re.compile(r"\(?(0120|0800|0570|0990)(\)|-| |\d)")  # a firm's number, printed on its products
_POSTAL_CODE = re.compile(r"〒\s*\d{3}-?\d{4}|^\d{3}-\d{4}$")
_STREET = re.compile(
    r"(市|区|町|村|郡)[^\d\s]{0,12}[\d一二三四五六七八九十]{1,4}(丁目|番地|番|-\d{1,4}(?!\d))|\d丁目"
    r"|[一二三四五六七八九十]丁目\d|\d番地|(市|区|町|村)大?字[^\d\s]{1,12}\d"
)
_KANA_NAME = re.compile(r"[ァ-ヴー]{1,9} [ァ-ヴー]{1,9}")
_CARD = re.compile(r"(?<!\d)([3-6]\d{3}([ -]?)\d{4}\2\d{4}\2\d{4}|2[2-7]\d{14}|3[47]\d{13}|3[068]\d{12})(?!\d)")
_IN_MASS = {  # one such value is any word or code, a column full of different ones is not
    KANA_NAME: r"^([ァ-ヴー]{4,18}|[ァ-ヴー]{1,9} [ァ-ヴー]{1,9}|[ぁ-ゖー]{4,18}|[ぁ-ゖー]{1,9} [ぁ-ゖー]{1,9})$",
    ZEROLESS_MOBILE: r"^[5789]0[0-9]{8}$",
}
_CARDS_JUDGED = 2000  # of numbers shaped like a card's one in ten passes the checksum by chance, of cards every one
_YEAR_OF_FULL_DATE = (
    r"^(?P<year>(?:19|20)\d{2})(?:[-/.年]\d{1,2}[-/.月]\d{1,2}日?|(?:0[1-9]|1[0-2])[0-3]\d)(?:[T ].*)?$"
)
_YEAR_OF_ERA_DATE = (
    r"^(?P<era>明治?|大正?|昭和?|平成?|[MTSHmtsh])[ .]?(?P<year>元|\d{1,2})[-/.年]\d{1,2}[-/.月]\d{1,2}日?$"
)
_YEAR_BEFORE_ERA = {"明": 1867, "大": 1911, "昭": 1925, "平": 1988, "m": 1867, "t": 1911, "s": 1925, "h": 1988}


def _is_dialled(text: str) -> bool:
    met = [match[0] for match in _DIALLED.finditer(text) if not _OF_A_SERVICE.match(match[0])]
    return any(10 <= sum(map(str.isdigit, number)) <= 12 for number in met)


_SHAPES: dict[str, Callable[[str], bool]] = {
    MAIL: lambda text: _MAIL.search(text) is not None,
    MOBILE: lambda text: _MOBILE.search(text) is not None,
    TELEPHONE: lambda text: _is_dialled(text) or _BARE_MOBILE.search(text) is not None,
    BARE_LANDLINE: lambda text: _LANDLINE.fullmatch(text) is not None,
    POSTAL_CODE: lambda text: _POSTAL_CODE.search(text) is not None,
    STREET: lambda text: _STREET.search(text) is not None,
    KANA_NAME: lambda text: _KANA_NAME.fullmatch(text) is not None,
}


def suspects(column: TextColumn) -> dict[int, str]:
    """Distinct values worth a look: position → text in NFKC. Cheap: most columns have none."""
    texts = column.distinct
    is_ascii = bool(pc.all(pc.string_is_ascii(texts), min_count=0).as_py())
    if not is_ascii:
        texts = pc.utf8_normalize(texts, "NFKC")
    hits = pc.match_substring_regex(texts, _WORTH_A_LOOK if is_ascii else _WORTH_A_LOOK_IN_JAPANESE)
    positions = np.flatnonzero(hits.to_numpy(zero_copy_only=False).astype(bool))
    return dict(zip(positions.tolist(), texts.take(pa.array(positions, pa.int64())).to_pylist(), strict=True))


def positions_by_kind(looked_at: Mapping[int, str]) -> dict[str, list[int]]:
    """Positions of the distinct values that have each shape; kinds that do not occur are left out.

    Numbers shaped like a card's count where at least half of them pass the checksum.
    """
    found = {kind: [k for k, text in looked_at.items() if is_one(text)] for kind, is_one in _SHAPES.items()}
    shaped = {k: match[0] for k, text in looked_at.items() if (match := _CARD.search(text)) is not None}
    judged = dict(list(shaped.items())[:_CARDS_JUDGED])
    cards = [k for k, digits in judged.items() if passes_luhn(digits)]
    if cards and 2 * len(cards) >= len(judged):
        found[CARD] = (
            cards if len(judged) == len(shaped) else [k for k, digits in shaped.items() if passes_luhn(digits)]
        )
    return {kind: positions for kind, positions in found.items() if positions}


def positions_in_mass(column: TextColumn) -> dict[str, list[int]]:
    """Positions of the distinct values that tell only where they are many: names in kana of any spelling, and numbers
    to call that lost their zero.
    """
    texts = pc.utf8_normalize(column.distinct, "NFKC")
    hits = {kind: pc.match_substring_regex(texts, shape) for kind, shape in _IN_MASS.items()}
    return {kind: np.flatnonzero(hit.to_numpy(zero_copy_only=False)).tolist() for kind, hit in hits.items()}


def passes_luhn(text: str) -> bool:
    """Whether the digits pass the checksum of cards (Luhn, ISO/IEC 7812)."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def dates_until(column: TextColumn, year: int) -> list[int]:
    """Positions of the distinct values that are a full date of `year` or earlier, of the calendar or an era (昭和)."""
    texts = pc.utf8_normalize(column.distinct, "NFKC")
    years = pc.struct_field(pc.extract_regex(texts, _YEAR_OF_FULL_DATE), "year").cast(pa.int32())
    of_era = pc.extract_regex(texts, _YEAR_OF_ERA_DATE)
    later = pc.fill_null(years, year + 1).to_numpy(zero_copy_only=False).copy()
    for position in np.flatnonzero(pc.is_valid(of_era).to_numpy(zero_copy_only=False)):
        met = of_era[position].as_py()
        within = 1 if met["year"] == "元" else int(met["year"])
        later[position] = _YEAR_BEFORE_ERA[met["era"][0].casefold()] + within
    return np.flatnonzero(later <= year).tolist()
