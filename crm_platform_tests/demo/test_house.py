import re
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.demo import Demo, make_demo
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables import TABLES

LETTERS = {"start": "s", "skip": "k", "switch": "w", "stop": "x", "resume": "r"}
DELIVERED = ("products", "customers", "media", "order_lines")


def lines_of(demo: Demo) -> pd.DataFrame:
    lines = demo.tables["order_lines"].to_pandas()
    return lines.assign(ordered_on=lines["ordered_at"].dt.normalize())


def customers_of(demo: Demo) -> pd.DataFrame:
    frame = demo.truth.customers.to_pandas().set_index("customer_id")
    days = ["first_ordered_on", "lapsed_on", "reactivated_on"]
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in days})


def purchase_days(lines: pd.DataFrame) -> pd.Series:
    standing = lines[lines["sales_jpy"] > 0]
    return standing.groupby("customer_id")["ordered_on"].nunique()


@settings(max_examples=12, deadline=None)
@given(
    customers=st.integers(1, 40),
    seed=st.integers(0, 10_000),
    months=st.integers(1, 30),
    first=st.builds(Month, st.integers(2010, 2023), st.integers(1, 12)),
)
def test_a_house_of_any_size_is_sound(customers: int, seed: int, months: int, first: Month) -> None:
    demo = make_demo(customers, seed, months, first)
    tables = demo.tables
    for name in DELIVERED:
        assert TABLES[name].faults(tables[name]) == []
        assert tables[name].schema.equals(TABLES[name].cast(tables[name]).schema)
    lines = lines_of(demo)
    assert set(lines["customer_id"]) == set(tables["customers"]["customer_id"].to_pylist())
    assert tables["customers"].num_rows == customers
    assert set(lines["product_id"]) <= set(tables["products"]["product_id"].to_pylist())
    assert set(lines["media_id"].dropna()) <= set(tables["media"]["media_id"].to_pylist())
    assert set(tables["customers"]["first_media_id"].to_pylist()) <= set(tables["media"]["media_id"].to_pylist())
    assert lines["ordered_on"].between(pd.Timestamp(first.first_day), pd.Timestamp(demo.last_month.last_day)).all()
    assert sum(demo.truth.months["sales_jpy"].to_pylist()) == lines["sales_jpy"].sum()


@pytest.mark.parametrize("customers", [1, 7, 300])
def test_the_customer_table_of_the_truth_has_each_customer_once(customers: int) -> None:
    demo = make_demo(customers)
    assert demo.truth.customers["customer_id"].to_pylist() == demo.tables["customers"]["customer_id"].to_pylist()
    assert len(set(demo.truth.customers["customer_id"].to_pylist())) == customers


def test_the_house_is_as_large_and_lively_as_asked(house: Demo) -> None:
    lines = lines_of(house)
    assert 120_000 <= len(lines) <= 250_000
    assert house.last_month == Month(2025, 6)
    new = customers_of(house)["first_ordered_on"].dt.to_period("M").value_counts()
    assert len(new) == 60
    assert new.sort_index().tail(12).sum() > 1.1 * new.sort_index().head(12).sum()
    last_days = pd.date_range("2025-06-28", "2025-06-30")
    assert (lines[lines["ordered_on"].isin(last_days)].groupby("ordered_on").size() > 30).all()


def test_about_two_in_five_buy_a_second_time_whatever_the_seed() -> None:
    for seed in (1, 2, 3):
        days = purchase_days(lines_of(make_demo(5_000, seed=seed)))
        assert 0.35 <= (days >= 2).mean() <= 0.45


def test_about_half_of_the_customers_begin_with_a_trial(house: Demo) -> None:
    lines, products = lines_of(house), house.tables["products"].to_pandas().set_index("product_id")
    trials = lines[lines["product_id"].map(products["is_trial"]).astype(bool)]
    assert trials.groupby("customer_id").size().max() == 1
    assert 0.45 <= trials["customer_id"].nunique() / 20_000 <= 0.55
    assert (lines[lines["product_id"].map(products["is_gift"]).astype(bool)]["unit_price_jpy"] == 0).all()


