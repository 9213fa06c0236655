"""A campaign (施策): the test groups of one month, frozen by the day it begins, open for one term (R84, R92)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from crm_platform.periods import Month, Term


@dataclass(frozen=True)
class Campaign:
    """How many are contacted and how many not; who, is in its CAMPAIGN_GROUPS. Both ends of the term belong to it."""

    id: str
    month: Month
    started_on: dt.date
    ends_on: dt.date
    treated: int
    control: int
    by_channel: Mapping[str, int]  # treated customers of each channel, by name
    sha256: str  # digest of the frozen groups

    def is_open(self, on: dt.date) -> bool:
        """Whether its term runs on this day: its customers are in no other campaign then."""
        return self.started_on <= on <= self.ends_on

    def overlaps(self, first: dt.date, last: dt.date) -> bool:
        """Whether it is open on any day from `first` to `last`."""
        return self.started_on <= last and first <= self.ends_on

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        days = {name: getattr(self, name).isoformat() for name in ("started_on", "ends_on")}
        return {**asdict(self), **days, "month": str(self.month), "by_channel": dict(self.by_channel)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Campaign:
        """Read what `to_json` wrote."""
        days = {name: dt.date.fromisoformat(values[name]) for name in ("started_on", "ends_on")}
        return cls(**{**values, **days, "month": Month.parse(values["month"])})


def campaign_id_of(month: Month) -> str:
    """The id of the month's campaign: `alert-2025-06`. The client's contacts name it."""
    return f"alert-{month}"


def last_start(as_of: dt.date) -> dt.date:
    """Until when a campaign may begin with the groups of this as-of date: a term later their signs are stale."""
    return Term.after(as_of).valid_to


def end_of(started_on: dt.date) -> dt.date:
    """The last day of the term that begins on this day."""
    return Term.after(started_on - dt.timedelta(days=1)).valid_to


def campaign_of(groups: pa.Table, month: Month, started_on: dt.date, ends_on: dt.date, sha256: str) -> Campaign:
    """The campaign whose TEST_GROUPS of `month` are these."""
    rows = groups.select(["test_group", "channel"]).to_pylist()
    by_channel = Counter(row["channel"] for row in rows if row["channel"] is not None)
    return Campaign(
        id=campaign_id_of(month),
        month=month,
        started_on=started_on,
        ends_on=ends_on,
        treated=sum(row["test_group"] == "treated" for row in rows),
        control=sum(row["test_group"] == "control" for row in rows),
        by_channel=dict(sorted(by_channel.items())),
        sha256=sha256,
    )
