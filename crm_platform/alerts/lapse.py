"""Good customers who are about to stop (買わなくなる兆候, seed 003): who, how likely, and what it would cost.

A fall is buying less than half of the last six months' sales, or nothing, in the next six. Its probability comes from
the customer's own pace, silence and values, so that equal silence means different things to different customers (R82).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.clients import Settings
from crm_platform.forecast.gamma_gamma import spending_below
from crm_platform.forecast.origins import reals
from crm_platform.forecast.pareto_nbd import probability_of_purchase, purchase_count_probabilities
from crm_platform.forecast.spending import Spending, expected_value, kept_share, mean_value

Reals = npt.NDArray[np.float64]

FALLEN_SHARE = 0.5  # of the recent level; below it the customer has fallen (rank-down, ランクダウン)
ASSUMED_RESPONSE_RATE = 0.05  # seed 003:133; decides only whether a contact could pay
CYCLE_PRIOR_GAPS = 2.0  # the population's cycle weighs as much as two gaps of the customer's own
_REASONS = np.array(["likely_stopped", "beyond_own_cycle", "falling_level"], dtype=object)


def find_lapse_alerts(
    features: pd.DataFrame,
    forecasts: pa.Table | pd.DataFrame,
    settings: Settings,
    model: Spending,
    horizon_days: int,
) -> pd.DataFrame:
    """The alerted customers: LAPSE_ALERTS without its test group, largest expected loss first.

    `features` as `describe` gives them; `forecasts` and the `model` behind them for the same as-of day.
    With `settings.alert_targets`: so many of `lapse_candidates`, by expected loss. Else those who are likelier to fall
    than their group (its natural fall) and for whom 5 % of the expected loss exceeds the cost of a contact.
    """
    candidates = lapse_candidates(features, forecasts, settings, model, horizon_days)
    if settings.alert_targets is not None:
        return candidates.head(settings.alert_targets).reset_index(drop=True)
    above_natural = candidates["lapse_risk"] > candidates["lapse_risk"].mean()
    pays = candidates["expected_loss_jpy"] * ASSUMED_RESPONSE_RATE > settings.alert_unit_cost_jpy
    return candidates[above_natural & pays].reset_index(drop=True)


def lapse_candidates(
    features: pd.DataFrame,
    forecasts: pa.Table | pd.DataFrame,
    settings: Settings,
    model: Spending,
    horizon_days: int,
) -> pd.DataFrame:
    """All customers among whom alerts are raised, with risk, loss and reason, largest expected loss first.

    They are the best `alert_top_share` by 売上 of the last two terms among those who bought in the last one.
    The mean of `lapse_risk` is the group's natural fall, to be shown beside any result.
    """
    rows = _best_recent_buyers(features, settings.alert_top_share)
    frame = forecasts.to_pandas() if isinstance(forecasts, pa.Table) else forecasts
    rows = rows.merge(frame[["customer_id", "p_active", "expected_sales_jpy"]], on="customer_id", validate="1:1")
    risk, sales_when_fallen = _risk_and_remainder(rows, model, horizon_days)
    cycle = own_cycle_days(rows, model)
    rows = rows.assign(
        lapse_risk=risk,
        cycle_days=cycle,
        days_beyond_cycle=reals(rows, "gap_days") - cycle,
        sales_6m_jpy=reals(rows, "sales_term_jpy"),
        expected_loss_jpy=np.maximum(risk * reals(rows, "sales_term_jpy") - sales_when_fallen, 0),
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
            "expected_sales_jpy",
            "expected_loss_jpy",
            "reason",
        ]
    ]


def lapse_risk(features: pd.DataFrame, model: Spending, horizon_days: float) -> Reals:
    """Probability of a fall within the horizon, per buyer of `features`.

    Where the last term has no sales there is no level to fall from: the probability of buying nothing.
    """
    x, t_x, age = reals(features, "purchase_days") - 1, reals(features, "tenure_days"), reals(features, "age_days")
    risk: Reals = 1 - probability_of_purchase(model.purchases.pareto, x, t_x, age, horizon_days)
    recent = (features["sales_term_jpy"] > 0).to_numpy(dtype=bool)
    risk[recent] = _risk_and_remainder(features[recent], model, horizon_days)[0]
    return risk


def own_cycle_days(features: pd.DataFrame, model: Spending) -> Reals:
    """The customer's own mean gap, shrunk to the median of these customers by the weight of two gaps; in days."""
    own, pareto = reals(features, "cycle_days"), model.purchases.pareto
    known = own[~np.isnan(own)]
    # Where nobody bought twice, the mean gap that the model expects, a year at most.
    typical = float(np.median(known)) if len(known) else min(pareto.alpha / pareto.r, 365.0)
    gaps = np.where(np.isnan(own), 0, np.maximum(reals(features, "purchase_days") - 1, 0))
    cycle: Reals = (CYCLE_PRIOR_GAPS * typical + gaps * np.nan_to_num(own)) / (CYCLE_PRIOR_GAPS + gaps)
    return cycle


