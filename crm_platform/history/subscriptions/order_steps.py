"""All orders of subscriptions one after another, in one pass over all deliveries: which of them tell something."""

from __future__ import annotations

import ibis
from ibis import _

from crm_platform.history.subscriptions.told import looked_on


def kinds_of(deliveries: ibis.Table, course_cycle_days: ibis.Table) -> ibis.Table:
    """`kind`, a number for each pair of course and product, so that windows over all deliveries move numbers only.

    With `kind_course`, `kind_product_id` and `course_cycle_days`, which is null where the rhythm is irregular.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES.
        course_cycle_days: see `Rhythms.table`.
    """
    pairs = deliveries.select(kind_course="course", kind_product_id="product_id").distinct()
    pairs = pairs.mutate(kind=ibis.row_number().cast("int32"), rhythm=ibis.coalesce(_.kind_course, _.kind_product_id))
    days = course_cycle_days.select("rhythm", "course_cycle_days")
    return pairs.left_join(days, "rhythm").drop("rhythm", "rhythm_right").cache()


def people_of(deliveries: ibis.Table) -> ibis.Table:
    """`subscription_id`, `customer_id`, `has_order`, `orders` and `person`, a number for each; held once computed."""
    people = deliveries.group_by("subscription_id").agg(
        customer_id=_.customer_id.min(), has_order=_.is_order.any(), orders=_.count()
    )
    return people.mutate(person=ibis.row_number().cast("int32")).cache()


def steps_that_tell(
    deliveries: ibis.Table,
    people: ibis.Table,
    kinds: ibis.Table,
    told: ibis.Table | None,
    own_rhythms: bool,
    fallback_days: int,
) -> ibis.Table:
    """The orders of subscriptions that tell something, cancelled ones included: they were placed in their cycle.

    These are the first and the last order of each, those after a missed cycle, in another course, of another product,
    numbered otherwise than the former one says, within half a cycle of the former one, and those around delivered
    events. Of a subscription that the data know by credits only, these count as orders.

    Columns: `person` (see `people_of`), `order_no` from 1, `ordered_on`, `former_on`, `cycle_no`,
    `former_cycle_no`, `stands`, `former_stands`, `cycle_days`, `missed`, `overlaps`, `is_last`, and the `kind` of the
    order, the former, the one before that and the next.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES of whole subscriptions.
        people: see `people_of`; of the same subscriptions.
        kinds: see `kinds_of`.
        told: SUBSCRIPTION_EVENTS; None where nothing was delivered.
        own_rhythms: whether some course has no rhythm, so that the own gaps of a subscription count.
        fallback_days: the rhythm of all deliveries.
    """
    orders = _orders(deliveries, people, kinds)
    steps = _with_cycle_days(_beside_others(orders), kinds, own_rhythms, float(fallback_days))
    is_next = (steps.cycle_no > steps.former_cycle_no).fill_null(False)
    steps = steps.mutate(
        missed=missed_cycles(steps.gap_days, steps.cycle_days),
        overlaps=(2 * steps.gap_days < steps.cycle_days).fill_null(False) & ~is_next,
    )
    around = ibis.literal(False)
    if told is not None:
        steps = _marked(steps, _days_before(told, people, orders), kinds)
        around = steps.is_around
    return steps.filter(_tells(steps) | around).drop("gap_days", "before_on").cache()


def missed_cycles(gap_days: ibis.Value, cycle_days: ibis.Value) -> ibis.Value:
    """Cycles without an order in a gap: a delivery up to half a cycle late is still that cycle's."""
    return ibis.greatest((gap_days / cycle_days + 0.5).floor().cast("int64") - 1, 0)


def _orders(deliveries: ibis.Table, people: ibis.Table, kinds: ibis.Table) -> ibis.Table:
    known = deliveries.inner_join(people.drop("customer_id", "orders"), "subscription_id")
    counted = known.filter(known.is_order | ~known.has_order)
    is_kind = [counted.course.identical_to(kinds.kind_course), counted.product_id == kinds.kind_product_id]
    coded = counted.inner_join(kinds, is_kind)
    return coded.select(
        "person", "kind", "ordered_on", "stands", place=coded.order_id.hash(), cycle_no=coded.cycle_no.cast("int32")
    )


