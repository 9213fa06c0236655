"""The CPM class of every customer at a past day, by the rule that `segments` applies to the present."""

from __future__ import annotations

import datetime as dt

import ibis
from ibis import _

from crm_platform.diagnosis.groundwork.cpm_amount import amount_threshold_jpy
from crm_platform.diagnosis.inputs import DiagnosisInputs


def classes_then(inputs: DiagnosisInputs, then: dt.date) -> ibis.Table:
    """`customer_id` and `cpm_class` of every customer known by `then`, the last day of a month (CPM.md §2).

    How many there were of each class in every month is in CPM_MOVES; this tells who they were.
    """
    # No purchase day, no rhythm; but a credit or a cancelled line still moves amounts, so every month counts there.
    past = inputs.customer_months.filter(_.month <= then).group_by("customer_id")
    sums = past.agg(
        orders=_.standing_orders.sum(),
        purchase_days=_.purchase_days.sum(),
        sales_jpy=_.sales_jpy.sum(),
        first_on=_.first_purchased_on.min(),
        last_on=_.last_purchased_on.max(),
    )
    people = inputs.history.select(
        "customer_id",
        "registered_on",
        known_on=ibis.least(_.registered_on, ibis.coalesce(_.first_purchased_on, _.registered_on)),
    )
    known = people.filter(_.known_on <= then).left_join(sums, "customer_id").drop("customer_id_right")
    return _classified(inputs, known, then).select("customer_id", "cpm_class")


def _classified(inputs: DiagnosisInputs, known: ibis.Table, then: dt.date) -> ibis.Table:
    settings = inputs.client.settings
    threshold_jpy = amount_threshold_jpy(inputs)
    purchases = ibis.greatest(known.purchase_days, known.orders).fill_null(0)
    tenure_days = known.last_on.delta(known.first_on, unit="day").fill_null(0)
    gap_days = ibis.literal(then).delta(ibis.coalesce(known.last_on, known.registered_on), unit="day")
    stage = ibis.cases(
        ((purchases <= 1) | (known.purchase_days.fill_null(0) == 0), "first"),
        (tenure_days < settings.cpm_steady_tenure_days, "toddler"),
        (known.sales_jpy < threshold_jpy, "steady"),
        (tenure_days < settings.cpm_premium_tenure_days, "trend"),
        else_="premium",
    )
    state = ibis.ifelse(gap_days >= settings.cpm_lapsed_gap_days, "_lapsed", "_active")
    return known.mutate(cpm_class=stage.concat(state))
