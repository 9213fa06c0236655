from __future__ import annotations

import datetime as dt
import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from crm_platform.forecast.experts import Told
from crm_platform.forecast.fall_model import FallLesson, FallModel, assumed_falls, can_learn, fall_rate, fit_fall_model
from crm_platform.forecast.fall_peers import FEWEST_FALLEN, FallPeers, fallen_sales, fit_fall_peers, peer_groups
from crm_platform.forecast.falls import Falls, Foreseen, foresee_falls, is_upper, upper_amount
from crm_platform.forecast.modelled_fall import modelled_fall_rate
from crm_platform.forecast.own_cycle import OwnCycle, cycle_days, fit_own_cycle, overdue_rate, variation
from crm_platform.forecast.spending import fit_spending
from crm_platform_tests.forecast.boosted_customers import origins
from crm_platform_tests.oracles.known_histories import features_of, sales_after
from crm_platform_tests.oracles.simulated_buyers import Truth, regular_buyer, simulate_buyers

AS_OF, TERM = dt.date(2025, 6, 30), 182
NAMES = ("level", "silence")


@cache
def _some_features() -> pd.DataFrame:
    return origins()[0].features


def _lessons(weights: tuple[float, float], levels: list[float], size: int = 900, seed: int = 3) -> list[FallLesson]:
    """Origins a month apart whose falls follow a planted logistic model; `levels` are their intercepts."""
    draw, found = np.random.default_rng(seed), []
    for back, level in enumerate(levels):
        features = _some_features().sample(size, replace=True, random_state=seed + back).reset_index(drop=True)
        signs = pd.DataFrame(draw.normal(size=(size, 3)), columns=[*NAMES, "modelled"])
        chance = expit(level + signs[list(NAMES)].to_numpy() @ np.array(weights))
        as_of = AS_OF - dt.timedelta(days=TERM + 30 * back)
        found.append(FallLesson(as_of, features, signs, draw.random(size) < chance))
    return found


def test_planted_weights_are_found_whatever_the_level_of_each_origin():
    lessons = _lessons((1.0, -0.5), [-2.0, -1.0, 0.0, 1.0], size=4_000)
    model = fit_fall_model(lessons, NAMES, AS_OF, TERM, with_trees=False)
    found = np.array(model.weights) / np.array(model.scales)
    assert found == pytest.approx([1.0, -0.5], abs=0.05)
    assert model.customers == 16_000


def test_trees_find_what_the_signs_leave():
    """Those of whom a fall is planted by a feature that no sign tells are told apart by the trees."""
    lessons, draw = _lessons((0.5, 0.0), [0.0, 0.0, 0.0]), np.random.default_rng(5)
    hidden = [each.features["gap_days"] > each.features["gap_days"].median() for each in lessons]
    lessons = [
        each._replace(fallen=draw.random(len(more)) < np.where(more, 0.8, 0.2))
        for each, more in zip(lessons, hidden, strict=True)
    ]
    plain, grown = (fit_fall_model(lessons, NAMES, AS_OF, TERM, with_trees=trees) for trees in (False, True))
    rates = [fall_rate(model, lessons[0].features, lessons[0].signs) for model in (plain, grown)]
    more = hidden[0].to_numpy()
    assert abs(rates[0][more].mean() - rates[0][~more].mean()) < 0.1
    assert rates[1][more].mean() > rates[1][~more].mean() + 0.4
    assert FallModel.from_json(json.loads(json.dumps(grown.to_json()))) == grown


def test_a_stronger_sign_never_lowers_the_risk_in_the_trees():
    lessons = _lessons((1.0, 0.0), [0.0, 0.0])
    model = fit_fall_model(lessons, NAMES, AS_OF, TERM, with_trees=True)
    assert model.trees is not None
    signs, weight = lessons[0].signs, model.weights[0] / model.scales[0]
    steps = [fall_rate(model, lessons[0].features, signs.assign(level=level)) for level in np.linspace(-3, 3, 9)]
    odds = np.log(np.array(steps)) - np.log1p(-np.array(steps))
    assert weight > 0
    assert (np.diff(odds, axis=0) >= weight * 0.75 - 1e-6).all()  # the logistic part rises so much a step


def test_a_level_that_always_was_is_kept_however_few_the_origins():
    """Seven of eight fell at each of three origins: nothing says that fewer will."""
    lessons = _lessons((0.5, 0.5), [2.0, 2.0, 2.0])
    model = fit_fall_model(lessons, NAMES, AS_OF, TERM, with_trees=False)
    fell = np.mean([each.fallen.mean() for each in lessons])
    assert fall_rate(model, lessons[0].features, lessons[0].signs).mean() == pytest.approx(fell, abs=0.02)


def test_few_falls_grow_no_trees():
    lessons = _lessons((0.5, 0.5), [0.0], size=400)  # about 200 fell
    assert fit_fall_model(lessons, NAMES, AS_OF, TERM, with_trees=True).trees is None


