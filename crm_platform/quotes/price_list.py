"""The published price list (料金表), read from `price_list.toml`; none of its numbers stands in code (R140-R146)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

SERVICES = ("two_track", "second_opinion", "shopping_alert")
_TIER_BOUNDS = ("up_to", "below", "at_least")
_FILE = Path(__file__).with_name("price_list.toml")


@dataclass(frozen=True)
class Price:
    """Yen without tax, and the line of the seed that says so."""

    jpy: int
    source: str


@dataclass(frozen=True)
class Tier:
    """A row of the list: amounts up to, below, or from `limit_jpy` on, with both prices.

    `contradicted_by` is the line that says otherwise at the limit itself, `decided_by` the one that is followed.
    """

    bound: Literal["up_to", "below", "at_least"]
    limit_jpy: int
    first: Price
    repeat: Price
    contradicted_by: str | None = None
    decided_by: str | None = None

    def holds(self, ordered_jpy: int) -> bool:
        """Whether the amount is in this row."""
        if self.bound == "at_least":
            return ordered_jpy >= self.limit_jpy
        return ordered_jpy < self.limit_jpy or (self.bound == "up_to" and ordered_jpy == self.limit_jpy)


@dataclass(frozen=True)
class TieredPrices:
    """A service whose fee goes by the amount ordered in a year, with a lower price for a repeat within the window.

    `not_included` are extras by key, with their sources. Above the last row, and above `most_customers` where there is
    such a limit, the list ends (個別見積).
    """

    tiers: Sequence[Tier]
    repeat_within_months: int
    repeat_source: str
    window_begins_with: Literal["use", "delivery"]
    specification_source: str
    amount_source: str
    not_included: Mapping[str, str]
    above_list_source: str = ""
    most_customers: int | None = None
    most_customers_source: str = ""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> TieredPrices:
        """Read a service's table."""
        return cls(**{**said, "tiers": tuple(map(_tier, said["tiers"]))})

    def tier(self, ordered_jpy: int) -> Tier | None:
        """The first row that holds the amount; None above the list."""
        return next((tier for tier in self.tiers if tier.holds(ordered_jpy)), None)


@dataclass(frozen=True)
class AlertPrices:
    """The shopping alert: a price, its discount for the standard layout, and data retention with its price per use."""

    standard: Price
    standard_layout_discount: Price
    retention_per_month: Price
    continued: Price
    continued_instead_of: Price


@dataclass(frozen=True)
class PriceList:
    """All prices, tax excluded: services with tiers by key, and the shopping alert."""

    tax: str
    tiered: Mapping[str, TieredPrices]
    shopping_alert: AlertPrices

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> PriceList:
        """Read the parsed TOML."""
        alert = AlertPrices(**{key: Price(**price) for key, price in said["shopping_alert"].items()})
        tiered = {name: TieredPrices.of(said[name]) for name in SERVICES if name != "shopping_alert"}
        return cls(said["tax"], tiered, alert)

    @classmethod
    @cache
    def published(cls) -> PriceList:
        """The platform's own list."""
        return cls.of(tomllib.loads(_FILE.read_text("utf-8")))


def _tier(said: Mapping[str, Any]) -> Tier:
    (bound,) = (bound for bound in _TIER_BOUNDS if f"{bound}_jpy" in said)
    others = {key: value for key, value in said.items() if key != f"{bound}_jpy"}
    prices = {key: Price(**others.pop(key)) for key in ("first", "repeat")}
    return Tier(bound, said[f"{bound}_jpy"], **prices, **others)  # type: ignore[arg-type]
