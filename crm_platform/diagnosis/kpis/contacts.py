"""What KPIs need of contacts (R112): who was contacted, and who bought within thirty days."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
from ibis import _

from crm_platform.diagnosis.groundwork.dormancy_thresholds import with_threshold
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.month_sums import MonthSums
from crm_platform.diagnosis.kpis.terms import ANSWER_DAYS
from crm_platform.diagnosis.spans import index_column


@dataclass(frozen=True)
class Contacted:
    """The contacts of a client, and the purchases that followed within thirty days.

    `contacts` has a row per customer, channel and day of contact with `month` and `is_dormant`; `answers` repeats it
    beside each purchase day (`day`, `sales_jpy` before returns) from its own day to thirty days later. Dormant is who
    bought before, but not for as long as makes a customer of that product group dormant (R125).
    """

    contacts: ibis.Table
    answers: ibis.Table


def contacted(inputs: DiagnosisInputs) -> Contacted | None:
    """What became of the contacts, computed once for the same inputs; None where none was delivered."""
    return inputs.once(_contacted)


def _contacted(inputs: DiagnosisInputs) -> Contacted | None:
    if inputs.contacts is None or inputs.customer_days is None:
        return None
    contacts = inputs.contacts.group_by("customer_id", "channel", "contacted_on").agg(contacts=_.count())
    days = _purchase_days(inputs.customer_days, contacts)
    told = _with_state(inputs, contacts, days).cache()
    return Contacted(told, _answers(told, days).cache())


def _purchase_days(customer_days: ibis.Table, contacts: ibis.Table) -> ibis.Table:
    """Purchase days of the customers in `contacts`."""
    bought = customer_days.filter(_.standing_sales_jpy > 0)
    bought = bought.select("customer_id", "day", sales_jpy="standing_sales_jpy")
    return bought.semi_join(contacts, "customer_id")


def _with_state(inputs: DiagnosisInputs, contacts: ibis.Table, days: ibis.Table) -> ibis.Table:
    former = days.select("customer_id", bought_on="day")
    dated = contacts.asof_join(former, on=contacts.contacted_on > former.bought_on, predicates="customer_id")
    people = inputs.history.select("customer_id", "first_product_id").semi_join(contacts, "customer_id")
    firsts = with_threshold(people, inputs.products, inputs.client.settings)
    held = dated.left_join(firsts.select("customer_id", "threshold_days"), "customer_id")
    gap_days = held.contacted_on.delta(held.bought_on, unit="day")
    return held.select(
        "customer_id",
        "channel",
        "contacted_on",
        "contacts",
        month=index_column(held.contacted_on),
        is_dormant=(gap_days >= held.threshold_days).fill_null(False),
    )


def _answers(contacts: ibis.Table, days: ibis.Table) -> ibis.Table:
    buying = days.rename(buyer_id="customer_id")
    since = contacts.mutate(until=contacts.contacted_on + ibis.interval(days=ANSWER_DAYS))
    near = (since.customer_id == buying.buyer_id) & (buying.day >= since.contacted_on) & (buying.day <= since.until)
    return since.inner_join(buying, near)


def contact_sums(inputs: DiagnosisInputs) -> MonthSums:
    """Customers contacted and those who answered, by month of the contact; so for those who were dormant then."""
    told = contacted(inputs)
    if told is None:
        return MonthSums()
    people = told.contacts.group_by("month").agg(
        contacted=_.customer_id.nunique(), dormant_contacted=_.customer_id.nunique(where=_.is_dormant)
    )
    responders = told.answers.group_by("month").agg(
        responders=_.customer_id.nunique(), dormant_responders=_.customer_id.nunique(where=_.is_dormant)
    )
    sums = MonthSums.read(people, "month")
    sums.add_all(MonthSums.read(responders, "month"))
    return sums
