"""The orders of subscriptions that tell something, numbered anew: SUBSCRIPTION_CYCLES."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.history.subscriptions.order_steps import kinds_of, people_of, steps_that_tell
from crm_platform.history.subscriptions.parts import spans_of
from crm_platform.history.subscriptions.rhythms import Rhythms
from crm_platform.tables.subscriptions import SUBSCRIPTION_CYCLES

_PART_ORDERS = 8_000_000  # some hundred MiB while they are put in order


def subscription_cycles(deliveries: ibis.Table, told: pa.Table, rhythms: Rhythms) -> pa.Table:
    """SUBSCRIPTION_CYCLES: the orders at which something about a subscription shows (see `steps_that_tell`).

    `cycle_days` is that of the course in which the order was placed (a switch holds from the delivery that follows it),
    else the median of the subscription's own gaps, else that of all deliveries. `missed`: cycles without an order
    between the former order and this one, to the nearest whole. `overlaps`: less than half a cycle after the former
    order and not numbered beyond it, so both are one cycle's. `place` counts cycles from 1; `counted_no` (定期回数) is
    `place`, and more where the first deliveries are before the data: so much more as the first number
    says, or most of the others where none agrees with the first.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES of every month up to the as-of date.
        told: SUBSCRIPTION_EVENTS delivered up to it.
        rhythms: see `learn_rhythms`.
    """
    kinds = kinds_of(deliveries, rhythms.table())
    events = ibis.memtable(told) if told.num_rows else None
    people, made = people_of(deliveries), []
    for span in spans_of(people, _PART_ORDERS):
        part = span.of(deliveries), span.of(people)
        steps = steps_that_tell(*part, kinds, events, not rhythms.all_are_regular, rhythms.fallback_days)
        rows = _named(_numbered(steps), kinds).inner_join(part[1], "person")
        made.append(rows.select(*SUBSCRIPTION_CYCLES.names).to_pyarrow())
    nullable = pa.schema([(column.name, column.type) for column in SUBSCRIPTION_CYCLES.columns])
    return SUBSCRIPTION_CYCLES.cast(pa.concat_tables([nullable.empty_table(), *(rows.cast(nullable) for rows in made)]))


def subscription_orders(cycles: ibis.Table) -> ibis.Table:
    """`subscription_id`, `orders`: how many orders each subscription of SUBSCRIPTION_CYCLES has."""
    return cycles.group_by("subscription_id").agg(orders=_.order_no.max())


def _numbered(steps: ibis.Table) -> ibis.Table:
    """`steps` with `place` and `counted_no`; every order that overlaps is among them."""
    in_order = ibis.window(group_by="person", order_by="order_no")
    so_far = ibis.window(group_by="person", order_by="order_no", preceding=None, following=0)
    step = steps.cycle_no - steps.former_cycle_no
    counts_missed = ((step > 1) & (step <= 1 + steps.missed)).fill_null(False)  # the client numbers skipped cycles too
    steps = steps.mutate(leapt=ibis.ifelse(counts_missed, step - 1, 0).cast("int64"))
    steps = steps.mutate(
        place=steps.order_no - steps.overlaps.cast("int64").sum().over(so_far).cast("int64"),
        leapt=steps.leapt.sum().over(so_far).cast("int64"),
        lasts=steps.order_no.lead(1).over(in_order).fill_null(steps.order_no + 1) - steps.order_no,
    )
    joined = steps.left_join(_before_the_data(steps), "person").drop("person_right")
    return joined.mutate(counted_no=joined.place + joined.before.fill_null(0))


def _before_the_data(steps: ibis.Table) -> ibis.Table:
    """`before`: by how much the first delivered number exceeds its place, if it is 1 or another order agrees with it.

    Else the first number is a slip, and most of the others say (of equals the earlier). Numbers below their place do
    not count: a subscription that is numbered from 1 again began no later for that.
    """
    votes = steps.mutate(before=steps.cycle_no - steps.place - steps.leapt).filter(_.before >= 0)
    counted = votes.group_by("person", "before").agg(orders=_.lasts.sum(), first_no=_.order_no.min())
    of_first = counted.first_no == counted.first_no.min().over(ibis.window(group_by="person"))
    counted = counted.mutate(agrees=of_first & ((counted.before == 0) | (counted.orders > 1)))
    order = ibis.window(group_by="person", order_by=[counted.agrees.desc(), counted.orders.desc(), counted.first_no])
    best = counted.mutate(rank=ibis.row_number().over(order)).filter(_.rank == 0)
    return best.select("person", "before")


def _named(steps: ibis.Table, kinds: ibis.Table) -> ibis.Table:
    """`steps` with course and product of the order and the former; `has_new_product`: for good.

    For good is a product that comes twice, after another that came twice: what came once is a companion.
    """
    for when in ("", "former_", "before_", "next_"):
        names = kinds.select(**{f"{when}kind": "kind", f"{when}course": "kind_course",
                                f"{when}product_id": "kind_product_id"})  # fmt: skip
        steps = steps.left_join(names, f"{when}kind").drop(f"{when}kind_right")
    was_kept = steps.former_product_id == steps.before_product_id
    stays = steps.next_product_id == steps.product_id
    changed = (steps.product_id != steps.former_product_id) & was_kept & stays
    return steps.mutate(has_new_product=changed.fill_null(False))
