from __future__ import annotations

import datetime as dt
import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.forecast.calibration import (
    Calibration,
    PastForecast,
    at_pace,
    calibrated,
    calibrated_rate,
    fit_calibration,
    log_pace,
)
from crm_platform.forecast.foretelling import foretell
from crm_platform.forecast.season import Season, season_shift
from crm_platform_tests.oracles.former_forecasts import former_forecasts, origins_before
from crm_platform_tests.oracles.known_histories import cdnow, online_retail

AS_OF, TERM = dt.date(2021, 6, 30), 182
ORIGINS = origins_before(AS_OF, TERM)
LONG_AGO = Season((1.0,) * 12, False, dt.date(2015, 1, 1), ())


def _past(as_of: dt.date, factor: float, power: float = 1.0, customers: int = 4_000) -> PastForecast:
    """Customers whose sales are `factor` times what was foreseen of them in the mean, at their own luck."""
    draw = np.random.default_rng(as_of.toordinal())
    foreseen = draw.lognormal(8, 1.2, customers)
    rate = np.clip(foreseen / 20_000, 0.05, 0.9)
    mean = foreseen**power
    mean *= factor * foreseen.sum() / mean.sum()
    sales = np.where(draw.random(customers) < rate, mean / rate * draw.gamma(4.0, 0.25, customers), 0.0)
    return PastForecast(as_of, foreseen, rate, sales)


def _fit(past: list[PastForecast], season: Season = LONG_AGO, present: np.ndarray | None = None) -> Calibration:
    return fit_calibration(past, _past(AS_OF, 1).foreseen_jpy if present is None else present, AS_OF, TERM, season)


def _swing(as_of: dt.date) -> float:
    """Highest at the end of June."""
    return float(np.exp(0.4 * np.cos(2 * np.pi * (as_of - AS_OF).days / 365.25)))


def test_without_an_earlier_origin_the_forecast_is_left_as_it_is_and_the_notes_say_so():
    few = _past(ORIGINS[0], 1.5, customers=100)
    for past in ([], [few], [PastForecast(ORIGINS[0], np.zeros(0), np.zeros(0), np.zeros(0))]):
        calibration = _fit(past)
        foreseen = np.array([0.0, 1.0, 5_000.0, 1e7])
        assert np.allclose(calibrated(calibration, foreseen), foreseen)
        assert np.allclose(calibrated_rate(calibration, np.array([0.0, 0.3, 1.0])), [0, 0.3, 1])
        assert calibration.notes[0].key == "level_unchecked"
        assert calibration.level_sd > 0.1


def test_a_term_that_is_not_over_cannot_be_learned_from():
    with pytest.raises(ValueError, match="ends after the as-of date"):
        _fit([_past(AS_OF - dt.timedelta(days=TERM - 1), 1.0)])


def test_a_lasting_error_of_the_level_is_learned_in_part_and_its_sign_is_right():
    for factor in (0.8, 1.25):
        calibration = _fit([_past(origin, factor) for origin in ORIGINS])
        assert abs(np.log(calibration.level / factor)) < 0.6 * abs(np.log(factor))
        assert (calibration.level > 1) == (factor > 1)
    assert _fit([_past(origin, 1.0) for origin in ORIGINS]).level == pytest.approx(1, abs=0.03)


def test_where_ratios_swing_with_the_year_the_same_season_counts_and_not_the_latest_origin():
    past = [_past(origin, _swing(origin)) for origin in ORIGINS]
    assert _swing(ORIGINS[0]) < 0.7
    assert _swing(ORIGINS[6]) > 1.4
    assert _fit(past).level > 1.25


def test_an_origin_with_a_short_past_counts_less():
    past = [_past(origin, 1.4) for origin in ORIGINS[:3]]
    young = Season(LONG_AGO.months, False, ORIGINS[2] - dt.timedelta(days=70), ())
    assert abs(_fit(past, young).level - 1) < 0.5 * abs(_fit(past).level - 1)


