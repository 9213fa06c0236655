"""The books of segments of a client: which is in force, which there were, and the one way to issue another (R51).

A book is never replaced: one that must go is copied into `former/` first, and the new one comes into force with the
rename of its record, which also says why and instead of which. Whatever breaks off before that rename changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.lake import MadeFrom, Provenance, digest_of
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.segments.value_classes import issue_book
from crm_platform.tables.analyses import SEGMENT_BOOK

BOOK = SEGMENT_BOOK.name


@dataclass(frozen=True)
class IssuedBook:
    """A stored book. `issue` counts those of one month from 1; `reason` and `former_sha256` are a reissue's."""

    month: Month
    issue: int
    as_of: dt.date
    valid_from: dt.date
    valid_to: dt.date
    classes: int
    customers: int
    sha256: str
    is_former: bool
    reason: str | None = None
    former_month: str | None = None
    former_sha256: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        days = {name: getattr(self, name).isoformat() for name in ("as_of", "valid_from", "valid_to")}
        return {**asdict(self), **days, "month": str(self.month)}


def book_in_force(at: ClientMonth) -> Month | None:
    """The month whose book holds on the day after this as-of date: the latest issued, if its term has not ended (R51).

    Refused where that book is not the one that was issued, byte for byte, or any book was lost.
    """
    at.data.lake.refuse_lost(at.client.id, BOOK)
    issued = [month for month in at.data.lake.months(at.client.id, BOOK) if month <= at.month]
    if not issued:
        return None
    first = at.data.lake.scan(at.client.id, SEGMENT_BOOK, issued[-1:]).select("valid_to").limit(1).to_pyarrow()
    return issued[-1] if first.num_rows and at.as_of < first["valid_to"][0].as_py() else None


def described_book(data: ClientData, month: Month) -> IssuedBook:
    """The book stored for `month`; Refused where there is none, or not as it was issued."""
    rows, record = data.lake.read_recorded(data.client.id, SEGMENT_BOOK, month)
    return _described(month, rows, record, is_former=False)


def books_of(data: ClientData) -> list[IssuedBook]:
    """Every book of the client, those replaced by a reissue of the same month included, in order of issue."""
    return sorted(_books(data), key=lambda book: (book.month, book.issue))


def states_of(books: list[IssuedBook], in_force: Month | None) -> list[str]:
    """For each of `books_of`: `in force`, `ended`, or `superseded by` the month and issue that came instead."""
    states = []
    for place, book in enumerate(books):
        later = books[place + 1] if place + 1 < len(books) else None
        if book.month == in_force and not book.is_former:
            states.append("in force")
        elif later is not None and later.valid_from <= book.valid_to:
            states.append(f"superseded by {later.month}, issue {later.issue}")
        else:
            states.append("ended")
    return states


def reissue_book(at: ClientMonth, reason: str) -> IssuedBook:
    """Issue another book from the forecasts of this month, inside the term of the one in force; the caller is `alone`.

    Refused without a reason, where no book is in force (the next run issues one), where the forecasts are not there,
    and where the book would be the same.
    """
    former = refuse_reissue(at, reason)
    book = SEGMENT_BOOK.cast(issue_book(at.arrow("forecasts"), at.as_of, at.client.settings.value_classes))
    lake, client = at.data.lake, at.client.id
    lake.clear_left(client, BOOK)
    lake.seal(client, BOOK)
    if former.month == at.month:
        if book.equals(lake.read(client, SEGMENT_BOOK, at.month)):
            raise Refused(
                f"the book of '{client}' for {at.month} would be the same.", "There is nothing to reissue for."
            )
        lake.keep_former(client, BOOK, at.month)
    remarks = {
        "reason": reason.strip(),
        "issue": str(former.issue + 1 if former.month == at.month else 1),
        "former_month": str(former.month),
        "former_sha256": former.sha256,
    }
    lake.write(client, SEGMENT_BOOK, at.month, book, _made_from(at), remarks)
    lake.seal(client, BOOK)
    return described_book(at.data, at.month)


def refuse_reissue(at: ClientMonth, reason: str) -> IssuedBook:
    """The book in force, which a reissue would supersede; Refused where there is none, or no reason."""
    if not reason.strip():
        raise Refused("a reissue needs a reason.", 'Say why: --reason "…"')
    month = book_in_force(at)
    if month is None:
        raise Refused(
            f"no book of '{at.client.id}' is in force at {at.month}, so there is none to reissue.",
            f"The next run issues one: crm-platform refresh --client {at.client.id} --month {at.month}",
        )
    return described_book(at.data, month)


def _made_from(at: ClientMonth) -> MadeFrom:
    forecasts = at.data.lake.digest(at.client.id, "forecasts", [at.month])
    inputs = {"forecasts": forecasts, "as_of": at.as_of.isoformat()}
    return MadeFrom(inputs, code_digest("segments"), digest_of({"value_classes": at.client.settings.value_classes}))


def _books(data: ClientData) -> Iterator[IssuedBook]:
    for month in data.lake.months(data.client.id, BOOK):
        yield described_book(data, month)
    for month, record in data.lake.former(data.client.id, BOOK):
        rows = data.lake.read_former(data.client.id, SEGMENT_BOOK, record)
        yield _described(month, rows, record, is_former=True)


def _described(month: Month, rows: pa.Table, record: Provenance, *, is_former: bool) -> IssuedBook:
    remarks: Mapping[str, str] = record.remarks
    first = rows.slice(0, 1).to_pylist()[0]
    return IssuedBook(
        month=month,
        issue=int(remarks.get("issue", 1)),
        as_of=first["valid_from"] - dt.timedelta(days=1),
        valid_from=first["valid_from"],
        valid_to=first["valid_to"],
        classes=pc.max(rows["value_class"]).as_py(),
        customers=rows.num_rows,
        sha256=record.sha256,
        is_former=is_former,
        reason=remarks.get("reason"),
        former_month=remarks.get("former_month"),
        former_sha256=remarks.get("former_sha256"),
    )
