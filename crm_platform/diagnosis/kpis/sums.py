"""Sums of one month, and the estimates that are made of them.

Every KPI is a function of sums that add up over months, so that a year's value needs no second look at the rows; a name
that begins with `max_` holds the largest instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from crm_platform.diagnosis.estimates import Estimate, count_of, mean, proportion, ratio, total

Sums = Mapping[str, float]
Measure = Callable[[Sums], Estimate | None]


def added(months: Iterable[Sums]) -> dict[str, float]:
    """The sums of several months as those of one; a name that a month lacks counts nothing there."""
    found: dict[str, float] = {}
    for month in months:
        for name, value in month.items():
            if name.startswith("max_"):
                found[name] = max(found.get(name, value), value)
            else:
                found[name] = found.get(name, 0.0) + value
    return found


def share_of(part: str, whole: str) -> Measure:
    """`part` ÷ `whole`, both counts of people, the one among the other."""
    return lambda sums: proportion(sums.get(part, 0.0), sums.get(whole, 0.0))


def cost_per(cost: str, people: str) -> Measure:
    """A cost ÷ people who came independently of one another; None without either."""

    def measure(sums: Sums) -> Estimate | None:
        spent, came = sums.get(cost, 0.0), sums.get(people, 0.0)
        if spent <= 0 or came <= 0:
            return None
        return Estimate(spent / came, spent / came**2 * count_of(came).error)

    return measure


def return_on(amount: str, squares: str, cost: str) -> Measure:
    """An amount over independent customers ÷ a cost; None without a cost."""

    def measure(sums: Sums) -> Estimate | None:
        spent = sums.get(cost, 0.0)
        return total(sums.get(amount, 0.0), sums.get(squares, 0.0)).times(1 / spent) if spent > 0 else None

    return measure


def mean_of(amount: str, squares: str, people: str) -> Measure:
    """An amount per customer."""
    return lambda sums: mean(sums.get(amount, 0.0), sums.get(squares, 0.0), sums.get(people, 0.0))


def total_of(amount: str, squares: str) -> Measure:
    """An amount of all customers together; None where there is none."""
    return lambda sums: total(sums[amount], sums[squares]) if sums.get(amount, 0.0) > 0 else None


def people_of(people: str) -> Measure:
    """How many; None of nobody."""
    return lambda sums: count_of(sums[people]) if sums.get(people, 0.0) > 0 else None


def ratio_of(part: str, whole: str, part_squares: str, products: str, whole_squares: str) -> Measure:
    """Two amounts of the same customers, one ÷ the other."""
    return lambda sums: ratio(*(sums.get(name, 0.0) for name in (part, whole, part_squares, products, whole_squares)))


def depth_of(amount: str, squares: str, people: str, largest: str) -> Measure:
    """The mean ÷ the largest of what customers reached, both over the same customers; the largest is taken as known."""

    def measure(sums: Sums) -> Estimate | None:
        found = mean(sums.get(amount, 0.0), sums.get(squares, 0.0), sums.get(people, 0.0))
        return found.times(1 / sums[largest]) if found and sums.get(largest, 0.0) > 0 else None

    return measure
