"""Which of a client's own ranks is the higher: free text such as `A`, `ゴールド`, `1` (R65)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

_LETTERS = {letters: place for place, letters in enumerate(("SSS", "SS", "S", *"ABCDEFGHIJ"))}
_AROUND = re.compile(
    r"(?:ランク|RANK|クラス|CLASS)?[\s:_-]*([A-Z]+|\d+)[\s:_-]*(?:ランク|RANK|クラス|CLASS|級|位|等級)?"
)


@dataclass(frozen=True)
class RankOrder:
    """The ranks, the highest first, and what told it: `letters`, `numbers` or `past_sales`."""

    ranks: tuple[str, ...]
    basis: str

    def places(self, ranks: pd.Series) -> npt.NDArray[np.float64]:
        """0 for the highest, 1 for the next, …"""
        place = {rank: float(number) for number, rank in enumerate(self.ranks)}
        return np.array([place[rank] for rank in ranks], dtype=np.float64)


def order_of_ranks(mean_sales_jpy: Mapping[str, float]) -> RankOrder:
    """The order of the ranks, given each one's mean past sales in yen.

    Letters mean what they say (SSS, SS, S, A, B, …). Numbers are in their order; whether 1 is the best or the worst is
    read off past sales. Any other words are ordered by past sales alone.
    """
    marks = {rank: _mark_of(rank) for rank in mean_sales_jpy}
    letters = {rank: _LETTERS[mark] for rank, mark in marks.items() if mark in _LETTERS}
    if len(letters) == len(marks):
        return RankOrder(tuple(sorted(letters, key=lambda rank: (letters[rank], rank))), "letters")
    numbers = {rank: int(mark) for rank, mark in marks.items() if mark.isdecimal()}
    if len(numbers) == len(marks):
        sign = -1 if _rises(numbers, mean_sales_jpy) else 1
        return RankOrder(tuple(sorted(numbers, key=lambda rank: (sign * numbers[rank], rank))), "numbers")
    return RankOrder(tuple(sorted(marks, key=lambda rank: (-mean_sales_jpy[rank], rank))), "past_sales")


def _mark_of(rank: str) -> str:
    """The letter or number in `Ａランク`, `rank 2`, `1`; empty where there is more to it."""
    found = _AROUND.fullmatch(unicodedata.normalize("NFKC", rank).strip().upper())
    return found[1] if found else ""


def _rises(numbers: Mapping[str, int], mean_sales_jpy: Mapping[str, float]) -> bool:
    """Whether the higher number goes with the higher sales."""
    middle = sum(numbers.values()) / len(numbers)
    return sum((number - middle) * mean_sales_jpy[rank] for rank, number in numbers.items()) > 0
