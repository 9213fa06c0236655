import datetime as dt
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_platform.demo.house import STOP_AFTER_SKIP_FACTOR
from crm_platform.diagnosis.finding import Finding
from crm_platform.reports.sections import title_of
from crm_platform.reports.wording import Wording
from crm_platform.tables import TABLES
from crm_platform.two_track.three_s import (
    Lessons,
    StopRisk,
    backtest_warnings,
    fit_stop_risk,
    lessons,
    stop_warnings,
)
from crm_platform.two_track.three_s.stop_risk import WARNED_LIFT
from crm_platform.two_track.three_s.stop_signs import former_rows, present_rows
from crm_platform.two_track.three_s.stop_timing import StopTiming
from crm_platform_tests.oracles.simulated_contracts import SimulatedContracts

FLAGS = ("longer", "other", "came_back", "shipped_late", "bought_before", "one_off")
CURVES = {"groups": [{"of": "all", "name": None, "left_half_year": [2.0] * 60, "delivery_jpy": 4000.0}]}
LATER = dt.date(2025, 1, 1)


@pytest.fixture(scope="module")
def known(drawn: SimulatedContracts) -> Lessons:
    return lessons(drawn.past(), drawn.others())


@pytest.fixture(scope="module")
def model(drawn: SimulatedContracts, known: Lessons) -> StopRisk:
    found = fit_stop_risk(known.deliveries, drawn.as_of)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def present(drawn: SimulatedContracts) -> pd.DataFrame:
    return present_rows(drawn.past(), drawn.others())


def plain_rows(seed: int, skip_odds: float = 1.0, people: int = 3000) -> pd.DataFrame:
    """A delivery per subscription, over two years; a skip multiplies the odds of a stop, nothing else does."""
    rng = np.random.default_rng(seed)
    skips = (rng.random(people) < 0.1).astype(np.int64)
    odds = 0.15 * np.where(skips > 0, skip_odds, 1.0)
    day = [dt.date(2022, 1, 1) + dt.timedelta(int(number)) for number in np.sort(rng.integers(0, 730, people))]
    return pd.DataFrame(
        {
            "subscription_id": [f"T{number:05d}" for number in range(people)],
            "day": day,
            "cycle_no": rng.integers(1, 12, people),
            **{name: ["A"] * people for name in ("course", "product_id", "media_id")},
            "term": 1,
            "since_course": 1,
            "skips": skips,
            **{name: rng.random(people) < 0.1 for name in FLAGS},
            "gone_cycles": 1.0,
            "stopped": rng.random(people) < odds / (1 + odds),
            "known_on": [on + dt.timedelta(45) for on in day],
        }
    )


def running(rows: pd.DataFrame) -> pd.DataFrame:
    """The same subscriptions as they run: half a cycle after the delivery, with nothing seen since."""
    return rows.assign(next_skips=0, next_longer=False, next_other=False, elapsed_cycles=0.5)


def test_what_is_known_of_running_subscriptions_today_is_what_the_past_shows_of_such_a_day(
    drawn: SimulatedContracts, present: pd.DataFrame
) -> None:
    present = present.set_index("subscription_id").sort_index()
    former = former_rows(drawn.past(), drawn.others(), [drawn.as_of]).set_index("subscription_id").sort_index()
    assert list(present.index) == list(former.index)
    same = ["cycle_no", "skips", "longer", "other", "next_skips", "next_longer", "came_back", "bought_before"]
    pd.testing.assert_frame_equal(present[same], former[same])


def test_the_planted_skip_is_the_leading_sign_and_as_strong_as_planted(model: StopRisk) -> None:
    assert model.leading == "skipped"
    effect, error = model.signs["sign:skipped"]
    # The planted factor is on −log(1 − chance), so the odds rise by it or, at the lapse point, by a little more.
    assert abs(effect - math.log(STOP_AFTER_SKIP_FACTOR)) < 3 * error < 0.6
    assert set(model.proven) == {"sign:skipped", "sign:term_ends"}  # nothing else is planted


def test_on_a_client_with_nothing_planted_no_pattern_is_found() -> None:
    models = [fit_stop_risk(plain_rows(seed), LATER) for seed in range(6)]
    assert [model.proven for model in models if model and model.proven] == []
    assert all(model and not model.read(running(plain_rows(99)))["is_warned"].any() for model in models)


def test_a_planted_factor_is_recovered_within_its_error() -> None:
    model = fit_stop_risk(plain_rows(3, skip_odds=3.0), LATER)
    assert model is not None and model.proven == ("sign:skipped",)
    effect, error = model.signs["sign:skipped"]
    assert abs(effect - math.log(3.0)) < 3 * error


