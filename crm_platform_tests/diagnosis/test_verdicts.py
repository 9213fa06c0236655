"""One rule for black and white: what chance does to it, and what it must never do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.diagnosis.estimates import (
    SURE_ERRORS,
    Estimate,
    count_of,
    difference,
    errors_for,
    mean,
    proportion,
    ratio,
    rivals_of,
    shown_errors_for,
    total,
)
from crm_platform.diagnosis.finding import Trend
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change, verdict_on_line
from crm_platform.diagnosis.year_on_year import YearOnYear

AMOUNTS = st.floats(-1e6, 1e6)
ERRORS = st.floats(1e-3, 1e5)
HALVES = ["2021-06", "2021-12", "2022-06", "2022-12", "2023-06", "2023-12", "2024-06"]


def test_a_healthy_number_is_called_an_issue_about_once_in_740() -> None:
    chances = np.random.default_rng(7).normal(size=60_000)
    called = sum(verdict_on_change(Estimate(float(d), 1.0), 100.0) == "issue" for d in chances)
    assert called / len(chances) == pytest.approx(0.00135, abs=4 * math.sqrt(0.00135 / len(chances)))


@given(AMOUNTS, ERRORS)
def test_the_mirror_of_a_change_beyond_chance_is_its_opposite(value: float, error: float) -> None:
    verdicts = {verdict_on_change(Estimate(sign * value, error), 10 * SURE_ERRORS * error) for sign in (1, -1)}
    assert verdicts == ({"issue", "healthy"} if abs(value) > SURE_ERRORS * error else {"healthy"})


@given(AMOUNTS, ERRORS, st.floats(0, 1e5))
def test_no_verdict_turns_bad_by_a_better_number(value: float, error: float, better: float) -> None:
    order = ["issue", "undetermined", "healthy"]
    worse, improved = (verdict_on_line(Estimate(v, error), 1000.0) for v in (value, value + better))
    assert order.index(improved) >= order.index(worse)


def test_few_customers_get_no_verdict() -> None:
    def verdict(people: int) -> str:
        now, before = proportion(0.42 * people, people), proportion(0.44 * people, people)
        assert now is not None
        assert before is not None
        return verdict_on_change(difference(now, before), before.value)

    assert [verdict(people) for people in (60, 1_000, 100_000)] == ["undetermined", "healthy", "issue"]


def test_where_there_was_nothing_nothing_can_be_well() -> None:
    assert verdict_on_change(Estimate(0.0, 0.0), 0.0) == "undetermined"
    assert verdict_on_line(Estimate(0.0, 0.0), 0.0) == "undetermined"


def test_a_rise_or_a_lead_beyond_chance_is_healthy_however_few_the_customers() -> None:
    assert verdict_on_change(Estimate(40.0, 10.0), 60.0) == "healthy"
    assert verdict_on_line(Estimate(140.0, 12.0), 100.0) == "healthy"
    assert verdict_on_line(Estimate(130.0, 12.0), 100.0) == "undetermined"


def test_a_fall_over_the_years_is_an_issue_unless_the_last_year_rose_beyond_chance() -> None:
    falling = trend_of([(month, Estimate(100.0 - 5 * n, 1.0)) for n, month in enumerate(HALVES)], "count")
    assert falling is not None
    verdicts = [verdict_on_change(Estimate(change, 1.0), 80.0, falling) for change in (-1.0, 2.0, 4.0)]
    assert verdicts == ["issue", "issue", "healthy"]


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=len(HALVES)), st.floats(0.1, 100))
def test_a_series_reversed_goes_the_other_way(values: list[float], error: float) -> None:
    forward, backward = (
        trend_of([(month, Estimate(value, error)) for month, value in zip(HALVES, series, strict=False)], "count")
        for series in (values, values[::-1])
    )
    assert forward is not None
    assert backward is not None
    assert forward.slope_per_year == pytest.approx(-backward.slope_per_year, abs=1e-6)
    mirror = {"rising": "falling", "falling": "rising", "level": "level"}
    assert backward.direction == mirror[forward.direction]


def test_the_interval_of_a_slope_holds_the_planted_one_in_nineteen_of_twenty() -> None:
    random, held, rounds = np.random.default_rng(3), 0, 2_000
    for _ in range(rounds):
        points = [
            (month, Estimate(50 + 4 * n / 2 + float(noise), 1.0))
            for n, (month, noise) in enumerate(zip(HALVES, random.normal(size=len(HALVES)), strict=True))
        ]
        trend = trend_of(points, "count")
        assert trend is not None
        held += trend.slope_low <= 4 <= trend.slope_high
    assert held / rounds == pytest.approx(0.95, abs=0.02)


def test_a_trend_reaches_back_five_years_and_needs_three_points() -> None:
    years = [(f"{year}-06", Estimate(float(year), 1.0)) for year in range(2015, 2026)]
    trend = trend_of(years, "count")
    assert trend is not None
    assert [month for month, _ in trend.points] == ["2021-06", "2022-06", "2023-06", "2024-06", "2025-06"]
    assert trend.slope_per_year == pytest.approx(1.0)
    assert trend_of(years[:2], "count") is None


@pytest.mark.parametrize(("rate", "people"), [(0.02, 200), (0.1, 60), (0.4, 60), (0.5, 1_000), (0.97, 300)])
def test_intervals_of_shares_hold_the_truth_as_often_as_they_say(rate: float, people: int) -> None:
    drawn = np.random.default_rng(11).binomial(people, rate, size=4_000)
    found = [proportion(float(part), people) for part in drawn]
    held = np.mean([estimate.low <= rate <= estimate.high for estimate in found if estimate])
    assert held > 0.92


def test_a_ratio_over_customers_has_the_error_of_a_jackknife() -> None:
    random = np.random.default_rng(5)
    whole = random.gamma(0.5, 10_000, size=3_000)
    part = whole * random.uniform(0, 1, size=3_000)
    found = ratio(part.sum(), whole.sum(), (part**2).sum(), (part * whole).sum(), (whole**2).sum())
    assert found is not None
    without = (part.sum() - part) / (whole.sum() - whole)
    jackknife = math.sqrt((len(part) - 1) / len(part) * ((without - without.mean()) ** 2).sum())
    assert found.error == pytest.approx(jackknife, rel=0.01)


def test_a_mean_over_customers_has_the_error_of_the_textbook() -> None:
    amounts = np.array([1.0, 2.0, 4.0, 9.0])
    found = mean(amounts.sum(), (amounts**2).sum(), len(amounts))
    assert found is not None
    assert (found.value, found.error) == (4.0, pytest.approx(amounts.std(ddof=1) / 2))


def test_one_customer_with_fifty_orders_is_one_piece_of_evidence() -> None:
    of_fifty_customers = total(50_000.0, 50 * 1_000.0**2)
    of_one = total(50_000.0, 50_000.0**2)
    assert of_one.error == pytest.approx(math.sqrt(50) * of_fifty_customers.error)
    assert count_of(50).error == pytest.approx(of_fifty_customers.error / 1_000)


def test_the_worst_of_many_groups_must_lie_further_off() -> None:
    looks = 40
    drawn = np.random.default_rng(1).normal(size=(20_000, looks)).min(axis=1)
    assert errors_for(1) == pytest.approx(SURE_ERRORS)
    assert np.mean(drawn < -errors_for(looks)) == pytest.approx(0.00135, abs=0.0011)


def test_the_interval_of_the_lowest_of_many_alike_holds_the_truth_although_luck_chose_it() -> None:
    drawn = np.random.default_rng(2).normal(size=(4_000, 8))
    chosen = [min((Estimate(value, 1.0) for value in values), key=lambda one: one.value) for values in drawn.tolist()]
    rivals = [
        rivals_of(lowest, [Estimate(value, 1.0) for value in values], errors_for(8))
        for lowest, values in zip(chosen, drawn.tolist(), strict=True)
    ]
    told = [measured_against(one, "rate", None, None, rivals=many) for one, many in zip(chosen, rivals, strict=True)]
    assert np.mean([one.high < 0 for one in chosen]) > 0.15
    assert np.mean([(one.low or 0) <= 0 <= (one.high or 0) for one in told]) > 0.95


def test_what_was_never_in_question_does_not_widen_the_interval_of_the_lowest() -> None:
    lowest, alike, far = Estimate(0.1, 0.01), Estimate(0.11, 0.01), Estimate(0.4, 0.02)
    assert rivals_of(lowest, [lowest, far, far], 3.5) == 1
    assert rivals_of(lowest, [lowest, alike, far], 3.5) == 2
    assert shown_errors_for(1) == pytest.approx(1.96, abs=1e-3)
    assert shown_errors_for(2) == pytest.approx(2.24, abs=2e-3)


def test_nobody_has_no_share_and_nothing_no_ratio() -> None:
    assert proportion(0, 0) is None
    assert ratio(0, 0, 0, 0, 0) is None
    assert mean(1.0, 1.0, 1) is None


def test_the_printed_number_carries_the_smallest_change_that_would_be_noticed() -> None:
    measured = measured_against(Estimate(0.4, 0.01), "rate", 0.42, Estimate(-0.02, 0.014))
    assert (measured.value, measured.compared) == (0.4, 0.42)
    assert measured.noticeable == pytest.approx(0.042)
    assert measured.low == pytest.approx(0.4 - 1.96 * 0.01, abs=1e-4)


# --- a number beside itself a year before -----------------------------------------------------------------------------


def course(*values: float) -> Trend | None:
    return trend_of([(f"{2020 + year}-12", Estimate(value, 0.001)) for year, value in enumerate(values)], "rate")


def test_an_issue_takes_away_the_fall_of_the_year_or_of_the_line_where_that_is_larger() -> None:
    now, before = Estimate(0.30, 0.01), Estimate(0.40, 0.01)
    steep, flat = YearOnYear(now, before, course(0.7, 0.5, 0.3)), YearOnYear(now, before, course(0.4, 0.4, 0.3))
    assert (steep.verdict, flat.verdict) == ("issue", "issue")
    assert (steep.fallen, flat.fallen) == (pytest.approx(0.1), pytest.approx(0.1))
    assert (steep.shortfall, flat.shortfall) == (pytest.approx(0.2), pytest.approx(0.1))
    mirror = YearOnYear(before, now, course(0.3, 0.5, 0.7))
    assert (mirror.verdict, mirror.fallen, mirror.shortfall) == ("healthy", 0.0, 0.0)


def test_without_a_year_before_there_is_no_verdict_even_where_the_line_falls() -> None:
    alone = YearOnYear(Estimate(0.3, 0.01), None, course(0.7, 0.5, 0.3))
    assert (alone.verdict, alone.change_value, alone.shortfall) == ("undetermined", None, 0.0)
    measured = alone.measured("rate")
    assert measured is not None
    assert (measured.value, measured.compared, measured.noticeable) == (0.3, None, None)
    assert YearOnYear(None, None, None).measured("rate") is None
