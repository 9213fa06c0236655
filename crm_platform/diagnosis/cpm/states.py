"""The CPM class of every customer at past month-ends, by the rule that `segments` applies to the present."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row


def month_ends(ends: Sequence[dt.date]) -> ibis.Table:
    """A small table of days, `end_on`, to look at customers at."""
    return ibis.memtable(pa.table({"end_on": pa.array(ends, pa.date32())}))


def amount_threshold_jpy(inputs: DiagnosisInputs) -> int:
    """The amount that separates steady from trend and premium, as the present classes were cut."""
    threshold: int | None = one_row(inputs.cpm_classes.agg(threshold=_.amount_threshold_jpy.max()))["threshold"]
    return threshold or 0


def cpm_states(inputs: DiagnosisInputs, ends: Sequence[dt.date]) -> ibis.Table:
    """One row per day of `ends` and customer known by then: `end_on`, `customer_id`, `cpm_class` (CPM.md §2)."""
    days = month_ends(ends)
    # No purchase day, no rhythm; but a credit or a cancelled line still moves amounts, so every month counts there.
    facts = inputs.customer_months.select(
        "month",
        "customer_id",
        "standing_orders",
        "purchase_days",
        "sales_jpy",
        "first_purchased_on",
        "last_purchased_on",
    )
    past = days.join(facts, facts.month <= days.end_on).group_by("end_on", "customer_id")
    sums = past.agg(
        orders=_.standing_orders.sum(),
        purchase_days=_.purchase_days.sum(),
        sales_jpy=_.sales_jpy.sum(),
        first_on=_.first_purchased_on.min(),
        last_on=_.last_purchased_on.max(),
    )
    people = inputs.history.select(
        "customer_id", known_on=ibis.least(_.registered_on, ibis.coalesce(_.first_purchased_on, _.registered_on))
    )
    known = days.join(people, people.known_on <= days.end_on)
    joined = known.left_join(sums, ["end_on", "customer_id"])
    return _classified(inputs, joined).select("end_on", "customer_id", "cpm_class")


def _classified(inputs: DiagnosisInputs, known: ibis.Table) -> ibis.Table:
    settings = inputs.client.settings
    threshold_jpy = amount_threshold_jpy(inputs)
    purchases = ibis.greatest(known.purchase_days, known.orders).fill_null(0)
    tenure_days = known.last_on.delta(known.first_on, unit="day").fill_null(0)
    gap_days = known.end_on.delta(ibis.coalesce(known.last_on, known.known_on), unit="day")
    stage = ibis.cases(
        ((purchases <= 1) | (known.purchase_days.fill_null(0) == 0), "first"),
        (tenure_days < settings.cpm_steady_tenure_days, "toddler"),
        (known.sales_jpy < threshold_jpy, "steady"),
        (tenure_days < settings.cpm_premium_tenure_days, "trend"),
        else_="premium",
    )
    state = ibis.ifelse(gap_days >= settings.cpm_lapsed_gap_days, "_lapsed", "_active")
    return known.mutate(cpm_class=stage.concat(state))
