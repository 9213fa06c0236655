"""Where the value of a table column comes from. `reads` of each: the delivered headers that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


def hashed_header(headers: Sequence[str]) -> str:
    """The header of the column that the guard puts in place of personal ones: `hash(Email)`, `hash(姓+名+電話)`."""
    return f"hash({'+'.join(headers)})"


@dataclass(frozen=True)
class FromColumn:
    """The value of a delivered column; an amount may be multiplied or divided by a stated rate (exchange, tax).

    `format`: how the column's dates are written (as `datetime.strptime` reads them) where that could be mistaken.
    """

    header: str
    times: Decimal | None = None
    divided_by: Decimal | None = None
    format: str | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """The one header."""
        return (self.header,)


@dataclass(frozen=True)
class Case:
    """`then`, where the column matches the regular expression."""

    header: str
    pattern: str
    then: str


@dataclass(frozen=True)
class ByCases:
    """What the first case that holds says, `otherwise` where none does."""

    cases: tuple[Case, ...]
    otherwise: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The header of every case, once."""
        return tuple(dict.fromkeys(case.header for case in self.cases))


@dataclass(frozen=True)
class Constant:
    """The same value in every row."""

    value: str

    @property
    def reads(self) -> tuple[str, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class NumberWithin:
    """1, 2, 3 … within equal values of another column of the same table, in the order of the file."""

    column: str

    @property
    def reads(self) -> tuple[str, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class KeyedHash:
    """The keyed hash of personal columns, in place of a customer number that the cart does not give (R06)."""

    headers: tuple[str, ...]

    @property
    def header(self) -> str:
        """The header under which the guard leaves the hash."""
        return hashed_header(self.headers)

    @property
    def reads(self) -> tuple[str, ...]:
        """The one header."""
        return (self.header,)


@dataclass(frozen=True)
class Joined:
    """The filled ones of several columns, one after the other (結合)."""

    headers: tuple[str, ...]
    between: str

    @property
    def reads(self) -> tuple[str, ...]:
        """All of them."""
        return self.headers


@dataclass(frozen=True)
class FirstFilled:
    """The first of several columns that is filled."""

    headers: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """All of them."""
        return self.headers


@dataclass(frozen=True)
class Part:
    """The n-th part (from 1) of a column that holds several (切り出し); empty where there are fewer."""

    header: str
    part: int
    separator: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The one header."""
        return (self.header,)


Source = FromColumn | ByCases | Constant | NumberWithin | KeyedHash | Joined | FirstFilled | Part
