"""When the product runs out, and so when to contact the customer (次いつお電話したらいいのか, R107, R108)."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.clients import Settings
from crm_platform.tables.contact_dates import CONTACT_DATES
from crm_platform.two_track.contact_dates.last_supply import Known, last_supplies, plus_days
from crm_platform.two_track.contact_dates.outcomes import outcomes_since


def next_contact_dates(known: Known, settings: Settings) -> pa.Table:
    """CONTACT_DATES: last delivery + units × days of supply − lead days, moved by what came of contacts since.

    A day in the past is kept: the contact is overdue, and lapses in the end. Who has neither days of supply nor an own
    cycle has no row, unless the operator set a day. A subscriber's day is that of the next delivery, and nobody is
    called for it unless `settings.contact_subscribers`. The rules, each with its reason:

    * sent: counts as a delivery of the same, as long as no order followed (`supplied_on` is the contact's day);
    * declined (余っていれば断る): not before `declined_pause_days` after it; never a stop;
    * no_answer: again `no_answer_pause_days` after it; after every `no_answer_tries` of them when the next supply would
      run out (next_cycle);
    * stated_day: the operator's day, whatever came before it, until a delivery, a decline or a sending reaches it;
    * hold: not before the operator's day;
    * lapsed (掘り起こし): nobody was called though the product ran out longer ago than `contact_lapse_supplies` more of
      the same would have lasted. The day stays, the call is off the list (`to_call`) until an order or an outcome gives
      a new one. Neither a day that the operator set lapses, nor a subscription.
    """
    supplies = last_supplies(known, settings)
    told = outcomes_since(supplies, known.contacts)
    rows = supplies.left_join(told, "customer_id").drop("customer_id_right")
    rows = _lapsed(_held(_paused(_stated(_sent(rows)), settings)), known.on, settings)
    dated = rows.filter(_.next_contact_on.notnull())
    return CONTACT_DATES.cast(dated.select(*CONTACT_DATES.names).to_pyarrow())


def _sent(rows: ibis.Table) -> ibis.Table:
    """What was sent at a contact lasts from that day on; a subscription delivers on days of its own."""
    counts = rows.sent_on.notnull() & ~rows.subscribes & rows.due_on.notnull()
    moved_days = rows.sent_on.delta(rows.supplied_on, unit="day").cast("int64")
    return rows.mutate(
        supplied_on=ibis.ifelse(counts, rows.sent_on, rows.supplied_on),
        runs_out_on=ibis.ifelse(counts, plus_days(rows.runs_out_on, moved_days), rows.runs_out_on),
        next_contact_on=ibis.ifelse(counts, plus_days(rows.due_on, moved_days), rows.due_on),
        reason=ibis.ifelse(counts, "sent", rows.supply_source),
    )


def _stated(rows: ibis.Table) -> ibis.Table:
    """The operator's day, while neither a delivery nor a decline has reached it; `stands_from` is that day."""
    is_open = rows.supplied_on.isnull() | (rows.supplied_on < rows.stated_on)
    is_open &= rows.declined_on.isnull() | (rows.declined_on < rows.stated_on)
    holds = (rows.stated_on.notnull() & is_open).fill_null(False)
    stated = _moved(rows, holds, rows.stated_on, "stated_day")
    stands_from = ibis.ifelse(holds, rows.stated_on, ibis.null("date"))
    return stated.mutate(to_call=rows.to_call | holds, stands_from=stands_from)


def _paused(rows: ibis.Table, settings: Settings) -> ibis.Table:
    """Put off where the customer declined or did not answer; never brought forward; a day set since stands."""
    tries_are_over = (rows.unanswered % settings.no_answer_tries) == 0
    until = ibis.cases(
        (
            rows.unanswered_on.notnull() & tries_are_over,
            plus_days(rows.unanswered_on, ibis.greatest(rows.supply_days, settings.no_answer_pause_days)),
        ),
        (rows.unanswered_on.notnull(), plus_days(rows.unanswered_on, settings.no_answer_pause_days)),
        (rows.declined_on.notnull(), plus_days(rows.declined_on, settings.declined_pause_days)),
    )
    why = ibis.cases(
        (rows.unanswered_on.notnull() & tries_are_over, "next_cycle"),
        (rows.unanswered_on.notnull(), "no_answer"),
        else_="declined",
    )
    told_on = ibis.greatest(rows.unanswered_on, rows.declined_on)
    moves = rows.to_call & (until > rows.next_contact_on) & (rows.stands_from.isnull() | (told_on >= rows.stands_from))
    return _moved(rows, moves, until, why)


def _held(rows: ibis.Table) -> ibis.Table:
    """Not before the operator's hold is over."""
    return _moved(rows, rows.to_call & (rows.hold_until > rows.next_contact_on), rows.hold_until, "hold")


def _lapsed(rows: ibis.Table, on: dt.date, settings: Settings) -> ibis.Table:
    """Off the list where the call is overdue by more than the lead days and so many supplies."""
    patience_days = (rows.supply_days * settings.contact_lapse_supplies).ceil().cast("int64")
    last_on = plus_days(rows.next_contact_on, patience_days + settings.contact_lead_days)
    lapses = rows.to_call & ~rows.subscribes & rows.stands_from.isnull() & (last_on < ibis.literal(on))
    lapses = lapses.fill_null(False)
    return rows.mutate(to_call=rows.to_call & ~lapses, reason=ibis.ifelse(lapses, "lapsed", rows.reason))


def _moved(rows: ibis.Table, moves: ibis.BooleanValue, day: ibis.Value, why: ibis.Value | str) -> ibis.Table:
    """`rows` with another day and reason where `moves` is true; where it is unknown, nothing moves."""
    certainly = moves.fill_null(False)
    return rows.mutate(
        next_contact_on=ibis.ifelse(certainly, day, rows.next_contact_on),
        reason=ibis.ifelse(certainly, why, rows.reason),
    )
