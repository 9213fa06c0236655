"""What an asset may read: one client as known at the end of one month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.clients import Client
from crm_platform.intake import Admitted, merge_deliveries, read_admitted
from crm_platform.lake import Lake, digest_of
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month, months_between
from crm_platform.refusals import Refused
from crm_platform.tables import TABLES

_MERGED_HELD: WeakValueDictionary[str, Mapping[str, pa.Table]] = WeakValueDictionary()


@dataclass(frozen=True, eq=False)
class ClientData:
    """A client's deliveries and lake, read once per step."""

    platform: Platform
    client: Client

    @property
    def lake(self) -> Lake:
        """The lake."""
        return self.platform.lake

    @cached_property
    def deliveries(self) -> list[Admitted]:
        """Every delivery of the client, admitted, in order of arrival; Refused where there is none."""
        found = read_admitted(self.platform.inbox, self.client)
        if not found:
            raise Refused(
                f"the inbox of '{self.client.id}' is empty.",
                f"Deliver first: crm-platform deliver --client {self.client.id} FILES…",
            )
        return found

    @cached_property
    def merged(self) -> Mapping[str, pa.Table]:
        """The deliveries as one: the latest wins. Steps of a run share it while somebody in the process holds it."""
        receipts = [delivery.receipt for delivery in self.deliveries]
        key = digest_of([str(self.platform.inbox), self.client.id, receipts])
        held = _MERGED_HELD.get(key)
        if held is None:
            held = merge_deliveries(self.deliveries)
            _MERGED_HELD[key] = held
        return held

    @cached_property
    def _rows_by_month(self) -> Mapping[Month, npt.NDArray[np.int64]]:
        """Where the order lines of each month stand among all."""
        months = self.merged["order_lines"]["ordered_at"].to_numpy().astype("datetime64[M]")
        order = np.argsort(months, kind="stable")
        found, starts = np.unique(months[order], return_index=True)
        parts = np.split(order, starts[1:])
        return {Month.of(month): rows for month, rows in zip(found.tolist(), parts, strict=True)} if len(order) else {}

    def lines_of(self, month: Month) -> pa.Table:
        """The order lines of one month, all deliveries merged."""
        rows = self._rows_by_month.get(month, np.zeros(0, dtype=np.int64))
        return self.merged["order_lines"].take(pa.array(rows))

    @cached_property
    def data_to(self) -> dt.date:
        """The last day with data."""
        return max(self._days("data_to"))

    @cached_property
    def data_from(self) -> dt.date:
        """The first day with data."""
        return min(self._days("data_from"))

    def _days(self, end: str) -> list[dt.date]:
        days = [delivery.receipt[end] for delivery in self.deliveries if delivery.receipt[end]]
        if not days:
            raise Refused(f"no delivery of '{self.client.id}' holds an order.", "Deliver its order lines.")
        return [dt.date.fromisoformat(day) for day in days]

    def months(self) -> list[Month]:
        """Every month from the first order to the last."""
        return months_between(Month.of(self.data_from), Month.of(self.data_to))

    def at(self, month: Month) -> ClientMonth:
        """The client at the end of `month`."""
        return ClientMonth(self, month)


@dataclass(frozen=True)
class ClientMonth:
    """A client as known at a month's end."""

    data: ClientData
    month: Month

    @property
    def client(self) -> Client:
        """The client."""
        return self.data.client

    @property
    def as_of(self) -> dt.date:
        """The month's last day, or the last day with data where the month is not complete."""
        return min(self.month.last_day, self.data.data_to)

    @cached_property
    def history_months(self) -> list[Month]:
        """Every month of the client's history up to this one; Refused where it lies outside the data."""
        self.refuse_outside_data()
        return months_between(Month.of(self.data.data_from), self.month)

    def refuse_outside_data(self) -> None:
        """Refused where the client has no data for this month."""
        first = Month.of(self.data.data_from)
        if not first <= self.month <= Month.of(self.data.data_to):
            raise Refused(
                f"'{self.client.id}' has data from {first} to {Month.of(self.data.data_to)}, none for {self.month}.",
                "Choose a month inside, or deliver its orders first.",
            )

    def earlier(self, months: int) -> ClientMonth | None:
        """The client `months` before, or None where the history does not reach back to it."""
        month = self.month.plus(-months)
        return self.data.at(month) if month >= Month.of(self.data.data_from) else None

    def expression(self, name: str) -> ibis.Table:
        """This month's table as an Ibis expression."""
        return self.data.lake.scan(self.client.id, TABLES[name], [self.month])

    def past(self, name: str) -> ibis.Table:
        """The table over every month of the history up to this one."""
        return self.data.lake.scan(self.client.id, TABLES[name], self.history_months)

    def arrow(self, name: str) -> pa.Table:
        """This month's table."""
        return self.data.lake.read(self.client.id, TABLES[name], self.month)

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """This month's table, or these columns of it, in pandas."""
        frame: pd.DataFrame = self.data.lake.read(self.client.id, TABLES[name], self.month, columns).to_pandas()
        return frame

    def document(self, name: str) -> Any:
        """This month's document."""
        return self.data.lake.read_document(self.client.id, name, self.month)
