from __future__ import annotations

import ast
import datetime as dt
import json
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_platform.alerts.measuring import campaign_notes
from crm_platform.alerts.measuring.campaign_contacts import UnitCosts
from crm_platform.alerts.measuring.campaign_customers import campaign_customers
from crm_platform.alerts.measuring.group_lifts import OUTCOMES, group_lifts
from crm_platform.alerts.measuring.measurement import CampaignResult, measure_campaign
from crm_platform.periods import Term
from crm_platform.refusals import Refused
from crm_platform.reports import Wording
from crm_platform.tables.alerts import TEST_GROUPS
from crm_platform.tables.delivered import CONTACTS
from crm_platform_tests.benchmarks.campaigns import measure, recovered
from crm_platform_tests.oracles.known_histories import cdnow, days_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers
from crm_platform_tests.oracles.simulated_campaigns import make_population, planted_lifts

WINDOW = Term(dt.date(2025, 7, 1), dt.date(2025, 12, 31))
END = dt.date(2025, 12, 31)
PURCHASES = (  # customer, day, sales, returned; A, B, C treated, D, E control
    ("A", "2025-03-01", 10_000, 0),
    ("A", "2025-07-01", 6_000, 0),  # first day of the window
    ("A", "2025-12-31", 3_000, 1_000),  # last day
    ("B", "2025-05-01", 20_000, 0),
    ("B", "2025-09-01", 4_000, 0),  # less than half of before
    ("C", "2025-06-30", 8_000, 0),  # the day before
    ("D", "2025-04-01", 10_000, 0),
    ("D", "2025-08-01", 5_000, 0),  # exactly half of before
    ("E", "2025-02-01", 10_000, 0),
    ("E", "2026-01-05", 9_000, 0),  # after the window
    ("F", "2025-08-01", 99_000, 0),  # in no group
)


def _days(*more: tuple[str, str, int, int], times: int = 1) -> ibis.Table:
    rows = pd.DataFrame([*PURCHASES, *more], columns=["customer_id", "purchased_on", "sales_jpy", "returned_jpy"])
    rows["purchased_on"] = pd.to_datetime(rows["purchased_on"])
    return days_of(rows.assign(sales_jpy=rows["sales_jpy"] * times, returned_jpy=rows["returned_jpy"] * times))


def _groups(treated: str = "ABC", control: str = "DE", channels: str = "") -> pa.Table:
    rows = [(who, "treated", channels[place] if channels else None) for place, who in enumerate(treated)]
    rows += [(who, "control", None) for who in control]
    frame = pd.DataFrame(rows, columns=["customer_id", "test_group", "channel"])
    return TEST_GROUPS.from_pandas(frame.assign(campaign_id="alert-2025-06", stratum=1))


def _contacts(*rows: tuple[str, str, str, int | None], campaign: str = "alert-2025-06") -> pa.Table:
    frame = pd.DataFrame(rows, columns=["customer_id", "contacted_on", "channel", "unit_cost_jpy"])
    frame["unit_cost_jpy"] = frame["unit_cost_jpy"].astype("Int64")
    frame["contacted_on"] = pd.to_datetime(frame["contacted_on"]).dt.date
    return CONTACTS.from_pandas(frame.assign(campaign_id=campaign, outcome=None))


def _alerts(**falls_on: str) -> pd.DataFrame:
    level = {"A": 10_000, "B": 20_000, "C": 8_000, "D": 10_000, "E": 10_000}
    frame = pd.DataFrame({"customer_id": list(level), "sales_6m_jpy": list(level.values())})
    frame["falls_on"] = [falls_on.get(who) for who in frame["customer_id"]]
    return frame.assign(lapse_risk=0.5, expected_sales_jpy=5_000.0)


