"""What each customer was supplied with last, and how long it lasts: the days that outcomes of contacts then move."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.clients import Settings

_EPOCH = ibis.date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one client at the end of the day `on`: CUSTOMER_PRODUCT_MONTHS up to it, the rest as of it.

    `contacts` and `overrides`: CONTACTS up to the day, and CONTACT_OVERRIDES, as delivered.
    """

    on: dt.date
    product_months: ibis.Table
    supply: ibis.Table  # PRODUCT_SUPPLY
    history: ibis.Table  # CUSTOMER_HISTORY
    subscriptions: ibis.Table  # SUBSCRIPTIONS
    contacts: pa.Table
    overrides: pa.Table


def last_supplies(known: Known, settings: Settings) -> ibis.Table:
    """A row per customer to be contacted: what was supplied last, when, how long it lasts and why so long.

    Columns: customer_id, product_id, supplied_on, supply_days, supply_source, due_on (contact without any outcome),
    runs_out_on, to_call, and the settings of the operator (stated_on, hold_until). Whoever has left (離脱) is called
    back, not supplied, unless a day was set or a contact sent the product since.
    """
    overrides = ibis.memtable(known.overrides).rename(
        set_days="supply_days", stated_on="next_contact_on", overridden_id="customer_id"
    )
    people = known.history.select("customer_id", "last_purchased_on", "cycle_days", "gap_days")
    people = people.left_join(overrides, people.customer_id == overrides.overridden_id).drop("overridden_id")
    bought_lately = (people.gap_days < settings.cpm_lapsed_gap_days) & people.last_purchased_on.notnull()
    sent_lately = people.customer_id.isin(_sent_since(known, settings.cpm_lapsed_gap_days).customer_id)
    runs = people.customer_id.isin(_running(known).customer_id)  # a yearly plan is no long silence
    people = people.mutate(is_active=bought_lately | sent_lately | runs).filter(_.is_active | _.stated_on.notnull())
    return _with_days(_beside_subscription(people, known, settings), settings)


def plus_days(day: ibis.Value, days: ibis.Value | int) -> ibis.Value:
    """The date `days` after `day`."""
    number = ibis.literal(days) if isinstance(days, int) else days
    return (day + number.cast("int64").as_interval("D")).cast("date")


def latest_deliveries(product_months: ibis.Table) -> ibis.Table:
    """The last delivery of each product to each customer, which an order of an earlier month may be (予約)."""
    rank = _days_since(_.last_delivered_on) * 1_000_000 + _days_since(_.month)
    return product_months.group_by("customer_id", "product_id").agg(
        last_delivered_on=_.last_delivered_on.max(), last_quantity=_.last_quantity.argmax(rank)
    )


def _days_since(day: ibis.Value) -> ibis.Value:
    return day.delta(_EPOCH, unit="day").cast("int64")


def _running(known: Known) -> ibis.Table:
    return known.subscriptions.filter((_.state == "continuing") & _.next_due_on.notnull())


def _sent_since(known: Known, lapsed_gap_days: int) -> ibis.Table:
    """Contacts at which a product was sent, not as long ago as customers take to leave."""
    since = known.on - dt.timedelta(days=lapsed_gap_days)
    return ibis.memtable(known.contacts).filter((_.outcome == "sent") & (_.contacted_on > since))


def _beside_subscription(people: ibis.Table, known: Known, settings: Settings) -> ibis.Table:
    """`people` with their last product (`product_*`) and the subscription that delivers next (`course_*`)."""
    products = _running_out_first(people, known, settings.cpm_lapsed_gap_days)
    running = _running(known)
    next_first = ibis.window(group_by="customer_id", order_by=[running.next_due_on, running.subscription_id])
    courses = running.mutate(place=ibis.row_number().over(next_first)).filter(_.place == 0)
    courses = courses.select(
        "customer_id",
        "next_due_on",
        course_product_id=_.product_id,
        course_delivered_on=ibis.coalesce(_.last_delivered_on, _.started_on),
        course_days=_.cycle_days,
    )
    joined = people.left_join(products, "customer_id", rname="{name}_of_product")
    return joined.left_join(courses, "customer_id", rname="{name}_of_course")


def _running_out_first(people: ibis.Table, known: Known, lapsed_gap_days: int) -> ibis.Table:
    """Per customer the product delivered last that is no give-away and has days of supply.

    Of several delivered that day the one that runs out first. A product not delivered for as long as customers take to
    leave, counted back from the last purchase, is used no more. Without any such product the last one, its days null.
    """
    supply = known.supply.filter(_.supply_days.notnull()).select("product_id", "supply_source", unit_days=_.supply_days)
    bought = latest_deliveries(known.product_months.semi_join(people, "customer_id")).left_join(supply, "product_id")
    bought = bought.inner_join(people.select("customer_id", "last_purchased_on"), "customer_id", rname="{name}_of")
    in_use = bought.last_delivered_on >= plus_days(bought.last_purchased_on, -lapsed_gap_days)
    product_days = ibis.ifelse(in_use, bought.unit_days * bought.last_quantity, ibis.null("int64"))
    bought = bought.mutate(product_days=product_days)
    order = [
        bought.product_days.isnull(),
        bought.last_delivered_on.desc(),
        bought.product_days,
        bought.product_id,
    ]
    first = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=order))
    return (
        bought.mutate(place=first)
        .filter(_.place == 0)
        .select("customer_id", "product_id", "last_delivered_on", "product_days", product_source=_.supply_source)
    )


def _with_days(people: ibis.Table, settings: Settings) -> ibis.Table:
    """`people` with the days of their last supply, by what says it: the subscription, the operator, the product, they.

    What the operator set (`set_days`) goes before the product, that before the customer's own cycle.
    """
    subscribes = people.next_due_on.notnull()
    cycle_days = people.cycle_days.round().cast("int64")
    has_days = people.product_days.notnull()
    rows = people.mutate(
        subscribes=subscribes,
        product_id=ibis.ifelse(subscribes, people.course_product_id, people.product_id),
        supplied_on=ibis.cases(
            (subscribes, people.course_delivered_on),
            (has_days, people.last_delivered_on),
            else_=people.last_purchased_on,
        ),
        supply_days=ibis.ifelse(
            subscribes,
            people.course_days.round().cast("int64"),
            ibis.coalesce(people.set_days, people.product_days, cycle_days),
        ),
        supply_source=ibis.cases(
            (subscribes, "subscription"),
            (people.set_days.notnull(), "customer_setting"),
            (has_days, people.product_source),
            (cycle_days.notnull(), "own_cycle"),
        ),
        to_call=~subscribes | settings.contact_subscribers,
    )
    rows = rows.mutate(runs_out_on=ibis.coalesce(rows.next_due_on, plus_days(rows.supplied_on, rows.supply_days)))
    lead_days = ibis.ifelse(rows.to_call, settings.contact_lead_days, 0)
    due_on = ibis.ifelse(rows.is_active, plus_days(rows.runs_out_on, -lead_days), ibis.null("date"))
    return rows.mutate(due_on=due_on).select(
        "customer_id", "product_id", "supplied_on", "supply_days", "supply_source", "runs_out_on", "due_on", "to_call",
        "subscribes", "stated_on", "hold_until",
    )  # fmt: skip