def test_a_model_learns_nothing_from_what_was_known_later_only() -> None:
    rows, as_of = plain_rows(4, skip_odds=3.0), dt.date(2023, 6, 30)
    later = pd.to_datetime(rows["known_on"]) > pd.Timestamp(as_of)
    turned = rows.assign(stopped=rows["stopped"] ^ later)
    assert later.any() and fit_stop_risk(rows, as_of) == fit_stop_risk(turned, as_of)


def test_silence_after_the_time_of_stops_speaks_for_going_on_and_an_overdue_delivery_for_a_stop() -> None:
    """Stops are told at 0.4 cycles or, one in ten, at 2.5 by silence; the next delivery comes at 1."""
    stopped = np.arange(1000) < 200
    gone = np.where(stopped, np.where(np.arange(1000) % 10 == 0, 2.5, 0.4), 1.0)
    timing = StopTiming.of(pd.DataFrame({"gone_cycles": gone, "stopped": stopped}))
    early, late, overdue = timing.still(np.full(3, 0.2), np.array([0.1, 0.7, 1.4]))
    assert early == pytest.approx(0.2, abs=0.01)
    assert late == pytest.approx(0.02 / 0.82, abs=0.01)
    assert overdue > 0.9


def test_every_running_subscription_has_a_risk_and_the_warned_have_a_reason(
    drawn: SimulatedContracts, model: StopRisk
) -> None:
    stored = StopRisk.from_json(json.loads(json.dumps(model.to_json())))
    assert stored == model
    table = stop_warnings(drawn.past(), drawn.others(), stored, CURVES)
    assert TABLES["stop_warnings"].faults(table) == []
    told = table.to_pandas().set_index("subscription_id")
    standing = drawn.subscriptions.to_pandas().set_index("subscription_id")
    assert set(told.index) == set(standing.index[standing["state"] == "continuing"])
    warned = told[told["is_warned"]]
    assert len(warned) and warned["reason"].notna().all()
    assert (warned["risk"] >= WARNED_LIFT * warned["base_rate"]).all()
    off = told["expected_sales_at_risk_jpy"] - told["risk"] * 2.0 * 4000
    assert off.abs().max() <= 0.5
    skipped = standing.loc[warned.index[warned["reason"] == "skipped"], "skips"]
    assert len(skipped) and (skipped > 0).all()


def test_a_skip_of_the_coming_delivery_raises_the_risk_and_nobody_elses(present: pd.DataFrame, model: StopRisk) -> None:
    skipping = present["next_skips"] > 0
    raised = model.read(present)["risk"] - model.read(present.assign(next_skips=0))["risk"]
    assert skipping.any() and (raised[skipping] > 0).all() and (raised[~skipping] == 0).all()


def test_former_warnings_came_true_more_often_than_their_cycles_and_captured_more_than_the_youngest(
    drawn: SimulatedContracts, known: Lessons
) -> None:
    found = backtest_warnings(known, drawn.as_of)
    assert found is not None
    assert found["precision"] > found["warned_base_rate"] + 2 * found["precision_error"]
    assert all(shares["ours"] > shares["youngest"] for shares in found["captured_by"].values())
    assert abs(found["bias"] - 1) < 3 * found["bias_error"]
    assert found["same_size_precision"] > found["young_precision"] > found["base_rate"]
    assert dt.date.fromisoformat(found["as_of"]) < dt.date.fromisoformat(found["last_as_of"]) < drawn.as_of


def test_too_few_stops_make_no_model_and_no_warning(drawn: SimulatedContracts) -> None:
    assert fit_stop_risk(plain_rows(1, people=200), LATER) is None
    assert stop_warnings(drawn.past(), drawn.others(), None, CURVES).num_rows == 0


def test_a_sign_that_surely_lowers_the_risk_is_not_told_as_chance() -> None:
    found = fit_stop_risk(plain_rows(5, skip_odds=0.1, people=12_000), LATER)
    assert found is not None
    (skipped,) = [told for told in found.told_signs() if told.sign == "skipped"]
    assert skipped.high < 1
    assert (skipped.is_proven, skipped.lowers) == (False, True)
    raised = fit_stop_risk(plain_rows(5, skip_odds=4.0, people=12_000), LATER)
    assert raised is not None
    (skipped,) = [told for told in raised.told_signs() if told.sign == "skipped"]
    assert (skipped.is_proven, skipped.lowers) == (True, False)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_title_does_not_deny_signs_that_its_comment_counts(language: str) -> None:
    words, none = Wording.of(language), {"ja": "見つかっていない", "en": "not yet shown a sign"}[language]
    numbers = {"learned_stops": 766, "signs_found": 3}
    finding = Finding("early_warning", "three_s", "undetermined", numbers)
    assert none not in title_of(finding, words)
    assert none in title_of(replace(finding, numbers={**numbers, "signs_found": None}), words)