def test_a_campaign_of_five_customers_is_what_a_hand_computes() -> None:
    margins = pd.DataFrame({"customer_id": list("ABCDE"), "margin_rate": [0.5, 0.4, 0.6, 0.5, 0.5]})
    contacts = _contacts(("A", "2025-07-03", "dm", 100), ("B", "2025-07-03", "dm", None), ("D", "2025-07-04", "dm", 50))
    found = measure_campaign(
        _groups(), _days(), WINDOW, END, contacts=contacts, margins=margins, unit_costs=UnitCosts({"dm": 80})
    )
    means = {name: (lift.treated_mean, lift.control_mean) for name, lift in found.lifts.items()}
    assert means["buyers"] == (pytest.approx(2 / 3), 0.5)
    assert means["sales"] == (pytest.approx((8_000 + 4_000 + 0) / 3), 2_500)
    assert means["profit"] == (pytest.approx((4_000 + 1_600) / 3), 1_250)
    assert means["retained"] == (pytest.approx(1 / 3), 0.5)
    assert found.lifts["sales"].plain.lift == found.lifts["sales"].adjusted.lift == pytest.approx(1_500)
    assert found.worth.sales_jpy.value == pytest.approx(4_500)
    assert found.worth.cost_jpy == 230  # B's by the channel; D's, by mistake, was paid as well
    assert found.worth.profit_minus_cost_jpy.value == pytest.approx(3 * (5_600 / 3 - 1_250) - 230)
    assert found.worth.break_even_lift_jpy == pytest.approx(230 / 3)
    assert found.worth.break_even_margin_rate == pytest.approx(230 / 4_500)
    assert found.worth.cost_per_retained_jpy is None
    assert (found.days_observed, found.term_days, found.is_interim, found.late) == (184, 184, False, None)
    account = found.contact_account
    assert (account.treated_contacted_share, account.control_contacted) == (pytest.approx(2 / 3), 1)
    assert {note.key for note in found.notes} >= {"retained_uncertain", "control_contacted", "without_alert"}


def test_results_survive_json() -> None:
    contacts = _contacts(("A", "2025-07-03", "dm", 100))
    found = measure_campaign(
        _groups(channels="xxy"),
        _days(),
        WINDOW,
        dt.date(2026, 1, 31),
        contacts=contacts,
        alerts=_alerts(A="2025-08-01"),
    )
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert CampaignResult.from_json(told) == found
    assert (told["cost_jpy"], told["contacts"]) == (100, 1)


def test_a_late_order_counts_by_its_own_day_inside_the_window_only() -> None:
    def sales(*more: tuple[str, str, int, int], as_of: dt.date = dt.date(2026, 1, 31)) -> CampaignResult:
        return measure_campaign(_groups(), _days(*more), WINDOW, as_of)

    first = sales()
    assert first.late.control_buyers_rate == 0.5
    assert (first.late.control_sales_jpy, first.late.treated_sales_jpy, first.late.days) == (4_500, 0, 31)
    assert sales(("C", "2026-01-02", 3_000, 0)).lifts == first.lifts
    inside = sales(("C", "2025-12-30", 3_000, 0))
    assert inside.lifts["sales"].treated_mean - first.lifts["sales"].treated_mean == pytest.approx(1_000)
    assert inside.lifts["buyers"].treated_mean == 1


def test_before_the_end_of_the_window_the_result_is_interim_and_knows_nothing_of_later_days() -> None:
    half = dt.date(2025, 8, 31)
    found = measure_campaign(_groups(), _days(), WINDOW, half, contacts=_contacts(("A", "2025-09-05", "dm", 100)))
    assert found.is_interim
    assert (found.days_observed, found.share_observed) == (62, pytest.approx(62 / 184))
    assert found.lifts["sales"].treated_mean == pytest.approx(2_000)
    assert found.contact_account.contacts == 0


def test_contacts_by_mistake_to_strangers_and_by_two_channels_are_told() -> None:
    contacts = _contacts(
        ("A", "2025-07-03", "dm", 100),
        ("A", "2025-07-09", "call", 400),
        ("B", "2026-02-01", "call", 400),
        ("E", "2025-07-03", "dm", 100),
        ("Z", "2025-06-20", "dm", 100),
    )
    others = _contacts(("C", "2025-07-03", "dm", 5_000), campaign="another")
    found = measure_campaign(
        _groups(channels=["dm", "dm", "dm"]),
        _days(),
        WINDOW,
        dt.date(2026, 2, 28),
        contacts=pa.concat_tables([others, contacts]),
    )
    account = found.contact_account
    assert (account.contacts, account.treated_contacted, account.control_contacted) == (5, 2, 1)
    assert (account.unknown_customers, account.in_several_channels, account.in_another_channel) == (1, 1, 1)
    assert account.outside_window == 2
    assert found.worth.cost_jpy == 1_100
    assert [one.channel for one in found.channels] == ["dm"]
    assert found.channels[0].worth.cost_jpy == 900