def _beside_others(orders: ibis.Table) -> ibis.Table:
    """Each order beside those around it."""
    in_order = ibis.window(group_by="person", order_by=["ordered_on", "place"])
    steps = orders.select(
        "person",
        "ordered_on",
        "kind",
        "cycle_no",
        "stands",
        order_no=ibis.row_number().over(in_order) + 1,
        former_on=orders.ordered_on.lag(1).over(in_order),
        before_on=orders.ordered_on.lag(2).over(in_order),
        former_kind=orders.kind.lag(1).over(in_order),
        before_kind=orders.kind.lag(2).over(in_order),
        next_kind=orders.kind.lead(1).over(in_order),
        former_cycle_no=orders.cycle_no.lag(1).over(in_order),
        former_stands=orders.stands.lag(1).over(in_order),
    )
    return steps.mutate(gap_days=_.ordered_on.delta(_.former_on, unit="day"), is_last=_.next_kind.isnull())


def _with_cycle_days(steps: ibis.Table, kinds: ibis.Table, own_rhythms: bool, fallback_days: float) -> ibis.Table:
    """`steps` with `cycle_days`, those of the course, else the median gap of the subscription, else `fallback_days`."""
    joined = steps.inner_join(kinds.select("kind", "course_cycle_days"), "kind")
    if not own_rhythms:
        return joined.mutate(cycle_days=ibis.coalesce(_.course_cycle_days, fallback_days)).drop("course_cycle_days")
    own = ibis.window(group_by="person")
    own_days = joined.gap_days.cast("float64").nullif(0.0).quantile(0.5).over(own)
    cycle_days = ibis.coalesce(joined.course_cycle_days, own_days, fallback_days)
    return joined.mutate(cycle_days=cycle_days).drop("course_cycle_days")


def _tells(steps: ibis.Table) -> ibis.BooleanValue:
    at_the_ends = steps.former_on.isnull() | steps.is_last
    differs = (steps.kind != steps.former_kind).fill_null(False)
    renumbered = (steps.cycle_no - steps.former_cycle_no != 1).fill_null(False)
    renumbered |= steps.cycle_no.isnull() != steps.former_cycle_no.isnull()
    return at_the_ends | (steps.missed > 0).fill_null(False) | differs | steps.overlaps | renumbered


def _days_before(told: ibis.Table, people: ibis.Table, orders: ibis.Table) -> ibis.Table:
    """`person`, `marked_on`: the days of orders that a delivered event follows."""
    looked = told.select("subscription_id", looked_on=looked_on(told)).inner_join(people, "subscription_id")
    looked = looked.select("person", "looked_on").distinct().cache()
    days = orders.select("person", marked_on="ordered_on").semi_join(looked, "person")
    found = looked.asof_join(days, looked.looked_on >= days.marked_on, predicates="person")
    return found.filter(_.marked_on.notnull()).select("person", "marked_on").distinct()


def _marked(steps: ibis.Table, days: ibis.Table, kinds: ibis.Table) -> ibis.Table:
    """`steps` with `is_around`: an event follows the order or the former one, or the former one may overlap.

    A gap ends with the first order that does not overlap the one before it, so the order after an overlap counts too.
    """
    marks = days.mutate(is_marked=True)
    for end in ("ordered_on", "former_on"):
        steps = steps.left_join(marks, ["person", steps[end] == marks.marked_on])
        steps = steps.mutate(**{f"{end}_marked": steps.is_marked.fill_null(False)})
        steps = steps.drop("person_right", "marked_on", "is_marked")
    of_former = kinds.select(former_kind="kind", former_days="course_cycle_days")
    steps = steps.left_join(of_former, "former_kind").drop("former_kind_right")
    most = ibis.coalesce(steps.former_days, steps.cycle_days)  # an order of another kind than the former tells anyway
    is_close = (2 * steps.former_on.delta(steps.before_on, unit="day") < most).fill_null(False)
    steps = steps.mutate(is_around=steps.ordered_on_marked | steps.former_on_marked | is_close)
    return steps.drop("ordered_on_marked", "former_on_marked", "former_days")
