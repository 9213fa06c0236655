"""Signs that a customer is about to fall (買わなくなる兆候, R80–R82), each the higher the likelier the fall.

All are logarithms of odds or of ratios, so that they mean the same at every origin and for every size of customer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.experts import Told
from crm_platform.forecast.modelled_fall import modelled_fall_rate
from crm_platform.forecast.origins import reals
from crm_platform.forecast.own_cycle import OwnCycle, overdue_rate
from crm_platform.forecast.spending import Spending

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FURTHEST_ODDS = 1e-3  # a chance nearer to 0 or 1 says no more
FURTHEST_RATIO = np.exp(5)


def fall_signs(
    features: pd.DataFrame,
    told: Told,
    foreseen_jpy: Reals,
    cycle: OwnCycle,
    horizon_days: int,
    spending: Spending | None,
) -> pd.DataFrame:
    """The signs of buyers with sales in the last term.

    Args:
        features: such buyers as `describe` gives them.
        told: what the experts say of the same customers, row by row.
        foreseen_jpy: their blended forecast before calibration.
        cycle: what is typical of such buyers.
        horizon_days: the term.
        spending: the models for the sign `modelled`, which is left out without them.

    Returns:
        `modelled` (odds of `modelled_fall_rate`), `level` (recent over foreseen sales, and `level_<expert>` over each
        expert's), `silence` (odds of no purchase in the term), `overdue` (odds that an own cycle is over), `stopped`
        (odds of having stopped).
    """
    recent = reals(features, "sales_term_jpy")
    modelled = None if spending is None else modelled_fall_rate(features, spending, horizon_days)
    signs = {} if modelled is None else {"modelled": log_odds(modelled)}
    signs |= {
        "level": _log_ratio(recent, foreseen_jpy),
        "silence": -log_odds(told.purchase_rate),
        "overdue": log_odds(overdue_rate(cycle, features)),
        "stopped": -log_odds(told.p_active),
    }
    return pd.DataFrame(signs | {f"level_{name}": _log_ratio(recent, sales) for name, sales in told.sales_jpy.items()})


def log_odds(rate: Reals) -> Reals:
    """Logarithm of rate ÷ (1 − rate), the rate kept off 0 and 1."""
    kept = np.clip(rate, FURTHEST_ODDS, 1 - FURTHEST_ODDS)
    odds: Reals = np.log(kept) - np.log1p(-kept)
    return odds


def _log_ratio(recent: Reals, foreseen: Reals) -> Reals:
    ratio: Reals = np.log(np.clip(recent / np.maximum(foreseen, 1e-9), 1 / FURTHEST_RATIO, FURTHEST_RATIO))
    return ratio