def test_each_customer_is_in_the_span_of_his_contact_and_the_control_in_that_of_the_median_day() -> None:
    alerts = _alerts(A="2025-07-10", B="2025-07-10", C="2025-12-01", D="2025-07-10", E="2025-07-11")
    contacts = _contacts(
        ("A", "2025-07-10", "dm", 1),
        ("B", "2025-07-11", "dm", 1),
        ("C", "2025-07-11", "dm", 1),
        ("D", "2025-07-01", "dm", 1),
    )
    found = measure_campaign(_groups(), _days(), WINDOW, END, contacts=contacts, alerts=alerts)
    sizes = [(one.days_before_from, one.treated_customers, one.control_customers) for one in found.response]
    assert sizes == [(61, 1, 0), (31, 0, 0), (0, 1, 1), (-30, 1, 1), (None, 0, 0)]
    (on_the_day, after) = found.response[2:4]
    assert on_the_day.lifts["sales"].treated_mean == 8_000
    assert (after.lifts["sales"].treated_mean, after.lifts["sales"].control_mean) == (4_000, 5_000)
    assert found.response[0].lifts == {}


def _drawn(seed: int = 3) -> tuple[pa.Table, pd.DataFrame]:
    purchases = simulate_buyers(600, seed)
    customers = np.sort(purchases["customer_id"].unique())
    is_treated = np.random.default_rng(seed).random(len(customers)) < 0.5
    frame = pd.DataFrame({"customer_id": customers, "test_group": np.where(is_treated, "treated", "control")})
    return TEST_GROUPS.from_pandas(frame.assign(campaign_id="c", channel=None, stratum=1)), purchases


def test_groups_swapped_turn_the_lift_around_yen_scale_it_and_the_order_of_rows_does_nothing() -> None:
    groups, purchases = _drawn()
    window, as_of = Term.after(dt.date(2022, 3, 31)), dt.date(2022, 12, 31)
    found = measure_campaign(groups, days_of(purchases), window, as_of)
    shuffled = purchases.sample(frac=1, random_state=1)
    again = measure_campaign(groups.take(np.arange(groups.num_rows)[::-1]), days_of(shuffled), window, as_of)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    swap = {"treated": "control", "control": "treated"}
    names = pa.array([swap[name] for name in groups["test_group"].to_pylist()])
    other = measure_campaign(groups.set_column(2, "test_group", names), days_of(purchases), window, as_of)
    dearer = measure_campaign(groups, days_of(purchases.assign(sales_jpy=purchases["sales_jpy"] * 100)), window, as_of)
    for name, lift in found.lifts.items():
        factor = 1 if name in ("buyers", "retained") else 100
        for kind in ("plain", "adjusted"):
            one, turned, scaled = (getattr(each, kind) for each in (lift, other.lifts[name], dearer.lifts[name]))
            assert (turned.lift, turned.low, turned.high) == pytest.approx((-one.lift, -one.high, -one.low))
            assert (scaled.lift, scaled.low) == pytest.approx((factor * one.lift, factor * one.low))


def test_profit_is_told_of_those_whose_margin_is_known_and_of_nobody_where_too_few_are() -> None:
    groups, purchases = _drawn()
    window, as_of = Term.after(dt.date(2022, 3, 31)), dt.date(2022, 12, 31)
    margins = pd.DataFrame({"customer_id": groups["customer_id"].to_pylist(), "margin_rate": 0.25})
    margins.loc[::10, "margin_rate"] = np.nan
    customers = campaign_customers(groups, days_of(purchases), window, as_of, None, margins, 1.0)
    known = customers[customers["profit"].notna()]
    lift = group_lifts(customers)["profit"]
    assert lift.treated_customers + lift.control_customers == len(known) == 540
    assert lift.plain.lift == pytest.approx(group_lifts(known)["sales"].plain.lift / 4)
    rare = customers.assign(profit=customers["profit"].where(customers.index % 2 == 0))
    assert set(group_lifts(rare)) == {"buyers", "sales", "retained"}


