"""What trees say of an earlier origin's customers comes from trees that never saw what those customers did."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import boosted as chapter
from crm_platform.forecast.boosted import FEWEST_BUYERS, Reading, can_learn, learn
from crm_platform.forecast.origins import Origin, look_back
from crm_platform_tests.forecast.boosted_customers import EARLIER, HORIZON_DAYS, LATER, customer_days, origins


def _past() -> list[Origin]:
    earlier, later = origins(700, 3)
    return [later, earlier]


def _hints(past: list[Origin]) -> list[pd.DataFrame]:
    """No other model says anything."""
    names = ("spending_jpy", "level_jpy", "value_jpy", "p_active")
    return [pd.DataFrame(0.5, index=range(len(origin.features)), columns=names) for origin in past]


def _absurd(past: list[Origin], customer_id: str, sales_jpy: float) -> list[Origin]:
    """The same past, but that one customer bought for so much after every origin."""

    def other(origin: Origin) -> Origin:
        came = origin.came.copy()
        came.loc[came["customer_id"] == customer_id, "sales_jpy"] = sales_jpy
        return dataclasses.replace(origin, came=came)

    return [other(origin) for origin in past]


@pytest.mark.parametrize("place", [10, 11])  # one of either half
def test_an_absurd_outcome_of_a_customer_does_not_move_what_is_said_of_that_customer(place: int) -> None:
    past = _past()
    who = past[1].features["customer_id"].iloc[place]
    model, before = learn(past, _hints(past))
    absurd = _absurd(past, who, 1e9)
    model_after, after = learn(absurd, _hints(absurd))
    for origin, reading, reading_after in zip(past, before, after, strict=True):
        own = (origin.features["customer_id"] == who).to_numpy()
        half = _halves_as(past, origin, who)
        for said, said_after in zip(reading, reading_after, strict=True):
            assert np.array_equal(said[half], said_after[half])  # the customer's own half: the same to the byte
        assert own.sum() == 1
        assert (half & own).any()
        assert not np.allclose(reading.tweedie_jpy[~half], reading_after.tweedie_jpy[~half])  # the others learned it
    assert model_after != model  # and so did the trees for the term to come


def _halves_as(past: list[Origin], origin: Origin, who: str) -> np.ndarray:
    """The customers of `origin` in the half of `who`: every second one as known at the latest origin."""
    known = past[0].features["customer_id"]
    half = pd.Series(np.arange(len(known)) % 2, index=known)
    return (half[origin.features["customer_id"]] == half[who]).to_numpy()


def test_trees_of_a_half_learn_from_that_half_alone_and_both_make_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    past, learned, grow = _past(), [], chapter._grow

    def watched(lessons: list[chapter._Lesson], most: int) -> chapter.Boosted:
        learned.append([set(each.origin.features.loc[each.rows, "customer_id"]) for each in lessons])
        return grow(lessons, most)

    monkeypatch.setattr(chapter, "_grow", watched)
    learn(past, _hints(past))
    zero, one, everyone = (set().union(*of_origins) for of_origins in learned)
    assert not zero & one
    assert zero | one == everyone == set(past[0].features["customer_id"])
    assert abs(len(zero) - len(one)) <= 1


def test_what_is_said_lies_row_by_row_beside_the_customers_of_each_origin() -> None:
    past = _past()
    _, readings = learn(past, _hints(past))
    for origin, reading in zip(past, readings, strict=True):
        assert [len(values) for values in reading] == [len(origin.features)] * len(Reading._fields)
        gift = (origin.features["first_product_id"] == "gift").to_numpy()
        assert reading.tweedie_jpy[gift].mean() < 0.5 * reading.tweedie_jpy[~gift].mean()
        assert ((reading.purchase_rate >= 0) & (reading.purchase_rate <= 1)).all()


def test_an_origin_weighs_as_much_as_another_however_many_customers_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, np.ndarray]] = []
    monkeypatch.setattr(chapter, "fit_boosted_tweedie", lambda **told: given.append(told))
    monkeypatch.setattr(chapter, "fit_boosted_two_stage", lambda **_: None)
    past = _past()
    hints = _hints(past)
    lessons = [chapter._Lesson(o, h, np.ones(len(h), dtype=bool)) for o, h in zip(past, hints, strict=True)]
    chapter._grow([lessons[0], lessons[1]._replace(rows=np.arange(len(hints[1])) < 50)], 10_000)
    weights = given[0]["weights"]
    assert (weights[:-50].sum(), weights[-50:].sum()) == (pytest.approx(1), pytest.approx(1))


def test_trees_learn_only_where_enough_customers_bought_after_the_latest_earlier_origin() -> None:
    later, earlier = _past()
    buyers = int((later.sales_jpy > 0).sum())
    assert buyers != FEWEST_BUYERS
    assert not can_learn([])
    assert can_learn([later, earlier]) == (buyers >= FEWEST_BUYERS)
    few = look_back(customer_days(60, 1), [LATER, EARLIER], HORIZON_DAYS)
    assert not can_learn(few)
