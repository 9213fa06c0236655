"""From which silence on customers should be called dormant: the days within which nearly all who return do (R125)."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd
from ibis import _

from crm_platform.diagnosis.groundwork.active_months import STEP_DAYS, grouped_buyers
from crm_platform.diagnosis.groundwork.dormancy_thresholds import by_group, threshold_of
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.spans import YEAR_MONTHS, index_of

REPEAT_SHARE_RATE = 0.95  # of the repeat purchases come within the proposed threshold
LEAST_REPEATS = 30


def threshold_rows(inputs: DiagnosisInputs, spells: pd.DataFrame) -> list[dict[str, Any]]:
    """By product group, the largest first: threshold in force, the one that the data propose, customers by state.

    Proposed are the days within which 95 % of the repeat purchases came, in steps of 10 days; looked at are purchases
    made a year ago or earlier (all, below two years of history), since later ones have had no time for a long gap. None
    below 30 of them. A group that the settings name and nobody bought has 0 customers.
    """
    settings, now = inputs.client.settings, index_of(inputs.month)
    is_long = len(inputs.months) >= 2 * YEAR_MONTHS
    repeated = spells[(spells["gap"] >= 0) | (spells["within"] > 0)]
    looked_at = repeated[repeated["month"] <= now - YEAR_MONTHS] if is_long else repeated
    ever = _people(inputs)
    active = spells[spells["until"] > now].groupby("product_group", dropna=False)["customers"].sum()
    names = [*ever, *(name for name in by_group(settings) if name not in ever)]
    return [
        {
            "product_group": name,
            "threshold_days": threshold_of(name, settings),
            "proposed_days": proposed_days(looked_at[_is(looked_at, name)]),
            "buyers": ever.get(name, 0),
            "dormant_customers": ever.get(name, 0) - int(active[_is(active.index.to_frame(), name).to_numpy()].sum()),
        }
        for name in names
    ]


def proposed_days(spells: pd.DataFrame) -> int | None:
    """The days within which 95 % of the repeat purchases in these spells came; None below 30 of them."""
    gaps = spells[spells["gap"] >= 0].groupby("gap")["customers"].sum()
    within = int(spells["within"].sum())
    repeats = within + int(gaps.sum())
    if repeats < LEAST_REPEATS:
        return None
    so_far = gaps.cumsum() + within
    enough = so_far[so_far >= REPEAT_SHARE_RATE * repeats]
    return int((enough.index[0] + 1) * STEP_DAYS) if len(enough) else 3 * STEP_DAYS


def _people(inputs: DiagnosisInputs) -> dict[str | None, int]:
    """Everyone who ever bought by product group, the largest first."""
    counted = grouped_buyers(inputs).group_by("product_group").agg(buyers=_.count())
    found = counted.order_by(ibis.desc("buyers"), "product_group").to_pyarrow().to_pylist()
    return {row["product_group"]: row["buyers"] for row in found}


def _is(frame: pd.DataFrame, name: str | None) -> pd.Series:
    return frame["product_group"].isna() if name is None else frame["product_group"] == name
