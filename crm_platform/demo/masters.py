"""The masters that the house keeps: products, customers with the house's own rank, media with their costs."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.arrivals import SEXES, Arrivals
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.draws import Whole
from crm_platform.demo.house import PREFECTURES, PRODUCTS
from crm_platform.demo.order_lines import customer_ids
from crm_platform.demo.placements import CRM_MEDIA, STANDING_SHARE, Medium
from crm_platform.tables import delivered

CLIENT_RANKS = ("D", "C", "B", "A", "S")
RANK_BLIND_TO = "subscription"


def product_master() -> pa.Table:
    """Table PRODUCTS."""
    fields = {
        "product_id": "product_id", "product_name": "name", "category": "category", "brand": "brand",
        "list_price_jpy": "list_price_jpy", "cost_jpy": "cost_jpy", "supply_days": "supply_days",
        "is_trial": "is_trial", "is_gift": "is_gift",
    }  # fmt: skip
    columns = {
        name: pa.array([getattr(product, field) for product in PRODUCTS], delivered.PRODUCTS[name].type)
        for name, field in fields.items()
    }
    return delivered.PRODUCTS.from_columns(columns)


def customer_master(arrivals: Arrivals, media: list[Medium], calendar: Calendar, lines: pa.Table) -> pa.Table:
    """Table CUSTOMERS, with the rank that the house gave on the last day."""
    prefectures = np.array(list(PREFECTURES), dtype=object)
    sexes = np.array([sex or None for sex in SEXES], dtype=object)
    customers = delivered.CUSTOMERS.from_columns(
        {
            "customer_id": customer_ids(np.arange(len(arrivals.day))),
            "birth_year": pa.array(arrivals.birth_year),
            "sex": pa.array(sexes[arrivals.sex], pa.string()),
            "prefecture": pa.array(prefectures[arrivals.prefecture], pa.string()),
            "registered_on": _dates(arrivals.day, calendar),
            "first_media_id": pa.array([media[position].media_id for position in arrivals.medium], pa.string()),
        }
    )
    return with_client_ranks(customers, lines, calendar.last_month.last_day)


def with_client_ranks(customers: pa.Table, lines: pa.Table, known_on: dt.date) -> pa.Table:
    """The customers with the house's own rank as of `known_on`: a plain RFM score that looks at recency most of all.

    It is a bad rule, as such rules are (R65): it counts cancelled orders, forgets who has long been good, and misses
    the orders of subscriptions, which the house keeps in another system (RANK_BLIND_TO).
    """
    seen = lines.filter(pc.not_equal(lines["order_kind"], RANK_BLIND_TO))
    orders = seen.group_by("customer_id").aggregate(
        [("ordered_at", "max"), ("order_id", "count_distinct"), ("ordered_jpy", "sum")]
    )
    place = pc.index_in(customers["customer_id"], orders["customer_id"])
    found = orders.take(place)
    ordered_on = np.asarray(found["ordered_at_max"].cast(pa.date32()).fill_null(dt.date(1970, 1, 1)))
    silent_days = (np.datetime64(known_on, "D") - ordered_on).astype(np.int64)
    recency = 1 + (silent_days <= 180) + (silent_days <= 60)
    frequency = 1 + _at_least(found["order_id_count_distinct"], 3) + _at_least(found["order_id_count_distinct"], 6)
    money = 1 + _at_least(found["ordered_jpy_sum"], 15_000) + _at_least(found["ordered_jpy_sum"], 50_000)
    score = 2 * recency + frequency + money  # 4 … 12
    rank = np.array(CLIENT_RANKS, dtype=object)[np.clip((score - 4) // 2, 0, 4)]
    position = customers.schema.get_field_index("client_rank")
    return customers.set_column(position, customers.schema.field("client_rank"), pa.array(rank, pa.string()))


def media_master(media: list[Medium], customers: int, calendar: Calendar) -> pa.Table:
    """Table MEDIA; the house's own media to its customers have neither term nor cost."""
    own = [(media_id, name, "CRM", None, None, None) for media_id, name in CRM_MEDIA]
    rows = [
        (medium.media_id, medium.name, medium.channel, *_term(medium, calendar), cost)
        for medium, cost in zip(media, media_costs_jpy(media, customers, calendar), strict=True)
    ]
    columns = zip(delivered.MEDIA.columns, zip(*rows, *own, strict=True), strict=True)
    return delivered.MEDIA.from_columns({column.name: pa.array(values, column.type) for column, values in columns})


def media_costs_jpy(media: list[Medium], customers: int, calendar: Calendar) -> list[int]:
    """Cost of each placement in whole thousands: planned cost per new customer × the customers it was to bring."""
    lengths = [medium.last_day - medium.first_day + 1 for medium in media]
    seen = [min(medium.last_day, calendar.last_day) - medium.first_day + 1 for medium in media]
    pulls = [m.weight * s / n for m, s, n in zip(media, seen, lengths, strict=True) if m.cpo_jpy > 0]
    paid_customers = customers * (1 - STANDING_SHARE)
    return [
        round(medium.cpo_jpy * paid_customers * medium.weight / sum(pulls) / 1000) * 1000 if medium.cpo_jpy else 0
        for medium in media
    ]


def _term(medium: Medium, calendar: Calendar) -> tuple[dt.date | None, dt.date | None]:
    """First and last day of a placement; none for the media that always run."""
    if medium.cpo_jpy == 0:
        return None, None
    first = calendar.first_month.first_day
    return first + dt.timedelta(days=medium.first_day), first + dt.timedelta(days=medium.last_day)


def _at_least(values: pa.ChunkedArray, threshold: int) -> Whole:
    return (np.asarray(values.fill_null(0)) >= threshold).astype(np.int64)


def _dates(day: Whole, calendar: Calendar) -> pa.Array:
    return pa.array((day + calendar.epoch_offset_days).astype("datetime64[D]"))
