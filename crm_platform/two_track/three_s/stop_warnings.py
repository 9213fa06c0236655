"""Who may stop next (事前に対策, R33): every continuing subscription with its risk, its reason and what is at stake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from crm_platform.diagnosis.rows import one_row
from crm_platform.periods import Month
from crm_platform.tables.three_s import STOP_WARNINGS
from crm_platform.two_track.three_s.curves import LAST_CYCLE, left_by_cycle
from crm_platform.two_track.three_s.delivered_cycles import KnownPast
from crm_platform.two_track.three_s.stop_risk import StopRisk
from crm_platform.two_track.three_s.stop_signs import Subscribers, former_rows, lesson_rows, present_rows

LEARNED_MONTHS = 48  # whose deliveries are learned from
LEARNED_ROWS = 80_000  # about so many deliveries: of more subscriptions some are drawn, whole
TESTED_MONTHS = 12  # the former month ends on which warnings could be tested
_BLOCK_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class Lessons:
    """Of the same subscriptions: former deliveries (`lesson_rows`), and former month ends (`former_rows`)."""

    deliveries: pd.DataFrame
    month_ends: pd.DataFrame


def lessons(past: KnownPast, others: Subscribers) -> Lessons:
    """The deliveries of the last LEARNED_MONTHS and the last TESTED_MONTHS month ends before `past.as_of`."""
    month = Month.of(past.as_of)
    since = month.plus(-LEARNED_MONTHS).first_day
    number = one_row(past.deliveries.filter(_.ordered_on >= since).agg(deliveries=_.count()))["deliveries"]
    some = past.of_some(number // LEARNED_ROWS + 1).held()
    ends = [month.plus(-back).last_day for back in range(TESTED_MONTHS, 0, -1)]
    return Lessons(lesson_rows(some, others, since), former_rows(some, others, ends))


def stop_warnings(
    past: KnownPast, others: Subscribers, model: StopRisk | None, curves: Mapping[str, Any] | None
) -> pa.Table:
    """STOP_WARNINGS at `past.as_of`: a row per continuing subscription; none without a model.

    Args:
        past: as known at that day.
        others: CUSTOMER_HISTORY, and CUSTOMER_DAYS up to it.
        model: see `fit_stop_risk`.
        curves: see `continuation_curves`; they tell how many deliveries of six months are at stake.
    """
    if model is None or curves is None:
        return STOP_WARNINGS.empty()
    rows = present_rows(past, others)
    blocks = [model.read(rows.iloc[start : start + _BLOCK_ROWS]) for start in range(0, max(len(rows), 1), _BLOCK_ROWS)]
    said = pd.concat(blocks)
    value_jpy = _delivery_jpy(past).reindex(rows["subscription_id"]).fillna(0.0).to_numpy()
    at_risk_jpy = said["risk"].to_numpy() * _left(rows, curves) * np.maximum(value_jpy, 0.0)
    columns = {name: rows[name] for name in ("subscription_id", "customer_id", "cycle_no")}
    sales = np.rint(at_risk_jpy).astype(np.int64)
    told = pd.DataFrame({**columns, **said, "expected_sales_at_risk_jpy": sales})
    return STOP_WARNINGS.from_pandas(told)


def _delivery_jpy(past: KnownPast) -> pd.Series:
    """売上 of one delivery of each continuing subscription."""
    running = past.subscriptions.filter((_.state == "continuing") & (_.deliveries > 0))
    found = running.select("subscription_id", jpy=running.sales_jpy / running.deliveries).to_pandas()
    value: pd.Series = found.set_index("subscription_id")["jpy"]
    return value


def _left(rows: pd.DataFrame, curves: Mapping[str, Any]) -> np.ndarray:
    """Deliveries to expect in six months of each row, from the curve of its course."""
    left = np.zeros(len(rows))
    place = np.minimum(rows["cycle_no"].to_numpy(), LAST_CYCLE) - 1
    for course in rows["course"].unique():
        there = rows["course"].to_numpy() == course
        left[there] = np.array(left_by_cycle(curves, course)[0])[place[there]]
    return left