def test_the_season_of_the_term_moves_the_level_and_is_taken_out_of_the_origins():
    swinging = Season(tuple(1 + 0.5 * np.cos(2 * np.pi * (np.arange(12) - 8) / 12)), True, dt.date(2015, 1, 1), ())
    now = season_shift(swinging, AS_OF, TERM)
    assert _fit([], swinging).level == pytest.approx(now)
    past = [_past(origin, season_shift(swinging, origin, TERM)) for origin in ORIGINS]
    assert _fit(past, swinging).level == pytest.approx(now, rel=0.03)


def test_a_season_that_the_forecasts_hold_already_is_not_counted_twice():
    swinging = Season(tuple(1 + 0.5 * np.cos(2 * np.pi * (np.arange(12) - 8) / 12)), True, dt.date(2015, 1, 1), ())
    now, within = season_shift(swinging, AS_OF, TERM), 0.8
    past = [_past(origin, season_shift(swinging, origin, TERM) / within) for origin in ORIGINS]
    for known in ([], past):
        found = fit_calibration(known, _past(AS_OF, 1).foreseen_jpy, AS_OF, TERM, swinging, within)
        assert found.level == pytest.approx(now / within, rel=0.03)


def test_origins_whose_terms_overlap_share_their_luck_and_say_no_more_than_two_terms():
    two_terms = np.array([TERM, 2.0 * TERM])
    once, twice, apart, monthly = (
        foretell(ago, np.full(len(ago), 0.1), np.full(len(ago), 0.15**2), TERM).mean
        for ago in (two_terms[:1], np.array([TERM, TERM + 1.0]), two_terms, np.linspace(*two_terms, 7))
    )
    assert twice == pytest.approx(once, rel=0.1)
    assert once < monthly < apart


def test_a_shape_of_earlier_origins_is_learned_and_makes_groups_truer():
    for power in (0.9, 1.12):
        calibration = _fit([_past(origin, 1.0, power) for origin in ORIGINS])
        assert 0.6 * abs(power - 1) < abs(calibration.power - 1) < 1.2 * abs(power - 1)
        now = _past(AS_OF, 1.0, power)
        assert _decile_error(calibrated(calibration, now.foreseen_jpy), now) < 0.7 * _decile_error(
            now.foreseen_jpy, now
        )


def test_the_sum_over_present_customers_of_sizes_once_checked_is_at_the_learned_level():
    present = _past(AS_OF, 1).foreseen_jpy * 3
    past = [_past(origin, 1.2, 1.1) for origin in ORIGINS]
    calibration = _fit(past, present=present)
    known = present[present <= max(each.foreseen_jpy.max() for each in past)]
    assert len(known) > 0.99 * len(present)
    assert calibrated(calibration, known).sum() == pytest.approx(calibration.level * known.sum(), rel=1e-9)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.lists(st.floats(1e-3, 1e9), min_size=2, max_size=30), st.floats(0.3, 3.0), st.floats(0.5, 1.6))
def test_customers_stay_in_order_and_apart(foreseen, factor, power):
    calibration = _fit([_past(origin, factor, power, 400) for origin in ORIGINS[:4]])
    rising = np.unique(np.round(np.array([0.0, *foreseen]), 3))
    values = calibrated(calibration, rising)
    assert values[0] == 0
    assert (np.diff(values) > 0).all()
    assert np.isfinite(values).all()
    rates = calibrated_rate(calibration, np.linspace(0, 1, 11))
    assert ((rates >= 0) & (rates <= 1)).all()
    assert (np.diff(rates) >= 0).all()


def test_another_currency_changes_nothing_but_the_unit_and_the_order_of_origins_nothing_at_all():
    past = [_past(origin, _swing(origin), 1.1) for origin in ORIGINS]
    calibration = _fit(past)
    dear = [PastForecast(p.as_of, p.foreseen_jpy * 100, p.purchase_rate, p.sales_jpy * 100) for p in past]
    present = _past(AS_OF, 1).foreseen_jpy
    dearer = _fit(dear, present=present * 100)
    assert np.allclose(calibrated(dearer, present * 100), 100 * calibrated(calibration, present))
    assert dearer.pace == pytest.approx(calibration.pace)
    assert json.dumps(_fit(past[::-1]).to_json()) == json.dumps(calibration.to_json())