# --- inside -----------------------------------------------------------------------------------------------------------


def _best_recent_buyers(features: pd.DataFrame, share: float) -> pd.DataFrame:
    recent = features[(features["sales_term_jpy"] > 0) & (features["purchase_days"] > 0)]
    ranked = recent.sort_values(
        ["sales_two_terms_jpy", "sales_term_jpy", "customer_id"], ascending=[False, False, True], kind="stable"
    )
    return ranked.head(int(np.ceil(share * len(ranked))))


def _risk_and_remainder(features: pd.DataFrame, model: Spending, horizon_days: float) -> tuple[Reals, Reals]:
    """Probability of a fall, and E(sales; fallen) in yen. Customers are taken together by how many purchases matter."""
    kept = np.maximum(kept_share(model, features), 1e-6)
    level = reals(features, "sales_term_jpy") / kept * FALLEN_SHARE
    most = np.minimum(
        2 ** np.ceil(np.log2(2 * level / expected_value(model, features) + 8)), np.ceil(horizon_days)
    ).astype(np.int64)
    risk, remainder = np.zeros(len(level)), np.zeros(len(level))
    for size in np.unique(most):
        rows = np.flatnonzero(most == size)
        for some in np.array_split(rows, np.ceil(len(rows) * size / 1_000_000).astype(np.int64)):
            risk[some], remainder[some] = _fall(features.iloc[some], level[some], model, horizon_days, int(size))
    return np.clip(risk, 0, 1), remainder * kept


def _fall(features: pd.DataFrame, level: Reals, model: Spending, horizon_days: float, most: int) -> tuple[Reals, Reals]:
    """Sum over the number of purchases n: P(n) × P(n purchases are worth less than `level`), and the worth of them."""
    purchases, t_x, age = (reals(features, name) for name in ("purchase_days", "tenure_days", "age_days"))
    chance = purchase_count_probabilities(model.purchases.pareto, purchases - 1, t_x, age, horizon_days, most)
    below, worth = spending_below(
        model.values,
        purchases[:, None],
        mean_value(features)[:, None],
        np.arange(1, most + 1, dtype=np.float64)[None, :],
        level[:, None],
    )
    return chance[:, 0] + (chance[:, 1:] * below).sum(axis=1), (chance[:, 1:] * worth).sum(axis=1)


def _strongest_sign(rows: pd.DataFrame) -> npt.NDArray[np.object_]:
    """The largest of: chance of having stopped; chance that a cycle would be over by now; fall even if still active."""
    stopped = 1 - reals(rows, "p_active")
    beyond = 1 - np.exp(-np.maximum(reals(rows, "days_beyond_cycle"), 0) / np.maximum(reals(rows, "cycle_days"), 1))
    if_active = reals(rows, "expected_sales_jpy") / np.maximum(reals(rows, "p_active"), 1e-9)
    falling = 1 - if_active / reals(rows, "sales_term_jpy")
    names: npt.NDArray[np.object_] = _REASONS[np.argmax(np.column_stack([stopped, beyond, falling]), axis=1)]
    return names
