"""What came of the contacts since the last delivery, and how it moves the next one (送付・辞退・不在, R108)."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

_MOVING = ("sent", "declined", "no_answer")


def outcomes_since(supplies: ibis.Table, contacts: pa.Table) -> ibis.Table:
    """What came of the contacts after the last delivery, a row per customer who had any.

    Columns: customer_id; sent_on, the last contact at which the product was sent, since when nothing was delivered yet;
    declined_on, the last decline after it; unanswered_on and unanswered, the last of the contacts without an answer
    after both, and on how many days there were such. An outcome that is not known moves nothing.

    Args:
        supplies: customer_id and supplied_on, null where nothing was ever supplied.
        contacts: CONTACTS up to the day.
    """
    told = ibis.memtable(contacts).filter(_.outcome.isin(_MOVING)).select("customer_id", "contacted_on", "outcome")
    since = supplies.select("customer_id", "supplied_on")
    after = told.inner_join(since, "customer_id")
    after = after.filter(after.supplied_on.isnull() | (after.contacted_on > after.supplied_on))
    of_customer = ibis.window(group_by="customer_id")
    sent = after.mutate(sent_on=_last(after, "sent").over(of_customer))
    sent = sent.mutate(is_later=sent.sent_on.isnull() | (sent.contacted_on > sent.sent_on))
    declined = sent.mutate(declined_on=_last(sent, "declined", sent.is_later).over(of_customer))
    is_open = declined.is_later & (declined.declined_on.isnull() | (declined.contacted_on > declined.declined_on))
    is_unanswered = is_open & (declined.outcome == "no_answer")
    return declined.group_by("customer_id").agg(
        sent_on=declined.sent_on.max(),
        declined_on=declined.declined_on.max(),
        unanswered_on=declined.contacted_on.max(where=is_unanswered),
        unanswered=declined.contacted_on.nunique(where=is_unanswered),
    )


def _last(contacts: ibis.Table, outcome: str, where: ibis.BooleanValue | bool = True) -> ibis.Value:
    return contacts.contacted_on.max(where=(contacts.outcome == outcome) & where)
