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
    active = spells[spells["until"] > now]
    names = [*ever, *(name for name in by_group(settings) if name not in ever)]
    spells_of, active_of = _by_product_group(looked_at), _by_product_group(active)
    return [
        {
            "product_group": name,
            "threshold_days": threshold_of(name, settings),
            "proposed_days": proposed_days(spells_of.get(name, looked_at[:0])),
            "buyers": ever.get(name, 0),
            "dormant_customers": ever.get(name, 0) - int(active_of.get(name, active[:0])["customers"].sum()),
        }
        for name in names
    ]


def proposed_days(spells: pd.DataFrame) -> int | None:
    """The days within which 95 % of the repeat purchases in these spells came; None below 30 of them."""
    returned = spells[spells["gap"] >= 0]
    within = int(spells["within"].sum())
    repeats = within + int(returned["customers"].sum())
    if repeats < LEAST_REPEATS:
        return None
    so_far = returned.groupby("gap")["customers"].sum().cumsum() + within
    enough = so_far[so_far >= REPEAT_SHARE_RATE * repeats]
    return int((enough.index[0] + 1) * STEP_DAYS) if len(enough) else 3 * STEP_DAYS


def _people(inputs: DiagnosisInputs) -> dict[str | None, int]:
    """Everyone who ever bought by product group, the largest first."""
    counted = grouped_buyers(inputs).group_by("product_group").agg(buyers=_.count())
    found = counted.order_by(ibis.desc("buyers"), "product_group").to_pyarrow().to_pylist()
    return {row["product_group"]: row["buyers"] for row in found}


def _by_product_group(spells: pd.DataFrame) -> dict[str | None, pd.DataFrame]:
    """The spells of each product group, taken apart once, as there may be thousands; those without one under None."""
    named = spells.dropna(subset="product_group").groupby("product_group")
    return {None: spells[spells["product_group"].isna()], **{str(name): part for name, part in named}}
