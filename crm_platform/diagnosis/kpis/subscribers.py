"""What KPIs need of subscribers (定期客): by their orders, and by the events of their subscriptions where delivered."""

from __future__ import annotations

from collections.abc import Collection
from itertools import accumulate

import ibis
from ibis import _

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.month_sums import MonthSums
from crm_platform.diagnosis.kpis.newcomers import is_brought, newcomers
from crm_platform.diagnosis.kpis.terms import SILENT_MONTHS
from crm_platform.diagnosis.rows import one_row, rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, index_column, index_of


def subscriber_months(inputs: DiagnosisInputs) -> ibis.Table:
    """Months of a customer with a subscription order: `customer_id`, `month` as a count, `orders`."""
    ordered = inputs.customer_months.filter(_.subscription_orders > 0)
    return ordered.select("customer_id", month=index_column(ordered.month), orders=ordered.subscription_orders)


def silence_sums(inputs: DiagnosisInputs) -> MonthSums:
    """Subscribers before each closed month, and those of them who fell silent by its end (無言の離脱).

    A subscriber is silent from the end of the third month without a subscription order on. Counted by differences: who
    begins and who falls silent, month by month.
    """
    facts = subscriber_months(inputs)
    by_month = ibis.window(group_by=facts.customer_id, order_by=facts.month)
    months = facts.mutate(former=facts.month.lag(1).over(by_month), next=facts.month.lead(1).over(by_month))
    begins = months.former.isnull() | (months.month - months.former > SILENT_MONTHS)
    stops = months.next.isnull() | (months.next - months.month > SILENT_MONTHS)
    grouped = months.group_by("month").agg(begun=begins.sum(), stopping=stops.sum()).order_by("month")
    found = {row["month"]: row for row in rows(grouped)}
    closed = [index_of(month) for month in inputs.closed_months]
    begun = [found[month]["begun"] if month in found else 0 for month in closed]
    silent = [found[month - SILENT_MONTHS]["stopping"] if month - SILENT_MONTHS in found else 0 for month in closed]
    before = accumulate((came - went for came, went in zip(begun, silent, strict=True)), initial=0)
    sums = MonthSums()
    for month, people, stopped in zip(closed, before, silent, strict=False):
        sums.add(month, subscribers_before=people, silent_stops=stopped)
    return sums


def subscriber_sums(inputs: DiagnosisInputs, media: Collection[str]) -> MonthSums:
    """New subscribers by the month of their first subscription order, and how often they ordered in twelve months."""
    months = subscriber_months(inputs)
    firsts = months.group_by("customer_id").agg(subscribed=_.month.min())
    first_year = months.inner_join(firsts, "customer_id").filter(_.month - _.subscribed < YEAR_MONTHS)
    orders = first_year.group_by("customer_id", "subscribed").agg(orders=_.orders.sum())
    people = newcomers(inputs)
    joined = orders.inner_join(people.select("customer_id", is_brought=is_brought(people, media)), "customer_id")
    totals = joined.group_by("subscribed").agg(
        new_subscribers=_.count(),
        brought_subscribers=_.count(where=_.is_brought),
        subscribed_twice_12m=_.count(where=_.orders >= 2),
        subscription_orders_12m=yen_sum(_.orders),
        subscription_orders_squares=yen_products(_.orders, _.orders),
        max_subscription_orders=_.orders.max(),
    )
    return MonthSums.read(totals, "subscribed")


def event_sums(inputs: DiagnosisInputs) -> MonthSums:
    """Subscriptions running before each closed month since the first event, and those of them with a stop in it.

    Only changes of state count: a stop of a stopped subscription is none. One whose first event is no start was
    running before the events begin; one that stops in the month of its start was not there when the month began.
    """
    changes = _changes_of_state(inputs)
    if changes is None:
        return MonthSums()
    table, opening, first = changes
    grouped = table.group_by("month").agg(
        begun=table.is_on.sum(),
        ended=(~table.is_on).sum(),
        stopped=(~table.is_on & (table.since < table.month)).sum(),
    )
    found = {row["month"]: row for row in rows(grouped.order_by("month"))}
    sums, running = MonthSums(), opening
    for month in range(first, inputs.closed_index + 1):
        row = found.get(month, {"begun": 0, "ended": 0, "stopped": 0})
        if month > first:
            sums.add(month, running_before=running, told_stops=row["stopped"])
        running += row["begun"] - row["ended"]
    return sums


_ORDER_WITHIN_DAY = ("start", "resume", "skip", "switch", "stop")
_BEFORE_ALL = -1


def _changes_of_state(inputs: DiagnosisInputs) -> tuple[ibis.Table, int, int] | None:
    """Changes of state by month (`is_on`, `since`: month of the former change), the opening count, the first month."""
    events = inputs.subscription_events
    if events is None:
        return None
    place = ibis.cases(*[(events.event == name, number) for number, name in enumerate(_ORDER_WITHIN_DAY)], else_=9)
    facts = events.select("subscription_id", "event", "occurred_on", place=place)
    facts = facts.mutate(month=index_column(facts.occurred_on))
    order = ibis.window(group_by=facts.subscription_id, order_by=[facts.occurred_on, facts.place])
    facts = facts.mutate(opening=~(facts.event.first().over(order)).isin(["start", "resume"]))
    ever = facts.group_by("subscription_id").agg(opening=facts.opening.any(), month=facts.month.min())
    first = one_row(ever.agg(opening=ever.opening.sum().fill_null(0), month=ever.month.min()))
    if first["month"] is None:
        return None
    states = facts.filter(facts.event.isin(["start", "resume", "stop"])).mutate(is_on=_.event != "stop")
    order = ibis.window(group_by=states.subscription_id, order_by=[states.occurred_on, states.place])
    states = states.mutate(was_on=ibis.coalesce(states.is_on.lag(1).over(order), states.opening))
    changed = states.filter(states.is_on != states.was_on)
    order = ibis.window(group_by=changed.subscription_id, order_by=[changed.occurred_on, changed.place])
    changed = changed.mutate(since=ibis.coalesce(changed.month.lag(1).over(order), _BEFORE_ALL))
    return changed, first["opening"], first["month"]
