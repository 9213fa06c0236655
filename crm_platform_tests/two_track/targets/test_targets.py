"""Targets for one-off purchases: who is a candidate, what is foretold, who is a target."""

from __future__ import annotations

import datetime as dt
import json

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.clients import Settings
from crm_platform.two_track.one_off_purchases import is_own_data, one_off_buyers
from crm_platform.two_track.targets import (
    KnownSubscribers,
    OneOffForecast,
    backtest_targets,
    expected_returns,
    fit_one_off_forecast,
    foresee_one_off,
    group_margins,
    one_off_candidates,
    outcome_at,
    targets,
)
from crm_platform.two_track.targets.candidates import with_returns
from crm_platform_tests.oracles.simulated_subscribers import (
    FIRST,
    ONE_OFF_JPY,
    Shop,
    customer_id,
    days_of,
    draw_shop,
)

TERM_DAYS = 182
MARGINS = {"skin care": 0.5}


@pytest.fixture(scope="module")
def shop() -> Shop:
    """A shop of 600 subscribers over 900 days."""
    return draw_shop(1)


@pytest.fixture(scope="module")
def then(shop: Shop) -> dt.date:
    """A term before the shop's last day."""
    return shop.as_of - dt.timedelta(days=TERM_DAYS)


@pytest.fixture(scope="module")
def model(shop: Shop, then: dt.date) -> OneOffForecast:
    """What could be learned by then."""
    fitted = fit_one_off_forecast(shop.known(), then, TERM_DAYS)
    assert fitted is not None
    return fitted


@pytest.fixture(scope="module")
def candidates(shop: Shop, then: dt.date, model: OneOffForecast) -> pd.DataFrame:
    """The candidates of that day."""
    return listed(shop.known().until(then), model, then)


@pytest.fixture(scope="module")
def rows(shop: Shop, then: dt.date) -> pd.DataFrame:
    """The subscribers of that day, as the models see them."""
    return shop.known().until(then).subscribers([then], TERM_DAYS)


def listed(
    known: KnownSubscribers, model: OneOffForecast | None, as_of: dt.date, settings: Settings | None = None
) -> pd.DataFrame:
    return one_off_candidates(known, model, MARGINS, settings or Settings(), as_of, TERM_DAYS).to_pandas()


def test_every_subscriber_is_in_exactly_one_state_and_one_need(
    shop: Shop, then: dt.date, candidates: pd.DataFrame
) -> None:
    subscriptions, events, days = (table.to_pandas() for table in (shop.subscriptions, shop.events, shop.days))
    begun = subscriptions[subscriptions["started_on"] <= then]["customer_id"]
    stops = events[events["occurred_on"] <= then]["customer_id"]
    days = days[days["day"] <= then]
    buyers = set(days[days["standing_sales_jpy"] > days["subscription_sales_jpy"]]["customer_id"])
    assert sorted(begun) == list(candidates["customer_id"])
    assert set(candidates.query("subscription_state == 'stopped'")["customer_id"]) == set(stops)
    assert set(candidates.query("need == 'manifest'")["customer_id"]) == buyers & set(begun)
    assert (candidates["segment"] == "never").sum() == (candidates["need"] == "latent").sum()


def test_the_first_fifth_captures_far_more_than_recency_and_rfm_and_the_sum_is_right(
    shop: Shop, model: OneOffForecast
) -> None:
    outcome = outcome_at(shop.known(), model)
    assert outcome["captured"]["ours"] > 0.9
    assert min(outcome["leads"]["recency"], outcome["leads"]["rfm"]) > 1.5
    assert abs(outcome["bias"] - 1) < 3 * outcome["bias_error"]
    assert outcome["coverage"]["above_p90_rate"] < 0.12


def test_who_has_the_higher_true_rate_is_expected_to_buy_more(shop: Shop, candidates: pd.DataFrame) -> None:
    rate = pd.Series(shop.rate_per_day, [customer_id(who) for who in range(len(shop.rate_per_day))])
    true_jpy = rate[candidates["customer_id"]].to_numpy() * TERM_DAYS * ONE_OFF_JPY
    assert np.corrcoef(true_jpy, candidates["expected_sales_jpy"])[0, 1] > 0.85
    assert candidates["expected_sales_jpy"].sum() == pytest.approx(true_jpy.sum(), rel=0.2)


def test_nothing_after_the_day_and_no_order_of_rows_changes_what_is_foretold(
    shop: Shop, then: dt.date, model: OneOffForecast, candidates: pd.DataFrame
) -> None:
    shuffle = np.random.default_rng(3).permutation(shop.days.num_rows)
    other = shop.having(
        days=shop.days.take(shuffle), events=shop.events.slice(0).take(np.arange(shop.events.num_rows)[::-1])
    )
    again = fit_one_off_forecast(other.known().until(then), then, TERM_DAYS)
    assert json.dumps(again.to_json()) == json.dumps(model.to_json())
    pd.testing.assert_frame_equal(listed(other.known().until(then), again, then), candidates)