def test_the_events_of_every_subscription_form_a_valid_sequence(house: Demo) -> None:
    events = house.truth.subscription_events.to_pandas()
    assert (events.groupby("subscription_id")["occurred_on"].apply(lambda days: days.is_monotonic_increasing)).all()
    words = events.assign(letter=events["event"].map(LETTERS)).groupby("subscription_id")["letter"].agg("".join)
    wrong = [word for word in words if not re.fullmatch(r"s[kw]*(xr[kw]*)*x?", word)]
    assert wrong == []
    assert events["reason_code"].notna().eq(events["event"] == "stop").all()


def test_deliveries_are_numbered_without_a_gap_and_end_with_the_stop(house: Demo) -> None:
    lines = lines_of(house)
    deliveries = lines[lines["order_kind"] == "subscription"].drop_duplicates("order_id")
    numbers = deliveries.sort_values(["subscription_id", "cycle_no"]).groupby("subscription_id")["cycle_no"]
    assert (numbers.diff().dropna() == 1).all()
    assert (numbers.min() == 1).all()
    events = house.truth.subscription_events.to_pandas()
    final = events.groupby("subscription_id").last()
    stopped = pd.to_datetime(final[final["event"] == "stop"]["occurred_on"])
    last_delivery = deliveries.groupby("subscription_id")["ordered_on"].max()
    assert (last_delivery.reindex(stopped.index) < stopped).all()
    assert set(events["subscription_id"]) == set(deliveries["subscription_id"])


def test_the_course_of_a_delivery_is_the_one_last_chosen(house: Demo) -> None:
    events = house.truth.subscription_events.to_pandas()
    chosen = events[events["event"].isin(["start", "switch"])][["subscription_id", "occurred_on", "to_course"]]
    chosen = chosen.assign(occurred_on=pd.to_datetime(chosen["occurred_on"]).astype("datetime64[s]"))
    lines = lines_of(house)
    deliveries = lines[lines["order_kind"] == "subscription"].drop_duplicates("order_id")
    deliveries = deliveries.assign(ordered_on=deliveries["ordered_on"].astype("datetime64[s]"))
    joined = pd.merge_asof(
        deliveries.sort_values("ordered_on"), chosen.sort_values("occurred_on"), left_on="ordered_on",
        right_on="occurred_on", by="subscription_id",
    )  # fmt: skip
    assert (joined["course"] == joined["to_course"]).all()


def test_the_planted_lapse_points_show_in_the_stops(house: Demo) -> None:
    lines, events = lines_of(house), house.truth.subscription_events.to_pandas()
    delivered = lines.dropna(subset="cycle_no").drop_duplicates(["subscription_id", "cycle_no"])["cycle_no"]
    stops = events[events["event"] == "stop"]["after_delivery_no"].value_counts()
    hazard = (stops / delivered.astype("int64").value_counts()).sort_index()
    assert hazard.idxmax() == 1
    assert min(hazard[3], hazard[4]) > 1.5 * max(hazard[2], hazard[5])


def test_a_skip_foretells_a_stop(house: Demo) -> None:
    events = house.truth.subscription_events.to_pandas()
    after = events.groupby("subscription_id")["after_delivery_no"].shift(-1)
    next_event = events.groupby("subscription_id")["event"].shift(-1)
    stops_next = (next_event == "stop") & (after == events["after_delivery_no"] + 1)
    skips, lines = events["event"] == "skip", lines_of(house)
    all_deliveries = lines.dropna(subset="cycle_no").drop_duplicates(["subscription_id", "cycle_no"])
    base = (events["event"] == "stop").sum() / len(all_deliveries)
    assert stops_next[skips].mean() > 1.3 * base


def test_lapsed_customers_order_again_only_when_they_are_known_to_be_reactivated(house: Demo) -> None:
    truth, last = customers_of(house), lines_of(house).groupby("customer_id")["ordered_on"].max()
    beyond = last > truth["lapsed_on"]
    assert truth[beyond]["reactivated_on"].notna().all()
    assert (truth[beyond]["reactivated_on"] > truth[beyond]["lapsed_on"]).all()
    assert truth["lapsed_on"].notna().mean() > 0.5
    assert beyond.sum() == truth["reactivated_on"].notna().sum() > 100


