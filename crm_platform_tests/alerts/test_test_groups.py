"""Two groups that differ by the contact alone: exact sizes, alike, random, and stable when the month is made again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.alerts import balance_of, design_test, largest_difference
from crm_platform.alerts.campaigns.strata import draw_of, shared_out, strata_of
from crm_platform.alerts.campaigns.test_groups import channel_sizes
from crm_platform.clients import Channel
from crm_platform.refusals import Refused
from crm_platform.tables.alerts import TEST_GROUPS

DM, CALL = Channel("dm", 100, 0.7), Channel("outbound", 300, 0.3)


def planted_alerts(rows: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Alerts with long-tailed values, and their segments: four classes, one customer in thirty new in the term."""
    draw = np.random.default_rng(seed)
    sales, risk = (draw.pareto(1.5, rows) * 20_000 + 5_000).astype(np.int64), draw.beta(4, 3, rows)
    customers = [f"C{number:06d}" for number in range(rows)]
    alerts = pd.DataFrame({"customer_id": customers, "lapse_risk": risk, "sales_6m_jpy": sales})
    classes = pd.Series(np.searchsorted([-60_000, -25_000, -12_000], -sales * draw.gamma(4, 0.25, rows)) + 1)
    classes = classes.astype("Int64").mask(draw.random(rows) < 1 / 30)
    segments = pd.DataFrame({"customer_id": customers, "value_class": classes})
    return alerts.assign(expected_loss_jpy=risk * sales), segments


def designed(
    alerts: pd.DataFrame, segments: pd.DataFrame, seed: int = 7, *, channels: tuple[Channel, ...] = (DM,), **said
) -> pd.DataFrame:
    """TEST_GROUPS by customer."""
    table = design_test(alerts, segments, campaign_id="alert-2025-06", seed=seed, channels=channels, **said)
    return table.to_pandas().set_index("customer_id")