def test_a_stored_model_foretells_the_same(model: OneOffForecast, rows: pd.DataFrame) -> None:
    stored = OneOffForecast.from_json(json.loads(json.dumps(model.to_json())))
    for name, values in foresee_one_off(model, rows).items():
        np.testing.assert_array_equal(values, foresee_one_off(stored, rows)[name])


def test_more_one_off_purchases_of_late_never_lower_the_forecast(model: OneOffForecast, rows: pd.DataFrame) -> None:
    rising = [name for name in rows if name.startswith(("pace_", "level_"))]
    more = rows.assign(**{name: rows[name] * 1.5 for name in rising})
    before, after = foresee_one_off(model, rows), foresee_one_off(model, more)
    assert (after["p_buys"] >= before["p_buys"] - 1e-12).all()
    assert (after["expected_sales_jpy"] >= before["expected_sales_jpy"] * (1 - 1e-9)).all()
    assert after["expected_sales_jpy"].sum() > before["expected_sales_jpy"].sum() * 1.02


def test_bulk_purchases_are_no_one_off_purchases(shop: Shop, then: dt.date, rows: pd.DataFrame) -> None:
    whom, day = customer_id(0), (then - FIRST).days - 3
    before = rows.set_index("customer_id").loc[whom]
    with_bulk = shop.having(days=pa.concat_tables([shop.days, days_of([(0, day, "bulk", 90_000)])]))
    after = with_bulk.known().until(then).subscribers([then], TERM_DAYS).set_index("customer_id").loc[whom]
    told = [name for name in before.index if name.startswith(("one_off", "repeat", "pace_", "level_"))]
    pd.testing.assert_series_equal(before[told], after[told])
    assert (after["bulk_days"], after["bulk_jpy"]) == (1, 90_000)


def test_silence_is_a_stop_only_from_the_day_on_which_it_was_known(shop: Shop) -> None:
    due = dt.date(2023, 3, 1)
    silent = shop.events.to_pandas().iloc[:1].assign(occurred_on=due, source="derived", event="stop")
    subscriptions = shop.subscriptions.to_pandas().query("customer_id == @silent.customer_id.iloc[0]")
    quiet = shop.having(
        events=pa.Table.from_pandas(silent, schema=shop.events.schema, preserve_index=False),
        subscriptions=pa.Table.from_pandas(subscriptions, schema=shop.subscriptions.schema, preserve_index=False),
    )
    days = [due + dt.timedelta(days=44), due + dt.timedelta(days=45)]  # 1½ more cycles of 30 days: two were missed
    rows = quiet.known().subscribers(days, TERM_DAYS)
    assert rows["is_continuing"].tolist() == [True, False]
    assert rows["stopped_days"].iloc[1] == 45


@pytest.mark.parametrize("event", ["skip", "switch"])
def test_a_subscription_of_which_something_is_told_before_its_first_known_delivery_ran_by_then(
    shop: Shop, event: str
) -> None:
    subscription = shop.subscriptions.to_pandas().iloc[:1]
    begun = subscription["started_on"].iloc[0]
    told_on = begun - dt.timedelta(days=20)
    told = (
        shop.events.to_pandas()
        .iloc[:1]
        .assign(
            subscription_id=subscription["subscription_id"].iloc[0],
            customer_id=subscription["customer_id"].iloc[0],
            occurred_on=told_on,
            source="delivered",
            event=event,
        )
    )
    carried = shop.having(
        events=pa.Table.from_pandas(told, schema=shop.events.schema, preserve_index=False),
        subscriptions=pa.Table.from_pandas(subscription, schema=shop.subscriptions.schema, preserve_index=False),
    )
    days = [told_on + dt.timedelta(days=5), begun + dt.timedelta(days=5)]
    rows = carried.known().subscribers(days, TERM_DAYS)
    assert rows["is_continuing"].tolist() == [True, True]
    assert rows["state_days"].tolist() == [5, 25]


def test_targets_are_exactly_who_returns_more_than_a_contact_costs_the_best_first(candidates: pd.DataFrame) -> None:
    rows = targets(pa.Table.from_pandas(candidates, preserve_index=False)).to_pandas()
    assert set(rows["customer_id"]) == set(candidates[candidates["expected_return_times"] > 1]["customer_id"])
    assert 0 < len(rows) < len(candidates)
    assert rows.sort_values("rank")["expected_sales_jpy"].is_monotonic_decreasing
    assert sorted(rows["rank"]) == list(range(1, len(rows) + 1))


def test_as_many_targets_as_the_client_sets_and_a_dearer_contact_returns_less(candidates: pd.DataFrame) -> None:
    dearer = with_returns(candidates, MARGINS, Settings(alert_unit_cost_jpy=200, two_track_targets=17))
    best = candidates.sort_values(["expected_sales_jpy", "customer_id"], ascending=[False, True])["customer_id"]
    assert set(dearer[dearer["is_target"]]["customer_id"]) == set(best[:17])
    np.testing.assert_allclose(dearer["expected_return_times"], candidates["expected_return_times"] / 2)
    assert set(candidates["return_basis"]) == {"profit"}
    unknown = with_returns(candidates, {}, Settings())
    assert set(unknown["return_basis"]) == {"sales"}
    np.testing.assert_allclose(unknown["expected_return_times"] * 0.5, candidates["expected_return_times"])
    free = with_returns(candidates, MARGINS, Settings(alert_unit_cost_jpy=0))
    assert free["expected_return_times"].isna().all()
    assert free["is_target"].all()


