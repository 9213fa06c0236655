"""What customers bought in each year beside the year before: the sums that trend and bridge of sales stand on (R60)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, total
from crm_platform.diagnosis.groundwork.customer_halves import customer_halves
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import FIVE_YEARS_MONTHS, YEAR_MONTHS, Span, month_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS

GROUPS = ("new", "returned", "retained", "lost", "credits")  # every customer of either year is in exactly one
_COLUMNS = {"sales_jpy": "sales", "returned_jpy": "returned", "purchases": "purchases"}
_AMOUNTS = tuple(_COLUMNS)
_SUMS = tuple(f"{year}_{name}" for year in ("before", "now") for name in _AMOUNTS)


@dataclass(frozen=True)
class YearPair:
    """Twelve closed months beside the twelve before.

    `groups` has, per group of `GROUPS`, `customers`, and sums over them: sales (売上), credits (`returned`, a positive
    number) and purchases of both years. `shrunk` are the customers who bought for less than the year before, and
    `shrunk_jpy` by how much (below 0).
    """

    year: Span
    groups: dict[str, dict[str, int]]
    before_squares: float
    now_squares: float
    change_squares: float
    shrunk: int
    shrunk_jpy: int

    def sum_of(self, name: str) -> int:
        """A sum over all groups."""
        return sum(row[name] for row in self.groups.values())

    @property
    def is_judged(self) -> bool:
        """Whether 30 customers bought in the year before: of fewer, one who leaves is no course of a house."""
        return self.groups["retained"]["customers"] + self.groups["lost"]["customers"] >= LEAST_CUSTOMERS

    @property
    def now(self) -> Estimate:
        """売上 of the year."""
        return total(self.sum_of("now_sales_jpy"), self.now_squares)

    @property
    def before(self) -> Estimate:
        """売上 of the year before."""
        return total(self.sum_of("before_sales_jpy"), self.before_squares)

    @property
    def change(self) -> Estimate:
        """The change, its error over customers: each is beside himself of a year before."""
        return total(self.now.value - self.before.value, self.change_squares)


def year_pairs(inputs: DiagnosisInputs) -> list[YearPair]:
    """Every two successive years of the last five, counted back from the last closed month; the latest last."""
    return inputs.once(_year_pairs)


def _year_pairs(inputs: DiagnosisInputs) -> list[YearPair]:
    years = min(len(inputs.closed_months), FIVE_YEARS_MONTHS) // YEAR_MONTHS
    if years < 2:
        return []
    found: dict[int, list[dict[str, Any]]] = {pair: [] for pair in range(years - 1)}
    for row in rows(_grouped(inputs, years)):
        found[row.pop("pair")].append(row)
    return [_pair(inputs, pair, found[pair]) for pair in reversed(found)]


def sales_by_year(pairs: list[YearPair]) -> list[tuple[str, Estimate]]:
    """The last month of each year and its 売上, the earliest first."""
    if not pairs:
        return []
    first = pairs[0]
    return [
        (str(first.year.back(YEAR_MONTHS).last), first.before),
        *((str(pair.year.last), pair.now) for pair in pairs),
    ]


def _grouped(inputs: DiagnosisInputs, years: int) -> ibis.Table:
    """Per pair of years (0 is the latest) and group: customers, sums and sums of squares."""
    halves = customer_halves(inputs)
    pairs = [
        ibis.struct({"pair": pair, "group": _group(halves, pair), **_both_years(halves, pair)})
        for pair in range(years - 1)
    ]
    each = halves.select(pair=ibis.array(pairs).unnest())
    marked = each.select(**{name: each.pair[name] for name in ("pair", "group", *_SUMS)}).filter(_.group.notnull())
    change = _.now_sales_jpy - _.before_sales_jpy
    return (
        marked.group_by("pair", "group")
        .agg(
            customers=_.count(),
            **{name: yen_sum(_[name]) for name in _SUMS},
            before_squares=yen_products(_.before_sales_jpy, _.before_sales_jpy),
            now_squares=yen_products(_.now_sales_jpy, _.now_sales_jpy),
            change_squares=yen_products(change, change),
            shrunk=(change < 0).sum().fill_null(0).cast("int64"),
            shrunk_jpy=yen_sum(change, change < 0),
        )
        .order_by("pair", "group")
    )


def _both_years(halves: ibis.Table, pair: int) -> dict[str, ibis.Value]:
    """A customer's sums of the year and of the one before."""
    return {
        f"{year}_{name}": halves[f"{_COLUMNS[name]}_{half}"] + halves[f"{_COLUMNS[name]}_{half + 1}"]
        for year, half in (("now", 2 * pair), ("before", 2 * pair + 2))
        for name in _AMOUNTS
    }


def _group(halves: ibis.Table, pair: int) -> ibis.Value:
    """Which of GROUPS a customer is in; null where neither year has a line that moves an amount."""
    sums = _both_years(halves, pair)
    began = (halves.began <= 2 * pair + 1).fill_null(False)
    return ibis.cases(
        ((sums["before_purchases"] > 0) & (sums["now_purchases"] > 0), "retained"),
        (sums["before_purchases"] > 0, "lost"),
        ((sums["now_purchases"] > 0) & began, "new"),
        (sums["now_purchases"] > 0, "returned"),
        (ibis.or_(*[sums[name] != 0 for name in _SUMS]), "credits"),
        else_=ibis.null("string"),
    )


def _pair(inputs: DiagnosisInputs, pair: int, found: list[dict[str, Any]]) -> YearPair:
    last = month_of(inputs.closed_index - YEAR_MONTHS * pair)
    whole = {
        name: sum(row.pop(name) for row in found)
        for name in ("before_squares", "now_squares", "change_squares", "shrunk", "shrunk_jpy")
    }
    by_group = {row.pop("group"): row for row in found}
    nothing = {"customers": 0, **dict.fromkeys(_SUMS, 0)}
    groups = {name: by_group.get(name, nothing) for name in GROUPS}
    return YearPair(Span(last.plus(1 - YEAR_MONTHS), last), groups, **whole)
