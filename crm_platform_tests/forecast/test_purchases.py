"""Which purchase model is chosen for whom, and what it says of any customer."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.forecast import pareto_nbd
from crm_platform.forecast.mbg_cnbd_k import MBGCNBDk
from crm_platform.forecast.mbg_nbd import MBGNBD
from crm_platform.forecast.metrics import normalised_gini
from crm_platform.forecast.origins import Origin, look_back
from crm_platform.forecast.pareto_nbd import ParetoNBD
from crm_platform.forecast.purchases import (
    Purchases,
    expected_purchases,
    fit_purchases,
    p_active,
    probability_of_purchase,
)
from crm_platform_tests.forecast.battery import as_origin, simulated, together
from crm_platform_tests.oracles.known_histories import cdnow, days_of, online_retail

PARETO, REGULAR = "Pareto/NBD (Fader & Hardie 2005)", "MBG/CNBD-4"
PLAIN = ParetoNBD(0.8, 50.0, 0.7, 90.0, 0.0, 1, True)
MODELS = [PLAIN, MBGNBD(0.8, 50.0, 0.7, 3.0, 0.0, 1, True), MBGCNBDk(5, 0.8, 9.0, 0.7, 3.0, 0.0, 1, True, False)]


@lru_cache(maxsize=2)
def _mixed(seed: int) -> Origin:
    return together(
        as_origin(simulated(PARETO, 1_200, seed=seed)),
        as_origin(simulated(REGULAR, 1_200, seed=seed), subscribers=True),
    )


@lru_cache(maxsize=1)
def _fitted_on_mixed() -> Purchases:
    return fit_purchases(_mixed(22).features, [_mixed(21)], 26)


def _said(model: Purchases, features: pd.DataFrame, horizon: float = 26.0) -> tuple[np.ndarray, ...]:
    return (
        p_active(model, features),
        probability_of_purchase(model, features, horizon),
        expected_purchases(model, features, horizon),
    )


def test_customers_who_follow_the_pareto_nbd_keep_it():
    then, now = (as_origin(simulated(PARETO, 2_000, seed=seed)) for seed in (11, 12))
    fitted = fit_purchases(now.features, [then], 26)
    assert isinstance(fitted.one_off_buyers, ParetoNBD)
    assert fitted.one_off_buyers == fitted.subscribers == fitted.pareto
    assert fitted.notes == ()


def test_regular_customers_get_the_regular_model_and_it_foretells_them_better():
    then, now = (as_origin(simulated(REGULAR, 2_000, seed=seed)) for seed in (11, 12))
    fitted = fit_purchases(now.features, [then], 26)
    assert isinstance(fitted.one_off_buyers, MBGCNBDk)
    assert fitted.one_off_buyers.k == 4
    assert isinstance(fitted.pareto, ParetoNBD)
    came, plain = now.came["purchase_days"].to_numpy(float), Purchases(fitted.pareto, *[fitted.pareto] * 2, {}, ())
    errors = [np.square(expected_purchases(one, now.features, 26) - came).mean() for one in (fitted, plain)]
    assert errors[0] < errors[1]


def test_subscribers_are_told_apart_where_that_foretells_better():
    now, fitted = _mixed(22), _fitted_on_mixed()
    assert isinstance(fitted.one_off_buyers, ParetoNBD)
    assert isinstance(fitted.subscribers, MBGCNBDk)
    assert fitted.scores["pareto_nbd + mbg_cnbd_k"] == min(fitted.scores.values())
    came = now.came["purchase_days"].to_numpy(float)
    subscribe = now.features["subscription_days"].to_numpy(float) > 0
    expected = expected_purchases(fitted, now.features, 26)
    for group in (subscribe, ~subscribe):
        assert expected[group].sum() == pytest.approx(came[group].sum(), rel=0.1)


def test_the_order_of_customers_changes_no_bit_and_json_keeps_every_one():
    then, now = _mixed(21), _mixed(22)
    order = np.random.default_rng(1).permutation(len(then.features))
    shuffled = Origin(then.as_of, 26, then.features.iloc[order], then.came.iloc[order])
    fitted = fit_purchases(now.features, [then], 26)
    again = fit_purchases(now.features.iloc[order], [shuffled], 26)
    assert again.one_off_buyers == fitted.one_off_buyers
    assert again.subscribers == fitted.subscribers
    assert again.scores == pytest.approx(fitted.scores, rel=1e-12)
    assert Purchases.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted


def test_a_model_that_won_at_one_origin_only_is_not_taken():
    regular, random = (as_origin(simulated(name, 1_200, seed=31)) for name in (REGULAR, PARETO))
    earlier = Origin(regular.as_of - dt.timedelta(days=13), 26, random.features, random.came)
    assert isinstance(fit_purchases(regular.features, [regular], 26).one_off_buyers, MBGCNBDk)
    assert isinstance(fit_purchases(regular.features, [regular, earlier], 26).one_off_buyers, ParetoNBD)


def test_without_a_past_the_pareto_nbd_is_taken_and_the_note_says_so():
    now = as_origin(simulated(REGULAR, 1_500, seed=3))
    fitted = fit_purchases(now.features, [], 26)
    assert fitted.one_off_buyers == fitted.pareto == fitted.subscribers
    assert fitted.notes[0].key == "model_unchosen"
    assert fit_purchases(now.features, [as_origin(simulated(REGULAR, 1_500, seed=4))], 30).notes == fitted.notes


def test_few_repeaters_get_assumed_parameters_and_the_note_says_so():
    now = as_origin(simulated(PARETO, 60, seed=3))
    fitted = fit_purchases(now.features, [], 26)
    assert fitted.pareto.customers == 0
    assert fitted.notes[0].key == "few_repeaters"
    everybody_new = now.features.assign(purchase_days=1.0, tenure_days=0.0, age_days=0.0, gap_days=0.0)
    alive, some, expected = _said(fit_purchases(everybody_new, [], 26), everybody_new)
    assert (alive == 1).all()
    assert ((some > 0) & (expected >= some)).all()


def test_subscribers_who_have_become_few_join_the_others():
    then = _mixed(21)
    now = as_origin(simulated(PARETO, 1_000, seed=22))
    fitted = fit_purchases(now.features, [then], 26)
    assert fitted.subscribers == fitted.one_off_buyers
    assert fitted.notes[0].key == "one_model_for_all"


customers = st.lists(
    st.tuples(st.integers(0, 400), st.floats(0, 1), st.integers(0, 6_000), st.booleans(), st.floats(0, 1)),
    min_size=1,
    max_size=10,
)


def _features(rows: list[tuple]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["purchase_days", "share", "age_days", "subscribes", "mixed"]).astype(float)
    tenure = np.floor(frame["share"] * frame["age_days"]).where(frame["purchase_days"] > 1, 0)
    repeats = np.minimum(np.maximum(frame["purchase_days"] - 1, 0), tenure)
    frame["purchase_days"] = np.where(frame["purchase_days"] > 0, repeats + 1, 0)
    frame["tenure_days"] = tenure.where(repeats > 0, 0)
    frame["gap_days"] = frame["age_days"] - frame["tenure_days"]
    frame["log_gaps"] = np.where(repeats > 0, repeats * np.log(np.maximum(tenure, 1) / np.maximum(repeats, 1)), np.nan)
    frame["subscription_days"] = np.floor(frame["purchase_days"] * frame["subscribes"])
    frame["subscription_gap_days"] = (frame["gap_days"] + 9 * (frame["mixed"] > 0.5)).where(frame["subscribes"] > 0)
    never = frame["purchase_days"] == 0
    frame.loc[never, ["tenure_days", "age_days", "gap_days", "log_gaps", "subscription_gap_days"]] = np.nan
    return frame.assign(customer_id=[f"C{row}" for row in range(len(frame))])


@settings(max_examples=60, deadline=None)
@given(customers, st.sampled_from(MODELS), st.sampled_from(MODELS), st.floats(1, 400))
def test_any_customer_gets_sound_numbers_without_a_warning_and_who_never_bought_gets_none(
    rows, one_off, other, horizon
):
    features = _features(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit_purchases(features, [], horizon)
        for model in (fitted, Purchases(PLAIN, one_off, other, {}, ())):
            alive, some, expected = _said(model, features, horizon)
            assert np.isfinite([*alive, *some, *expected]).all()
            assert ((some >= 0) & (some <= alive + 1e-12) & (alive <= 1)).all()
            assert (expected >= some * (1 - 1e-6) - 1e-9).all()
            assert not np.array([alive, some, expected])[:, features["purchase_days"] == 0].any()


def test_a_large_client_foreseen_in_parts_or_at_once_is_the_same():
    draw = np.random.default_rng(7)
    age = draw.integers(1, 900, 40_000).astype(float)
    repeats = draw.integers(0, 9, 40_000).astype(float)
    recency = np.where(repeats > 0, np.floor(age * draw.random(40_000)), 0.0)
    features = pd.DataFrame({"purchase_days": repeats + 1, "tenure_days": recency, "age_days": age})
    features = features.assign(gap_days=age - recency, subscription_days=0.0, subscription_gap_days=np.nan)
    for model in MODELS:
        chosen = Purchases(PLAIN, model, model, {}, ())
        whole = expected_purchases(chosen, features, 182.0)
        parts = [expected_purchases(chosen, part, 182.0) for part in (features[:300], features[300:800])]
        assert np.concatenate(parts) == pytest.approx(whole[:800], rel=1e-5, abs=1e-12)
    x, t_x, end = repeats[:500], recency[:500], age[:500]
    assert p_active(Purchases(PLAIN, PLAIN, PLAIN, {}, ()), features[:500]) == pytest.approx(
        pareto_nbd.p_alive(PLAIN, x, t_x, end), rel=1e-12
    )


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("purchases", "as_of"), [(cdnow, dt.date(1997, 12, 30)), (online_retail, dt.date(2011, 6, 11))]
)
def test_on_real_customers_the_choice_ranks_no_worse_than_the_pareto_nbd(purchases, as_of):
    term = dt.timedelta(days=182)
    now, then = look_back(days_of(purchases()), [as_of, as_of - term], 182)
    fitted = fit_purchases(now.features, [then], 182)
    counts = now.came["purchase_days"].to_numpy(float)
    plain = Purchases(fitted.pareto, fitted.pareto, fitted.pareto, {}, ())
    chosen, kept = (normalised_gini(expected_purchases(one, now.features, 182), counts) for one in (fitted, plain))
    assert chosen > kept - 0.003
    assert 0.9 < expected_purchases(fitted, now.features, 182).sum() / counts.sum() < 1.1
