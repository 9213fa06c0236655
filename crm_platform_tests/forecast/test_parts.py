"""Subscription and one-off parts of expected sales, on the demo client, whose subscribers are planted."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from functools import lru_cache

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform import facts
from crm_platform.demo import make_demo
from crm_platform.forecast.origins import Origin, look_back
from crm_platform.forecast.parts import Parts, fit_parts, subscription_share


@lru_cache(maxsize=1)
def _demo() -> tuple[Origin, ...]:
    """A day to be foretold, and earlier origins none of whose terms reaches it."""
    lines = ibis.memtable(make_demo(4_000).tables["order_lines"])
    days = ibis.memtable(facts.customer_days(facts.described_lines(lines)).to_pyarrow())
    origins = [dt.date(2024, 12, 30), dt.date(2024, 6, 30), dt.date(2024, 3, 30)]
    return tuple(look_back(days, origins, 182))


def _columns(origin: Origin) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    since = origin.features["subscription_gap_days"].to_numpy(float)
    return since, origin.came["subscription_sales_jpy"].to_numpy(float), origin.sales_jpy


def test_the_part_adds_up_to_the_subscription_sales_that_came_in_every_state():
    now, *past = _demo()
    share = subscription_share(fit_parts(past), now.features)
    since, subscription, sales = _columns(now)
    assert (share * sales).sum() == pytest.approx(subscription.sum(), rel=0.06)
    running, never = since <= 61, np.isnan(since)
    assert (share * sales)[running].sum() == pytest.approx(subscription[running].sum(), rel=0.06)
    assert share[running].mean() > 0.6
    assert 0 < share[never].max() < 0.1


def test_it_comes_nearer_to_what_came_than_one_share_for_all_and_without_a_past_the_own_mix_goes_on():
    now, *past = _demo()
    _, subscription, sales = _columns(now)
    came = np.divide(subscription, sales, out=np.zeros_like(sales), where=sales > 0)
    learned, own = (subscription_share(one, now.features) for one in (fit_parts(past), fit_parts([])))
    errors = [(sales * np.square(share - came)).sum() for share in (learned, own, subscription.sum() / sales.sum())]
    assert max(errors[:2]) < errors[2] / 3
    assert [note.key for note in fit_parts([]).notes] == ["shares_go_on"]


def test_the_longer_a_subscription_lies_back_the_smaller_the_part():
    now, *past = _demo()
    model, rows = fit_parts(past), now.features.iloc[[0] * 4]
    rows = rows.assign(
        subscription_days=3.0,
        subscription_gap_days=[20.0, 80.0, 150.0, 500.0],
        gap_days=[20.0, 80.0, 150.0, 500.0],
        subscription_level_half_term_jpy=900.0,
        level_half_term_jpy=1000.0,
    )
    assert (np.diff(subscription_share(model, rows)) < 0).all()


def test_a_client_without_subscriptions_has_no_such_part():
    now, *past = _demo()
    nothing = {name: 0.0 for name in now.features if name.startswith("subscription")}
    plain = [
        Origin(one.as_of, 182, one.features.assign(**nothing), one.came.assign(subscription_sales_jpy=0.0))
        for one in past
    ]
    for model in (fit_parts(plain), fit_parts([])):
        assert not subscription_share(model, now.features.assign(**nothing)).any()


def test_neither_the_order_of_rows_nor_the_currency_changes_a_share_and_json_keeps_them():
    past = _demo()[1:]
    model = fit_parts(past)
    other = [
        Origin(
            one.as_of, 182, one.features.iloc[::-1], (one.came.set_index("customer_id") * 128).reset_index().iloc[::-1]
        )
        for one in past
    ]
    assert fit_parts(other).shares == pytest.approx(model.shares, rel=1e-9, abs=1e-12)
    assert Parts.from_json(json.loads(json.dumps(model.to_json()))) == model
    with pytest.raises(ValueError, match="one term"):
        fit_parts([past[0], Origin(past[1].as_of, 90, past[1].features, past[1].came)])


amounts = st.floats(-1e9, 1e9)
rows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5_000), amounts, amounts, amounts, amounts), max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_any_customers_get_a_share_from_nothing_to_all_without_a_warning(drawn):
    names = ["subscription_days", "gap", "subscription_level_half_term_jpy", "level_half_term_jpy", "part", "sales"]
    frame = pd.DataFrame(drawn, columns=names).astype(float)
    frame["subscription_gap_days"] = frame["gap"].where(frame["subscription_days"] > 0)
    features = frame.assign(gap_days=frame["gap"] / 2)
    came = pd.DataFrame({"sales_jpy": frame["sales"], "subscription_sales_jpy": frame["part"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for past in ([], [Origin(dt.date(2024, 1, 1), 182, features, came)]):
            share = subscription_share(fit_parts(past), features)
            assert ((share >= 0) & (share <= 1)).all()