def test_a_regular_buyer_keeps_the_interval_that_the_truth_gives(house: Demo) -> None:
    truth, lines = customers_of(house), lines_of(house)
    regular = truth[(truth["buyer_kind"] == "regular") & truth["reactivated_on"].isna()]
    days = lines[lines["customer_id"].isin(regular.index)].drop_duplicates(["customer_id", "ordered_on"])
    days = days.sort_values(["customer_id", "ordered_on"])
    gaps = days.groupby("customer_id")["ordered_on"].diff().dt.days.dropna()
    gaps = gaps.groupby(days["customer_id"]).agg(["mean", "size"])
    enough = gaps[gaps["size"] >= 5]["mean"]
    ratio = enough / regular["own_interval_days"].reindex(enough.index)
    assert len(enough) > 100
    assert ratio.between(0.88, 1.12).all()


def test_an_occasional_buyer_buys_at_the_rate_that_the_truth_gives(house: Demo) -> None:
    truth, lines = customers_of(house), lines_of(house)
    occasional = truth[truth["buyer_kind"] == "occasional"]
    end = occasional["lapsed_on"].fillna(pd.Timestamp(house.last_month.last_day))
    expected = (occasional["one_off_rate_per_day"] * (end - occasional["first_ordered_on"]).dt.days).sum()
    counted = lines[lines["customer_id"].isin(occasional.index) & (lines["media_id"] != "M-902")]
    repeats = counted["order_id"].nunique() - len(occasional)
    assert repeats == pytest.approx(expected, rel=0.05)


def test_bulk_orders_go_to_those_who_stopped_at_a_discount(house: Demo) -> None:
    lines, events = lines_of(house), house.truth.subscription_events.to_pandas()
    bulk = lines[lines["order_kind"] == "bulk"]
    stopped = pd.to_datetime(events[events["event"] == "stop"].groupby("customer_id")["occurred_on"].min())
    assert len(bulk) > 300
    assert (bulk["quantity"] >= 3).all()
    assert (bulk["discount_jpy"] * 10 >= bulk["quantity"] * bulk["unit_price_jpy"]).all()
    assert (bulk["ordered_on"] > bulk["customer_id"].map(stopped)).all()


def test_the_first_delivery_costs_half(house: Demo) -> None:
    lines = lines_of(house)
    first = lines[(lines["cycle_no"] == 1) & (lines["line_no"] == 1)]
    later = lines[(lines["cycle_no"] > 1) & (lines["line_no"] == 1)]
    assert (first["discount_jpy"] * 2 == first["quantity"] * first["unit_price_jpy"]).all()
    assert (later["discount_jpy"] * 5 <= later["quantity"] * later["unit_price_jpy"]).all()


def test_orders_are_cancelled_and_returned_whole_at_the_planted_rates(house: Demo) -> None:
    lines = lines_of(house)
    by_order = lines.groupby("order_id")
    assert (by_order["status"].nunique() == 1).all()
    status = by_order["status"].first().value_counts(normalize=True)
    assert status["cancelled"] == pytest.approx(0.03, abs=0.003)
    assert status["returned"] == pytest.approx(0.015, abs=0.002)
    back = lines["status"].isin(["cancelled", "returned"])
    assert back.eq(lines["cancelled_on"].notna()).all()
    assert (lines[back]["sales_jpy"] == 0).all()
    assert lines[lines["status"] == "cancelled"]["shipped_on"].isna().all()
    assert (lines["quantity"] > 0).all()


def test_december_and_spring_sell_more_than_august(house: Demo) -> None:
    months = house.truth.months.to_pandas().set_index("month")["sales_jpy"].astype(float)
    trend = months.rolling(12).mean().shift(-6)
    index = (months / trend).groupby(months.index.str[5:]).mean()
    assert index["12"] > 1.2 * index["08"]
    assert index["03"] > 1.2 * index["08"]
    assert index.idxmin() == "08"


