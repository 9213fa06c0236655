"""The acceptance of the deliveries (検収): their receipts, rows not admitted, totals for the client to confirm."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import pyarrow as pa

from crm_platform.intake.judging.monthly_totals import TOTALS, monthly_totals
from crm_platform.periods import Month
from crm_platform.reports.csv_cells import DEFAULT_ENCODING, csv_file
from crm_platform.reports.wording import Wording

_QUARANTINE = ("delivery_id", "file_name", "row_number", "table", "column", "masked_value", "rule", "remedy")
_OURS = ("rows", *TOTALS)
_OF_THE_DAY = {"examined_on"}  # when a delivery came changes nothing of what it holds


def receipts_json(receipts: Sequence[Mapping[str, Any]]) -> bytes:
    """The receipts of all deliveries, in order of arrival."""
    kept = [{key: value for key, value in receipt.items() if key not in _OF_THE_DAY} for receipt in receipts]
    return (json.dumps(kept, sort_keys=True, ensure_ascii=False, indent=1) + "\n").encode()


def quarantine_csv(rows: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """Each row not admitted, with file, line, column, masked value, rule and remedy; from QUARANTINED_ROWS."""
    told = [
        {**row, "rule": wording.text(f"rule.{row['rule']}"), "remedy": wording.text(f"remedy.{row['rule']}")}
        for row in rows.to_pylist()
    ]
    cells = [["" if row[name] is None else str(row[name]) for name in _QUARANTINE] for row in told]
    return csv_file(_QUARANTINE, cells, wording, encoding)


def subscription_repairs_csv(
    repairs: Sequence[Mapping[str, Any]], wording: Wording, encoding: str = DEFAULT_ENCODING
) -> bytes:
    """Contradictions in deliveries and events of subscriptions: rule, how often, what became of it, the first ones.

    From the document `subscription_repairs` (R33); one row per rule.
    """
    rows = [
        (
            wording.text(f"repair_rule.{one['rule']}"),
            str(one["count"]),
            wording.text(f"repair.{one['rule']}"),
            ", ".join(one["examples"]),
        )
        for one in repairs
    ]
    return csv_file(("rule", "repaired", "repair", "first_subscriptions"), rows, wording, encoding)


def test_totals_csv(
    order_lines: ibis.Table, control_totals: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING
) -> bytes:
    """Our figures of every month (テスト集計, R39), beside them the client's own and the difference (ours − theirs).

    `control_totals`: what the client delivered of them (CONTROL_TOTALS); what it did not deliver is empty.
    """
    ours = {row["month"]: row for row in monthly_totals(order_lines).to_pyarrow().to_pylist()}
    theirs = {row["month"]: row for row in control_totals.to_pylist()}
    rows = [
        _totals_of(str(Month.of(month)), ours.get(month, dict.fromkeys(_OURS, 0)), theirs.get(month, {}))
        for month in sorted({*ours, *theirs})
    ]
    theirs_and_differences = [f"{side}_{name}" for name in TOTALS for side in ("client", "difference")]
    return csv_file(("month", *_OURS, *theirs_and_differences), rows, wording, encoding)


def _totals_of(month: str, ours: Mapping[str, int], theirs: Mapping[str, int | None]) -> list[str]:
    cells = [month, *(str(ours[name]) for name in _OURS)]
    for name in TOTALS:
        said = theirs.get(name)
        cells += ["", ""] if said is None else [str(said), str(ours[name] - said)]
    return cells


def order_kinds_csv(kinds: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """定期, 都度 and まとめ売り apart (R23), with the discount rate of each (R24); from `order_kinds`."""
    rows = [
        [wording.text(f"order_kind.{row.pop('order_kind')}"), *(_number(value) for value in row.values())]
        for row in kinds.to_pylist()
    ]
    return csv_file(kinds.column_names, rows, wording, encoding)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def delivery_judgement_csv(
    expectations: Sequence[Mapping[str, Any]], wording: Wording, encoding: str = DEFAULT_ENCODING
) -> bytes:
    """What was expected of the delivery as a whole, its verdict, and the first case that breaks it; one row each."""
    rows = [
        (
            wording.text(f"judgement.{one['name']}"),
            wording.text(f"judgement.{one['severity'] if one['status'] == 'broken' else one['status']}"),
            "" if one["observed"] is None else f"{one['observed']:.4g}",
            one["bound"].replace("at least", "≧").replace("at most", "≦"),  # of both, cp932 has these
            str(len(one["cases"])),
            ", ".join(f"{key}={value}" for key, value in one["cases"][0].items()) if one["cases"] else "",
        )
        for one in expectations
    ]
    return csv_file(("expectation", "verdict", "observed", "bound", "cases", "first_case"), rows, wording, encoding)
