"""The segments as assets: the frozen book, the segment in force for each customer, those of before, the CPM classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients import Client
from crm_platform.forecast import EVERYONE_READS, FittedForecast, forecast_customers, forecast_everyone
from crm_platform.history import customer_history
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.pictures import customers_by_cpm_class, customers_by_segment
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.orchestration.segment_books import BOOK, book_in_force
from crm_platform.orchestration.term_models import as_it_was
from crm_platform.periods import TERM_MONTHS
from crm_platform.segments import SEGMENTS_READ
from crm_platform.segments.buyer_kinds import buyer_kinds
from crm_platform.segments.cpm import assign_cpm_classes
from crm_platform.segments.former import ClientRanks, FormerBook
from crm_platform.segments.former import former_segments as segments_of_before
from crm_platform.segments.value_classes import assign_segments, issue_book
from crm_platform.tables import TABLES
from crm_platform.tables.frames import frame_of


def book_digest(at: ClientMonth) -> dict[str, str]:
    """Digest of the book in force."""
    month = book_in_force(at)
    return {"segment_book": at.data.lake.digest(at.client.id, "segment_book", [month]) if month else digest_of(None)}


def as_booked(at: ClientMonth) -> Client:
    """The client with as many value classes as the book in force: a changed setting waits for the next book (R51)."""
    book = at.data.lake.read(at.client.id, TABLES["segment_book"], book_in_force(at) or at.month)
    classes = pc.max(book["value_class"]).as_py()
    return replace(at.client, settings=replace(at.client.settings, value_classes=classes))


def term_of(_: ClientMonth, book: pa.Table) -> dict[str, str | int]:
    """From when to when the book is valid, and how many classes it has."""
    first, last = (pc.min(book["valid_from"]).as_py(), pc.max(book["valid_to"]).as_py())
    return {"valid_from": str(first), "valid_to": str(last), "classes": pc.max(book["value_class"]).as_py()}


@client_month_asset(
    Recipe(
        "segment_book",
        "segments",
        {"forecasts": Reads.SAME_MONTH},
        settings=everything,
        holds_already=lambda at: book_in_force(at) is not None,
        for_good=(BOOK,),
    ),
    describe=term_of,
)
def segment_book(at: ClientMonth) -> pa.Table:
    """The book of value segments, issued where none is in force; inside its six months nothing changes it (R51)."""
    return issue_book(at.arrow("forecasts"), at.as_of, at.client.settings.value_classes)


@client_month_asset(
    Recipe(
        "segments",
        "segments",
        dict.fromkeys(("customer_history", "forecasts", "segment_book"), Reads.SAME_MONTH),
        further_inputs=book_digest,
    ),
    picture=customers_by_segment,
)
def segments(at: ClientMonth) -> pa.Table:
    """The segment in force for every customer: from the book, or new within its term (期間内新規)."""
    book = at.data.lake.read(at.client.id, TABLES["segment_book"], book_in_force(at) or at.month)
    return assign_segments(book, at.arrow("forecasts"), buyer_kinds(at.frame("customer_history", SEGMENTS_READ)))


def of_six_months_before(at: ClientMonth) -> dict[str, str]:
    """Digests of the book in force six months before, and of the deliveries, whose masters held ranks."""
    then = at.earlier(TERM_MONTHS)
    deliveries = digest_of([delivery.receipt for delivery in at.data.deliveries])
    return {"deliveries": deliveries, **(book_digest(then) if then else {})}


@client_month_asset(
    Recipe(
        "former_book",
        "segments",
        {
            **dict.fromkeys(("customer_days", "customer_months"), Reads.UP_TO_MONTH),
            **dict.fromkeys(("customers", "former_model"), Reads.SAME_MONTH),
        },
        settings=everything,
        further_inputs=of_six_months_before,
        carry=as_it_was,
    )
)
def former_book(at: ClientMonth) -> pa.Table:
    """The book that would have been issued six months before the term, where none was; it holds as long as one does."""
    then = at.earlier(TERM_MONTHS)
    if then is None or book_in_force(then) is not None:
        return TABLES["former_book"].empty()
    known = history_at(at, then, EVERYONE_READS)
    if known.empty:
        return TABLES["former_book"].empty()
    model = FittedForecast.from_json(at.document("former_model"))
    foreseen = forecast_everyone(known, forecast_customers(at.past("customer_days"), model), model)
    return issue_book(foreseen, then.as_of, at.client.settings.value_classes)


def history_at(at: ClientMonth, then: ClientMonth, columns: Iterable[str]) -> pd.DataFrame:
    """Columns of CUSTOMER_HISTORY as it was at the end of an earlier month, by the master of `at`."""
    history = customer_history(at.past("customer_months"), at.expression("customers"), then.month, then.as_of)
    return frame_of(history.select(*columns))


@client_month_asset(
    Recipe(
        "former_segments",
        "segments",
        {
            "customer_months": Reads.UP_TO_MONTH,
            **dict.fromkeys(("customers", "customer_history", "forecasts", "former_book"), Reads.SAME_MONTH),
        },
        settings=everything,
        further_inputs=of_six_months_before,
    )
)
def former_segments(at: ClientMonth) -> pa.Table:
    """The segments of six months ago: what their customers bought since, and how many moved, beside RFM (R52, R65)."""
    then = at.earlier(TERM_MONTHS)
    former = book_of_then(at, then) if then else None
    if then is None or former is None:
        return TABLES["former_segments"].empty()
    since = at.past("customer_months").filter(lambda months: months.month > then.month.first_day)
    sales = since.group_by("customer_id").agg(sales_jpy=since.sales_jpy.sum()).to_pandas()
    return segments_of_before(
        former,
        history_at(at, then, SEGMENTS_READ),
        at.frame("customer_history", SEGMENTS_READ),
        at.arrow("forecasts"),
        sales.set_index("customer_id")["sales_jpy"],
        client_ranks(at, then),
    )


def book_of_then(at: ClientMonth, then: ClientMonth) -> FormerBook | None:
    """The book in force at `then`, or the one that would have been; None where nobody was known."""
    issued = book_in_force(then)
    if issued is not None:
        return FormerBook(at.data.lake.read(at.client.id, TABLES["segment_book"], issued), was_issued=True)
    book = at.arrow("former_book")
    return FormerBook(book, was_issued=False) if book.num_rows else None


def client_ranks(at: ClientMonth, then: ClientMonth) -> ClientRanks:
    """The client's own ranks as delivered by `then`; today's where no delivery of that time has any."""
    by_then = [delivery for delivery in at.data.deliveries if (delivery.receipt["data_to"] or "9") <= str(then.as_of)]
    former = ClientRanks.delivered([d.tables["customers"] for d in by_then if "customers" in d.tables], True)
    return former if len(former.of) else ClientRanks.delivered([at.arrow("customers")], False)


@client_month_asset(
    Recipe("cpm_classes", "segments", {"customer_history": Reads.SAME_MONTH}, settings=everything),
    picture=customers_by_cpm_class,
)
def cpm_classes(at: ClientMonth) -> pa.Table:
    """Customer portfolio management (CPM): exactly one of ten classes per customer (R100)."""
    return assign_cpm_classes(at.frame("customer_history", SEGMENTS_READ), at.client.settings)
