"""CPM beside RFM (R113): whom RFM hides, and what those customers brought in the six months after."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.cpm.past_classes import classes_then
from crm_platform.diagnosis.estimates import Estimate, difference, mean
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change
from crm_platform.tables.analyses import CPM_CLASS_NAMES

FIFTHS = 5
CHOSEN_FIFTHS = 2  # whom RFM would choose; 優良離脱 below are left out by it
_TERM_MONTHS = 6
_LAPSED = "premium_lapsed"


@dataclass(frozen=True)
class Group:
    """Customers of some cells, and their 売上 of the six months after."""

    customers: int
    sales_jpy: int
    each: Estimate | None  # 売上 per customer; None below two of them


def rfm_beside_cpm(inputs: DiagnosisInputs) -> Finding | None:
    """CPM class × fifth by RFM six months ago: customers, and their 売上 since; where 優良離脱 stand in RFM (R113).

    Judged is what the 優良離脱 below RFM's two best fifths brought, against as many of the second fifth: 課題 where
    they bring more, as RFM then leaves out better customers than it takes. At stake: that difference. Beside it, what
    the 優良離脱 within the best fifths brought, among whom RFM does not tell them. None without the classes of six
    months ago.
    """
    cells = cell_rows(inputs)
    if not cells:
        return None
    lapsed = _group(cells, lambda row: row["cpm_class"] == _LAPSED)
    hidden = _group(cells, lambda row: row["cpm_class"] == _LAPSED and row["fifth"] > CHOSEN_FIFTHS)
    mixed = _group(cells, lambda row: row["cpm_class"] == _LAPSED and row["fifth"] <= CHOSEN_FIFTHS)
    others = _group(cells, lambda row: row["cpm_class"] != _LAPSED and row["fifth"] <= CHOSEN_FIFTHS)
    last_chosen = _group(cells, lambda row: row["cpm_class"] != _LAPSED and row["fifth"] == CHOSEN_FIFTHS)
    instead = last_chosen.each.times(hidden.customers) if last_chosen.each else None
    brought = hidden.each.times(hidden.customers) if hidden.each else Estimate(hidden.sales_jpy, hidden.sales_jpy)
    lead = difference(instead, brought) if instead else None
    verdict: Verdict = "undetermined"
    if lead and instead and lapsed.customers:
        verdict = verdict_on_change(lead, instead.value) if hidden.customers else "healthy"  # nobody is left out
    measured = measured_against(brought, "jpy", instead.value if instead else None, lead)
    lapsed_now = lapsed_premium(inputs)
    effect_jpy = round(max(-lead.value, 0.0)) or None if lead and verdict == "issue" else None
    expected_jpy = round(lapsed_now * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "then_month": str(inputs.month.plus(-_TERM_MONTHS)),
        "customers": sum(row["customers"] for row in cells),
        "chosen_fifths": CHOSEN_FIFTHS,
        "lapsed_then": lapsed.customers,
        "hidden_then": hidden.customers,
        "hidden_sales_jpy": hidden.sales_jpy,
        "instead_jpy": round(instead.value) if instead else None,
        "mixed_then": mixed.customers,
        "mixed_jpy": round(mixed.each.value) if mixed.each else None,
        "others_jpy": round(others.each.value) if others.each else None,
        "lapsed_now": lapsed_now,
        "response_rate": inputs.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="rfm_beside_cpm",
        chapter="cpm",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(cells) if lapsed.customers else (),
        threshold=instead.value if instead else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=lapsed_now,
        measured=measured if hidden.customers else replace(measured, low=None, high=None),  # nobody is certain
        action=Action(f"@cpm.{_LAPSED}", lapsed_now, "@action_channel.post_phone", expected_jpy),
        sources=("former_segments", "customer_months", "customer_history", "cpm_classes"),
    )


def cell_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Per CPM class and fifth by RFM six months ago: `customers`, `sales_jpy` since, and the sum of its squares."""
    former = inputs.former_segments
    if former is None:
        return []
    classes = ibis.greatest(former.rfm_class.max().as_scalar(), 1)
    fifth = ((former.rfm_class - 1) * FIFTHS // classes + 1).cast("int64")
    since = former.select("customer_id", sales_jpy=former.sales_since_jpy, fifth=fifth)
    then = classes_then(inputs, inputs.month.plus(-_TERM_MONTHS).last_day)
    cells = since.inner_join(then, "customer_id").group_by("cpm_class", "fifth")
    counted = cells.agg(
        customers=_.count(), sales_jpy=yen_sum(_.sales_jpy), squares=yen_products(_.sales_jpy, _.sales_jpy)
    )
    order = {name: place for place, name in enumerate(CPM_CLASS_NAMES)}
    found = rows(counted.order_by("cpm_class", "fifth"))
    return sorted(found, key=lambda row: (order[row["cpm_class"]], row["fifth"]))


def lapsed_premium(inputs: DiagnosisInputs) -> int:
    """優良離脱 customers of today."""
    found: int = inputs.cpm_classes.filter(_.cpm_class == _LAPSED).count().to_pyarrow().as_py()
    return found


def _group(cells: Sequence[dict[str, Any]], chosen: Callable[[dict[str, Any]], bool]) -> Group:
    kept = [row for row in cells if chosen(row)]
    customers, sales_jpy = (sum(row[name] for row in kept) for name in ("customers", "sales_jpy"))
    squares = math.fsum(row["squares"] for row in kept)
    return Group(customers, sales_jpy, mean(sales_jpy, squares, customers))


def _exhibits(cells: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    found = {(row["cpm_class"], row["fifth"]): row for row in cells}
    shown = tuple(
        {
            "cpm_class": f"@cpm.{name}",
            "rfm_fifth": f"@rfm_fifth.{fifth}",
            "customers": row["customers"] if row else 0,
            "mean_since_jpy": round(row["sales_jpy"] / row["customers"]) if row else None,
        }
        for name in CPM_CLASS_NAMES
        for fifth in range(1, FIFTHS + 1)
        for row in [found.get((name, fifth))]
    )
    people = Exhibit("customers", "heatmap", shown, x="rfm_fifth", y="customers", series="cpm_class")
    sales = Exhibit("sales", "heatmap", shown, x="rfm_fifth", y="mean_since_jpy", y_unit="jpy", series="cpm_class")
    return people, sales
