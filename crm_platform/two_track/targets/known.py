"""What is known of a client's subscribers at an as-of date, and what was known of them before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import ibis
import pandas as pd

from crm_platform.tables.frames import frame_of
from crm_platform.two_track.one_off_purchases import goods_of
from crm_platform.two_track.targets.subscriber_features import subscribers_at
from crm_platform.two_track.turns import turns_of


@dataclass(frozen=True, eq=False)
class KnownSubscribers:
    """CUSTOMER_DAYS, what happened to subscriptions (`turns_of`), the groups of products (`goods_of`), MEDIA."""

    days: ibis.Table
    turns: ibis.Table
    goods: ibis.Table
    media: ibis.Table

    @classmethod
    def at(
        cls,
        days: ibis.Table,
        subscriptions: ibis.Table,
        events: ibis.Table,
        products: ibis.Table,
        media: ibis.Table,
        as_of: dt.date,
        silent_cycles: int,
    ) -> Self:
        """From CUSTOMER_DAYS, SUBSCRIPTIONS, KNOWN_SUBSCRIPTION_EVENTS, PRODUCTS and MEDIA at `as_of`."""
        turns = turns_of(subscriptions, events, as_of, silent_cycles)
        return cls(days.filter(days.day <= as_of), turns, goods_of(products), media)

    def until(self, as_of: dt.date) -> KnownSubscribers:
        """As known on an earlier day."""
        days, turns = self.days, self.turns
        return replace(self, days=days.filter(days.day <= as_of), turns=turns.filter(turns.known_on <= as_of))

    def subscriber_ids(self) -> pd.Series:
        """Everyone who has subscribed, in order."""
        found = frame_of(self.turns.select("customer_id").distinct().order_by("customer_id"))
        ids: pd.Series = found["customer_id"]
        return ids

    def of_customers(self, ids: pd.Series) -> KnownSubscribers:
        """Of some customers, held in memory, because every origin reads them again."""
        chosen = ibis.memtable(pd.DataFrame({"customer_id": ids.astype(object)}))
        held = [ibis.memtable(each.semi_join(chosen, "customer_id").to_pyarrow()) for each in (self.days, self.turns)]
        return replace(self, days=held[0], turns=held[1])

    def between(self, first: str, last: str) -> KnownSubscribers:
        """Of the customers from one number to another."""
        days, turns = (rows.filter(rows.customer_id.between(first, last)) for rows in (self.days, self.turns))
        return replace(self, days=days, turns=turns)

    def subscribers(self, as_ofs: Sequence[dt.date], horizon_days: int) -> pd.DataFrame:
        """The rows of `subscribers_at`, by day and customer."""
        rows = subscribers_at(self.days, self.turns, self.goods, self.media, as_ofs, horizon_days)
        return frame_of(rows.order_by("as_of", "customer_id"))
