"""The acceptance (検収, R39): our monthly totals against the client's own figures, difference per month and figure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import pyarrow as pa

from crm_platform.intake.judging.monthly_totals import TOTALS, monthly_totals
from crm_platform.periods import Month
from crm_platform.refusals import Refused

_LARGEST_PROPOSED_RATE = 0.05  # of the client's figure


def compare_totals(order_lines: pa.Table, control_totals: pa.Table) -> list[dict[str, Any]]:
    """One entry per month and figure that the client delivered: month, figure, ours, theirs, difference.

    The difference is ours − theirs. `order_lines`: all that is known after the delivery. A month without a line of
    ours counts 0.
    """
    ours = {row["month"]: row for row in monthly_totals(ibis.memtable(order_lines)).to_pyarrow().to_pylist()}
    return [
        _compared(row["month"], figure, ours.get(row["month"], {}).get(figure, 0), row[figure])
        for row in control_totals.sort_by("month").to_pylist()
        for figure in TOTALS
        if row[figure] is not None
    ]


def _compared(month: dt.date, figure: str, ours: int, theirs: int) -> dict[str, Any]:
    difference = ours - theirs
    return {"month": str(Month.of(month)), "figure": figure, "ours": ours, "theirs": theirs, "difference": difference}


def refuse_beyond_difference(compared: Sequence[Mapping[str, Any]], tolerated_rate: float, file: str) -> None:
    """Refused where a difference exceeds `tolerated_rate` of the client's figure; `file`: the client's TOML."""
    beyond = [one for one in compared if abs(one["difference"]) > tolerated_rate * abs(one["theirs"])]
    if not beyond:
        return
    first, others = beyond[0], len(beyond) - 1
    more = f"; {others} other figures differ too" if others > 1 else "; one other figure differs too" if others else ""
    raise Refused(
        f"the totals of {first['month']} differ: {first['figure']} is {first['ours']:,} in the order lines and "
        f"{first['theirs']:,} in the control totals (検収), a difference of {first['difference']:+,}{more}.",
        f"Mend the export or the control totals and deliver again{_also_possible(beyond, file)}",
        column=first["figure"],
    )


def _also_possible(beyond: Sequence[Mapping[str, Any]], file: str) -> str:
    """The rate that would let the small differences `beyond` pass; a large one is no matter of rounding."""
    largest = max(abs(one["difference"] / one["theirs"]) if one["theirs"] else math.inf for one in beyond)
    if largest > _LARGEST_PROPOSED_RATE:
        return "; look for orders that only one side holds, and another treatment of cancellations or tax."
    rate = math.ceil(largest * 1_000) / 1_000
    return f", or allow a difference in data/clients/{file}: [admission] tolerated_total_difference_rate = {rate}"
