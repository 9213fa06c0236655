"""How many customers each analysis has found: all that the preview plan (プレビュープラン, R40) tells of them.

Belongs here: counts by group. Does not: a customer number, an amount, or what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Row, Scalar
from crm_platform.diagnosis.lineage import ToldNumbers, origin_of
from crm_platform.periods import Month
from crm_platform.tables.alerts import TEST_GROUP_NAMES
from crm_platform.tables.analyses import CPM_CLASS_NAMES
from crm_platform.tables.targets import NEEDS, SUBSCRIPTION_STATES

Counted = dict[str, int]
TARGETS = "targets"
_TABLE_OF = {"customers": "customer_history"}  # the others are named like theirs


def preview_counts(tables: Mapping[str, ibis.Table]) -> list[Row]:
    """One row per analysis and group: `analysis`, `group` (a wording key), `customers`; groups without anybody count 0.

    `tables`: CUSTOMER_HISTORY, SEGMENTS, CPM_CLASSES, LAPSE_ALERTS, TEST_GROUPS, CROSS_SELL, DORMANT_CUSTOMERS,
    REGULAR_BUYERS, CONTACT_DATES and TARGETS of one month, by name. `customers`, `segments` and
    `cpm_classes` each cover everyone on file; targets are left out where there are none.
    """
    return [
        {"analysis": analysis, "group": f"@{group}", "customers": customers}
        for analysis, counted in _analyses(tables)
        for group, customers in counted.items()
    ]


def without_targets(counts: Sequence[Row]) -> list[Row]:
    """The rows, those of the targets as one that says why it shows no number: the study waits for its gate (R38)."""
    rows = [row for row in counts if row["analysis"] != TARGETS]
    withheld: Row = {"analysis": TARGETS, "group": "@preview.group.withheld", "customers": None}
    return [*rows, withheld] if len(rows) < len(counts) else rows


def told_in_preview(counts: Sequence[Row], month: Month) -> tuple[ToldNumbers, ...]:
    """The counts of each analysis by group (a wording key), and the table that it is counted from."""
    found: dict[str, dict[str, Scalar]] = {}
    for row in counts:
        found.setdefault(str(row["analysis"]), {})[str(row["group"])] = row["customers"]
    return tuple(
        ToldNumbers("counts", analysis, groups, (origin_of(_TABLE_OF.get(analysis, analysis), month, month),))
        for analysis, groups in found.items()
    )


def _analyses(tables: Mapping[str, ibis.Table]) -> Iterator[tuple[str, Counted]]:
    yield "customers", _buyers(tables["customer_history"])
    yield "segments", _value_classes(tables["segments"])
    yield "cpm_classes", _groups(tables["cpm_classes"], "cpm_class", CPM_CLASS_NAMES, "cpm")
    yield "lapse_alerts", _all_of(tables["lapse_alerts"])
    yield "test_groups", _groups(tables["test_groups"], "test_group", TEST_GROUP_NAMES, "group")
    for name in ("dormant_customers", "regular_buyers", "cross_sell", "contact_dates"):
        yield name, _all_of(tables[name])
    targets = _targets(tables["targets"])
    if any(targets.values()):
        yield TARGETS, targets


def _buyers(history: ibis.Table) -> Counted:
    found = history.agg(
        on_file=_.count(),
        buyers=(_.purchase_days > 0).sum().fill_null(0),
        repeaters=(_.purchase_days > 1).sum().fill_null(0),
    )
    (row,) = found.to_pyarrow().to_pylist()
    return {f"preview.group.{name}": int(customers) for name, customers in row.items()}


def _value_classes(segments: ibis.Table) -> Counted:
    """By value class, the best first; who came within the term, last."""
    placed = segments.mutate(value_class=ibis.cases((_.is_new_in_term, ibis.null("int64")), else_=_.value_class))
    rows = placed.group_by("value_class").agg(customers=_.count()).to_pyarrow().to_pylist()
    found = {row["value_class"]: row["customers"] for row in rows}
    classes = {f"value_class.{number}": found[number] for number in sorted(key for key in found if key is not None)}
    return {**classes, "value_class.new_in_term": found.get(None, 0)}


def _groups(table: ibis.Table, column: str, names: Iterable[str], prefix: str) -> Counted:
    rows = table.group_by(column).agg(customers=_.count()).to_pyarrow().to_pylist()
    found = {row[column]: row["customers"] for row in rows}
    return {f"{prefix}.{name}": found.get(name, 0) for name in names}


def _all_of(table: ibis.Table) -> Counted:
    return {"preview.group.listed": int(table.customer_id.nunique().to_pyarrow().as_py())}


def _targets(targets: ibis.Table) -> Counted:
    """By state and need: 継続中 and 解約, 顕在 and 潜在 (R30)."""
    rows = targets.group_by("subscription_state", "need").agg(customers=_.count()).to_pyarrow().to_pylist()
    found = {(row["subscription_state"], row["need"]): row["customers"] for row in rows}
    pairs = [(state, need) for state in SUBSCRIPTION_STATES for need in NEEDS]
    return {f"preview.group.{state}_{need}": found.get((state, need), 0) for state, need in pairs}