def test_with_too_few_buyers_nothing_is_foretold_and_nobody_is_a_target(
    shop: Shop, then: dt.date, model: OneOffForecast, candidates: pd.DataFrame
) -> None:
    assert model.buyers == (candidates["need"] == "manifest").sum()
    assert is_own_data(model.buyers, model.buyers)
    few = listed(shop.known().until(then), model, then, Settings(two_track_least_buyers=model.buyers + 1))
    assert (set(few["status"]), set(candidates["status"])) == ({"inferred"}, {"own_data"})
    assert few[["p_buys", "expected_sales_jpy", "sales_p90_jpy", "expected_return_times"]].isna().all().all()
    assert not few["is_target"].any()
    assert few["need"].equals(candidates["need"])


def test_a_client_with_buyers_enough_and_a_history_too_short_has_own_data_but_no_forecast() -> None:
    shop = draw_shop(1, 60, 150)
    known = shop.known()
    assert fit_one_off_forecast(known, shop.as_of, TERM_DAYS) is None
    buyers = one_off_buyers(known.days, known.goods, known.turns)
    rows = listed(known, None, shop.as_of, Settings(two_track_least_buyers=buyers))
    assert set(rows["status"]) == {"own_data"}
    assert rows["p_buys"].isna().all()
    assert not rows["is_target"].any()


def test_offered_is_what_can_be_bought_one_off_and_neither_a_trial_size_nor_what_is_delivered(
    candidates: pd.DataFrame,
) -> None:
    assert set(candidates["product_group"]) == {"skin care"}


def test_a_client_whose_only_buyer_leaves_nobody_to_hold_a_model_against_is_foretold_nothing() -> None:
    rows = [(who, day, "subscription", 4_000) for who in range(2) for day in range(0, 400, 30)]
    few = draw_shop(1, 2, 400).having(
        days=days_of([*rows, *((0, day, "one_off", 3_000) for day in range(15, 400, 60))])
    )
    assert fit_one_off_forecast(few.known(), few.as_of, TERM_DAYS) is None


def test_a_client_without_subscriptions_without_products_or_with_few_months_is_served(shop: Shop) -> None:
    nobody = shop.having(subscriptions=shop.subscriptions.slice(0, 0), events=shop.events.slice(0, 0)).known()
    assert fit_one_off_forecast(nobody, shop.as_of, TERM_DAYS) is None
    assert len(listed(nobody, None, shop.as_of)) == 0
    assert backtest_targets(nobody, shop.as_of, TERM_DAYS) is None
    small, year = draw_shop(1, 200, 500), FIRST + dt.timedelta(days=365)
    bare = small.having(products=small.products.slice(0, 0), media=small.media.slice(0, 0)).known().until(year)
    fitted = fit_one_off_forecast(bare, year, TERM_DAYS)
    assert fitted is not None
    assert len(fitted.origins) >= 2
    assert set(listed(bare, fitted, year)["product_group"]) == {"CREAM"}


@given(st.lists(st.tuples(st.floats(0.001, 1), st.floats(0, 50_000)), min_size=1, max_size=20), st.floats(1, 1_000))
def test_contacting_everyone_wins_at_most_the_assumed_share_of_them(
    rows: list[tuple[float, float]], cost: float
) -> None:
    p_buys, spent = (np.array(column) for column in zip(*rows, strict=True))
    returns = expected_returns(p_buys, p_buys * spent, np.full(len(rows), np.nan), cost)
    assert returns is not None
    assert (returns >= 0).all()
    assert (returns * cost <= spent * (1 + 1e-9)).all()  # nobody is won more than once
    assert (returns * cost).sum() <= 0.05 * len(rows) * spent.max() * (1 + 1e-9)


def test_the_worked_example_of_the_page() -> None:
    returns = expected_returns(np.array([0.3, 0.1, 0.05]), np.array([2_400.0, 500, 300]), np.full(3, 0.8), 100)
    np.testing.assert_allclose(returns, [6.4, 1.3333, 0.8], rtol=1e-4)


def test_margins_are_of_groups_whose_costs_are_known_and_leave_trials_out(shop: Shop) -> None:
    months = ibis.memtable(
        {
            "product_id": ["SUB", "CREAM", "TRIAL"],
            "standing_sales_jpy": [8_000, 3_000, 100],
            "quantity": [2, 1, 10],
        }
    )
    known = shop.known()
    found = group_margins(months, ibis.memtable(shop.products), known.goods)
    assert found == {"supplements": pytest.approx(0.75), "skin care": pytest.approx(2 / 3)}
