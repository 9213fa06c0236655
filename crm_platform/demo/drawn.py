"""The drawn house as a whole, and who bought on which day: what the sizes of its plants are counted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.arrivals import Arrivals
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.contracts import ContractHistory, Contracts
from crm_platform.demo.draws import Flags, Real, Whole
from crm_platform.demo.placements import Medium


@dataclass(frozen=True)
class PurchaseDays:
    """A row per customer and day with 売上, by customer and day; `number` counts a customer's days from 1."""

    customer: Whole
    day: Whole
    number: Whole

    @property
    def is_last(self) -> Flags:
        """Whether the customer bought on no later day."""
        return np.append(self.customer[1:] != self.customer[:-1], True)


@dataclass(frozen=True)
class Drawn:
    """The drawn house, as the sizes of its plants are counted."""

    tables: Mapping[str, pa.Table]
    arrivals: Arrivals
    contracts: Contracts
    history: ContractHistory
    media: list[Medium]
    calendar: Calendar

    @cached_property
    def customer(self) -> Whole:
        """The position of each order line's customer."""
        found = pc.index_in(self.tables["order_lines"]["customer_id"], self.tables["customers"]["customer_id"])
        return np.asarray(found).astype(np.int64)

    @cached_property
    def day(self) -> Whole:
        """The day of each order line."""
        days = np.asarray(self.tables["order_lines"]["ordered_at"].cast(pa.date32()).cast(pa.int32()))
        return days.astype(np.int64) - self.calendar.epoch_offset_days

    @cached_property
    def sales_jpy(self) -> Whole:
        """売上 of each order line as known on the last day."""
        return np.asarray(self.tables["order_lines"]["sales_jpy"]).astype(np.int64)

    @cached_property
    def channel(self) -> np.ndarray:
        """The channel that brought each customer."""
        return np.array([medium.channel for medium in self.media])[self.arrivals.medium]

    @cached_property
    def purchase_days(self) -> PurchaseDays:
        """Every day on which each customer bought."""
        bought, length = self.sales_jpy > 0, self.calendar.last_day + 1
        keys = np.unique(self.customer[bought] * length + self.day[bought])
        customer, day = keys // length, keys % length
        number = np.arange(len(keys)) - np.searchsorted(customer, customer) + 1
        return PurchaseDays(customer, day, number)

    def sales_since_jpy(self, day: int) -> Real:
        """売上 of each customer after `day`."""
        since = self.day > day
        found = np.bincount(self.customer[since], self.sales_jpy[since], self.tables["customers"].num_rows)
        return np.asarray(found, dtype=np.float64)
