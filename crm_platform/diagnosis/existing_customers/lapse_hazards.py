"""After which purchase customers stop: the share who never came back after their n-th, group by group (R123)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crm_platform.diagnosis.estimates import Estimate, difference, proportion
from crm_platform.diagnosis.existing_customers.purchase_counts import DIMENSIONS, LAST_NUMBER, WINDOW_DAYS
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS

EVERYONE = "@order_kind.all"


@dataclass(frozen=True)
class Bump:
    """A purchase beside the ones before and after it: `excess` is its share of stops above the mean of theirs."""

    row: dict[str, Any]
    excess: Estimate

    @property
    def errors(self) -> float:
        """The excess in standard errors."""
        return self.excess.value / self.excess.error

    @property
    def neighbour_rate(self) -> float:
        """The mean share of stops of the purchases before and after."""
        return float(self.row["hazard_rate"] - self.excess.value)


def hazard_rows(counts: pd.DataFrame, silent_days: int) -> list[dict[str, Any]]:
    """By group of customers (everyone first) and number of purchase, from `purchase_counts`.

    `reached`: customers whose n-th purchase is `silent_days` ago or more; `stopped`: those of them without another;
    `hazard_rate`: their share; `recent`: customers who made their n-th purchase in the last six months.
    """
    known = counts[counts["number"] < LAST_NUMBER]
    return [
        row
        for dimension, group, people in _groups(known)
        for row in _by_number(dimension, group, people, -(-silent_days // WINDOW_DAYS))
    ]


def _groups(counts: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Everyone, then each group of each dimension by name."""
    found = [("all", EVERYONE, counts)]
    for dimension in DIMENSIONS:
        for name, people in counts.groupby(dimension, sort=True):
            found.append((dimension, f"@order_kind.{name}" if dimension == "order_kind" else str(name), people))
    return found


def _by_number(dimension: str, group: str, people: pd.DataFrame, mature: int) -> list[dict[str, Any]]:
    is_mature = people["known"] >= mature
    sums = pd.DataFrame(
        {
            "number": people["number"],
            "reached": people["customers"].where(is_mature, 0),
            "stopped": people["customers"].where(is_mature & (people["gap"] < 0), 0),
            "recent": people["customers"].where(people["is_recent"], 0),
        }
    )
    return [
        {
            "dimension": f"@lapse_dimension.{dimension}",
            "group": group,
            "purchase": int(str(number)),
            "number": str(number),
            **{name: int(row[name]) for name in ("reached", "stopped", "recent")},
            "hazard_rate": float(row["stopped"] / row["reached"]),
        }
        for number, row in sums.groupby("number", sort=True).sum().iterrows()
        if row["reached"]
    ]


def bumps(hazards: Sequence[dict[str, Any]]) -> list[Bump]:
    """Every purchase between two others of its group, where 30 customers reached all three.

    The more often customers bought, the smaller the share who stop, and the less it falls: without a lapse point no
    share lies above the mean of its neighbours.
    """
    return [
        _bump(*three)
        for three in zip(hazards, hazards[1:], hazards[2:], strict=False)
        if len({(row["dimension"], row["group"]) for row in three}) == 1
        and three[2]["purchase"] - three[0]["purchase"] == 2
        and min(row["reached"] for row in three) >= LEAST_CUSTOMERS
    ]


def _bump(former: dict[str, Any], row: dict[str, Any], later: dict[str, Any]) -> Bump:
    around = [_share_of_stops(former).times(0.5), _share_of_stops(later).times(0.5)]
    neighbours = Estimate(sum(each.value for each in around), math.hypot(*(each.error for each in around)))
    return Bump(row, difference(_share_of_stops(row), neighbours))


def _share_of_stops(row: dict[str, Any]) -> Estimate:
    found = proportion(row["stopped"], row["reached"])
    if found is None:
        raise ValueError(f"nobody reached purchase {row['purchase']} of {row['group']}, which has no share of stops")
    return found


def top_points(found: Sequence[Bump], errors: float) -> list[dict[str, Any]]:
    """The purchase of each group whose share of stops stands out most, in standard errors; everyone first.

    `stands_out` says whether by more than `errors`.
    """
    best: dict[tuple[str, str], Bump] = {}
    for bump in found:
        key = (bump.row["dimension"], bump.row["group"])
        if key not in best or bump.errors > best[key].errors:
            best[key] = bump
    return [
        {
            "lapse_dimension": dimension,
            "lapse_group": group,
            "lapse_number": bump.row["purchase"],
            "hazard_rate": bump.row["hazard_rate"],
            "neighbour_hazard_rate": bump.neighbour_rate,
            "lapse_reached": bump.row["reached"],
            "stands_out": "@answer.yes" if bump.errors > errors else "@answer.no",
        }
        for (dimension, group), bump in best.items()
    ]
