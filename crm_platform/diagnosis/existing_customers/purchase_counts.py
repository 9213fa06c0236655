"""Every n-th purchase of every customer, counted by how the customer began and how long it was until the next."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd
from ibis import _

from crm_platform.diagnosis.groundwork.dormancy_thresholds import first_groups
from crm_platform.diagnosis.groundwork.media_names import named_media
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS

WINDOW_DAYS = 30
WINDOWS = 24  # two years; a longer gap counts as WINDOWS
NO_NEXT = -1
LAST_NUMBER = 11  # the eleventh purchase and all after it
DIMENSIONS = ("order_kind", "product_group", "channel")
GROUPS_SHOWN = 12  # the largest of a dimension; a house without product groups has hundreds


def purchase_counts(inputs: DiagnosisInputs) -> pd.DataFrame:
    """A row per combination of `order_kind`, `product_group`, `channel` and the rest, with `customers`.

    `number`: the n-th purchase day; `known`: windows of 30 days from it to the as-of date; `gap`: windows to the next
    purchase, -1 where there was none; `is_recent`: made in the last six closed months. Purchases of one month but its
    last were followed within 30 days. What a customer began with is null beyond the largest groups of a dimension.
    """
    cells = (
        _gaps(inputs)
        .inner_join(_beginnings(inputs), "customer_id")
        .group_by(*DIMENSIONS, "before", "purchase_days", "known", "gap", "is_recent")
    )
    sums = cells.agg(months=_.count())
    numbered = sums.mutate(step=ibis.range(1, sums.purchase_days + 1).unnest())
    is_last = numbered.step == numbered.purchase_days
    told = numbered.mutate(
        number=ibis.least(numbered.before + numbered.step, LAST_NUMBER), gap=ibis.ifelse(is_last, numbered.gap, 0)
    )
    keys = (*DIMENSIONS, "number", "known", "gap", "is_recent")
    found: pd.DataFrame = told.group_by(*keys).agg(customers=_.months.sum()).order_by(*keys).to_pandas()
    return found.astype({"number": "int64", "known": "int64", "gap": "int64", "customers": "int64"})


def _gaps(inputs: DiagnosisInputs) -> ibis.Table:
    """A row per customer and month with a purchase: purchases before it, in it, and windows to the next."""
    bought = inputs.purchases
    in_order = ibis.window(group_by=bought.customer_id, order_by=bought.month)
    so_far = bought.purchase_days.sum().over(
        ibis.window(group_by=bought.customer_id, order_by=bought.month, preceding=(None, 0))
    )
    next_on = bought.first_purchased_on.lead(1).over(in_order)
    span = inputs.span(HALF_YEAR_MONTHS)
    running = bought.select(
        "customer_id",
        "purchase_days",
        before=ibis.least(so_far - bought.purchase_days, LAST_NUMBER),
        gap=next_on.delta(bought.last_purchased_on, unit="day"),
        known=ibis.literal(inputs.as_of).delta(bought.last_purchased_on, unit="day"),
        is_recent=span.holds(bought.month) if span else ibis.literal(False),
    )
    return running.mutate(
        gap=ibis.least((running.gap // WINDOW_DAYS).fill_null(NO_NEXT), WINDOWS).cast("int64"),
        known=ibis.least(running.known // WINDOW_DAYS, WINDOWS).cast("int64"),
    )


def _beginnings(inputs: DiagnosisInputs) -> ibis.Table:
    """`customer_id` and what the customer began with, by dimension."""
    people = beginnings(inputs)
    kept: dict[str, Any] = {}
    for dimension in DIMENSIONS:
        largest = people.group_by(dimension).agg(customers=_.count()).filter(_[dimension].notnull())
        names = [
            row[dimension] for row in rows(largest.order_by(ibis.desc("customers"), dimension).limit(GROUPS_SHOWN))
        ]
        kept[dimension] = ibis.ifelse(people[dimension].isin(names), people[dimension], None) if names else None
    return people.select("customer_id", **{name: ibis.null("string") if v is None else v for name, v in kept.items()})


def beginnings(inputs: DiagnosisInputs) -> ibis.Table:
    """Every buyer with `order_kind`, `product_group` and `channel` of the first purchase, and its `medium`.

    A medium without a channel stands for itself; all are null where the first purchase names none.
    """
    media = named_media(inputs.media).select("channel", "medium", first_media_id="media_id")
    people = inputs.buyers.select("customer_id", "cohort", "first_product_id", "first_order_kind", "first_media_id")
    joined = people.left_join(first_groups(inputs.products), "first_product_id").left_join(media, "first_media_id")
    return joined.select(
        "customer_id", "cohort", "product_group", "channel", "medium", order_kind=joined.first_order_kind
    )
