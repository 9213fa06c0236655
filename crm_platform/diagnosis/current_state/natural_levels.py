"""Levels of customers that truly differ: cells of a grid, cut where what they did differs most, and held to the test.

A cell is a band of one trait crossed with a band of another (購入回数 × 空白日数). Cells are put in order by what their
customers did in one half-year, the learned one, cut into at most five levels, and the levels are held against what
happened in the next half-year, which had no say in the cutting: neighbouring levels whose 95 % intervals overlap there
are no levels, and one level fewer is tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from crm_platform.diagnosis.estimates import Estimate, mean, proportion

MOST_LEVELS = 5
LEAST_OF_A_LEVEL = 30  # customers; what fewer did is no level of its own
_PRIOR_CUSTOMERS = 50  # with so many customers a cell counts as much as its row and column say of it

Kind = Literal["rate", "jpy"]
Place = tuple[int, int]  # row band, column band


@dataclass(frozen=True)
class Cell:
    """What the customers of a cell did in a half-year: how many they were, the sum of it, and the sum of squares."""

    people: int
    amount: float
    squares: float


@dataclass(frozen=True)
class Levels:
    """`level_of` every place of the grid, 1 the highest; `tested` holds what each level's customers did.

    `line` parts high levels from low ones: the rate of all customers; of amounts, whose mean a few large buyers move,
    that of the middle level. Both are None where there is no half-year to look at.
    """

    level_of: Mapping[Place, int]
    tested: tuple[Estimate | None, ...]
    line: float | None

    @property
    def numbers(self) -> range:
        """1 to the lowest level."""
        return range(1, len(self.tested) + 1)

    def is_high(self, level: int) -> bool:
        """Whether the level did at least as well as the line; where nothing tells customers apart, none is high."""
        did = self.tested[level - 1]
        return len(self.tested) > 1 and did is not None and self.line is not None and did.value >= self.line


def levels_of(
    places: Sequence[Place], learned: Mapping[Place, Cell], tested: Mapping[Place, Cell], kind: Kind
) -> Levels:
    """Every one of `places` in one level; as many levels, up to five, as differ beyond their intervals in `tested`."""
    means = _smoothed(places, learned, kind)
    for count in range(MOST_LEVELS, 1, -1):
        floors = _natural_floors(means, {place: learned[place].people for place in learned}, count)
        level_of = {place: 1 + sum(value < floor for floor in floors) for place, value in means.items()}
        cells = [
            _together(cell for at, cell in tested.items() if level_of[at] == level) for level in range(1, count + 1)
        ]
        done = [_done(cell, kind) for cell in cells if cell.people >= LEAST_OF_A_LEVEL]
        known = [estimate for estimate in done if estimate]
        if floors and len(known) == count and all(upper.low > lower.high for upper, lower in pairwise(known)):
            return Levels(level_of, tuple(known), _line(cells, kind))
    everyone = _together(tested.values())
    return Levels(dict.fromkeys(places, 1), (_done(everyone, kind),), _line([everyone], kind))


def _together(cells: Iterable[Cell]) -> Cell:
    found = list(cells)
    return Cell(sum(c.people for c in found), sum(c.amount for c in found), sum(c.squares for c in found))


def _done(cell: Cell, kind: Kind) -> Estimate | None:
    """What the customers of a cell did: the share of them, or the mean in yen."""
    return (
        proportion(cell.amount, cell.people) if kind == "rate" else mean(cell.amount, cell.squares, float(cell.people))
    )


def _line(cells: Sequence[Cell], kind: Kind) -> float | None:
    """What a level must have done to be called high."""
    together = _together(cells)
    if not together.people:
        return None
    of = together if kind == "rate" else cells[(len(cells) - 1) // 2]
    return of.amount / of.people


def _smoothed(places: Sequence[Place], cells: Mapping[Place, Cell], kind: Kind) -> dict[Place, float]:
    """Each cell's mean, drawn towards what its row and its column say; amounts as logarithms.

    The prior is the row's and the column's odds (amounts: means) multiplied over those of all, so that an empty cell
    has a place as well.
    """
    whole = _pooled(list(cells.values()), kind)
    rows = {row: _pooled([cells[at] for at in cells if at[0] == row], kind, whole) for row, _ in places}
    columns = {column: _pooled([cells[at] for at in cells if at[1] == column], kind, whole) for _, column in places}
    found = {}
    for row, column in places:
        cell = cells.get((row, column), Cell(0, 0.0, 0.0))
        prior = _unlinked(rows[row] + columns[column] - whole, kind)
        value = (cell.amount + _PRIOR_CUSTOMERS * prior) / (cell.people + _PRIOR_CUSTOMERS)
        found[row, column] = value if kind == "rate" else math.log(max(value, 1.0))
    return found


def _pooled(cells: Sequence[Cell], kind: Kind, prior: float | None = None) -> float:
    """The mean of cells as log odds (amounts: as a logarithm), drawn towards `prior`, or a half and 1 yen."""
    centre = _unlinked(prior, kind) if prior is not None else (0.5 if kind == "rate" else 1.0)
    weight = _PRIOR_CUSTOMERS if prior is not None else 1
    people, amount = sum(cell.people for cell in cells), sum(cell.amount for cell in cells)
    value = (amount + weight * centre) / (people + weight)
    return math.log(value / (1 - value)) if kind == "rate" else math.log(max(value, 1.0))


def _unlinked(value: float, kind: Kind) -> float:
    return 1 / (1 + math.exp(-value)) if kind == "rate" else math.exp(value)


def _natural_floors(means: Mapping[Place, float], people: Mapping[Place, int], count: int) -> list[float]:
    """The least mean of every level but the lowest (Fisher's natural breaks): least variance within, by customers.

    Empty where fewer than `count` different means have customers.
    """
    weights: dict[float, int] = {}
    for place, value in means.items():
        if people.get(place):
            weights[value] = weights.get(value, 0) + people[place]
    values = sorted(weights, reverse=True)
    if len(values) < count:
        return []
    best: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {(0, 0): (0.0, ())}
    for level in range(1, count + 1):
        for end in range(level, len(values) + 1):
            best[level, end] = min(
                (before + _spread(values[start:end], weights), (*starts, start))
                for start in (range(level - 1, end) if level > 1 else (0,))
                for before, starts in [best[level - 1, start]]
            )
    _, starts = best[count, len(values)]
    return [values[start - 1] for start in starts[1:]]


def _spread(values: Sequence[float], weights: Mapping[float, int]) -> float:
    people = sum(weights[value] for value in values)
    centre = sum(weights[value] * value for value in values) / people
    return sum(weights[value] * (value - centre) ** 2 for value in values)
