"""The delivered tables as assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import ibis
import pandas as pd
import pyarrow as pa

from crm_platform.intake import merge_deliveries, rules_of
from crm_platform.intake.judging.expectations import EXPECTATIONS
from crm_platform.intake.judging.figures import MASTERS, Judged
from crm_platform.intake.judging.judgement import BROKEN, MET, SKIPPED, judge_delivery
from crm_platform.intake.judging.monthly_totals import monthly_totals
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset, client_months_asset
from crm_platform.orchestration.further_checks import Check, FurtherChecks, Verdict
from crm_platform.orchestration.recipe import Reads, Recipe, rows_digest


def master_recipe(name: str) -> Recipe:
    """A master: the whole of it, as the latest delivery knows it."""
    return Recipe(name, "intake", further_inputs=lambda at: {"deliveries": rows_digest(at.data.merged[name])})


@client_months_asset(
    Recipe("order_lines", "intake", further_inputs=lambda at: {"deliveries": rows_digest(at.data.lines_of(at.month))})
)
def order_lines(months: Sequence[ClientMonth]) -> Mapping[ClientMonth, pa.Table]:
    """Order lines (取引明細) of the month, admitted and merged over all deliveries: the latest delivery wins."""
    return {at: at.data.lines_of(at.month) for at in months}


@client_month_asset(master_recipe("products"))
def products(at: ClientMonth) -> pa.Table:
    """Product master (商品マスター), as the latest delivery knows it."""
    return at.data.merged["products"]


@client_month_asset(master_recipe("customers"))
def customers(at: ClientMonth) -> pa.Table:
    """Customer master without personal data (顧客マスター), as the latest delivery knows it."""
    return at.data.merged["customers"]


@client_month_asset(master_recipe("media"))
def media(at: ClientMonth) -> pa.Table:
    """Media master with costs (媒体マスター), as the latest delivery knows it."""
    return at.data.merged["media"]


# --- the delivery as a whole ------------------------------------------------------------------------------------------

_SEVERITIES = {"warning": dg.AssetCheckSeverity.WARN, "critical": dg.AssetCheckSeverity.ERROR}
_CASES_SHOWN = 12


def receipts_digest(at: ClientMonth) -> dict[str, str]:
    """What all deliveries say of themselves, but for the day on which they came."""
    receipts = [delivery.receipt for delivery in at.data.deliveries]
    return {"receipts": digest_of([{k: v for k, v in one.items() if k != "examined_on"} for one in receipts])}


def expectations_met(_: ClientMonth, document: Any) -> dict[str, Any]:
    """How many expectations are met, broken and could not be judged."""
    found = [one["status"] for one in document["expectations"]]
    return {f"expectations_{status}": found.count(status) for status in (MET, BROKEN, SKIPPED)}


def verdicts_of(_: ClientMonth, document: Any) -> dict[str, Verdict]:
    """Each expectation as a check: observed, expected, why, and what breaks it."""
    return {one["name"]: Verdict(one["status"] != BROKEN, _numbers(one)) for one in document["expectations"]}


def _numbers(one: Mapping[str, Any]) -> dict[str, Any]:
    said = {"observed": one["observed"], "expected": one["bound"], "why": one["why"]}
    if one["status"] == SKIPPED:
        return {"not_judged": f"it needs {one['needs']}", "expected": one["bound"], "why": one["why"]}
    return {**said, "cases": dg.MetadataValue.json(one["cases"][:_CASES_SHOWN])} if one["cases"] else said


@client_month_asset(
    Recipe(
        "delivery_judgement",
        "intake",
        {"order_lines": Reads.UP_TO_MONTH, **dict.fromkeys(MASTERS, Reads.SAME_MONTH)},
        further_inputs=receipts_digest,
    ),
    describe=expectations_met,
    checks=FurtherChecks(
        [Check(one.name, f"{one.meaning}: {one.why}", _SEVERITIES[one.severity]) for one in EXPECTATIONS], verdicts_of
    ),
)
def delivery_judgement(at: ClientMonth) -> Any:
    """The latest delivery held against the client's own past by great-expectations; warns, and stops nothing."""
    latest = at.data.deliveries[-1]
    judged = Judged(
        order_lines=at.past("order_lines"),
        brought=ibis.memtable(latest.tables["order_lines"]),
        masters={name: own_master(at, name) for name in MASTERS},
        former=totals_before(at),
        receipt=latest.receipt,
        as_of=at.as_of,
    )
    return judge_delivery(judged)


def own_master(at: ClientMonth, name: str) -> ibis.Table | None:
    """The master as the client keeps it; None where it has none or it is derived from the order lines."""
    said = rules_of(at.client).tables[name]
    kept = not said.absent and not said.derived_from and at.data.merged[name].num_rows > 0
    return at.expression(name) if kept else None


def totals_before(at: ClientMonth) -> pd.DataFrame | None:
    """The monthly totals as known before the latest delivery; None where it is the first."""
    earlier = at.data.deliveries[:-1]
    if not earlier:
        return None
    totals: pd.DataFrame = monthly_totals(ibis.memtable(merge_deliveries(earlier)["order_lines"])).to_pandas()
    return totals
