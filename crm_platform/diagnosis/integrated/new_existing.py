"""The balance of new and existing customers (新規と既存のバランス, R60) in sales, half-year by half-year."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, ratio, total
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.groundwork.cohorts import settled_years
from crm_platform.diagnosis.groundwork.customer_halves import customer_halves, halves_known
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import (
    FIVE_YEARS_MONTHS,
    HALF_YEAR_MONTHS,
    YEAR_MONTHS,
    blocks,
    month_of,
)
from crm_platform.diagnosis.trends import change, share, trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change

_KINDS = ("new", "existing")
_HALVES_OF_FIVE_YEARS = FIVE_YEARS_MONTHS // HALF_YEAR_MONTHS


def new_existing(inputs: DiagnosisInputs) -> Finding | None:
    """売上 of customers first bought in the half-year (new) and of all others (existing).

    Judged is what existing customers brought against the same half of the year before (R61), each beside himself, and
    the course of the years: they carry a repeat house (seed 004). At stake: their fall. The action expects the assumed
    response of the existing customers who bought less. The first year of data, in which old customers look new, decides
    nothing. None where no half-year is closed.
    """
    sums = sums_by_year(inputs)
    halves = half_rows(inputs, sums)
    if not halves:
        return None
    now, before = halves[-1], halves[-3] if len(halves) >= 3 else None
    years = year_rows(inputs, sums)
    trend = trend_of([(row["month"], row["existing"]) for row in years], "jpy")
    shares = trend_of([(row["month"], row["new_share"]) for row in years if row["new_share"]], "rate")
    is_known = len(inputs.closed_months) >= WARM_UP_MONTHS + YEAR_MONTHS + HALF_YEAR_MONTHS
    paired = existing_change(inputs)
    verdict: Verdict = "undetermined"
    effect_jpy = None
    if before and is_known and paired["people"] >= LEAST_CUSTOMERS:
        verdict = verdict_on_change(paired["change"], before["existing_jpy"], trend)
        falls_jpy = max(-paired["change"].value, -trend.slope_per_year / 2 if trend else 0.0, 0.0)
        effect_jpy = round(falls_jpy) or None if verdict == "issue" else None
    expected_jpy = round(-paired["shrunk_jpy"] * inputs.response_rate)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "half_year_last_month": now["half_year"],
        "sales_jpy": now["existing_jpy"] + now["new_jpy"],
        "existing_jpy": now["existing_jpy"],
        "new_jpy": now["new_jpy"],
        "existing_share_rate": share(now["existing_jpy"], now["existing_jpy"] + now["new_jpy"]),
        "existing_before_jpy": before["existing_jpy"] if before else None,
        "new_before_jpy": before["new_jpy"] if before else None,
        "change_rate": change(now["existing_jpy"], before["existing_jpy"]) if before else None,
        "new_change_rate": change(now["new_jpy"], before["new_jpy"]) if before else None,
        "new_share_points_a_year": shares.slope_per_year if shares else None,
        "new_share_direction": f"@direction.{shares.direction}" if shares else None,
        "shrunk_customers": paired["shrunk"],
        "shrunk_jpy": -paired["shrunk_jpy"],
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="new_existing",
        chapter="integrated",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(halves, years),
        threshold=float(before["existing_jpy"]) if before else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=paired["shrunk"],
        measured=measured_against(
            paired["now"],
            "jpy",
            float(before["existing_jpy"]) if before else None,
            paired["change"] if before and is_known else None,
        ),
        trend=trend,
        action=Action("@action_segment.shrunk_existing", paired["shrunk"], "@action_channel.insert_mail", expected_jpy),
        sources=("customer_months", "customer_history"),
    )


def half_rows(inputs: DiagnosisInputs, sums: dict[int, dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Each closed half-year of the last five years by its last month: `existing_jpy`, `new_jpy`; all its 売上."""
    found = sums_by_year(inputs) if sums is None else sums
    spans = blocks(inputs.closed_months, HALF_YEAR_MONTHS)[-_HALVES_OF_FIVE_YEARS:]
    rows_of = []
    for half, span in zip(reversed(range(len(spans))), spans, strict=True):
        year, part = found.get(half // 2, {}), "late" if half % 2 == 0 else "early"
        amounts = {f"{kind}_jpy": year.get(f"{kind}_{part}_jpy", 0) for kind in _KINDS}
        rows_of.append({"half_year": str(span.last), **amounts})
    return rows_of


def year_rows(inputs: DiagnosisInputs, sums: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Two halves as a year, so that no season is in it: `existing` sales, `new_share` of all sales; the latest last.

    Left out are years that begin in the first year of data, in which old customers look new.
    """
    years = settled_years(inputs, inputs.closed_index)
    return [
        {
            "month": str(month_of(inputs.closed_index - YEAR_MONTHS * year)),
            "existing": total(row["existing_jpy"], row["existing_squares"]),
            "new_share": ratio(
                row["new_jpy"],
                row["new_jpy"] + row["existing_jpy"],
                row["new_squares"],
                row["products"],
                row["whole_squares"],
            ),
        }
        for year, row in sorted(sums.items(), reverse=True)
        if year < years
    ]


def sums_by_year(inputs: DiagnosisInputs) -> dict[int, dict[str, Any]]:
    """By year of two halves (0 is the latest): sales of both kinds in its late and early half, squares of the year."""
    halves = customer_halves(inputs)
    years = range(-(-min(halves_known(inputs), _HALVES_OF_FIVE_YEARS) // 2))
    if not years:
        return {}
    each = halves.select(
        year=ibis.array([ibis.struct({"year": year, **_of_kinds(inputs, halves, year)}) for year in years]).unnest()
    )
    names = [f"{kind}_{part}_jpy" for kind in _KINDS for part in ("late", "early")]
    people = each.select(**{name: each.year[name] for name in ("year", *names)})
    new, existing = (people[f"{kind}_late_jpy"] + people[f"{kind}_early_jpy"] for kind in _KINDS)
    whole = new + existing
    sums = people.group_by("year").agg(
        **{name: yen_sum(people[name]) for name in names},
        new_jpy=yen_sum(new),
        existing_jpy=yen_sum(existing),
        existing_squares=yen_products(existing, existing),
        new_squares=yen_products(new, new),
        products=yen_products(new, whole),
        whole_squares=yen_products(whole, whole),
    )
    return {row["year"]: row for row in rows(sums.order_by("year"))}


def _of_kinds(inputs: DiagnosisInputs, halves: ibis.Table, year: int) -> dict[str, ibis.Value]:
    """A customer's sales of the late and the early half of `year`, as a new or as an existing customer; else 0."""
    amounts: dict[str, ibis.Value] = {}
    for part, half in (("late", 2 * year), ("early", 2 * year + 1)):
        sales_jpy = halves[f"sales_{half}"] if half < halves_known(inputs) else ibis.literal(0, "int64")
        is_new = (halves.began == half).fill_null(False)
        amounts |= {f"new_{part}_jpy": ibis.ifelse(is_new, sales_jpy, 0)}
        amounts |= {f"existing_{part}_jpy": ibis.ifelse(is_new, 0, sales_jpy)}
    return amounts


def existing_change(inputs: DiagnosisInputs) -> dict[str, Any]:
    """Existing customers' sales of the last half-year beside the same half a year before, each beside himself.

    `now` and `change` are estimates in yen over the `people` who brought something in either; `shrunk` the customers
    who brought less, `shrunk_jpy` by how much (< 0).
    """
    then = YEAR_MONTHS // HALF_YEAR_MONTHS
    halves = customer_halves(inputs)
    before = halves[f"sales_{then}"] if then < halves_known(inputs) else ibis.literal(0, "int64")
    people = halves.select(
        now_jpy=ibis.ifelse((halves.began == 0).fill_null(False), 0, halves.sales_0),
        before_jpy=ibis.ifelse((halves.began == then).fill_null(False), 0, before),
    )
    less = _.now_jpy - _.before_jpy
    found = one_row(
        people.agg(
            people=((_.now_jpy != 0) | (_.before_jpy != 0)).sum().fill_null(0).cast("int64"),
            now_jpy=yen_sum(_.now_jpy),
            now_squares=yen_products(_.now_jpy, _.now_jpy),
            change_jpy=yen_sum(less),
            change_squares=yen_products(less, less),
            shrunk=(less < 0).sum().fill_null(0).cast("int64"),
            shrunk_jpy=yen_sum(less, less < 0),
        )
    )
    now: Estimate = total(found["now_jpy"], found["now_squares"])
    return {**found, "now": now, "change": total(found["change_jpy"], found["change_squares"])}


def _exhibits(halves: list[dict[str, Any]], years: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    bars = [
        {"half_year": row["half_year"], "customers": f"@customer_kind.{kind}", "sales_jpy": row[f"{kind}_jpy"]}
        for row in halves
        for kind in ("existing", "new")
    ]
    stacked = Exhibit(
        "half_years",
        "stacked_bar",
        tuple(bars),
        x="half_year",
        y="sales_jpy",
        x_unit="month",
        y_unit="jpy",
        series="customers",
    )
    shares = [{"month": row["month"], "new_share_rate": row["new_share"].value} for row in years if row["new_share"]]
    if len(shares) < 2:
        return (stacked,)
    line = Exhibit("new_share", "line", tuple(shares), x="month", y="new_share_rate", x_unit="month", y_unit="rate")
    return (stacked, line)
