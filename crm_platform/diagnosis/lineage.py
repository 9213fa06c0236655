"""Where a finding's numbers come from (来歴): tables, their months, and the deliveries that hold lines of those months.

A table of facts is read over the whole history up to the month, an analysis as of the month; both rest on the order
lines from the first month on. A delivery counts where its orders overlap that span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_platform.diagnosis.finding import Diagnosis, Finding, Scalar
from crm_platform.periods import Month
from crm_platform.tables import TABLES

OF_ALL_MONTHS = frozenset(
    {
        "customer_days",
        "customer_months",
        "customer_product_months",
        "product_months",
        "media_months",
        "subscription_deliveries",
    }
)


@dataclass(frozen=True)
class Delivered:
    """A delivery as a reader knows it: its number, the span of its orders as ISO days, its files."""

    delivery_id: str
    data_from: str
    data_to: str
    files: tuple[str, ...]

    @classmethod
    def from_receipt(cls, receipt: Mapping[str, Any]) -> Delivered:
        """Read a receipt of the intake; a delivery without an order has an empty span."""
        names = tuple(file["name"] for file in receipt["files"])
        return cls(receipt["delivery_id"], receipt["data_from"] or "", receipt["data_to"] or "", names)


@dataclass(frozen=True)
class Origin:
    """A table that numbers come from: its name, what a row is, and the months that were read."""

    table: str
    grain: str
    first_month: str
    last_month: str


@dataclass(frozen=True)
class Lineage:
    """All origins of one finding, and the deliveries behind them."""

    origins: tuple[Origin, ...]
    deliveries: tuple[Delivered, ...]


@dataclass(frozen=True)
class ToldNumbers:
    """Numbers that a report without findings of its own tells: where (`part`), as what (`key`), and by name.

    They come from `origins`, from the finding `finding` (report and key), or from the delivery `delivery_id` alone.
    """

    part: str
    key: str
    values: Mapping[str, Scalar]
    origins: tuple[Origin, ...] = ()
    finding: tuple[str, str] | None = None
    delivery_id: str | None = None


def lineage_of(finding: Finding, diagnosis: Diagnosis, deliveries: Sequence[Delivered]) -> Lineage:
    """The lineage of `finding`, which `diagnosis` holds; `deliveries` are all of the client's."""
    origins = tuple(_origin(name, diagnosis) for name in finding.sources)
    return Lineage(origins, delivered_until(Month.parse(diagnosis.month), deliveries))


def lineage_of_told(told: ToldNumbers, month: Month, deliveries: Sequence[Delivered]) -> Lineage:
    """The lineage of numbers of a report of `month` that no finding holds."""
    if told.delivery_id is not None:
        return Lineage((), tuple(one for one in deliveries if one.delivery_id == told.delivery_id))
    return Lineage(told.origins, delivered_until(month, deliveries))


def delivered_until(month: Month, deliveries: Sequence[Delivered]) -> tuple[Delivered, ...]:
    """The deliveries that hold an order of `month` or before."""
    last_day = month.last_day.isoformat()
    return tuple(one for one in deliveries if one.data_from and one.data_from <= last_day)


def origin_of(name: str, first: Month, last: Month) -> Origin:
    """A table or document over these months."""
    return Origin(name, TABLES[name].grain if name in TABLES else "document", str(first), str(last))


def _origin(name: str, diagnosis: Diagnosis) -> Origin:
    first = diagnosis.first_month if name in OF_ALL_MONTHS else diagnosis.month
    return origin_of(name, Month.parse(first), Month.parse(diagnosis.month))
