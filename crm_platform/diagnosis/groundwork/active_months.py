"""How many customers were active at each month's end (稼働顧客数, R127), by the threshold of their product group."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd
from ibis import _

from crm_platform.diagnosis.groundwork.dormancy_thresholds import with_threshold
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.spans import index_column, index_of

STEP_DAYS = 10  # a proposal is rounded up to whole steps
_LONGEST_STEPS = 365  # ten years; a longer gap counts as so many steps


def purchase_spells(inputs: DiagnosisInputs) -> pd.DataFrame:
    """A row per `product_group` (of the first purchase), `month` of a purchase, `until` and `gap`, with counts.

    Months are counts (`spans.index_of`). `until`: the first month at whose end the month's last purchase keeps nobody
    active, since it is as long ago as the group's threshold, or a later purchase has taken its place. `gap`: whole
    steps of 10 days to the next purchase, -1 where there is none. `customers` made such a purchase; `within` counts the
    purchases that were followed by another in the same month.
    """
    return inputs.once(_purchase_spells)


def _purchase_spells(inputs: DiagnosisInputs) -> pd.DataFrame:
    groups = grouped_buyers(inputs)
    bought = inputs.purchases
    in_order = ibis.window(group_by=bought.customer_id, order_by=bought.month)
    next_on = bought.first_purchased_on.lead(1).over(in_order)
    followed = bought.select("customer_id", "month", "purchase_days", "last_purchased_on", next_on=next_on)
    running = followed.mutate(
        month=index_column(_.month),
        next_month=index_column(_.next_on),
        gap=_.next_on.delta(_.last_purchased_on, unit="day") // STEP_DAYS,
    )
    joined = running.inner_join(groups, "customer_id")
    told = joined.select(
        "product_group",
        "month",
        within=joined.purchase_days - 1,
        until=ibis.least(_lapses_in(inputs, joined), joined.next_month.fill_null(_never(inputs))),
        gap=ibis.least(joined.gap.fill_null(-1), _LONGEST_STEPS).cast("int64"),
    )
    keys = ("product_group", "month", "until", "gap")
    found: pd.DataFrame = (
        told.group_by(*keys).agg(customers=_.count(), within=_.within.sum()).order_by(*keys).to_pandas()
    )
    return found.astype({name: "int64" for name in found.columns if name != "product_group"})


def _never(inputs: DiagnosisInputs) -> int:
    return index_of(inputs.month) + 1


def _lapses_in(inputs: DiagnosisInputs, joined: ibis.Table) -> ibis.Value:
    """The month in which the threshold is reached, if it is by the as-of date."""
    lapses_on = joined.last_purchased_on + joined.threshold_days.as_interval("D")
    return ibis.ifelse(lapses_on <= inputs.as_of, index_column(lapses_on), _never(inputs))


def active_rows(inputs: DiagnosisInputs, spells: pd.DataFrame) -> list[dict[str, Any]]:
    """At each month's end: everyone who had bought, those active, those dormant, and the dormant share."""
    first, last = index_of(inputs.months[0]), index_of(inputs.month)
    months = range(first, last + 1)
    began = spells.groupby("month")["customers"].sum().reindex(months, fill_value=0).cumsum()
    ended = spells.groupby("until")["customers"].sum().reindex(months, fill_value=0).cumsum()
    firsts = inputs.buyers.group_by("cohort").agg(customers=_.count()).order_by("cohort").to_pandas()
    ever = firsts.set_index("cohort")["customers"].reindex(months, fill_value=0).cumsum()
    return [
        {
            "month": str(month),
            "buyers": int(ever[place]),
            "active_customers": int(began[place] - ended[place]),
            "dormant_customers": int(ever[place] - began[place] + ended[place]),
            "dormant_rate": float(1 - (began[place] - ended[place]) / ever[place]),
        }
        for place, month in zip(months, inputs.months, strict=True)
        if ever[place]
    ]


def grouped_buyers(inputs: DiagnosisInputs) -> ibis.Table:
    """`customer_id`, `product_group` of the first purchase and `threshold_days` of everyone who ever bought."""
    people = inputs.buyers.select("customer_id", "first_product_id")
    return with_threshold(people, inputs.products, inputs.client.settings)
