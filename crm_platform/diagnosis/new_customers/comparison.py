"""One group of new customers beside others who began the same way at the same time.

Groups differ in how their customers begin: who begins with a subscription buys again in any case (R121). So each part
of a group (a stratum: kind of the first order, quarter) is held against the same part of the others, and the parts are
put together by the group's own numbers. What is left is not how or when the customers came, but where from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_platform.diagnosis.estimates import Estimate, difference, errors_for, rivals_of
from crm_platform.diagnosis.finding import Measured, Verdict
from crm_platform.diagnosis.groundwork.cohorts import Sums
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, NOTICEABLE_RATE, measured_against, verdict_on_change

Row = Mapping[str, Any]  # sums of one part of one group: `stratum` and numbers
_Parts = Mapping[Hashable, Mapping[str, float]]  # the numbers of each stratum


@dataclass(frozen=True)
class Beside:
    """A group's number, and what it would be if each part of the group were as the same part of the others."""

    own: Estimate
    others: Estimate
    customers: int

    @property
    def change(self) -> Estimate:
        """The group's number less that of the others."""
        return difference(self.own, self.others)

    @property
    def errors_off(self) -> float:
        """By how many standard errors the group is off the others; 0 where nothing scatters and nothing differs."""
        change = self.change
        if change.error:
            return change.value / change.error
        return math.copysign(math.inf, change.value) if change.value else 0.0

    def stands_below(self, errors: float) -> bool:
        """Whether the group is below the others by more than so many standard errors."""
        return self.change.value < -errors * self.change.error

    def stands_above(self, errors: float) -> bool:
        """Whether the group is above the others by more than so many standard errors."""
        return self.change.value > errors * self.change.error

    def would_show(self, errors: float) -> bool:
        """Whether a group as large as this would show a shortfall of three tenths."""
        return errors * self.change.error <= NOTICEABLE_RATE * abs(self.others.value)


def beside(group: Sequence[Row], others: Sequence[Row], estimate: Callable[[Sums], Estimate | None]) -> Beside | None:
    """`group` beside `others`, part by part, without parts that the others do not have; None where none is left."""
    return _beside(summed_by_stratum(group), summed_by_stratum(others), estimate)


def each_beside_the_rest(
    groups: Mapping[str, Sequence[Row]], estimate: Callable[[Sums], Estimate | None]
) -> dict[str, Beside]:
    """Each group beside all others as `beside` does it; a group that cannot be compared is left out.

    The rest is everyone less the group, so that thousands of products cost thousands of steps and not millions; exact,
    as all numbers are whole: to 2⁵³, as far as reals hold them.
    """
    sums = {name: summed_by_stratum(cells) for name, cells in groups.items()}
    everyone = summed_by_stratum(
        [{"stratum": stratum, **part} for own in sums.values() for stratum, part in own.items()]
    )
    compared = {name: _beside(own, _without(everyone, own), estimate) for name, own in sums.items()}
    return {name: found for name, found in compared.items() if found}


def _without(everyone: _Parts, own: _Parts) -> _Parts:
    """The parts of `own` as they are among everyone else, where there is anyone else."""
    return {
        stratum: {name: everyone[stratum][name] - value for name, value in part.items()}
        for stratum, part in own.items()
        if everyone[stratum]["customers"] > part["customers"]
    }


def _beside(group: _Parts, others: _Parts, estimate: Callable[[Sums], Estimate | None]) -> Beside | None:
    parts = [
        (own, found) for stratum, own in group.items() if stratum in others and (found := estimate(others[stratum]))
    ]
    own = estimate(added([part for part, _ in parts])) if parts else None
    people = sum(part["customers"] for part, _ in parts)
    if own is None:
        return None
    expected = sum(part["customers"] * found.value for part, found in parts) / people
    error = math.sqrt(sum((part["customers"] * found.error) ** 2 for part, found in parts)) / people
    return Beside(own, Estimate(expected, error), round(people))


def summed_by_stratum(cells: Sequence[Row]) -> dict[Hashable, dict[str, float]]:
    """The numbers of the rows added up by `stratum`, in order of first appearance."""
    found: dict[Hashable, list[Row]] = {}
    for row in cells:
        found.setdefault(row["stratum"], []).append(row)
    return {stratum: added(parts) for stratum, parts in found.items()}


def added(parts: Sequence[Row]) -> dict[str, float]:
    """The numbers of the rows added up; what is no number is left out."""
    names = [name for name, value in parts[0].items() if isinstance(value, (int, float))]
    return {name: sum(part[name] for part in parts) for name in names}


@dataclass(frozen=True)
class Lowest:
    """Of many groups the one to judge, and the verdict on it; `name` and `one` are None where there is none.

    `rivals`: how many groups chance might have put in its place, itself counted.
    """

    name: str | None
    one: Beside | None
    verdict: Verdict
    errors: float
    groups: int
    below: int
    rivals: int = 1

    @property
    def customers(self) -> int | None:
        """How many new customers the group has."""
        return self.one.customers if self.one else None

    @property
    def own_rate(self) -> float | None:
        """The group's number."""
        return self.one.own.value if self.one else None

    @property
    def others_rate(self) -> float | None:
        """What it is held against."""
        return self.one.others.value if self.one else None

    @property
    def gap(self) -> float | None:
        """The group's number less that of the others."""
        return self.one.change.value if self.one else None

    @property
    def shortfall(self) -> float:
        """How far the group is below the others; 0 where it is no issue."""
        return max(-self.one.change.value, 0.0) if self.one and self.verdict == "issue" else 0.0

    @property
    def measured(self) -> Measured | None:
        """The rate of the group beside that of the others; its interval counts that it was chosen of its rivals."""
        if self.one is None:
            return None
        own, others, change = self.one.own, self.one.others.value, self.one.change
        return measured_against(own, "rate", others, change, errors=self.errors, rivals=self.rivals)


def lowest_of(found: Mapping[str, Beside]) -> Lowest:
    """Judge the group that loses most beside the others, of those of 30 customers that stand below beyond chance.

    What is lost are its customers × its distance, so that a bad channel comes before the unluckiest of its own
    placements, and a bad placement before a channel that is bad by it alone. Where none stands below, the one nearest
    to it among those large enough to show it, else among all. As many errors are asked for as there are groups.
    """
    large = {name: one for name, one in found.items() if one.customers >= LEAST_CUSTOMERS}
    errors = errors_for(len(large))
    below = [name for name, one in large.items() if one.stands_below(errors)]
    if below:
        chosen: str | None = min(below, key=lambda name: large[name].change.value * large[name].customers)
    else:
        seen = [name for name, one in large.items() if one.would_show(errors)] or list(large)
        chosen = min(seen, key=lambda name: large[name].errors_off, default=None)
    if chosen is None:
        return Lowest(None, None, "undetermined", errors, 0, 0)
    one = large[chosen]
    verdict = verdict_on_change(one.change, one.others.value, errors=errors)
    rivals = rivals_of(one.change, (other.change for other in large.values()), errors)
    return Lowest(chosen, one, verdict, errors, len(large), len(below), rivals)