def test_each_kind_of_customer_has_the_risk_of_its_own_model():
    """Upper customers the upper model's, other recent buyers the others', who has no level that of buying nothing."""
    features = _some_features().head(60).reset_index(drop=True)
    features["sales_term_jpy"] = [5_000.0] * 40 + [0.0] * 10 + [-300.0] * 10  # more sent back than bought
    features["sales_two_terms_jpy"] = [20_000.0] * 20 + [6_000.0] * 40
    half = np.full(60, 0.5)
    told = Told({"spending": half}, half, half, half)
    always, never = (FallModel((), (), (), (), None, None, shift, 0.0, 1, 1) for shift in (9.0, -9.0))
    falls = Falls(TERM, 10_000.0, OwnCycle(50.0, 1.0), always, never, fit_fall_peers([], []))
    risk, left = foresee_falls(falls, Foreseen(AS_OF, features, told, half, None), np.full(60, 0.7))
    assert (risk[:20] > 0.99).all()
    assert (risk[20:40] < 0.01).all()
    assert risk[40:] == pytest.approx(0.3)
    assert left.tolist() == [1_250.0] * 40 + [0.0] * 20


def test_falls_that_return_with_the_season_are_foretold():
    """Half of the year many fall, half of it few; a year ago it was a time of many."""
    year = [1.0 if (day // 182) % 2 else -1.0 for day in range(182, 900, 30)]
    lessons = _lessons((0.5, 0.5), year, size=300)
    model = fit_fall_model(lessons, NAMES, AS_OF, TERM, with_trees=False)
    at_same_time, half_a_year_off = 0.27, 0.73  # about expit(∓1)
    now = fall_rate(model, lessons[0].features, lessons[0].signs).mean()
    assert (AS_OF - lessons[6].as_of).days == 362
    assert lessons[6].fallen.mean() > 0.6
    assert abs(now - half_a_year_off) < abs(now - at_same_time)


def test_too_few_falls_leave_three_signs_alike_and_as_many_falls_as_the_models_expect():
    lessons = _lessons((1.0, 1.0), [-9.0, -9.0], size=60)
    assert not can_learn([each.fallen for each in lessons])
    with pytest.raises(ValueError, match="too few"):
        fit_fall_model(lessons, NAMES, AS_OF, TERM, with_trees=True)
    now = lessons[0].signs
    model = assumed_falls(now, [], AS_OF, TERM)
    rate = fall_rate(model, lessons[0].features, now)
    assert model.customers == 0
    assert rate.mean() == pytest.approx(expit(now["modelled"]).mean())
    together = now["modelled"] + now["level"] + now["silence"]
    assert np.argsort(rate).tolist() == np.argsort(together.to_numpy()).tolist()


def test_origins_with_a_few_falls_correct_how_many_fall_and_not_who():
    """Of 60 customers 20 fell at each of two origins, where the models expected half: fewer are foreseen today."""
    lessons = [each._replace(fallen=np.arange(60) < 20) for each in _lessons((0.0, 0.0), [0.0, 0.0], size=60)]
    now = lessons[0].signs
    plain, corrected = (
        fall_rate(assumed_falls(now, past, AS_OF, TERM), lessons[0].features, now) for past in ([], lessons)
    )
    assert 1 / 3 < corrected.mean() < plain.mean()
    assert np.argsort(corrected).tolist() == np.argsort(plain).tolist()


def test_the_models_own_chance_of_a_fall_comes_true_among_their_own_customers():
    purchases = simulate_buyers(1_200, 1, Truth(alpha=40, s=0.7, beta=400))
    features = features_of(purchases, "2022-06-30")
    spending = fit_spending(features)
    features = features[features["sales_term_jpy"] > 0].reset_index(drop=True)
    rate = modelled_fall_rate(features, spending, 184)
    came = sales_after(purchases, "2022-06-30", 184).reindex(features["customer_id"]).fillna(0).to_numpy()
    fallen = came < 0.5 * features["sales_term_jpy"].to_numpy()
    assert len(features) == 550
    likely = rate >= 0.4
    for some in (likely, ~likely):
        assert rate[some].mean() == pytest.approx(fallen[some].mean(), abs=0.06)  # two standard errors of 270


def test_peers_are_means_over_those_who_fell_and_their_shares_apply_to_the_like():
    """40 small once-buyers fall from 100 to 10, 35 large frequent ones from 1,000 to 300; others keep what they had."""
    size = 100
    features = pd.DataFrame(
        {
            "customer_id": [f"C{n:03d}" for n in range(size)],
            "purchase_days_term": [1] * 50 + [5] * 50,
            "sales_term_jpy": [100] * 50 + [1_000] * 50,
        }
    )
    after = np.array([10.0] * 40 + [100.0] * 10 + [300.0] * 35 + [1_000.0] * 15)
    fallen = after < 0.5 * features["sales_term_jpy"].to_numpy()
    peers = fit_fall_peers([(features, after, fallen)], [500.0])
    small, large = peers.peers[0], peers.peers[5]
    assert (small.customers, small.fallen, small.before_jpy, small.after_jpy) == (50, 40, 100, 10)
    assert (small.after_low_jpy, small.after_high_jpy) == (None, None)  # all alike: nothing tells a spread
    assert (large.purchases_from, large.purchases_to, large.level_from_jpy, large.level_to_jpy) == (4, None, 500, None)
    assert large.fall_rate == 0.7
    assert sum(each.customers for each in peers.peers) == size
    assert sum(each.fallen for each in peers.peers) == fallen.sum()
    assert fallen_sales(peers, features)[[0, 99]] == pytest.approx([10, 300])
    assert peer_groups(peers, features)[[0, 99]].tolist() == [0, 5]
    assert FallPeers.from_json(json.loads(json.dumps(peers.to_json()))) == peers


def test_the_interval_of_peers_covers_the_mean_and_counts_a_customer_once():
    """The same customers seen at ten origins say no more than at one."""
    draw = np.random.default_rng(1)
    size, covered = 60, 0
    features = pd.DataFrame(
        {"customer_id": [f"C{n}" for n in range(size)], "purchase_days_term": 1, "sales_term_jpy": 1_000}
    )
    for _ in range(100):
        after = draw.uniform(0, 400, size)
        peers = fit_fall_peers([(features, after, np.ones(size, dtype=bool))] * 10, []).peers[0]
        covered += peers.after_low_jpy <= 200 <= peers.after_high_jpy
    assert 89 <= covered <= 99


def test_few_peers_borrow_from_those_as_frequent_and_nobody_from_an_assumption():
    features = pd.DataFrame(
        {"customer_id": ["A", *[f"B{n}" for n in range(FEWEST_FALLEN)]], "purchase_days_term": 1, "sales_term_jpy": 100}
    )
    features.loc[0, "sales_term_jpy"] = 9_000
    after = np.full(len(features), 20.0)
    peers = fit_fall_peers([(features, after, np.ones(len(features), dtype=bool))], [500.0])
    shared = after.sum() / features["sales_term_jpy"].sum()
    assert fallen_sales(peers, features)[0] == pytest.approx(9_000 * shared)
    nobody = fit_fall_peers([], [500.0])
    assert fallen_sales(nobody, features)[1] == 25
    assert nobody.peers[0].after_jpy is None


def test_clockwork_is_overdue_sooner_than_bursts():
    clock = features_of(regular_buyer("A", 30, 24, "2022-05-01", 1_000), "2022-06-15")
    dates = pd.to_datetime(["2020-07-01", "2020-07-03", "2020-07-06", "2021-06-01", "2021-06-03", "2022-05-01"])
    bursts = features_of(pd.DataFrame({"customer_id": "B", "purchased_on": dates, "sales_jpy": 1_000}), "2022-06-15")
    typical = OwnCycle(60.0, 1.0)
    assert overdue_rate(typical, clock)[0] > 0.9
    assert overdue_rate(typical, bursts)[0] < 0.6
    assert variation(typical, clock)[0] < 0.1
    assert variation(typical, bursts)[0] > 1


@given(st.floats(1, 400), st.floats(0.05, 3), st.integers(2, 60), st.integers(0, 900))
def test_longer_silence_is_more_overdue_and_the_cycle_lies_between_own_and_typical(own, spread, purchases, gap):
    row = {"cycle_days": own, "cycle_sd_days": own * spread, "purchase_days": purchases}
    features = pd.DataFrame([{**row, "gap_days": gap}, {**row, "gap_days": gap + 5}])
    typical = OwnCycle(50.0, 0.8)
    rate = overdue_rate(typical, features)
    assert 0 <= rate[0] <= rate[1] <= 1
    low, high = sorted((own, typical.typical_days))
    assert low - 1e-9 <= cycle_days(typical, features)[0] <= high + 1e-9


def test_who_bought_once_has_the_typical_cycle():
    once = features_of(regular_buyer("A", 30, 1, "2022-05-01", 1_000), "2022-06-15")
    assert cycle_days(OwnCycle(77.0, 1.0), once)[0] == 77
    assert fit_own_cycle(once) == OwnCycle(365.0, 1.0)


def test_upper_customers_are_the_best_share_who_bought_in_the_term():
    features = pd.DataFrame(
        {"sales_two_terms_jpy": [10, 9, 8, 7, 0, 0, 0, 0, 0, 0], "sales_term_jpy": [10, 0, 8, 7] + [0] * 6}
    )
    assert upper_amount(features) == 8
    assert is_upper(features, 8.0).tolist() == [True, False, True] + [False] * 7
    assert upper_amount(features.head(0)) is None
    assert not is_upper(features, None).any()
