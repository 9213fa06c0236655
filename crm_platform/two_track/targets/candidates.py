"""Every subscriber, past or present: 継続中 or 解約, 顕在 or 潜在, and the one-off sales to expect (R30, R31, R34)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.clients import Settings
from crm_platform.forecast.forecast import every_nth
from crm_platform.tables.targets import ONE_OFF_CANDIDATES, STATUSES, SUBSCRIPTION_STATES, TARGETS
from crm_platform.two_track.one_off_purchases import is_own_data, one_off_buyers
from crm_platform.two_track.targets.known import KnownSubscribers
from crm_platform.two_track.targets.offers import best_offers, learn_offers
from crm_platform.two_track.targets.one_off_forecast import OneOffForecast, foresee_one_off, subscribers_in_parts
from crm_platform.two_track.targets.worth import expected_returns

Reals = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

QUIET_TERMS = 2.0  # without a one-off purchase: 都度 is no habit any more
PAST_TERMS = 2  # that offers are learned from, so that every season is in them once
MOST_ASKED = 50_000  # subscribers of the past that offers are learned from
OWN_DATA, INFERRED = STATUSES
_SAID = ("p_buys", "expected_sales_jpy", "sales_p10_jpy", "sales_p90_jpy")


def one_off_candidates(
    known: KnownSubscribers,
    model: OneOffForecast | None,
    margins: Mapping[str, float],
    settings: Settings,
    as_of: dt.date,
    horizon_days: int,
) -> pa.Table:
    """ONE_OFF_CANDIDATES: exactly one row per customer who has subscribed by `as_of`.

    顕在 has bought one-off before, trial sizes included; 潜在 has not (R31). With fewer buyers on file than
    `settings.two_track_least_buyers` the status is 推論 (R36). Then nothing is foretold, nor without a model.

    Args:
        known: what is known at `as_of`.
        model: fitted at `as_of`; None where nothing could be learned.
        margins: gross margin of product groups (see `worth.group_margins`).
        settings: of the client.
        as_of: the last day known.
        horizon_days: the term.
    """
    suffices = is_own_data(one_off_buyers(known.days, known.goods, known.turns), settings.two_track_least_buyers)
    status = OWN_DATA if suffices else INFERRED
    ids = known.subscriber_ids()
    past_days = [as_of - dt.timedelta(days=horizon_days * back) for back in range(1, PAST_TERMS + 1)]
    sample = known.of_customers(every_nth(ids, MOST_ASKED))
    offers = learn_offers(sample, sample.subscribers(past_days, horizon_days), as_of, horizon_days)
    parts = []
    for rows in subscribers_in_parts(known, as_of, horizon_days):
        part = known.between(rows["customer_id"].iloc[0], rows["customer_id"].iloc[-1])
        offered = best_offers(offers, part, rows).set_index("customer_id")["product_group"]
        parts.append(_described(rows, offered, model if suffices else None, horizon_days).assign(status=status))
    if not parts:
        return ONE_OFF_CANDIDATES.empty()
    return ONE_OFF_CANDIDATES.from_pandas(with_returns(pd.concat(parts, ignore_index=True), margins, settings))


def targets(candidates: pa.Table) -> pa.Table:
    """TARGETS: the rows with `is_target`, the highest expected one-off sales first; as many as targets (R32)."""
    rows = candidates.to_pandas()
    rows = rows[rows["is_target"]].sort_values(["expected_sales_jpy", "customer_id"], ascending=[False, True])
    return TARGETS.from_pandas(rows.assign(rank=np.arange(1, len(rows) + 1)))


def with_returns(rows: pd.DataFrame, margins: Mapping[str, float], settings: Settings) -> pd.DataFrame:
    """`rows` with the expected return of a contact, and who is a target: a return above 1, or the first of the setting.

    Args:
        rows: `customer_id, product_group, p_buys, expected_sales_jpy` of all subscribers.
        margins: gross margin of product groups.
        settings: `alert_unit_cost_jpy` is what a contact costs; `two_track_targets` how many targets there are.
    """
    if rows["p_buys"].isna().any():
        return rows.assign(expected_return_times=np.nan, return_basis=None, is_target=False)
    margin: Reals = np.asarray(rows["product_group"].map(margins), dtype=np.float64)
    sales = rows["expected_sales_jpy"].to_numpy(np.float64)
    returns = expected_returns(rows["p_buys"].to_numpy(np.float64), sales, margin, settings.alert_unit_cost_jpy)
    pays = sales > 0 if returns is None else returns > 1
    if settings.two_track_targets is not None:
        best_first = np.lexsort((rows["customer_id"].to_numpy(dtype=str), -sales))
        pays = np.zeros(len(rows), dtype=bool)
        pays[best_first[: settings.two_track_targets]] = True
    return rows.assign(
        expected_return_times=np.nan if returns is None else returns,
        return_basis=np.where(np.isnan(margin), "sales", "profit"),
        is_target=pays,
    )


# --- inside -----------------------------------------------------------------------------------------------------------


def _described(rows: pd.DataFrame, offered: pd.Series, model: OneOffForecast | None, horizon_days: int) -> pd.DataFrame:
    nothing = dict.fromkeys(_SAID, np.full(len(rows), np.nan))
    said = nothing if model is None else foresee_one_off(model, rows)
    return pd.DataFrame(
        {
            "customer_id": rows["customer_id"],
            "subscription_state": np.where(rows["is_continuing"], *SUBSCRIPTION_STATES),
            "need": np.where(rows["one_off_days"] > 0, "manifest", "latent"),
            "segment": _segments(rows, horizon_days),
            "product_group": rows["customer_id"].map(offered).astype(object),
            "reason": _reasons(rows, horizon_days),
            **said,
        }
    )


def _segments(rows: pd.DataFrame, horizon_days: int) -> Texts:
    """How the customer has bought one-off so far (顧客セグメント, R34)."""
    bought = rows["repeat_days"] > 0
    is_quiet = bought & (rows["one_off_gap_days"] > QUIET_TERMS * horizon_days)
    return _first_of(
        [
            (is_quiet, "quiet"),
            (rows["repeat_days"] > 1, "regular"),
            (bought, "once"),
            (rows["one_off_days"] > 0, "trial_only"),
        ],
        "never",
    )


def _reasons(rows: pd.DataFrame, horizon_days: int) -> Texts:
    """What speaks most for a one-off purchase."""
    repeats = rows["repeat_days"]
    own_interval = (rows["one_off_age_days"] - rows["one_off_gap_days"]) / (repeats - 1).where(repeats > 1)
    is_lately = rows["one_off_gap_days"] <= horizon_days
    is_over = (rows["one_off_gap_days"] >= own_interval) & (rows["one_off_gap_days"] <= 2 * own_interval)
    stopped = ~rows["is_continuing"].astype(bool)
    return _first_of(
        [
            (is_over & is_lately, "interval_is_over"),
            (stopped & (rows["repeat_days_in_state"] > 0), "bought_since_stop"),
            (~stopped & is_lately, "bought_beside"),
            (repeats > 0, "bought_before"),
            (stopped & (rows["stopped_days"] <= horizon_days), "stopped_lately"),
        ],
        "like_customers",
    )


def _first_of(cases: Sequence[tuple[pd.Series, str]], otherwise: str) -> Texts:
    conditions = [condition.fillna(False).to_numpy(dtype=bool) for condition, _ in cases]
    return np.select(conditions, [name for _, name in cases], otherwise).astype(object)
