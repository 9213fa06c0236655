"""Text → numbers, dates and flags, as Japanese order systems write them; what cannot be read is said, never guessed.

Everything here works on the distinct values of a column. An empty text is null and no failure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.reading.text_column import Mask

_NUMBER = re.compile(
    r"(?P<front>[-−‐△▲]?)\s*[¥\\]?\s*(?P<inner>[-−]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})(?P<rest>\.\d{1,12})?\s*円?(?P<back>[-−]?)",
    re.ASCII,
)
_DATE = (
    r"^(?:(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?|(?P<cy>\d{4})(?P<cm>\d{2})(?P<cd>\d{2})"
    r"|(?P<era>令和|平成|昭和|[RHSrhs])(?P<ey>\d{1,2}|元)[-/.年](?P<em>\d{1,2})[-/.月](?P<ed>\d{1,2})日?)"
    r"(?:[T\s]+(?P<h>\d{1,2}):(?P<i>\d{2})(?::(?P<s>\d{2})(?:\.\d+)?)?)?\s*(?:Z|JST|[+-]\d{2}:?\d{2})?$"
)
_USUAL = (len("2026/05/01"), len("2026/05/01 10:00"), len("2026/05/01 10:00:00"))
_PLACES = ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))  # of year, month, day, hour, minute, second
_SIGNS = ((4, b"-/."), (7, b"-/."), (10, b" T"), (13, b":"), (16, b":"))
_ERAS = {"令和": 2019, "R": 2019, "平成": 1989, "H": 1989, "昭和": 1926, "S": 1926}  # the year 1 (元年) of each
_LAST_YEAR_OF = {"令和": 99, "R": 99, "平成": 31, "H": 31, "昭和": 64, "S": 64}
_FLAGS = {"1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True)
class Cast:
    """The typed value of each distinct text, and which texts could not be read."""

    values: pa.Array
    failed: Mask


def parse_number(text: str) -> Decimal | None:
    """`１２`, `¥1,234`, `1,234円`, `△123`, `-123`, `123-` → the number; None where it is none."""
    match = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text))
    if match is None:
        return None
    signs = [part for part in match.group("front", "inner", "back") if part]
    if len(signs) > 1:
        return None
    number = Decimal(match["whole"].replace(",", "") + (match["rest"] or ""))
    return -number if signs else number


def cast_real(distinct: pa.Array, times: Decimal | None, divided_by: Decimal | None = None) -> Cast:
    """Real numbers, multiplied by `times` or divided by `divided_by`."""
    return _each(distinct, lambda text: _scaled(parse_number(text), times, divided_by), float, pa.float64())


def cast_yen(distinct: pa.Array, times: Decimal | None, divided_by: Decimal | None = None) -> Cast:
    """Whole yen: fractions are rounded half to even, after multiplying by `times` or dividing by `divided_by`."""
    return _each(distinct, lambda text: _to_yen(_scaled(parse_number(text), times, divided_by)), int, pa.int64())


def cast_whole(distinct: pa.Array) -> Cast:
    """Whole numbers; `3.0` is one, `3.5` is not."""
    return _each(distinct, _whole, int, pa.int64())


def cast_flag(distinct: pa.Array) -> Cast:
    """`1`, `0`, `true`, `false`."""
    return _each(distinct, lambda text: _FLAGS.get(unicodedata.normalize("NFKC", text).casefold()), bool, pa.bool_())


def cast_instant(distinct: pa.Array) -> Cast:
    """Dates with or without a time, to the second; a zone is dropped, the local wall time stays.

    Reads `2017-03-07 10:14:00`, `2025/08/09 23:15`, `2026/5/1`, `20250809`, `2026-05-01T10:00:00+0900`,
    `2026年5月1日`, `令和8年5月1日`, `R8.5.1`.
    """
    lengths = pc.binary_length(distinct).to_numpy(zero_copy_only=False)
    at, sound = np.zeros(len(distinct), "datetime64[s]"), np.zeros(len(distinct), bool)
    for length in _USUAL:
        rows = np.flatnonzero(lengths == length)
        at[rows], sound[rows] = _instants(*_usual_parts(distinct.take(pa.array(rows)), length))
    others = np.flatnonzero(~sound & (lengths > 0))
    at[others], sound[others] = _instants(*_other_parts(distinct.take(pa.array(others))))
    return Cast(pa.array(at, pa.timestamp("s"), mask=~sound), ~sound & (lengths > 0))


def cast_day(distinct: pa.Array) -> Cast:
    """The same, by the day."""
    cast = cast_instant(distinct)
    return Cast(cast.values.cast(pa.date32(), safe=False), cast.failed)


def cast_month(distinct: pa.Array) -> Cast:
    """Months as their first day: `2025-06`, `2025/6`, `2025年6月`, `202506`, or any date within them."""
    plain = pc.utf8_normalize(distinct, "NFKC")
    first = pc.replace_substring_regex(plain, r"^(\d{4})[-/.年]?(\d{1,2})月?$", r"\1-\2-1")
    cast = cast_day(first)
    return Cast(pc.floor_temporal(cast.values, unit="month"), cast.failed)


_Parts = tuple[list[np.ndarray[Any, np.dtype[np.int64]]], Mask]


def _usual_parts(texts: pa.Array, length: int) -> _Parts:
    """Year, month, day, hour, minute, second of texts like `2026/05/01 10:00`, read at fixed places; and which are."""
    letters = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[: len(texts) * length].reshape(len(texts), length)
    sound: Mask = np.ones(len(texts), bool)
    for place, signs in _SIGNS:
        if place < length:
            sound &= np.isin(letters[:, place], list(signs))
    parts = []
    for first, end in _PLACES:
        part = np.zeros(len(texts), np.int64)
        for digit in letters[:, first:end].T.astype(np.int64) - ord("0"):
            sound &= (digit >= 0) & (digit <= 9)
            part = part * 10 + digit
        parts.append(part)
    return parts, sound


def _other_parts(texts: pa.Array) -> _Parts:
    """The same of any other spelling."""
    found = pc.extract_regex(pc.utf8_normalize(texts, "NFKC"), _DATE)

    def number(name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        text = pc.fill_null(pc.struct_field(found, name), "")
        digits = pc.if_else(pc.equal(text, ""), "0", pc.if_else(pc.equal(text, "元"), "1", text))
        return np.asarray(digits.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)

    eras = [(era or "").upper() for era in pc.struct_field(found, "era").to_pylist()]
    year_of_era = number("ey")
    first_years = np.array([_ERAS.get(era, 1) for era in eras], np.int64)
    last_years = np.array([_LAST_YEAR_OF.get(era, 0) for era in eras], np.int64)
    sound = pc.is_valid(found).to_numpy(zero_copy_only=False) & (year_of_era <= last_years)
    sound &= (year_of_era > 0) | (last_years == 0)
    year = number("y") + number("cy") + np.where(year_of_era > 0, first_years + year_of_era - 1, 0)
    month, day = number("m") + number("cm") + number("em"), number("d") + number("cd") + number("ed")
    return [year, month, day, number("h"), number("i"), number("s")], sound


def _instants(
    parts: list[np.ndarray[Any, np.dtype[np.int64]]], sound: Mask
) -> tuple[np.ndarray[Any, np.dtype[np.datetime64]], Mask]:
    """The moments, and which of them there are: not the 30th of February, not 25 o'clock."""
    year, month, day, hour, minute, second = parts
    sound = sound & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    first = ((np.where(sound, year, 1970) - 1970) * 12 + np.where(sound, month, 1) - 1).astype("datetime64[M]")
    on = first.astype("datetime64[D]") + np.where(sound, day - 1, 0).astype("timedelta64[D]")
    sound &= on.astype("datetime64[M]") == first
    return on.astype("datetime64[s]") + (hour * 3600 + minute * 60 + second).astype("timedelta64[s]"), sound


def _each(
    distinct: pa.Array, parse: Callable[[str], object | None], as_type: Callable[[Any], object], arrow: pa.DataType
) -> Cast:
    texts = distinct.to_pylist()
    parsed = [parse(text) if text else None for text in texts]
    failed = [text != "" and value is None for text, value in zip(texts, parsed, strict=True)]
    values = pa.array([None if value is None else as_type(value) for value in parsed], arrow)
    return Cast(values, np.array(failed, bool))


def _scaled(number: Decimal | None, times: Decimal | None, divided_by: Decimal | None) -> Decimal | None:
    if number is None or (times is None and divided_by is None):
        return number
    return number * (times or Decimal(1)) / (divided_by or Decimal(1))


def _to_yen(number: Decimal | None) -> Decimal | None:
    return None if number is None else number.quantize(Decimal(1), ROUND_HALF_EVEN)


def _whole(text: str) -> Decimal | None:
    number = parse_number(text)
    return number if number is not None and number == number.to_integral_value() else None
