"""The segments as assets: the frozen book, the segment in force for each customer, the CPM classes."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients import Client
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.pictures import customers_by_cpm_class, customers_by_segment
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.periods import TERM_MONTHS, Month
from crm_platform.segments import assign_cpm_classes, assign_segments, issue_book
from crm_platform.tables import TABLES


def book_in_force(at: ClientMonth) -> Month | None:
    """The month whose book holds at this one: the latest issued within the six months to it (R51)."""
    issued = at.data.lake.months(at.client.id, "segment_book")
    return max((month for month in issued if 0 <= at.month.minus(month) < TERM_MONTHS), default=None)


def book_digest(at: ClientMonth) -> dict[str, str]:
    """Digest of the book in force."""
    month = book_in_force(at)
    return {"segment_book": at.data.lake.digest(at.client.id, "segment_book", [month]) if month else digest_of(None)}


def as_booked(at: ClientMonth) -> Client:
    """The client with as many value classes as the book in force: a changed setting waits for the next book (R51)."""
    book = at.data.lake.read(at.client.id, TABLES["segment_book"], book_in_force(at) or at.month)
    classes = pc.max(book["value_class"]).as_py()
    return replace(at.client, settings=replace(at.client.settings, value_classes=classes))


@client_month_asset(
    Recipe(
        "segment_book",
        "segments",
        {"forecasts": Reads.SAME_MONTH},
        settings=everything,
        holds_already=lambda at: book_in_force(at) is not None,
    )
)
def segment_book(at: ClientMonth) -> pa.Table:
    """The book of value segments, issued where none is in force; inside its six months nothing changes it (R51)."""
    return issue_book(at.arrow("forecasts"), at.as_of, at.client.settings.value_classes)


@client_month_asset(
    Recipe(
        "segments",
        "segments",
        {"forecasts": Reads.SAME_MONTH, "segment_book": Reads.SAME_MONTH},
        further_inputs=book_digest,
    ),
    picture=customers_by_segment,
)
def segments(at: ClientMonth) -> pa.Table:
    """The segment in force for every customer: from the book, or new within its term (期間内新規)."""
    book = at.data.lake.read(at.client.id, TABLES["segment_book"], book_in_force(at) or at.month)
    return assign_segments(book, at.arrow("forecasts"))


@client_month_asset(
    Recipe("cpm_classes", "segments", {"customer_history": Reads.SAME_MONTH}, settings=everything),
    picture=customers_by_cpm_class,
)
def cpm_classes(at: ClientMonth) -> pa.Table:
    """Customer portfolio management (CPM): exactly one of ten classes per customer (R100)."""
    return assign_cpm_classes(at.frame("customer_history"), at.client.settings)
