"""What media cost by month: the cost of a placement spread evenly by days over its run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from ibis import _

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows
from crm_platform.diagnosis.spans import index_of
from crm_platform.periods import Month, months_between


def costed_media(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Media with a cost above 0: `media_id`, `cost_jpy`, `started_on`, `ended_on`; in order of their code."""
    found = inputs.media.filter(_.cost_jpy > 0).select("media_id", "cost_jpy", "started_on", "ended_on")
    return rows(found.order_by("media_id"))


def placed_media(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Those of `costed_media` whose first day is known and over; the cost of the others belongs to no month."""
    return [row for row in costed_media(inputs) if row["started_on"] and row["started_on"] <= inputs.as_of]


def monthly_costs(placed: Sequence[dict[str, Any]], as_of: dt.date) -> dict[int, float]:
    """Cost in yen by month (see `index_of`) of the days up to `as_of`; a medium without an end ran one day."""
    costs: dict[int, float] = {}
    for row in placed:
        started_on, ended_on = row["started_on"], max(row["ended_on"] or row["started_on"], row["started_on"])
        days = (ended_on - started_on).days + 1
        for month in months_between(Month.of(started_on), Month.of(min(ended_on, as_of))):
            first, last = max(started_on, month.first_day), min(ended_on, month.last_day, as_of)
            share = ((last - first).days + 1) / days
            costs[index_of(month)] = costs.get(index_of(month), 0.0) + row["cost_jpy"] * share
    return costs
