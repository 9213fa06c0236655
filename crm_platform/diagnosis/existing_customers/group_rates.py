"""The half-year repeat rate of every group of customers now and a year before, at the same mix of new and old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.existing_customers.purchase_counts import beginnings
from crm_platform.diagnosis.groundwork.customer_halves import MOST_HALVES, customer_halves
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, one_row, rows, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, blocks, blocks_back

DIMENSIONS = ("order_kind", "product_group", "channel", "medium", "prefecture", "sex", "age_band")
EVERYONE = ("all", "")
_BASES = (1, 3)  # half-years back: bought in this one, asked whether again in the next
_AGES = (20, 30, 40, 50, 60, 70, 80)
_MARK = "\x1f"


@dataclass(frozen=True)
class GroupRate:
    """Buyers of the half-year before last by how long they had been customers: `now`, `before` (a year earlier)."""

    dimension: str
    group: str
    now: pd.DataFrame  # index: age of custom; `buyers`, `repeated`, `sales_jpy`
    before: pd.DataFrame

    @property
    def buyers(self) -> int:
        """Buyers of the half-year before last."""
        return int(self.now["buyers"].sum())

    @property
    def fewest_buyers(self) -> int:
        """Buyers of the base half-year that had fewer, now or a year before."""
        return min(self.buyers, int(self.before["buyers"].sum()))

    @property
    def repeated(self) -> int:
        """Who of them bought in the last half-year."""
        return int(self.now["repeated"].sum())

    @property
    def sales_jpy(self) -> int:
        """What they spent in the half-year before last."""
        return int(self.now["sales_jpy"].sum())

    def without(self, other: GroupRate) -> GroupRate:
        """Everyone of this group who is not in `other`."""
        return GroupRate(self.dimension, "", self.now - other.now, self.before - other.before)

    def rates(self) -> tuple[Estimate, Estimate] | None:
        """The repeat rate now, and that of a year before had new and old customers been mixed as they are now.

        None where a kind of customers that buys now had nobody a year before.
        """
        now, before = [], []
        for then, former in zip(self.now.to_dict("records"), self.before.to_dict("records"), strict=True):
            if then["buyers"]:
                rates = proportion(then["repeated"], then["buyers"]), proportion(former["repeated"], former["buyers"])
                if rates[0] is None or rates[1] is None:
                    return None
                now.append(rates[0].times(then["buyers"] / self.buyers))
                before.append(rates[1].times(then["buyers"] / self.buyers))
        return (_sum(now), _sum(before)) if now else None


def _sum(parts: list[Estimate]) -> Estimate:
    return Estimate(sum(part.value for part in parts), sum(part.error**2 for part in parts) ** 0.5)


def group_rates(inputs: DiagnosisInputs) -> dict[tuple[str, str], GroupRate]:
    """Every group by (dimension, name), with EVERYONE; empty below four half-years."""
    spans = blocks(inputs.closed_months, HALF_YEAR_MONTHS)
    if len(spans) <= _BASES[-1]:
        return {}
    keys = ("kind", "age", "base")
    people = _unnested(inputs, _bases(inputs))
    sums = people.group_by(*keys).agg(
        buyers=_.count(), repeated=_.count(where=_.repeated), sales_jpy=yen_sum(_.sales_jpy)
    )
    found: dict[tuple[str, str], dict[tuple[int, int], dict[str, Any]]] = {}
    for row in rows(sums.order_by(*keys)):
        dimension, group = row["kind"].split(_MARK, 1)
        found.setdefault((dimension, group), {})[row["base"], row["age"]] = row
    return {key: GroupRate(*key, *(_frame(cells, base) for base in _BASES)) for key, cells in found.items()}


def _frame(cells: dict[tuple[int, int], dict[str, Any]], base: int) -> pd.DataFrame:
    nobody = {"buyers": 0, "repeated": 0, "sales_jpy": 0}
    names = list(nobody)
    return pd.DataFrame(
        [[cells.get((base, age), nobody)[name] for name in names] for age in range(3)], columns=names, dtype="int64"
    )


def _bases(inputs: DiagnosisInputs) -> ibis.Table:
    """A row per customer and base half-year: `repeated` in the next half-year, `sales_jpy` of the base.

    `age`: 0 became a customer in the base, 1 in the year before it, 2 earlier.
    """
    people = customer_halves(inputs)
    bases = [
        ibis.struct(
            {
                "base": base,
                "bought": people[f"purchases_{base}"] > 0,
                "repeated": people[f"purchases_{base - 1}"] > 0,
                "sales_jpy": people[f"sales_{base}"],
            }
        )
        for base in _BASES
    ]
    spread = people.select("customer_id", each=ibis.array(bases).unnest())
    return spread.select(
        "customer_id", **{name: spread.each[name] for name in ("base", "bought", "repeated", "sales_jpy")}
    ).filter(_.bought)


def _unnested(inputs: DiagnosisInputs, bases: ibis.Table) -> ibis.Table:
    """`bases` once per group that the customer is in: `kind`, a dimension and a name; and `age`."""
    people = _with_master(inputs, beginnings(inputs))
    joined = bases.inner_join(people, "customer_id")
    began = blocks_back(joined.cohort, inputs.closed_index, HALF_YEAR_MONTHS)
    age = ibis.cases((began <= joined.base, 0), (began <= joined.base + 2, 1), else_=2)
    kinds = [ibis.literal(_MARK.join(EVERYONE))]
    kinds += [ibis.literal(f"{name}{_MARK}").concat(joined[name]) for name in DIMENSIONS if name in joined.columns]
    spread = joined.select("base", "repeated", "sales_jpy", age=age.cast("int64"), kind=ibis.array(kinds).unnest())
    return spread.filter(_.kind.notnull())


def _with_master(inputs: DiagnosisInputs, people: ibis.Table) -> ibis.Table:
    """`people` with what the customer master says of them, where there is one: prefecture, sex, age band."""
    if inputs.customers is None:
        return people
    age = inputs.month.year - inputs.customers.birth_year
    band = ibis.cases(*[(age < upper, f"@age_band.{upper}") for upper in _AGES], else_="@age_band.older")
    master = inputs.customers.select(
        "customer_id",
        prefecture=client_text(_.prefecture),
        sex=client_text(_.sex),
        age_band=ibis.ifelse(inputs.customers.birth_year.notnull(), band, ibis.null("string")),
    )
    return people.left_join(master, "customer_id")


def rates_of_group(inputs: DiagnosisInputs, dimension: str, group: str) -> list[tuple[str, Estimate]]:
    """One group's repeat rate half-year by half-year: (last month of the half-year of the return, rate)."""
    people = _with_master(inputs, beginnings(inputs))
    members = people.filter(people[dimension] == group).select("customer_id")
    halves = customer_halves(inputs).semi_join(members, "customer_id")
    spans = blocks(inputs.closed_months, HALF_YEAR_MONTHS)
    backs = range(1, min(len(spans), MOST_HALVES))
    bought = {back: halves[f"purchases_{back}"] > 0 for back in (0, *backs)}
    sums = one_row(
        halves.agg(
            **{f"buyers_{back}": halves.count(where=bought[back]) for back in backs},
            **{f"repeated_{back}": halves.count(where=bought[back] & bought[back - 1]) for back in backs},
        )
    )
    return [
        (str(spans[-back].last), rate)
        for back in reversed(backs)
        if (rate := proportion(sums[f"repeated_{back}"], sums[f"buyers_{back}"]))
    ]