def test_the_pace_is_that_at_which_as_many_buy_as_did():
    rate = np.linspace(0.02, 0.8, 400)
    sales = (np.arange(400) % 4 == 0).astype(np.float64)
    past = PastForecast(ORIGINS[0], rate, rate, sales)
    assert at_pace(rate, float(np.exp(log_pace(past)))).mean() == pytest.approx(0.25, abs=1e-4)
    assert at_pace(np.array([0.36]), 0.5) == pytest.approx(0.2)  # (1 − .36)^½ = .8
    assert log_pace(PastForecast(ORIGINS[0], rate, np.zeros(400), sales)) == 0


def test_a_calibration_survives_json():
    calibration = _fit([_past(origin, 1.1, 1.1) for origin in ORIGINS])
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@pytest.mark.real_data
def test_a_christmas_shop_is_foreseen_better_by_what_came_a_year_ago():
    """With 18 months of past the latest origins (Christmas just over) would mislead: they call for a third less."""
    as_of = dt.date(2011, 6, 11)
    past = former_forecasts(online_retail(), origins_before(as_of, TERM), TERM)
    (now,) = former_forecasts(online_retail(), [as_of], TERM)
    young = Season(LONG_AGO.months, False, dt.date(2009, 12, 1), ())
    after = calibrated(fit_calibration(past, now.foreseen_jpy, as_of, TERM, young), now.foreseen_jpy)
    assert past[0].sales_jpy.sum() / past[0].foreseen_jpy.sum() < 0.75
    assert abs(after.sum() / now.sales_jpy.sum() - 1) < 0.7 * abs(now.foreseen_jpy.sum() / now.sales_jpy.sum() - 1)
    assert _decile_error(after, now) < _decile_error(now.foreseen_jpy, now)


@pytest.mark.real_data
def test_a_year_old_shop_without_a_season_is_left_nearly_as_it_is():
    as_of = dt.date(1997, 12, 30)
    past = former_forecasts(cdnow(), origins_before(as_of, TERM, most=3), TERM)
    (now,) = former_forecasts(cdnow(), [as_of], TERM)
    young = Season(LONG_AGO.months, False, dt.date(1997, 1, 1), ())
    after = calibrated(fit_calibration(past, now.foreseen_jpy, as_of, TERM, young), now.foreseen_jpy)
    assert after.sum() / now.sales_jpy.sum() == pytest.approx(1, abs=0.08)
    assert _decile_error(after, now) < 0.08


def _decile_error(foreseen: np.ndarray, past: PastForecast) -> float:
    groups = np.array_split(np.argsort(-foreseen, kind="stable"), 10)
    return sum(abs(foreseen[g].sum() - past.sales_jpy[g].sum()) for g in groups) / past.sales_jpy.sum()


def test_levels_of_a_growing_error_are_told_from_the_latest_origins_more_than_from_the_first():
    rising = list(itertools.accumulate([1.3] + [0.96] * 7, lambda one, step: one * step))
    upward = _fit([_past(origin, factor) for origin, factor in zip(ORIGINS, rising, strict=True)])
    downward = _fit([_past(origin, factor) for origin, factor in zip(ORIGINS, rising[::-1], strict=True)])
    assert upward.level > downward.level


def test_one_giant_beyond_all_that_was_ever_checked_leaves_the_level_of_the_others_alone():
    past = [_past(origin, 1.0, power=0.85) for origin in ORIGINS]
    present = _past(AS_OF, 1).foreseen_jpy
    with_a_giant = np.append(present, present.sum())
    alone = calibrated(_fit(past, present=present), present).sum()
    beside = calibrated(_fit(past, present=with_a_giant), present).sum()
    assert _fit(past, present=present).power < 0.95
    assert beside == pytest.approx(alone, rel=0.02)


@pytest.mark.parametrize("nobody", [[], [0.0, 0.0]])
def test_where_everybody_is_beyond_all_that_was_ever_checked_the_sum_is_at_the_learned_level(nobody):
    past = [_past(origin, 1.25, power=1.2) for origin in ORIGINS]
    largest = max(each.foreseen_jpy.max() for each in past)
    present = np.array([*nobody, 2 * largest, 3 * largest, 5 * largest])
    calibration = _fit(past, present=present)
    assert calibrated(calibration, present).sum() == pytest.approx(calibration.level * present.sum())