def changed(one: pd.DataFrame, other: pd.DataFrame, column: str) -> int:
    """Customers of both whose group or channel is not the same."""
    both = one.index.intersection(other.index)
    return int((one.loc[both, column].fillna("-") != other.loc[both, column].fillna("-")).sum())


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_twenty_thousand_alerts_give_the_two_groups_of_seven_thousand_and_their_channels_exactly() -> None:
    alerts, segments = planted_alerts(20_000)
    table = design_test(
        alerts, segments, campaign_id="x", seed=1, treated=7_000, control=7_000, channels=(DM, CALL), taken=()
    )
    assert TEST_GROUPS.faults(table) == []
    groups = table.to_pandas()
    counts = groups.groupby(["test_group", groups["channel"].fillna("none")]).size().to_dict()
    assert counts == {("treated", "dm"): 4_900, ("treated", "outbound"): 2_100, ("control", "none"): 7_000}
    assert set(groups["customer_id"]) == set(alerts.nlargest(14_000, "expected_loss_jpy")["customer_id"])


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 100, 101])
def test_without_sizes_the_groups_are_halves_and_an_odd_one_is_treated(rows: int) -> None:
    table = design_test(*planted_alerts(rows), campaign_id="x", seed=1, channels=(DM,))
    counts = table.to_pandas()["test_group"].value_counts()
    assert (counts.get("treated", 0), counts.get("control", 0)) == (rows - rows // 2, rows // 2)
    assert TEST_GROUPS.faults(table) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_channels_share_the_treated_in_whole_customers_within_one_of_their_share(treated, weights) -> None:
    channels = [Channel(f"c{place}", 0, weight / sum(weights)) for place, weight in enumerate(weights)]
    sizes = channel_sizes(treated, channels)
    assert sum(sizes) == treated
    assert all(abs(size - treated * one.share) < 1 + 1e-6 for size, one in zip(sizes, channels, strict=True))


def test_sizes_beyond_those_free_are_refused_with_a_remedy() -> None:
    alerts, segments = planted_alerts(100)
    with pytest.raises(Refused, match=r"only 100 are alerted\. .*alert_targets"):
        designed(alerts, segments, treated=60, control=60)
    with pytest.raises(Refused, match=r"only 90 are alerted \(10 more are in other open campaigns\)"):
        designed(alerts, segments, treated=50, control=50, taken=alerts["customer_id"].head(10))
    with pytest.raises(Refused, match="only one test group has a size"):
        designed(alerts, segments, treated=60)


def test_customers_of_other_campaigns_are_in_no_group() -> None:
    alerts, segments = planted_alerts(100)
    taken = set(alerts["customer_id"][::3])
    assert set(designed(alerts, segments, taken=taken).index) == set(alerts["customer_id"]) - taken


def test_an_alerted_customer_without_a_segment_is_an_error() -> None:
    alerts, segments = planted_alerts(10)
    with pytest.raises(ValueError, match="C000009"):
        designed(alerts, segments.head(9))


# --- alike ------------------------------------------------------------------------------------------------------------


def test_the_two_groups_are_alike_in_value_risk_and_every_class_whatever_the_seed() -> None:
    alerts, segments = planted_alerts(3_000)
    spread = []
    for seed in range(10):
        found = balance_of(designed(alerts, segments, seed).reset_index(), alerts, segments)
        assert [(one.trait, one.value_class) for one in found[:3]] == [
            ("lapse_risk", None),
            ("sales_6m_jpy", None),
            ("value_class", 1),
        ]
        assert largest_difference(found) < 0.06
        spread.append([one.standardised_difference for one in found[:2]])
    by_lot_alone = np.sqrt(4 / 3_000)  # standard deviation of such a difference without strata
    assert (np.std(spread, axis=0) < by_lot_alone / 2).all()


def test_channels_are_alike_too_so_that_they_can_be_compared() -> None:
    alerts, segments = planted_alerts(3_000)
    treated = designed(alerts, segments, channels=(DM, CALL)).query("test_group == 'treated'").reset_index()
    pretended = treated.assign(test_group=np.where(treated["channel"] == "dm", "treated", "control"))
    assert largest_difference(balance_of(pretended, alerts, segments)) < 0.1


def test_a_standardised_difference_is_in_standard_deviations_of_a_customer() -> None:
    alerts = pd.DataFrame({"customer_id": list("abcd"), "lapse_risk": [0.2, 0.4, 0.5, 0.7], "sales_6m_jpy": 100})
    segments = pd.DataFrame({"customer_id": list("abcd"), "value_class": pd.array([1, 2, 1, None], "Int64")})
    groups = pd.DataFrame({"customer_id": list("abcd"), "test_group": ["control"] * 2 + ["treated"] * 2})
    found = {(one.trait, one.value_class): one for one in balance_of(groups, alerts, segments)}
    risk = found["lapse_risk", None]
    assert (risk.treated_mean, risk.control_mean) == (pytest.approx(0.6), pytest.approx(0.3))
    assert risk.standardised_difference == pytest.approx(0.3 / 0.1)
    assert found["sales_6m_jpy", None].standardised_difference is None
    assert found["value_class", 1].standardised_difference == 0
    assert found["value_class", None].treated_mean == 0.5
    assert balance_of(groups.head(0), alerts, segments)[0].to_json()["treated_mean"] is None


def test_a_stratum_holds_customers_of_one_class_one_doubling_of_value_and_one_eighth_of_risk() -> None:
    alerts, segments = planted_alerts(2_000)
    known = alerts.merge(segments).assign(stratum=strata_of(alerts, segments))
    for _, rows in known.groupby("stratum"):
        assert rows["value_class"].nunique(dropna=False) == 1
        assert rows["sales_6m_jpy"].max() < 2 * rows["sales_6m_jpy"].min()
        assert rows["lapse_risk"].max() - rows["lapse_risk"].min() <= 1 / 8
    ends = pd.DataFrame({"customer_id": list("abc"), "lapse_risk": [0.0, 1.0, 0.5], "sales_6m_jpy": [-5, 10**12, 0]})
    classes = pd.DataFrame({"customer_id": list("abc"), "value_class": pd.array([None, 100, 1], "Int64")})
    assert len(set(strata_of(ends, classes))) == 3
    assert (strata_of(ends, classes) > 0).all()


# --- random -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("treated", "control"), [(None, None), (10, 31)])
def test_over_many_seeds_every_customer_has_the_same_chance_of_each_group_and_channel(treated, control) -> None:
    alerts, segments = planted_alerts(41, seed=3)
    times = 60
    found = [designed(alerts, segments, s, channels=(DM, CALL), treated=treated, control=control) for s in range(times)]
    taken = len(found[0])
    for column, name in (("test_group", "treated"), ("channel", "dm"), ("channel", "outbound")):
        chance = (found[0][column] == name).sum() / taken
        seen = sum((one[column] == name).astype(int) for one in found)
        spread = (times * chance * (1 - chance)) ** 0.5
        assert (abs(seen - times * chance) < 4.5 * spread).all(), name
        assert 0.5 < seen.std() / spread < 1.5


def test_every_stratum_gets_its_exact_share_on_average_over_the_draws() -> None:
    counts = {512: 1, 513: 1, 1_024: 3, 1_032: 5, 2_047: 1, 9_000: 7}
    for places, times in ((5, 4_000), (11, 4_000)):
        draws = pd.DataFrame([shared_out(counts, places, draw_of(seed)) for seed in range(times)])
        share = draws.mean() / pd.Series(counts)
        assert (abs(share - places / 18) < 4.5 * 0.5 / times**0.5).all()


def test_two_alike_customers_are_parted_independently_of_their_numbers_and_of_other_campaigns() -> None:
    alerts, segments = planted_alerts(400)
    one, other = designed(alerts, segments), designed(alerts, segments, seed=8)
    another = design_test(alerts, segments, campaign_id="alert-2025-07", seed=7, channels=(DM,)).to_pandas()
    for different in (other, another.set_index("customer_id")):
        assert 0.35 < changed(one, different, "test_group") / 400 < 0.65


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(512, 60_000), st.integers(1, 30), min_size=1, max_size=30), st.data())
def test_places_are_shared_out_whole_and_one_more_place_goes_to_one_stratum(counts, data) -> None:
    everyone = sum(counts.values())
    places = data.draw(st.integers(0, everyone - 1))
    draw = draw_of(data.draw(st.integers(0, 1_000)))
    found, more = shared_out(counts, places, draw), shared_out(counts, places + 1, draw)
    assert sum(found.values()) == places
    assert all(0 <= found[code] <= counts[code] for code in counts)
    assert sorted(more[code] - found[code] for code in counts) == [0] * (len(counts) - 1) + [1]


