"""A prior from other clients: what may be put in, what can be read from it, and whether it helps."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from crm_platform.forecast.gamma_gamma import GammaGamma, fit_gamma_gamma
from crm_platform.forecast.pareto_nbd import ParetoNBD, fit_pareto_nbd
from crm_platform.forecast.prior import ClientParameters, Prior, pool, shared_parameters
from crm_platform.forecast.purchases import expected_purchases, fit_purchases
from crm_platform.refusals import Refused
from crm_platform_tests.forecast.battery import as_origin, simulated

PARETO = "Pareto/NBD (Fader & Hardie 2005)"
TRUTH = (0.7, 8.0, 1.2, 40.0)
MADE_UP = ClientParameters(*TRUTH, 6.0, 4.0, 0.5, 20_000)


def _similar_clients(number: int, seed: int = 3) -> list[ClientParameters]:
    """Clients about the truth of the simulated customers, a third up or down in everything."""
    draw = np.random.default_rng(seed)
    factors = np.exp(draw.normal(0, 0.3, (number, 7)))
    return [ClientParameters(*(np.array([*TRUTH, 6.0, 4.0, 0.5]) * row).tolist(), 20_000) for row in factors]


SIMILAR = _similar_clients(6)
PRIOR = pool(SIMILAR)


def test_with_forty_customers_parameters_and_forecast_come_nearer_to_the_truth():
    in_days = np.array([1.0, 7.0, 1.0, 7.0]) * TRUTH
    similar = [dataclasses.replace(one, alpha_days=7 * one.alpha_days, beta_days=7 * one.beta_days) for one in SIMILAR]
    truth = ParetoNBD(*in_days.tolist(), 0.0, 1, True)
    off, missed = {"with": [], "without": []}, {"with": [], "without": []}
    for seed in range(12):
        features = as_origin(simulated(PARETO, 40, seed=100 + seed)).features
        times = ["tenure_days", "age_days", "gap_days"]
        features[times] = np.floor(7 * features[times])
        for name, prior in (("with", pool(similar)), ("without", None)):
            model = fit_purchases(features, [], 182, prior=prior)
            found = [model.pareto.r, model.pareto.alpha, model.pareto.s, model.pareto.beta]
            right = dataclasses.replace(model, one_off_buyers=truth, subscribers=truth)
            off[name].append(np.abs(np.log(found / in_days)).mean())
            said, true = (expected_purchases(one, features, 182) for one in (model, right))
            missed[name].append(np.abs(said - true).mean())
    assert np.mean(off["with"]) < 0.6 * np.mean(off["without"])
    assert np.mean(missed["with"]) < 0.6 * np.mean(missed["without"])


def test_with_twenty_thousand_customers_it_changes_next_to_nothing():
    now = as_origin(simulated(PARETO, 20_000, seed=6))
    now.features["age_days"] = np.floor(now.features["age_days"])
    now.features["tenure_days"] = np.floor(now.features["tenure_days"])
    assert fit_purchases(now.features, [], 26, prior=PRIOR) == fit_purchases(now.features, [], 26)
    x, t_x, age = simulated(PARETO, 20_000, seed=6).histories
    histories = x, np.minimum(np.floor(t_x), np.floor(age)), np.floor(age)
    far_off = dataclasses.replace(PRIOR, pace_means=tuple(mean + 1 for mean in PRIOR.pace_means))
    own, leaning = fit_pareto_nbd(*histories), fit_pareto_nbd(*histories, belief=far_off.of_purchases)
    assert (leaning.r, leaning.alpha) == pytest.approx((own.r, own.alpha), rel=0.02)
    assert own.log_likelihood - 5 < leaning.log_likelihood <= own.log_likelihood


def test_without_any_time_observed_the_prior_speaks_alone():
    now = as_origin(simulated(PARETO, 40, seed=6)).features
    opened_today = now.assign(purchase_days=1.0, tenure_days=0.0, age_days=0.0, gap_days=0.0)
    model = fit_purchases(opened_today, [], 26, prior=PRIOR)
    believed = np.log([model.pareto.r, model.pareto.r / model.pareto.alpha, model.pareto.s])
    assert believed == pytest.approx(PRIOR.pace_means[:3])
    assert model.notes[0].key == "leans_on_others"
    assert model.notes[0].numbers["clients"] == 6


def test_values_of_few_purchases_lean_on_other_clients_in_the_clients_own_money():
    draw, nearer = np.random.default_rng(5), []
    for _ in range(6):
        n = draw.integers(1, 4, 15)
        m = draw.gamma(6.0 * n, draw.gamma(4.0, 1 / 3_000, 15) ** -1.0) / n
        yen, cents = (fit_gamma_gamma(n, m * money, belief=PRIOR.of_values) for money in (1, 100))
        assert (cents.p, cents.q, cents.gamma / 100) == pytest.approx((yen.p, yen.q, yen.gamma), rel=1e-3)
        plain = fit_gamma_gamma(n, m)
        nearer.append(abs(np.log(yen.p / 6)) < abs(np.log(plain.p / 6)))
    assert np.mean(nearer) >= 0.7


def test_fewer_than_three_other_clients_make_no_prior():
    with pytest.raises(Refused, match="at least 3"):
        pool([MADE_UP, MADE_UP])


def test_no_client_can_be_told_from_the_prior_by_its_place_or_its_digits():
    clients = _similar_clients(5)
    assert pool(clients) == pool(clients[::-1])
    twin = [dataclasses.replace(clients[0], r=clients[0].r * 1.001), *clients[1:]]
    assert pool(twin) == pool(clients)
    assert Prior.from_json(json.loads(json.dumps(PRIOR.to_json()))) == PRIOR
    assert min(PRIOR.pace_spreads) > 0.2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("r", "山田太郎"),
        ("alpha_days", [1.0, 2.0]),
        ("s", float("nan")),
        ("beta_days", float("inf")),
        ("p", 0.0),
        ("q", 1.0),
        ("customers", True),
        ("gamma_in_mean_purchases", None),
    ],
)
def test_nothing_but_numbers_can_be_shared(name, value):
    with pytest.raises(ValueError, match=name):
        dataclasses.replace(MADE_UP, **{name: value})


def test_a_shared_file_holds_eight_numbers_and_nothing_else():
    value = MADE_UP.to_json()
    assert ClientParameters.from_json(json.loads(json.dumps(value))) == MADE_UP
    for other in ({**value, "customer_id": "C1"}, {name: value[name] for name in list(value)[1:]}):
        with pytest.raises(ValueError, match="nothing else"):
            ClientParameters.from_json(other)


def test_what_is_shared_is_rounded_has_no_money_in_it_and_needs_many_customers():
    purchases = ParetoNBD(0.7123, 61.234, 1.2345, 280.77, -1.0, 23_456, True)
    values = GammaGamma(6.2345, 3.7412, 2_345.6, -1.0, 23_456, True)
    shared = shared_parameters(purchases, values, mean_purchase_jpy=5_000)
    assert shared == ClientParameters(0.71, 61, 1.2, 280, 6.2, 3.7, 0.47, 20_000)
    dearer = dataclasses.replace(values, gamma=values.gamma * 100)
    assert shared_parameters(purchases, dearer, mean_purchase_jpy=500_000) == shared
    assert shared_parameters(dataclasses.replace(purchases, customers=999), values, 5_000) is None
    assert shared_parameters(purchases, dataclasses.replace(values, assumed=True), 5_000) is None
