"""Good customers who are about to stop (買わなくなる兆候, seed 003): who, how likely, and what it would cost.

The risk is the forecast's (`forecast.falls`): learned from the client's own past falls. Here it becomes a list: who is
worth a contact, and why. Each is judged by the own cycle, so that equal silence means different things (R82).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.clients import Settings
from crm_platform.forecast.origins import reals
from crm_platform.forecast.own_cycle import OwnCycle, cycle_days, overdue_rate, variation

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ASSUMED_RESPONSE_RATE = 0.05  # seed 003:133; decides only whether a contact could pay
LIKELIER_BY_RATE = 0.001  # than the group: less is not told apart where rates are told in tenths of a percent
LONG_OVERDUE_RATE = 0.975  # an own cycle would be over by now in 39 of 40 cases: a sign whatever the group does
REGULAR_VARIATION = 0.25  # squared: gaps differ by half of their mean at most
SHRUNKEN_SHARE = 0.5  # of the usual purchase; a smaller last one is a sign even on schedule
NEEDED_FEATURES = (
    "purchase_days",
    "gap_days",
    "cycle_days",
    "cycle_sd_days",
    "sales_term_jpy",
    "sales_two_terms_jpy",
    "standing_sales_jpy",
    "last_day_jpy",
)
_REASONS = np.array(["like_the_fallen", "likely_stopped", "beyond_own_cycle", "falling_level"], dtype=object)
TOLD = ("p_active", "expected_sales_jpy", "expected_profit_jpy", "lapse_risk", "fallen_sales_jpy")


def find_lapse_alerts(candidates: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The alerted of `lapse_candidates`, largest expected loss first.

    With `settings.alert_targets`: so many by expected loss, fewer where there are no more. Else those with a sign
    (likelier to fall than their group, its natural fall; or long beyond the own cycle) for whom 5 % of the expected
    loss exceeds the cost of a contact. A regular customer on schedule is never alerted.
    """
    late = candidates[~candidates["is_on_schedule"]]
    if settings.alert_targets is not None:
        return late.head(settings.alert_targets).reset_index(drop=True)
    above_natural = late["lapse_risk"] - candidates["lapse_risk"].mean() >= LIKELIER_BY_RATE
    long_overdue = late["overdue_rate"] >= LONG_OVERDUE_RATE
    pays = late["expected_loss_jpy"] * ASSUMED_RESPONSE_RATE > settings.alert_unit_cost_jpy
    return late[(above_natural | long_overdue) & pays].reset_index(drop=True)


def lapse_candidates(upper: pd.DataFrame, forecasts: pd.DataFrame, cycle: OwnCycle) -> pd.DataFrame:
    """All upper customers (上位客), with risk, loss and reason, largest expected loss first.

    The mean of `lapse_risk` is the group's natural fall, to be shown beside any result.

    Args:
        upper: the upper customers, with the columns `NEEDED_FEATURES` of `customer_features`.
        forecasts: the columns `TOLD` of FORECASTS of at least them; without `expected_profit_jpy` profit is null.
        cycle: what is typical (`FittedForecast.falls.cycle`).

    Returns:
        The columns of LAPSE_ALERTS but `falls_on`; `p_active`, `overdue_rate`, and `is_on_schedule`.
    """
    told = forecasts.reindex(columns=["customer_id", *TOLD])
    rows = upper[["customer_id", *NEEDED_FEATURES]].merge(told, on="customer_id", validate="1:1")
    own = cycle_days(cycle, rows)
    rows = rows.assign(
        cycle_days=own,
        days_beyond_cycle=reals(rows, "gap_days") - own,
        overdue_rate=overdue_rate(cycle, rows),
        is_on_schedule=is_on_schedule(rows, cycle),
        sales_6m_jpy=reals(rows, "sales_term_jpy"),
        expected_loss_jpy=rows["lapse_risk"] * np.maximum(rows["sales_term_jpy"] - rows["fallen_sales_jpy"], 0),
    )
    rows["reason"] = _strongest_sign(rows)
    rows = rows.sort_values(["expected_loss_jpy", "customer_id"], ascending=[False, True]).reset_index(drop=True)
    return rows[
        [
            "customer_id",
            "lapse_risk",
            "gap_days",
            "cycle_days",
            "days_beyond_cycle",
            "sales_6m_jpy",
            "fallen_sales_jpy",
            "expected_sales_jpy",
            "expected_profit_jpy",
            "expected_loss_jpy",
            "reason",
            "p_active",
            "overdue_rate",
            "is_on_schedule",
        ]
    ]


def is_on_schedule(features: pd.DataFrame, cycle: OwnCycle) -> Flags:
    """Who buys regularly, is not due yet, and bought no less than half of the usual the last time."""
    regular = variation(cycle, features) <= REGULAR_VARIATION
    not_due = reals(features, "gap_days") <= cycle_days(cycle, features)
    usual = reals(features, "standing_sales_jpy") / reals(features, "purchase_days")
    steady: Flags = regular & not_due & (reals(features, "last_day_jpy") >= SHRUNKEN_SHARE * usual)
    return steady


# --- inside -----------------------------------------------------------------------------------------------------------


def _strongest_sign(rows: pd.DataFrame) -> npt.NDArray[np.object_]:
    """The largest of: chance of having stopped; how far beyond the own cycle; fall even if still active.

    None of them, and a risk all the same: those who bought alike fell (`like_the_fallen`).
    """
    # Who is within the own cycle is not told to have stopped or to be late, however likely the models think it.
    late = reals(rows, "days_beyond_cycle") > 0
    stopped = np.where(late, 1 - reals(rows, "p_active"), 0)
    beyond = np.where(late, 2 * reals(rows, "overdue_rate") - 1, 0)  # 0 about on time, 1 long overdue
    if_active = reals(rows, "expected_sales_jpy") / np.maximum(reals(rows, "p_active"), 1e-9)
    falling = 1 - if_active / reals(rows, "sales_term_jpy")
    names: npt.NDArray[np.object_] = _REASONS[
        np.argmax(np.column_stack([np.zeros(len(rows)), stopped, beyond, falling]), axis=1)
    ]
    return names
