"""What other clients' subscribers lend to the two-track analysis: rounded rates of those that opted in, no more."""

from __future__ import annotations

from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.two_track.business import ReferenceCase, SubscriberYear, lent_case

TWO_TRACK_YEAR = "two_track_year"


def lent_cases(at: ClientMonth) -> list[ReferenceCase]:
    """What each other client that shares lends: of its latest month up to this one; never this client's own.

    None of them where the client's file does not ask for reference cases: then nothing of anybody is read.
    """
    if not at.client.two_track.use_reference_cases:
        return []
    catalogue = at.data.platform.catalogue
    sharing = [
        name for name in catalogue.ids() if name != at.client.id and catalogue.load(name).two_track.share_parameters
    ]
    lent = [_lent_by(at, name) for name in sharing]
    return [case for case in lent if case is not None]


def lent_digest(at: ClientMonth) -> dict[str, str]:
    """Digest of what other clients lend."""
    return {"reference_cases": digest_of([case.to_json() for case in lent_cases(at)])}


def _lent_by(at: ClientMonth, client: str) -> ReferenceCase | None:
    lake = at.data.lake
    months = [month for month in lake.months(client, TWO_TRACK_YEAR) if month <= at.month]
    if not months:
        return None
    stored = lake.read_document(client, TWO_TRACK_YEAR, max(months))
    settings = at.data.platform.catalogue.load(client).two_track
    return lent_case(SubscriberYear.from_json(stored) if stored else None, settings)
