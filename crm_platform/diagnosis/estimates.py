"""Numbers with the chance that is in them: an estimate is a value and its standard error.

The errors treat customers as independent of one another and each customer's purchases as one draw (クラスター), so
that a loyal customer with fifty orders is one piece of evidence and not fifty. A shock that hits all customers at once,
such as a campaign or a storm, is not in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

SURE_ERRORS = 3.0  # beyond so many standard errors a difference is called one; once in 740 by chance, in one direction
SHOWN_ERRORS = NormalDist().inv_cdf(0.975)  # of the intervals that reports print: 95 %


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error, in the same unit."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self.value - SHOWN_ERRORS * self.error

    @property
    def low_amount(self) -> float:
        """The lower end of what cannot fall below nothing, such as sales; below it only where the value itself is."""
        return max(self.low, min(self.value, 0.0))

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self.value + SHOWN_ERRORS * self.error

    def times(self, factor: float) -> Estimate:
        """The estimate in another unit."""
        return Estimate(self.value * factor, self.error * abs(factor))


def proportion(part: float, whole: float) -> Estimate | None:
    """The share `part` of `whole` people; None of nobody.

    The error is that of Agresti and Coull (1998), two more of each kind, so that 0 of 5 is not certain to stay 0.
    """
    if whole <= 0:
        return None
    rate = (part + 2) / (whole + 4)
    return Estimate(part / whole, math.sqrt(rate * (1 - rate) / (whole + 4)))


def count_of(people: float) -> Estimate:
    """A count of people who come independently of one another (Poisson); 0 is not certain to stay 0."""
    return Estimate(people, math.sqrt(max(people, 1.0)))


def total(amount: float, squares: float) -> Estimate:
    """A sum over independent customers: `squares` is the sum of each customer's squared amount."""
    return Estimate(amount, math.sqrt(squares))


def mean(amount: float, squares: float, people: float) -> Estimate | None:
    """A mean over customers, from the sums of their amounts and squared amounts; None below two people."""
    if people < 2:
        return None
    variance = max(squares / people - (amount / people) ** 2, 0.0) * people / (people - 1)
    return Estimate(amount / people, math.sqrt(variance / people))


def ratio(part: float, whole: float, part_squares: float, products: float, whole_squares: float) -> Estimate | None:
    """Σa ÷ Σb over independent customers, from Σa, Σb, Σa², Σab and Σb² (linearised); None where Σb is not above 0."""
    if whole <= 0:
        return None
    value = part / whole
    variance = part_squares - 2 * value * products + value**2 * whole_squares
    return Estimate(value, math.sqrt(max(variance, 0.0)) / whole)


def difference(now: Estimate, before: Estimate) -> Estimate:
    """The change between two groups of people. Where they share people who stay alike, the true error is smaller."""
    return Estimate(now.value - before.value, math.hypot(now.error, before.error))


def errors_for(looks: int) -> float:
    """How many standard errors the largest of `looks` differences must lie off to be as sure as a single one at 3."""
    normal = NormalDist()
    return -normal.inv_cdf((1 - normal.cdf(SURE_ERRORS)) / max(looks, 1))


def shown_errors_for(rivals: int) -> float:
    """How many standard errors the 95 % interval of a number reaches that was chosen as the lowest of `rivals` alike.

    The lowest of many is low by luck, too, so that the interval of a number given beforehand would miss too often; one
    that holds every rival's number at once holds the chosen one's, whichever it is (Bonferroni).
    """
    return NormalDist().inv_cdf(1 - 0.025 / max(rivals, 1))


def rivals_of(lowest: Estimate, among: Iterable[Estimate], errors: float) -> int:
    """How many of `among` chance might have put in the place of `lowest`, itself counted.

    Who is higher by more than `errors` standard errors of the difference was never in question (Zrnic and Fithian 2024,
    "Locally simultaneous inference", The Annals of Statistics 52).
    """
    found = (difference(other, lowest) for other in among)
    return max(sum(change.value <= errors * change.error for change in found), 1)
