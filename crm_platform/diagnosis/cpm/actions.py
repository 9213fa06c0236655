"""What to do with each class (フォロー施策, R101), and whether the line of the amount fits the average order value."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, errors_for, ratio
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Scalar, Verdict
from crm_platform.diagnosis.groundwork.cpm_amount import amount_threshold_jpy
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_products, yen_sum
from crm_platform.diagnosis.verdicts import verdict_on_change
from crm_platform.segments.cpm import ORDERS_PER_THRESHOLD, CpmThresholds, proposed_amount_jpy
from crm_platform.tables.analyses import CPM_CLASS_NAMES

PUBLISHED = CpmThresholds(amount_jpy=70_000)  # CPM.md §2, for an order value of about ¥10,000
_ERRORS = errors_for(2)  # the line may be too high or too low


def cpm_actions(inputs: DiagnosisInputs) -> Finding | None:
    """Action, channel and timing of every class, and the class sizes under the line in force and under 7 × 客単価.

    Judged is the line in force against the proposal, whose error is that of seven average orders: too high a line
    hides good customers, too low a one praises everybody. A line that is not set is the proposal itself. At stake:
    what the customers in a wrong class would bring at the assumed response. None without customers.
    """
    sizes = size_rows(inputs)
    if not sizes:
        return None
    in_force, proposal = amount_threshold_jpy(inputs), proposed(inputs)
    off = Estimate(-abs(in_force - proposal.value), proposal.error)
    verdict: Verdict = verdict_on_change(off, proposal.value, errors=_ERRORS)
    moved = sum(abs(row["customers"] - row["proposed_customers"]) for row in sizes) // 2
    expected_jpy = round(moved * inputs.response_rate * inputs.order_value_jpy)
    counts = {row["cpm_class"].removeprefix("@cpm."): row for row in sizes}
    settings = inputs.client.settings
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "customers": sum(row["customers"] for row in sizes),
        "classes": len(sizes),
        "amount_jpy": in_force,
        "proposed_jpy": round(proposal.value),
        "off_jpy": round(abs(in_force - proposal.value)),
        "published_jpy": PUBLISHED.amount_jpy,
        "orders": ORDERS_PER_THRESHOLD,
        "moved_customers": moved,
        "premium_active": counts["premium_active"]["customers"],
        "proposed_premium_active": counts["premium_active"]["proposed_customers"],
        "published_premium_active": counts["premium_active"]["published_customers"],
        "otherwise_premium_active": _where_other(counts["premium_active"]),
        "first_active": counts["first_active"]["customers"],
        "steady_days": settings.cpm_steady_tenure_days,
        "premium_days": settings.cpm_premium_tenure_days,
        "lapsed_days": settings.cpm_lapsed_gap_days,
        "published_steady_days": PUBLISHED.steady_tenure_days,
        "published_premium_days": PUBLISHED.premium_tenure_days,
        "published_lapsed_days": PUBLISHED.lapsed_gap_days,
        "response_rate": inputs.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "effect_jpy": expected_jpy if verdict == "issue" else None,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="cpm_actions",
        chapter="cpm",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(sizes),
        threshold=proposal.value,
        yen_effect_jpy=expected_jpy or None if verdict == "issue" else None,
        concerned_customers=moved if verdict == "issue" else None,
        measured=Measured(float(in_force), "jpy", compared=proposal.value, noticeable=_ERRORS * proposal.error),
        action=Action("@action_segment.cpm_reclassed", moved, "@action_channel.insert_mail", expected_jpy)
        if verdict == "issue"
        else None,
        sources=("cpm_classes", "customer_history"),
    )


def _where_other(premium: dict[str, Any]) -> int | None:
    """Active premium customers under the published line; None where they are as many as under the one in force."""
    under_published: int = premium["published_customers"]
    return under_published if under_published != premium["customers"] else None


def proposed(inputs: DiagnosisInputs) -> Estimate:
    """7 × the average order value as the platform rounds it, and the error of seven average orders over customers."""
    history = inputs.history
    sales, orders = history.sales_jpy, history.standing_orders
    found = one_row(
        history.agg(
            sales=yen_sum(sales),
            orders=yen_sum(orders),
            squares=yen_products(sales, sales),
            products=yen_products(sales, orders),
            order_squares=yen_products(orders, orders),
        )
    )
    mean = ratio(found["sales"], found["orders"], found["squares"], found["products"], found["order_squares"])
    amount_jpy = proposed_amount_jpy(found["sales"], found["orders"])
    return Estimate(amount_jpy, mean.error * ORDERS_PER_THRESHOLD if mean else 0.0)


def size_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Per class the customers under the line in force, under the proposal, and under the published ¥70,000."""
    lines = {
        "customers": amount_threshold_jpy(inputs),
        "proposed_customers": round(proposed(inputs).value),
        "published_customers": PUBLISHED.amount_jpy,
    }
    found = {name: _sizes(inputs, amount_jpy) for name, amount_jpy in lines.items()}
    if not found["customers"]:
        return []
    return [
        {"cpm_class": f"@cpm.{name}", **{line: sizes.get(name, 0) for line, sizes in found.items()}}
        for name in CPM_CLASS_NAMES
    ]


def _sizes(inputs: DiagnosisInputs, amount_jpy: int) -> dict[str, int]:
    """Customers by class with another amount; the days stay, and 初回 and よちよち do not depend on it."""
    classes, settings = inputs.cpm_classes, inputs.client.settings
    state = classes.cpm_class.re_extract("(active|lapsed)$", 1)
    depends = ~(classes.cpm_class.startswith("first_") | classes.cpm_class.startswith("toddler_"))
    stage = ibis.cases(
        (classes.sales_jpy < amount_jpy, "steady_"),
        (classes.tenure_days < settings.cpm_premium_tenure_days, "trend_"),
        else_="premium_",
    )
    recut = classes.select(cpm_class=ibis.ifelse(depends, stage.concat(state), classes.cpm_class))
    counted = recut.group_by("cpm_class").agg(customers=_.count()).order_by("cpm_class")
    return {row["cpm_class"]: row["customers"] for row in rows(counted)}


def _exhibits(sizes: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    actions = [
        {
            "cpm_class": row["cpm_class"],
            "customers": row["customers"],
            **{part: row["cpm_class"].replace("@cpm.", f"@cpm_{part}.") for part in ("action", "channel", "timing")},
        }
        for row in sizes
    ]
    told = Exhibit(
        "actions",
        "table",
        tuple(actions),
        columns=(
            ("cpm_class", "text"),
            ("customers", "count"),
            ("action", "text"),
            ("channel", "text"),
            ("timing", "text"),
        ),
    )
    counted = Exhibit(
        "sizes",
        "table",
        tuple(sizes),
        columns=(
            ("cpm_class", "text"),
            ("customers", "count"),
            ("proposed_customers", "count"),
            ("published_customers", "count"),
        ),
    )
    return told, counted
