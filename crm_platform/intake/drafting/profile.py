"""Profiles of a sample: of every column its type, null rate, distinct values, range and masked examples (R04)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.admission.faults import masked
from crm_platform.intake.drafting.definition import Kind
from crm_platform.intake.mapping.casting import cast_instant, parse_number
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.text_column import TextColumn

_EXAMPLES = 3
_LOOKS_LIKE_A_NUMBER = r"^[-−‐△▲]?\s*[¥\\]?\s*[-−]?([0-9]{1,3}(,[0-9]{3})+|[0-9]{1,15})(\.[0-9]{1,12})?\s*円?[-−]?$"
_LEADING_ZERO = r"^0[0-9]"
_SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:\s+\d{1,2}:\d{2}(:\d{2})?)?")
_FLAG_VALUES = {"0", "1", "true", "false"}
_MOST_CODES = 60


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a sample. `minimum` and `maximum`: of numbers and dates; `personal`: why it is cut, else ""."""

    header: str
    kind: Kind
    null_rate: float
    distinct: int
    minimum: str
    maximum: str
    longest: int
    examples: tuple[str, ...]
    values: tuple[str, ...]  # every value of a column of few, in order; empty for others and for personal columns
    date_format: str = ""  # where dates are written day or month first
    whole: bool = False
    unique: bool = False
    personal: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the sample holds no value."""
        return self.distinct == 0


def profile_columns(rows: RawRows, personal: dict[str, str]) -> list[ColumnProfile]:
    """A profile per column, in the order of the file. `personal`: why each personal column is cut, by header."""
    return [_profile(header, column, personal.get(header, "")) for header, column in rows.columns.items()]


def _profile(header: str, column: TextColumn, personal: str) -> ColumnProfile:
    filled = column.distinct.filter(pc.not_equal(column.distinct, ""))
    kind, date_format = _kind_of(filled)
    low, high, whole = _range_of(filled, kind, date_format)
    texts = sorted(filled.to_pylist()) if len(filled) <= _MOST_CODES else []
    empty = int(column.is_empty.sum())
    return ColumnProfile(
        header=header,
        kind=kind,
        null_rate=empty / len(column) if len(column) else 1.0,
        distinct=len(filled),
        minimum="" if personal else low,
        maximum="" if personal else high,
        longest=int(pc.max(pc.utf8_length(filled)).as_py() or 0),
        examples=() if personal else _examples(column),
        values=() if personal else tuple(texts),
        date_format=date_format,
        whole=whole,
        unique=empty == 0 and len(filled) == len(column) > 0,
        personal=personal,
    )


def _kind_of(filled: pa.Array) -> tuple[Kind, str]:
    """The kind that every value has; text where one has another, where there is none, and where zeros lead."""
    texts = pc.utf8_normalize(filled, "NFKC")
    if not len(texts):
        return "text", ""
    if len(texts) <= len(_FLAG_VALUES) and {text.casefold() for text in texts.to_pylist()} <= _FLAG_VALUES:
        return "flag", ""
    zeros = pc.any(pc.match_substring_regex(texts, _LEADING_ZERO)).as_py()
    if pc.all(pc.match_substring_regex(texts, _LOOKS_LIKE_A_NUMBER)).as_py() and not zeros:
        dates = _all_dates(filled) and pc.all(pc.match_substring_regex(texts, r"^(19|20)\d{6}$")).as_py()
        return ("date", "") if dates else ("number", "")
    if _all_dates(filled):
        return "date", ""
    written = format_of_dates(texts.to_pylist())
    return ("date", written) if written else ("text", "")


def _all_dates(filled: pa.Array) -> bool:
    return not cast_instant(filled).failed.any()


def are_slashed_dates(texts: Collection[str]) -> bool:
    """Whether every text is a date with the year at the end, whichever of the others is the day."""
    return all(_SLASHED.fullmatch(text) for text in texts)


def format_of_dates(texts: Collection[str]) -> str:
    """`%m/%d/%Y` or `%d/%m/%Y` where every value is written so and one of them can be nothing else; else ""."""
    matches = [_SLASHED.fullmatch(text) for text in texts]
    if not all(matches):
        return ""
    firsts = max(int(match[1]) for match in matches if match)
    seconds = max(int(match[3]) for match in matches if match)
    if (firsts > 12) == (seconds > 12):
        return ""
    first = next(match for match in matches if match)
    order = ("%d", "%m") if firsts > 12 else ("%m", "%d")
    clock = "" if ":" not in first[0] else " %H:%M:%S" if first[5] else " %H:%M"
    return first[2].join((*order, "%Y")) + clock


def _range_of(filled: pa.Array, kind: Kind, date_format: str) -> tuple[str, str, bool]:
    if kind in {"number", "flag"}:
        numbers = [number for text in filled.to_pylist() if (number := parse_number(text)) is not None]
        whole = all(number == number.to_integral_value() for number in numbers)
        return (f"{min(numbers):f}", f"{max(numbers):f}", whole) if numbers else ("", "", False)
    if kind == "date" and not date_format:
        span = pc.min_max(cast_instant(filled).values).as_py()
        return span["min"].isoformat(" "), span["max"].isoformat(" "), False
    return "", "", False


def _examples(column: TextColumn) -> tuple[str, ...]:
    """The first values of the file that differ, masked as in the quarantine."""
    firsts = np.unique(column.index, return_index=True)[1]
    texts = column.at(np.sort(firsts)[: _EXAMPLES + 1].astype(np.int64))
    return tuple(masked(text) for text in texts if text)[:_EXAMPLES]
