"""What is learned holds for a term: inside the term of a book, models and track records are those of its first month.

A month then costs what it brings, and a customer's forecast moves because the customer did. A book that is reissued, or
`crm-platform refresh --learn-anew`, begins with models of its own; so does changed code or a changed setting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_platform.lake import MadeFrom, Provenance, digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.segment_books import book_in_force
from crm_platform.periods import Month

Carry = Callable[[ClientMonth, Any], Any]  # the document or table that the term began with → that of a later month
RENEWED = "models_renewed"
_NULL = digest_of(b"null")


def as_it_was(_: ClientMonth, content: Any) -> Any:
    """A record of the past says of which days it is, and holds as it stands."""
    return content


def learned_in(at: ClientMonth) -> Month | None:
    """The earlier month whose models hold at this one; None where this month learns for itself."""
    issued = book_in_force(at)
    if issued is None:
        return None
    renewed = [month for month in at.data.lake.months(at.client.id, RENEWED) if month <= at.month]
    learned = max([issued, *renewed])
    return learned if learned < at.month else None


def held_record(at: ClientMonth, name: str, code: str, settings: str) -> tuple[Month, Provenance] | None:
    """The month and the record of what `name` holds; None where there is none by this code and settings.

    A null or a table without a row holds nothing: the history was too short then, and need not be now.
    """
    month = learned_in(at)
    record = at.data.lake.provenance(at.client.id, name, month) if month else None
    if month is None or record is None or record.sha256 == _NULL or not record.rows:
        return None
    is_same = (record.made_from.code, record.made_from.settings) == (code, settings)
    return (month, record) if is_same else None


def learn_anew(at: ClientMonth, reason: str) -> None:
    """From this month on its own models hold, inside a term too; the caller is `alone`."""
    at.data.lake.write_document(at.client.id, RENEWED, at.month, {"reason": reason}, MadeFrom())