# --- the same again ---------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_rows_and_channels() -> None:
    alerts, segments = planted_alerts(500)
    said = {"campaign_id": "x", "seed": 7}
    first = design_test(alerts, segments, channels=(DM, CALL), **said)
    shuffled = alerts.sample(frac=1, random_state=3), segments.sample(frac=1, random_state=4)
    assert first.equals(design_test(*shuffled, channels=(CALL, DM), **said))


def test_who_leaves_or_enters_the_list_changes_a_handful_of_the_others() -> None:
    alerts, segments = planted_alerts(4_000)
    before = designed(alerts, segments, channels=(DM, CALL))
    draw = np.random.default_rng(5)
    groups, channels = [], []
    for _ in range(6):
        after = designed(alerts.drop(draw.choice(4_000, 3, replace=False)), segments, channels=(DM, CALL))
        groups.append(changed(before, after, "test_group"))
        channels.append(changed(before, after, "channel"))
    assert max(groups) <= 15
    assert np.mean(groups) <= 7  # about two per customer who left
    assert np.mean(channels) <= 14


def test_a_model_fitted_again_that_moves_every_risk_a_little_moves_few_customers() -> None:
    alerts, segments = planted_alerts(4_000)
    moved = alerts["lapse_risk"] * np.random.default_rng(2).normal(1, 0.01, len(alerts))
    again = alerts.assign(lapse_risk=moved.clip(0, 1))
    assert changed(designed(alerts, segments), designed(again, segments), "test_group") < 0.03 * len(alerts)


def test_another_share_of_the_channels_leaves_the_groups_alone() -> None:
    alerts, segments = planted_alerts(1_000)
    one = designed(alerts, segments, channels=(DM, CALL))
    other = designed(alerts, segments, channels=(Channel("dm", 100, 0.5), Channel("outbound", 300, 0.5)))
    assert changed(one, other, "test_group") == 0
    assert 60 < changed(one, other, "channel") < 200
