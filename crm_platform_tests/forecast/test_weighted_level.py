"""The weighted level on customers whose sales are planted day by day."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.forecast.origins import Origin
from crm_platform.forecast.weighted_level import WeightedLevel, expected_sales, fit_weighted_level
from crm_platform.history.customer_features import SPANS

TERM = 60


def _sales(steady: bool, customers: int = 400, days: int = 480, seed: int = 1) -> np.ndarray:
    """A row per customer, a column per day: a rate for good, or one that is drawn anew about every ten days."""
    draw = np.random.default_rng(seed)
    rate = np.repeat(draw.gamma(0.5, 0.2, (customers, 1)), days, axis=1)
    if not steady:
        drawn = draw.gamma(0.2, 0.5, (customers, days))
        since = np.maximum.accumulate(np.where(draw.random((customers, days)) < 0.02, np.arange(days), 0), axis=1)
        rate = np.take_along_axis(drawn, since, axis=1)
    return 1000.0 * draw.poisson(rate)


def _origin(sales: np.ndarray, known_days: int) -> Origin:
    known, ago = sales[:, :known_days], np.arange(known_days)[::-1]
    bought = known.any(axis=1)
    known, later = known[bought], sales[bought, known_days : known_days + TERM].sum(axis=1)
    levels = {f"level_{span}_jpy": known @ 0.5 ** (ago / (terms * TERM)) for span, terms in SPANS.items()}
    age = known_days - 1.0 - (known > 0).argmax(axis=1)
    totals = {"age_days": age, "standing_sales_jpy": known.sum(axis=1), "returned_jpy": 0.0}
    names = np.flatnonzero(bought).astype(str)
    features = pd.DataFrame({"customer_id": names, **totals, **levels})
    came = pd.DataFrame({"customer_id": names, "sales_jpy": later, "subscription_sales_jpy": 0.0, "purchase_days": 0.0})
    return Origin(dt.date(2024, 1, 1) + dt.timedelta(days=known_days), TERM, features, came)


def _fit(steady: bool) -> tuple[WeightedLevel, list[Origin], Origin]:
    sales = _sales(steady)
    now, *past = (_origin(sales, known) for known in (420, 360, 330, 300))
    return fit_weighted_level(past, now.features, TERM), past, now


def test_where_levels_change_fast_a_short_half_life_is_chosen():
    assert _fit(steady=False)[0].span in ("eighth_term", "quarter_term")


def test_where_levels_stay_the_half_life_is_not_short_and_the_sum_is_met():
    model, past, now = _fit(steady=True)
    assert SPANS[model.span] >= 1
    assert sum(expected_sales(model, one.features).sum() for one in past) == pytest.approx(
        sum(one.sales_jpy.sum() for one in past)
    )
    assert expected_sales(model, now.features).sum() == pytest.approx(now.sales_jpy.sum(), rel=0.1)
    assert model.rankings[f"{model.span}, caution {model.caution:g}"] > model.rankings["eighth_term, caution 8"]


def test_a_customer_first_seen_a_week_ago_is_not_taken_to_buy_every_week():
    model, _, now = _fit(steady=True)
    level = {f"level_{span}_jpy": 1000.0 for span in SPANS}
    new, old = (pd.DataFrame([{"age_days": age, **level}]) for age in (7.0, 400.0))
    caution = dataclasses.replace(model, span="term", caution=0.0)
    reckless, shrunk = (expected_sales(one, new)[0] / expected_sales(one, old)[0] for one in (caution, model))
    assert reckless > 5
    assert shrunk < 2
    assert len(now.features)


def test_a_year_without_change_is_foreseen_by_hand():
    """A half-life of 60 days weighs an endless past as 60/ln 2 days: a yen a day is a level of 86.6 yen."""
    model = WeightedLevel(60, "term", 0.0, 1.0, {}, ())
    features = pd.DataFrame({"age_days": [1e6], "level_term_jpy": [60 / np.log(2)]})
    assert expected_sales(model, features) == pytest.approx(60)


def test_amounts_scale_and_the_order_of_rows_means_nothing():
    model, past, now = _fit(steady=False)
    amounts = [name for name in now.features if name.endswith("_jpy")]
    dearer = [
        dataclasses.replace(
            one,
            features=one.features.assign(**{name: one.features[name] * 128 for name in amounts}).iloc[::-1],
            came=one.came.assign(sales_jpy=one.came["sales_jpy"] * 128).iloc[::-1],
        )
        for one in (now, *past)
    ]
    other = fit_weighted_level(dearer[1:], dearer[0].features, TERM)
    assert (other.span, other.caution) == (model.span, model.caution)
    expected = expected_sales(other, dearer[0].features)[::-1]
    assert expected == pytest.approx(128 * expected_sales(model, now.features), rel=1e-9)


def test_without_a_past_sales_go_on_and_the_note_says_so():
    _, past, now = _fit(steady=True)
    model = fit_weighted_level([], now.features, TERM)
    assert model.notes[0].key == "level_assumed"
    assert expected_sales(model, now.features).sum() == pytest.approx(now.sales_jpy.sum(), rel=0.15)
    other_term = [dataclasses.replace(one, horizon_days=30) for one in past]
    assert fit_weighted_level(other_term, now.features, TERM) == model
    assert WeightedLevel.from_json(json.loads(json.dumps(_fit(steady=True)[0].to_json()))) == _fit(steady=True)[0]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 9_000), st.floats(0, 1e9)), max_size=8),
    st.lists(st.floats(-1e6, 1e9), min_size=8, max_size=8),
)
def test_any_levels_give_sound_sales_without_a_warning_and_negative_ones_none(rows, later):
    levels = np.array([row[0] for row in rows])
    features = pd.DataFrame({f"level_{span}_jpy": levels for span in SPANS}).assign(
        customer_id=[str(row) for row in range(len(rows))],
        age_days=[row[1] for row in rows],
        standing_sales_jpy=[row[2] for row in rows],
        returned_jpy=0.0,
    )
    came = pd.DataFrame({"sales_jpy": np.array(later[: len(rows)], dtype=float)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for past in ([], [Origin(dt.date(2024, 1, 1), TERM, features, came)]):
            expected = expected_sales(fit_weighted_level(past, features, TERM), features)
            assert np.isfinite(expected).all()
            assert (expected >= 0).all()
            assert not expected[levels <= 0].any()