@pytest.mark.parametrize(
    ("groups", "as_of", "problem"),
    [
        (_groups(control=""), END, "no customer who is control"),
        (_groups(treated=""), END, "no customer who is treated"),
        (TEST_GROUPS.empty(), END, "no customer who is treated or control"),
        (_groups(), dt.date(2025, 6, 30), "started on 2025-07-01, but orders are known only up to 2025-06-30"),
        (_groups(control="DA"), END, "a customer appears twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(groups: pa.Table, as_of: dt.date, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        measure_campaign(groups, _days(), WINDOW, as_of)


def test_a_planted_lift_is_recovered_and_the_past_makes_it_surer() -> None:
    population = make_population(20_000, seed=1)
    found = measure(population, 0.05, campaigns=200, group=400, seed=1)
    for outcome, planted in planted_lifts(population, 0.05).items():
        row = recovered(found[outcome], planted)
        for name in ("plain", "adjusted"):
            assert 0.92 <= row[f"{name}_covered"] <= 0.98, (outcome, row)
            assert abs(row[f"{name}_off"]) < 3, (outcome, row)
        assert row["variance_ratio"] < 1, (outcome, row)


@pytest.mark.real_data
def test_groups_of_real_customers_that_nobody_contacted_show_no_lift() -> None:
    purchases, start = cdnow(), dt.date(1997, 12, 31)
    window, recent = Term.after(start), purchases["purchased_on"] > pd.Timestamp("1997-06-30")
    before = purchases[recent & (purchases["purchased_on"] <= pd.Timestamp(start))]
    best = before.groupby("customer_id")["sales_jpy"].sum().nlargest(2_000).index
    frame = pd.DataFrame({"customer_id": best, "test_group": "control", "campaign_id": "none", "channel": None})
    groups = TEST_GROUPS.from_pandas(frame.assign(stratum=1))
    customers = campaign_customers(groups, days_of(purchases), window, window.valid_to, None, None, 1.0)
    draw, told = np.random.default_rng(1), {name: [] for name in OUTCOMES if name != "profit"}
    for _ in range(200):
        some = customers.assign(is_treated=draw.permutation(len(customers)) < len(customers) // 2)
        for name, lift in group_lifts(some).items():
            told[name].append([(one.lift, one.low, one.high) for one in (lift.plain, lift.adjusted)])
    for name, lifts in told.items():
        values = np.array(lifts)
        row = recovered({"plain": values[:, 0], "adjusted": values[:, 1]}, 0.0)
        for kind in ("plain", "adjusted"):  # of 200 splits chance alone takes or adds three points
            assert 0.9 <= row[f"{kind}_covered"] <= 0.99, (name, row)
        assert row["variance_ratio"] < 1, (name, row)


@pytest.mark.parametrize("words", [Wording.of("ja"), Wording.of("en")], ids=["ja", "en"])
def test_every_note_of_a_measurement_is_told_with_its_numbers(words: Wording) -> None:
    notes = {}
    for call in ast.walk(ast.parse(Path(campaign_notes.__file__).read_text("utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Note":
            notes[call.args[0].value] = {name.value for name in call.args[1].keys}
    assert {key.split(".")[1] for key in words.texts if key.startswith("measurement_note.")} == set(notes)
    for key, numbers in notes.items():
        told = words.filled(f"measurement_note.{key}.text", dict.fromkeys(numbers, 1_234))
        assert ("1,234" in told or "¥1" in told) == bool(numbers & {"customers", "unknown", "used", "cost_jpy"}), told


def test_a_customer_who_makes_a_fifth_of_a_groups_sales_is_told_as_a_doubt() -> None:
    groups = pd.DataFrame({"customer_id": [f"{group}{n:02}" for group in "TU" for n in range(20)]})
    groups = groups.assign(campaign_id="c", channel=None, stratum=1)
    groups["test_group"] = np.where(groups["customer_id"].str.startswith("T"), "treated", "control")
    for largest, told in ((1_000, False), (19_000, True)):  # a twentieth, and a half of the sales of ①
        sold = [(who, "2025-08-01", largest if who == "T00" else 1_000, 0) for who in groups["customer_id"]]
        found = measure_campaign(TEST_GROUPS.from_pandas(groups), _days(*sold), WINDOW, END)
        notes = {note.key: note.numbers for note in found.notes}
        assert ("sales_of_few" in notes) is told
        assert notes.get("sales_of_few", {"share": 0.5})["share"] == pytest.approx(0.5)


def test_a_lift_sure_to_be_above_zero_has_a_cost_per_retained_customer() -> None:
    treated = [(f"T{n:02}", "2025-08-01", 6_000, 0) for n in range(30)]
    before = [(f"{group}{n:02}", "2025-03-01", 10_000 + n, 0) for group in "TU" for n in range(40)]
    groups = pd.DataFrame(
        {"customer_id": [who for who, *_ in before], "campaign_id": "c", "channel": None, "stratum": 1}
    )
    groups["test_group"] = np.where(groups["customer_id"].str.startswith("T"), "treated", "control")
    found = measure_campaign(
        TEST_GROUPS.from_pandas(groups), _days(*treated, *before), WINDOW, END, unit_costs=UnitCosts(otherwise=100)
    )
    cost = found.worth.cost_per_retained_jpy
    assert (found.worth.cost_jpy, found.worth.cost_is_assumed) == (4_000, True)
    retained = found.worth.retained_customers
    assert (retained.value, cost.value) == (pytest.approx(30), pytest.approx(4_000 / 30))
    assert (cost.low, cost.high) == (pytest.approx(4_000 / retained.high), pytest.approx(4_000 / retained.low))
    assert cost.low < cost.value < cost.high
