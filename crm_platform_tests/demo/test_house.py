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


def test_subscribers_stop_after_their_third_order_more_than_after_any_other(house: Demo) -> None:
    planted = house.truth.planted["lapse_point"]
    hazard = np.array(planted["stopped_by_order"]) / np.array(planted["subscribers_by_order"])
    assert hazard.argmax() + 1 == planted["order"] == 3
    assert 0.5 * planted["hazard"] < hazard[2] < planted["hazard"]
    neighbours = hazard[[1, 3]]
    assert hazard[2] > 1.5 * neighbours.max()


def test_the_lapse_point_shows_in_the_purchases_of_all_customers_and_of_those_who_began_by_subscription(
    house: Demo,
) -> None:
    lines = lines_of(house)
    began = lines.sort_values("ordered_at").groupby("customer_id")["order_kind"].first()
    bought = lines[lines["sales_jpy"] > 0].groupby("customer_id")["ordered_on"].agg(["nunique", "max"])
    silent = bought["max"] < pd.Timestamp("2024-12-01")
    subscribers = began[began == "subscription"].index
    for group in (bought, bought[bought.index.isin(subscribers)]):
        reached = [(group["nunique"] >= n).sum() for n in (2, 3, 4)]
        stopped = [((group["nunique"] == n) & silent.reindex(group.index)).sum() for n in (2, 3, 4)]
        hazard = np.array(stopped) / np.array(reached)
        excess = hazard[1] - (hazard[0] + hazard[2]) / 2
        assert excess > 5 * np.sqrt(1.5 * hazard[1] * (1 - hazard[1]) / reached[1])


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
    assert count == pytest.approx(house.truth.planted["pair"]["orders_of_both"], rel=0.06)  # which leaves out cancelled
    one_off = goods[goods["order_kind"] == "one_off"].groupby("order_id")["product_id"].agg(set)
    lotions = one_off[one_off.map(lambda ids: best[0] in ids)]
    assert lotions.map(lambda ids: best[1] in ids).mean() > 0.35


def test_the_declined_group_buys_again_less_than_before_and_its_subscribers_stop_more(house: Demo) -> None:
    truth, lines = customers_of(house), lines_of(house)
    declined = house.truth.planted["declined_group"]
    sexes = house.tables["customers"].to_pandas().set_index("customer_id")["sex"]
    group = truth[sexes == declined["sex"]]
    since = pd.Timestamp(declined["from_month"])
    repeats = purchase_days(lines).reindex(group.index).fillna(0) >= 2
    late = group["first_ordered_on"] >= since
    mature = group["first_ordered_on"] <= pd.Timestamp("2024-12-31")
    assert repeats[late & mature].mean() < 0.6 * repeats[~late].mean()
    assert declined["customers"] == late.sum()
    assert declined["repeat_rate"] < 0.6 * declined["repeat_rate_before"]
    delivered = lines.dropna(subset="cycle_no").drop_duplicates(["subscription_id", "cycle_no"])
    stops = house.truth.subscription_events.to_pandas().query("event == 'stop'")
    hazards = {
        (sex, after): (stopped["customer_id"].map(sexes) == sex).sum() / (orders["customer_id"].map(sexes) == sex).sum()
        for after, stopped, orders in (
            (False, stops[pd.to_datetime(stops["occurred_on"]) < since], delivered[delivered["ordered_on"] < since]),
            (True, stops[pd.to_datetime(stops["occurred_on"]) >= since], delivered[delivered["ordered_on"] >= since]),
        )
        for sex in ("男", "女")
    }
    assert hazards["男", True] > 1.8 * hazards["男", False]
    assert hazards["女", True] < 1.3 * hazards["女", False]


def test_the_houses_own_rank_misses_those_who_buy_by_subscription(house: Demo) -> None:
    ranks = house.tables["customers"].to_pandas().set_index("customer_id")["client_rank"]
    alive = customers_of(house)["lapsed_on"].isna()
    assert set(ranks) == {"S", "A", "B", "C", "D"}
    assert (ranks[~alive].isin(["S", "A"])).sum() > 100
    assert (ranks[alive].isin(["C", "D"])).sum() > 100
    lines, planted = lines_of(house), house.truth.planted["client_rank"]
    recent = lines[lines["ordered_on"] > pd.Timestamp(house.last_month.last_day) - pd.Timedelta(days=182)]
    best = recent.groupby("customer_id")["sales_jpy"].sum().nlargest(planted["best_customers"])
    missed = best[ranks[best.index].isin(["C", "D"])]
    assert best.sum() == planted["best_sales_6m_jpy"]
    assert len(missed) == pytest.approx(planted["missed_customers"], abs=5)  # those who tie for the last place differ
    assert len(missed) > 0.3 * len(best)
    kinds = recent[recent["customer_id"].isin(missed.index)].groupby("order_kind")["sales_jpy"].sum()
    assert kinds[planted["blind_to"]] > 0.9 * kinds.sum()


def test_one_channel_brings_clearly_the_worst_customers(house: Demo) -> None:
    planted, truth = house.truth.planted["worst_channel"], customers_of(house)
    days = purchase_days(lines_of(house)).reindex(truth.index).fillna(0)
    old = truth["first_ordered_on"] <= pd.Timestamp("2024-12-31")
    rates = (days[old] >= 2).groupby(truth["channel"][old]).mean()
    assert rates.idxmin() == planted["channel"]
    assert rates.min() < 0.6 * rates.drop(planted["channel"]).min()
    assert planted["customers"] == (truth["channel"] == planted["channel"]).sum() > 500
    assert planted["repeat_rate"] < 0.5 * planted["repeat_rate_others"]


def test_the_customers_of_one_quarter_stay_much_shorter_than_those_of_its_neighbours(house: Demo) -> None:
    planted, truth = house.truth.planted["broken_cohort"], customers_of(house)
    quarter = truth["first_ordered_on"].dt.to_period("Q").astype(str)
    lines = lines_of(house)
    age_days = (lines["ordered_on"] - lines["customer_id"].map(truth["first_ordered_on"])).dt.days
    again = lines[(lines["sales_jpy"] > 0) & age_days.between(1, 180)]["customer_id"].unique()
    rates = pd.Series(truth.index.isin(again), truth.index).groupby(quarter).mean()
    assert (planted["first_month"], planted["last_month"]) == ("2024-07", "2024-09")
    assert rates["2024Q3"] == pytest.approx(planted["repeat_rate"], abs=0.005)
    assert rates["2024Q3"] < 0.6 * min(rates["2024Q2"], rates["2024Q4"])
    assert planted["customers"] == (quarter == "2024Q3").sum() > 300


def test_one_product_group_rises_and_one_falls_while_the_house_grows(house: Demo) -> None:
    series = house.truth.planted["series"]
    lines, products = lines_of(house), house.tables["products"].to_pandas().set_index("product_id")
    year = (lines["ordered_on"].dt.to_period("M") - pd.Period("2020-07", "M")).map(lambda gap: gap.n) // 12
    sales = lines.groupby([lines["product_id"].map(products["category"]), year])["sales_jpy"].sum().unstack()
    for direction in ("rising", "falling"):
        assert sales.loc[series[direction]["category"]].tolist() == series[direction]["sales_jpy_by_year"]
    growth = (sales[4] / sales[1]).drop("販促品")
    assert growth.idxmax() == series["rising"]["category"]
    assert growth.idxmin() == series["falling"]["category"]
    assert growth.min() < 0.5
    assert growth.drop(growth.idxmin()).min() > 1.2


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
