"""Whole clients with and without plants: what is there is found and named, and nothing else.

The benchmark (`crm_platform_tests.benchmarks.diagnosis`) does the same on a hundred clients and larger ones.
"""

from __future__ import annotations

import numpy as np
import pytest

from crm_platform.diagnosis.diagnose import QUESTIONS
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform_tests.oracles.house_inputs import house
from crm_platform_tests.oracles.house_tables import draw_house
from crm_platform_tests.oracles.houses import PAIR
from crm_platform_tests.oracles.planted_houses import PLANTED, Size, size_of

SMALL = 2000
TOGETHER = ("pair", "bad medium", "broken cohort", "lapse point", "blind rank", "falling and rising series")


@pytest.fixture(scope="module")
def planted() -> DiagnosisInputs:
    """One house with six plants."""
    return house(1, SMALL, **{name: value for plant in TOGETHER for name, value in PLANTED[plant].plants.items()})


@pytest.fixture(scope="module")
def mirrored() -> DiagnosisInputs:
    """The house in which each of them goes the other way."""
    return house(1, SMALL, **{name: value for plant in TOGETHER for name, value in PLANTED[plant].mirror.items()})


@pytest.fixture(scope="module")
def null() -> DiagnosisInputs:
    """A house with nothing planted."""
    return house(1, SMALL)


def near(size: Size, truth: float) -> bool:
    """Whether the truth lies within three standard errors; of six 95 % intervals one in four would miss one."""
    return abs(size.value - truth) <= 3 / 1.96 * max(size.high - size.value, size.value - size.low)


@pytest.mark.parametrize("name", TOGETHER)
def test_a_plant_is_found_and_named_and_its_mirror_is_not(
    name: str, planted: DiagnosisInputs, mirrored: DiagnosisInputs
) -> None:
    truth = PLANTED[name]
    finding = truth.question(planted)
    assert finding is not None
    assert truth.found(finding)
    assert near(size_of(finding), truth.true_size * (SMALL if name == "falling and rising series" else 1))
    if name == "pair":  # has no mirror that a verdict is on
        return
    other = truth.question(mirrored)
    assert other is not None
    if truth.verdict:
        assert finding.verdict == truth.verdict
    if truth.mirrored:
        assert other.verdict != truth.verdict
    if truth.names:
        assert not truth.found(other)


def test_a_client_with_nothing_planted_has_no_issue(null: DiagnosisInputs) -> None:
    asked = {truth.question for truth in PLANTED.values()}
    findings = [question(null) for question in QUESTIONS if question not in asked]
    assert [finding.key for finding in findings if finding and finding.verdict == "issue"] == []


def test_the_same_seed_draws_the_same_house_and_another_draws_another() -> None:
    one, again, other = draw_house(1, 200), draw_house(1, 200), draw_house(2, 200)
    assert one.order_lines.equals(again.order_lines)
    assert not one.order_lines.equals(other.order_lines)


def test_a_house_with_nothing_planted_neither_grows_nor_shrinks() -> None:
    lines = draw_house(3, 8000).order_lines.to_pandas()
    year = (lines["ordered_at"].dt.year * 12 + lines["ordered_at"].dt.month - 7) // 12
    yearly = lines.groupby(year).agg(orders=("order_id", "nunique"), customers=("customer_id", "nunique"))
    assert (yearly.max() / yearly.min() < 1.1).all()


def test_what_is_planted_lies_in_the_order_lines() -> None:
    lines = draw_house(3, 1500, pair_rate=0.4).order_lines.to_pandas()
    parcels = lines.groupby("order_id")["product_id"].agg(set)
    holders = parcels[parcels.map(lambda held: PAIR[0] in held)]
    assert np.isclose(holders.map(lambda held: PAIR[1] in held).mean(), 0.4, atol=0.06)
