from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.two_track.three_s.deliveries_left import Course, course_of
from crm_platform.two_track.three_s.life_table import LifeTable, kaplan_meier, survival_at
from crm_platform.two_track.three_s.shifted_beta_geometric import (
    fit_shifted_beta_geometric,
    hazards_of,
    log_likelihood,
)

# Fader and Hardie (2007), figure 1: customers left of 1,000 after 0 to 12 years.
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]
FITTED_YEARS = 7


def cohort(left: list[int], years: int = FITTED_YEARS) -> LifeTable:
    return LifeTable.of(left[:years], [before - after for before, after in pairwise(left[: years + 1])])


def test_the_published_fits_of_the_shifted_beta_geometric_are_reproduced() -> None:
    high, regular = (fit_shifted_beta_geometric(cohort(left)) for left in (HIGH_END, REGULAR))
    assert high is not None and regular is not None
    assert (round(high.alpha, 3), round(high.beta, 3), round(high.log_likelihood, 1)) == (0.668, 3.806, -1611.2)
    assert (round(regular.alpha, 3), round(regular.beta, 3)) == (0.704, 1.182)
    assert round(Course(cohort(HIGH_END), FITTED_YEARS, high).left(1, 12).value, 2) == 6.53
    assert round(log_likelihood(1.0, 1.0, cohort(HIGH_END)), 1) == -2115.5
    assert round(log_likelihood(0.01, 0.01, cohort(HIGH_END)), 1) == -2741.7


@pytest.mark.parametrize("left", [HIGH_END, REGULAR])
def test_five_years_beyond_the_fitted_ones_are_foreseen_within_a_twentieth(left: list[int]) -> None:
    model = fit_shifted_beta_geometric(cohort(left))
    assert model is not None
    foreseen = 1000 * np.cumprod(1 - hazards_of(model.parameters, np.arange(1.0, 13.0)))
    assert np.abs(foreseen[FITTED_YEARS:] / np.array(left[FITTED_YEARS + 1 :]) - 1).max() < 0.05


def test_kaplan_and_meier_of_the_published_remissions_is_reproduced() -> None:
    """6-MP of Freireich et al. (1963), weeks to relapse; a plus is still in remission."""
    relapsed, open_at = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    weeks = range(1, 24)
    at_risk = [sum(end >= week for end in relapsed + open_at) for week in weeks]
    found = kaplan_meier(LifeTable.of(at_risk, [relapsed.count(week) for week in weeks]))
    rates = {
        week: (round(found[week - 1].rate, 3), round(found[week - 1].error, 4)) for week in (6, 7, 10, 13, 16, 22, 23)
    }
    assert rates == {
        6: (0.857, 0.0764),
        7: (0.807, 0.0869),
        10: (0.753, 0.0963),
        13: (0.690, 0.1068),
        16: (0.627, 0.1141),
        22: (0.538, 0.1282),
        23: (0.448, 0.1346),
    }


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), min_size=1, max_size=30))
@settings(max_examples=60)
def test_a_curve_never_rises_and_lies_within_its_interval(cells: list[tuple[int, float]]) -> None:
    table = LifeTable.of([risk for risk, _ in cells], [int(risk * share) for risk, share in cells])
    found = kaplan_meier(table)
    assert all(0 <= point.low <= point.rate <= point.high <= 1 for point in found)
    assert all(after.rate <= before.rate for before, after in pairwise(found))
    assert survival_at(table, len(cells) + 1) is None


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Late entries and open subscriptions among them."""
    rng, held = np.random.default_rng(8), []
    chances, within = 1.5 / (9.5 + np.arange(36)), 36
    true_left = np.cumprod(1 - chances).sum()
    for _ in range(8):
        stops_with, enters = rng.beta(1.5, 8.0, 1200), rng.integers(1, 20, 1200)
        alive, at_risk, stopped = np.ones(1200, dtype=bool), [], []
        for cycle in range(1, 21):
            stopping = alive & (rng.random(1200) < stops_with)
            late = alive & (enters <= cycle)
            at_risk.append(int(late.sum()))
            stopped.append(int((stopping & late).sum()))
            alive &= ~stopping
        model = fit_shifted_beta_geometric(LifeTable.of(at_risk, stopped))
        assert model is not None
        left = Course(LifeTable.of(at_risk, stopped), 20, model).left(1, within)
        alpha, beta = model.intervals()["alpha"], model.intervals()["beta"]
        held.append((alpha[0] < 1.5 < alpha[1], beta[0] < 8.0 < beta[1], left.low < true_left < left.high))
    assert np.sum(held, axis=0).min() >= 6


def test_where_everybody_is_alike_the_deliveries_left_are_those_of_a_constant_chance() -> None:
    at_risk = [round(10_000 * 0.9**cycle) for cycle in range(12)]
    course = course_of(LifeTable.of(at_risk, [round(0.1 * risk) for risk in at_risk]))
    assert course is not None and course.basis == "model"
    assert course.left(1, 24).value == pytest.approx(sum(0.9**n for n in range(1, 25)), rel=0.01)
    assert course.all_left(24, 3)[0] == pytest.approx(course.left(1, 24).value)


def test_a_lapse_point_is_seen_not_to_fit_and_the_observed_stops_take_over() -> None:
    hazards = np.array([0.22, 0.07, 0.38, 0.06, 0.055, 0.05, 0.045, 0.04])
    at_risk = np.round(5000 * np.concatenate([[1.0], np.cumprod(1 - hazards)[:-1]]))
    course = course_of(LifeTable.of(at_risk, np.round(at_risk * hazards)))
    assert course is not None and course.model is not None
    assert not course.model.fits and course.basis == "observed"
    assert course.left(2, 3).value == pytest.approx(np.cumprod(1 - hazards[1:4]).sum(), rel=0.01)
    tail = (at_risk * hazards).sum() / at_risk.sum()
    assert course.hazards(10)[8:] == pytest.approx([tail, tail], rel=0.01)


def test_a_few_stops_are_no_model() -> None:
    assert fit_shifted_beta_geometric(LifeTable.of([40, 38], [2, 1])) is None
    assert course_of(LifeTable.of([29, 20], [3, 2])) is None
    with pytest.raises(ValueError, match="as many at risk"):
        LifeTable.of([3], [4])
