from __future__ import annotations

import datetime as dt
import json
from functools import lru_cache

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast.notes import Note
from crm_platform.forecast.season import Season, fit_season, season_factor, season_shift

START = np.datetime64("2019-01-01")
AS_OF = dt.date(2021, 12, 31)
PEAK = np.array([0.8, 0.8, 0.9, 0.95, 1.0, 0.9, 1.0, 0.8, 0.9, 1.05, 1.1, 1.8])
FLAT = np.ones(12)


@lru_cache(maxsize=8)
def _buyers(factors: tuple[float, ...], yearly_growth: float = 0.0, seed: int = 1, customers: int = 4_000):
    """Poisson buyers who stop at random, twice a month at first; new ones come ever faster; `factors` by month."""
    draw = np.random.default_rng(seed)
    days = int((np.datetime64(AS_OF) - START).astype(int)) + 1
    coming = np.exp(yearly_growth * np.arange(days) / 365)
    first = draw.choice(days, customers, p=coming / coming.sum())
    stays = np.minimum(draw.exponential(300, customers), days - 1 - first)
    rate = draw.gamma(1.0, 1 / 20, customers)
    who = np.repeat(np.arange(customers), draw.poisson(rate * stays * max(factors)))
    when = (first[who] + draw.random(len(who)) * stays[who]).astype(np.int64)
    month = (START + when).astype("datetime64[M]").astype(np.int64) % 12
    kept = draw.random(len(who)) < np.array(factors)[month] / max(factors)
    who, when = np.concatenate([np.arange(customers), who[kept]]), np.concatenate([first, when[kept]])
    frame = pd.DataFrame({"customer_id": who.astype(str), "day": when})
    frame["standing_sales_jpy"] = draw.gamma(3.0, 1_000.0, len(frame)).round().astype("int64") + 1
    frame = frame.groupby(["customer_id", "day"], as_index=False)["standing_sales_jpy"].sum()
    return frame.assign(day=(START + frame["day"].to_numpy()).astype("datetime64[s]"), returned_jpy=0)


def _table(frame: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(frame.assign(day=pd.to_datetime(frame["day"]).dt.date))


def _peak(**options: float) -> pd.DataFrame:
    return _buyers(tuple(PEAK), **options)


def test_a_planted_december_peak_is_recovered_within_a_few_points():
    season = fit_season(_table(_peak()), AS_OF)
    assert season.supported
    assert np.mean(season.months) == pytest.approx(1)
    assert np.allclose(season.months, PEAK / PEAK.mean(), atol=0.1)
    assert np.abs(np.array(season.months) - PEAK / PEAK.mean()).mean() < 0.04
    half_year = season_factor(season, dt.date(2021, 12, 31), 181)
    assert half_year == pytest.approx(PEAK[:6].mean() / PEAK.mean(), abs=0.03)


@pytest.mark.parametrize("growth", [0.0, 1.2, -0.8])
def test_growth_is_not_mistaken_for_a_season(growth):
    season = fit_season(_table(_buyers(tuple(FLAT), growth)), AS_OF)
    factors = [season_factor(season, dt.date(2021, month, 28), 182) for month in range(1, 13)]
    assert np.allclose(factors, 1, atol=0.03)


def test_a_season_is_the_same_in_a_shop_that_grows_threefold_each_year():
    grown = fit_season(_table(_peak(yearly_growth=1.1)), AS_OF)
    assert np.abs(np.array(grown.months) - PEAK / PEAK.mean()).mean() < 0.06


def test_less_than_two_years_support_no_season_and_the_notes_say_so():
    frame = _peak()
    short = Note("no_season_short", {"months": 23, "fewest": 24})
    for as_of, reason in ((dt.date(2020, 12, 30), short), (dt.date(2018, 1, 1), Note("no_season_no_day"))):
        season = fit_season(_table(frame), as_of)
        assert not season.supported
        assert season.months == (1.0,) * 12
        assert season.notes == (reason,)
    assert fit_season(_table(frame), dt.date(2020, 12, 31)).notes != ()


def test_chance_is_told_from_a_season():
    seasons = [fit_season(_table(_buyers(tuple(FLAT), 0.0, seed, 800)), AS_OF) for seed in range(4)]
    assert sum(season.supported for season in seasons) <= 1
    assert all(season.notes[0].key == "no_season_chance" for season in seasons if not season.supported)


def test_a_history_in_which_nobody_came_back_supports_no_season():
    once = _peak().drop_duplicates("customer_id")
    season = fit_season(_table(once), AS_OF)
    assert not season.supported
    assert season.notes[0].key == "no_season_few_buyers"


def test_nothing_after_the_as_of_date_is_read_and_neither_order_nor_unit_matter():
    frame = _peak()
    as_of = dt.date(2021, 6, 30)
    known = fit_season(_table(frame[frame["day"] <= pd.Timestamp(as_of)]), as_of)
    assert fit_season(_table(frame), as_of) == known
    assert json.dumps(fit_season(_table(frame.sample(frac=1, random_state=3)), as_of).to_json()) == json.dumps(
        known.to_json()
    )
    dearer = frame.assign(standing_sales_jpy=frame["standing_sales_jpy"] * 100)
    assert fit_season(_table(dearer), as_of).months == pytest.approx(known.months, rel=1e-6)


def test_one_wholesaler_does_not_make_a_season():
    frame = _buyers(tuple(FLAT))
    springs = [dt.date(year, 4, 10) for year in (2019, 2020, 2021)]
    first = {"customer_id": "W", "day": pd.Timestamp("2019-01-05"), "standing_sales_jpy": 100, "returned_jpy": 0}
    large = [{**first, "day": pd.Timestamp(day), "standing_sales_jpy": 20_000_000} for day in springs]
    season = fit_season(_table(pd.concat([frame, pd.DataFrame([first, *large])])), AS_OF)
    assert max(season.months) < 1.15


def test_factors_of_a_term_are_means_over_its_days():
    season = Season((0.5, *(1.0,) * 10, 1.5), True, dt.date(2019, 1, 1), ())
    assert season_factor(season, dt.date(2021, 11, 30), 31) == pytest.approx(1.5)
    assert season_factor(season, dt.date(2021, 11, 30), 62) == pytest.approx(1.0)
    assert season_factor(season, dt.date(2021, 1, 31), 28) == pytest.approx(1.0)
    flat = Season((1.0,) * 12, False, None, ())
    assert season_shift(flat, dt.date(2021, 5, 5), 182) == pytest.approx(1.0)
    assert season_shift(season, dt.date(2021, 12, 31), 31) < 0.5  # January, after a December above the average


def test_a_season_survives_json():
    season = fit_season(_table(_peak()), AS_OF)
    assert Season.from_json(json.loads(json.dumps(season.to_json()))) == season
    none = Season((1.0,) * 12, False, None, (Note("x"),))
    assert Season.from_json(json.loads(json.dumps(none.to_json()))) == none
