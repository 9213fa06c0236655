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
    r"^(?:(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?|(?P<cy>\d{4})(?P<cm>\d{2})(?P<cd>\d{2}))"
    r"(?:[T\s]+(?P<h>\d{1,2}):(?P<i>\d{2})(?::(?P<s>\d{2})(?:\.\d+)?)?)?\s*(?:Z|JST|[+-]\d{2}:?\d{2})?$"
)
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


def cast_real(distinct: pa.Array, times: Decimal | None) -> Cast:
    """Real numbers, multiplied by `times`."""
    return _each(distinct, lambda text: _scaled(parse_number(text), times), float, pa.float64())


def cast_yen(distinct: pa.Array, times: Decimal | None) -> Cast:
    """Whole yen: fractions are rounded half to even, after multiplying by `times`."""
    return _each(distinct, lambda text: _to_yen(_scaled(parse_number(text), times)), int, pa.int64())


def cast_whole(distinct: pa.Array) -> Cast:
    """Whole numbers; `3.0` is one, `3.5` is not."""
    return _each(distinct, _whole, int, pa.int64())


def cast_flag(distinct: pa.Array) -> Cast:
    """`1`, `0`, `true`, `false`."""
    return _each(distinct, lambda text: _FLAGS.get(unicodedata.normalize("NFKC", text).casefold()), bool, pa.bool_())


def cast_instant(distinct: pa.Array) -> Cast:
    """Dates with or without a time, to the second; a zone is dropped, the local wall time stays.

    Reads `2017-03-07 10:14:00`, `2025/08/09 23:15`, `2026/5/1`, `20250809`, `2026-05-01T10:00:00+0900`, `2026年5月1日`.
    """
    parts = pc.extract_regex(pc.utf8_normalize(distinct, "NFKC"), _DATE)
    found = pc.is_valid(parts).to_numpy(zero_copy_only=False)

    def number(name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        text = pc.struct_field(parts, name)
        digits = pc.if_else(pc.equal(pc.fill_null(text, ""), ""), "0", text)
        return np.asarray(digits.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)

    year, month, day = number("y") + number("cy"), number("m") + number("cm"), number("d") + number("cd")
    hour, minute, second = number("h"), number("i"), number("s")
    sound = found & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    first = ((np.where(sound, year, 1970) - 1970) * 12 + np.where(sound, month, 1) - 1).astype("datetime64[M]")
    on = first.astype("datetime64[D]") + np.where(sound, day - 1, 0).astype("timedelta64[D]")
    sound &= on.astype("datetime64[M]") == first
    at = on.astype("datetime64[s]") + (hour * 3600 + minute * 60 + second).astype("timedelta64[s]")
    empty = pc.equal(distinct, "").to_numpy(zero_copy_only=False).astype(bool)
    return Cast(pa.array(at, pa.timestamp("s"), mask=~sound), ~sound & ~empty)


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


def _each(
    distinct: pa.Array, parse: Callable[[str], object | None], as_type: Callable[[Any], object], arrow: pa.DataType
) -> Cast:
    texts = distinct.to_pylist()
    parsed = [parse(text) if text else None for text in texts]
    failed = [text != "" and value is None for text, value in zip(texts, parsed, strict=True)]
    values = pa.array([None if value is None else as_type(value) for value in parsed], arrow)
    return Cast(values, np.array(failed, bool))


def _scaled(number: Decimal | None, times: Decimal | None) -> Decimal | None:
    return number if number is None or times is None else number * times


def _to_yen(number: Decimal | None) -> Decimal | None:
    return None if number is None else number.quantize(Decimal(1), ROUND_HALF_EVEN)


def _whole(text: str) -> Decimal | None:
    number = parse_number(text)
    return number if number is not None and number == number.to_integral_value() else None
