"""What other clients' subscribers lend to the two-track analysis: rounded rates of those that opted in, no more."""

from __future__ import annotations

from crm_platform.clients import Client
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.neighbours import Lent, lent_by_others
from crm_platform.two_track.business import ReferenceCase, SubscriberYear, lent_case

TWO_TRACK_YEAR = "two_track_year"


def lent_cases(at: ClientMonth) -> list[ReferenceCase]:
    """What each other client that shares lends: of its latest month up to this one; never this client's own.

    None of them where the client's file does not ask for reference cases: then nothing of anybody is read. A client
    that cannot be read lends nothing; the log names it.
    """
    return _lent(at).said_aloud()


def lent_digest(at: ClientMonth) -> dict[str, str]:
    """Digest of what other clients lend."""
    return {"reference_cases": digest_of([case.to_json() for case in _lent(at).things])}


def _lent(at: ClientMonth) -> Lent[ReferenceCase]:
    if not at.client.two_track.use_reference_cases:
        return Lent([], {})
    return lent_by_others(at, lambda client: _lent_by(at, client) if client.two_track.share_parameters else None)


def _lent_by(at: ClientMonth, client: Client) -> ReferenceCase | None:
    lake = at.data.lake
    months = [month for month in lake.months(client.id, TWO_TRACK_YEAR) if month <= at.month]
    if not months:
        return None
    stored = lake.read_document(client.id, TWO_TRACK_YEAR, max(months))
    return lent_case(SubscriberYear.from_json(stored) if stored else None, client.two_track)