def test_a_few_customers_bring_most_of_the_sales(house: Demo) -> None:
    sales = lines_of(house).groupby("customer_id")["sales_jpy"].sum().sort_values(ascending=False)
    assert 0.7 < sales.head(len(sales) // 5).sum() / sales.sum() < 0.9
    assert sales.iloc[0] > 100 * sales.mean()


def test_the_planted_pair_is_bought_together_more_than_any_other(house: Demo) -> None:
    lines, products = lines_of(house), house.tables["products"].to_pandas().set_index("product_id")
    goods = lines[~lines["product_id"].map(products["is_gift"]).astype(bool)]
    parcels = goods.groupby("order_id")["product_id"].agg(lambda ids: tuple(sorted(set(ids))))
    pairs = Counter(pair for parcel in parcels[parcels.str.len() > 1] for pair in combinations(parcel, 2))
    (best, count), (_, next_count) = pairs.most_common(2)
    assert list(best) == house.truth.planted["products_bought_together"]
    assert count > 1.5 * next_count
    one_off = goods[goods["order_kind"] == "one_off"].groupby("order_id")["product_id"].agg(set)
    lotions = one_off[one_off.map(lambda ids: best[0] in ids)]
    assert lotions.map(lambda ids: best[1] in ids).mean() > 0.35


def test_customers_of_the_declined_channel_buy_again_less_than_before(house: Demo) -> None:
    truth, days = customers_of(house), purchase_days(lines_of(house))
    declined = house.truth.planted["declined_channel"]
    group = truth[truth["channel"] == declined["channel"]]
    repeats = days.reindex(group.index).fillna(0) >= 2
    late = group["first_ordered_on"] >= pd.Timestamp(declined["from_month"])
    mature = group["first_ordered_on"] <= pd.Timestamp("2024-12-31")
    assert repeats[late & mature].mean() < 0.75 * repeats[~late].mean()


def test_the_houses_own_rank_is_worse_than_the_truth(house: Demo) -> None:
    ranks = house.tables["customers"].to_pandas().set_index("customer_id")["client_rank"]
    alive = customers_of(house)["lapsed_on"].isna()
    assert set(ranks) == {"S", "A", "B", "C", "D"}
    assert (ranks[~alive].isin(["S", "A"])).sum() > 100
    assert (ranks[alive].isin(["C", "D"])).sum() > 100


def test_media_cost_money_and_differ_in_the_customers_they_bring(house: Demo) -> None:
    media = house.tables["media"].to_pandas()
    paid = media[media["cost_jpy"].fillna(0) > 0]
    per_year = paid["started_on"].map(lambda day: day.year).value_counts()
    assert per_year[[2021, 2022, 2023, 2024]].between(8, 12).all()
    assert {"TV", "新聞", "WEB", "折込チラシ"} <= set(paid["channel"])
    brought = house.tables["customers"].to_pandas()["first_media_id"].value_counts().reindex(paid["media_id"])
    cost_per_customer = paid.set_index("media_id")["cost_jpy"] / brought
    assert cost_per_customer[:-5].between(4_000, 20_000).all()
    assert dict(zip(media["media_id"], media["cost_jpy"], strict=True)).keys() == house.truth.media_costs_jpy.keys()
    quality = customers_of(house).groupby("channel")["quality"].mean()
    assert quality["新聞"] > 1.1 * quality["TV"]


@pytest.mark.parametrize(
    "arguments",
    [{"customers": 0}, {"customers": 10_000_000}, {"months": 0}, {"seed": -1}, {"faults": -1}],
)
def test_a_house_that_cannot_be_is_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(Refused):
        make_demo(**arguments)


def test_days_of_two_houses_with_other_seeds_differ() -> None:
    one, other = (lines_of(make_demo(200, seed=seed))["ordered_at"] for seed in (1, 2))
    assert len(one) != len(other) or not np.array_equal(one, other)
