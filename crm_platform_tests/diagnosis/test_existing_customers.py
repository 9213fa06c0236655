import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_platform.clients import Settings
from crm_platform.clients.alert_channels import Channel
from crm_platform.diagnosis.estimates import errors_for
from crm_platform.diagnosis.existing_customers import alerts, dormancy, lapse_points
from crm_platform.diagnosis.existing_customers.lapse_hazards import EVERYONE, bumps, hazard_rows, top_points
from crm_platform.diagnosis.existing_customers.purchase_counts import DIMENSIONS, purchase_counts
from crm_platform.diagnosis.existing_customers.silences import back_rates, gone_days, window_rates
from crm_platform.diagnosis.existing_customers.threshold_proposals import proposed_days, threshold_rows
from crm_platform.diagnosis.groundwork.active_months import active_rows, purchase_spells
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders
from crm_platform_tests.diagnosis.planted_months import months_of

AS_OF = dt.date(2023, 12, 31)
ORDINARY = random_orders(250, 36, seed=1)
GROUPS = {f"P{n}": f"G{n % 2}" for n in range(1, 5)}


@pytest.fixture(scope="module")
def ordinary() -> DiagnosisInputs:
    return months_of(ORDINARY, dt.date(2022, 12, 31), products=GROUPS)


@pytest.fixture(scope="module")
def counts(ordinary: DiagnosisInputs) -> pd.DataFrame:
    return purchase_counts(ordinary)


def stoppers(stops: Mapping[int, int], medium: str, product: str) -> list[Order]:
    """`stops[n]` customers stop after their n-th purchase, one a month from 2022-01 on."""
    return [
        Order(f"{medium}-{purchases}-{number}", dt.date(2022, 1 + month, 10), medium=medium, product=product)
        for purchases, customers in stops.items()
        for number in range(customers)
        for month in range(purchases)
    ]


def counted(purchases: list[tuple[int, int, int, int]]) -> pd.DataFrame:
    """`purchase_counts` by hand: (number, known, gap, customers)."""
    found = pd.DataFrame(purchases, columns=["number", "known", "gap", "customers"])
    return found.assign(is_recent=False, **dict.fromkeys(DIMENSIONS, None))


# --- lapse points -----------------------------------------------------------------------------------------------------


def test_a_break_planted_at_the_third_purchase_of_one_channel_is_the_top_point_of_it_with_its_size() -> None:
    orders = stoppers({1: 60, 2: 20, 3: 150, 4: 20, 5: 300}, "M0", "P1")
    orders += stoppers({1: 300, 2: 100, 3: 40, 4: 20, 5: 200}, "M1", "P2")
    media, products = {"M0": ("TV", 1), "M1": ("WEB", 1)}, {"P1": "肌", "P2": "食"}
    finding = lapse_points(months_of(orders, AS_OF, media=media, products=products))
    assert finding is not None
    assert (finding.verdict, finding.numbers["point_purchase"]) == ("issue", 3)
    assert finding.numbers["point_group"] in ("TV", "肌")
    assert finding.numbers["point_hazard_rate"] == 150 / 470
    true_excess = 150 / 470 - (20 / 490 + 20 / 320) / 2
    assert finding.measured is not None
    assert finding.measured.value == pytest.approx(true_excess)
    table = next(exhibit for exhibit in finding.exhibits if exhibit.key == "groups")
    found = {row["lapse_group"]: (row["lapse_number"], row["stands_out"]) for row in table.rows}
    assert found["TV"] == found["肌"] == (3, "@answer.yes")
    assert found["WEB"][1] == found["食"][1] == "@answer.no"


def test_a_steadily_falling_hazard_has_no_lapse_point() -> None:
    finding = lapse_points(months_of(stoppers({1: 300, 2: 120, 3: 54, 4: 30, 5: 24, 6: 120}, "M", "P"), AS_OF))
    assert finding is not None
    assert (finding.verdict, finding.yen_effect_jpy) == ("healthy", None)


def test_a_house_without_a_lapse_point_shows_one_less_often_than_once_in_740() -> None:
    """Four thousand houses whose customers stop with a falling hazard, told by the largest of all that is looked at."""
    random = np.random.default_rng(11)
    hazard, houses, false = np.array([0.5, 0.2, 0.12, 0.09, 0.07, 0.06]), 4000, 0
    for _ in range(houses):
        reached, rows = 800, []
        for number, rate in enumerate(hazard, start=1):
            stopped = int(random.binomial(reached, rate))
            rows.append({"dimension": "d", "group": "g", "purchase": number, "reached": reached, "stopped": stopped})
            rows[-1]["hazard_rate"] = stopped / reached
            reached -= stopped
        found = bumps(rows)
        false += any(bump.errors > errors_for(len(found)) for bump in found)
    assert false <= 4000 / 740


def test_who_is_not_silent_for_long_enough_counts_as_no_stop() -> None:
    rows = hazard_rows(counted([(1, 8, 1, 40), (1, 7, -1, 9), (2, 8, -1, 40)]), silent_days=240)
    assert [(row["reached"], row["stopped"]) for row in rows] == [(40, 0), (40, 40)]
    assert top_points(bumps(rows), 3.0) == []


def test_every_purchase_is_counted_with_its_number_and_the_windows_to_the_next(counts: pd.DataFrame) -> None:
    """Against the orders themselves: each customer's purchase days in order."""
    found: dict[tuple[int, int], int] = {}
    days: dict[str, set[dt.date]] = {}
    for order in ORDINARY:
        if order.status == "shipped":
            days.setdefault(order.customer, set()).add(order.day)
    for of_customer in days.values():
        in_order = sorted(of_customer)
        for place, day in enumerate(in_order):
            gap = -1
            if place + 1 < len(in_order):
                later = in_order[place + 1]
                gap = 0 if (later.year, later.month) == (day.year, day.month) else min((later - day).days // 30, 24)
            key = (min(place + 1, 11), gap)
            found[key] = found.get(key, 0) + 1
    ours = counts.groupby(["number", "gap"])["customers"].sum()
    assert {key: int(value) for key, value in ours.items()} == found


def test_the_funnel_of_purchases_never_increases_and_every_dimension_holds_every_customer(counts: pd.DataFrame) -> None:
    rows = hazard_rows(counts, 240)
    everyone = [row["reached"] for row in rows if row["group"] == EVERYONE]
    assert everyone == sorted(everyone, reverse=True)
    for dimension in ("order_kind", "product_group"):
        first = [row for row in rows if row["dimension"] == f"@lapse_dimension.{dimension}" and row["purchase"] == 1]
        assert len(first) > 1
        assert sum(row["reached"] for row in first) == everyone[0]


def test_the_silence_after_which_fewer_than_half_come_back_is_the_planted_one() -> None:
    """Three fifths come back in the second window, a fifth in the fourth, a fifth never: half of those left at 90."""
    told = counted([(2, 24, 1, 90), (2, 24, 3, 30), (2, 24, -1, 30)])
    assert window_rates(told, (2,))[:5] == [0.0, 0.6, 0.0, 0.5, 0.0]
    assert back_rates(told, (2,))[:5] == pytest.approx([0.8, 0.8, 0.5, 0.5, 0.0])
    assert gone_days(told, (2,)) == 120
    assert gone_days(counted([(2, 5, -1, 90)]), (2,)) is None


# --- active and dormant -----------------------------------------------------------------------------------------------


def test_the_active_of_every_month_are_those_who_bought_within_the_days_of_their_product_group(
    ordinary: DiagnosisInputs,
) -> None:
    """Counted customer by customer, month by month, from the purchase days themselves; on the threshold is dormant."""
    own = {"G0": 45, "G1": 100}
    inputs = with_settings(ordinary, lapse_silent_days_by_group=own)
    facts = inputs.purchases.to_pandas()
    first = inputs.history.to_pandas().set_index("customer_id")["first_product_id"].map(GROUPS).map(own)
    months, bought_on = pd.to_datetime(facts["month"]), pd.to_datetime(facts["last_purchased_on"])
    for row in active_rows(inputs, purchase_spells(inputs)):
        end = pd.Timestamp(Month.parse(row["month"]).last_day)
        last = bought_on[months <= end].groupby(facts["customer_id"]).max()
        silent_days = (end - last).dt.days
        assert row["active_customers"] == int((silent_days < first.loc[silent_days.index]).sum())
        assert row["active_customers"] + row["dormant_customers"] == row["buyers"] == len(silent_days)


def test_a_customer_is_dormant_from_the_day_on_which_the_silence_reaches_the_threshold() -> None:
    last = AS_OF - dt.timedelta(239)
    inputs = months_of([Order("in", last), Order("out", last - dt.timedelta(1))], AS_OF)
    now = active_rows(inputs, purchase_spells(inputs))[-1]
    assert (now["buyers"], now["active_customers"], now["dormant_customers"]) == (2, 1, 1)


def test_another_threshold_changes_the_classes_and_nothing_else(ordinary: DiagnosisInputs) -> None:
    stricter = with_settings(ordinary, lapse_silent_days_by_group={"G1": 30})
    before, after = (threshold_rows(inputs, purchase_spells(inputs)) for inputs in (ordinary, stricter))
    changed = {"threshold_days", "dormant_customers"}
    for one, other in zip(before, after, strict=True):
        assert {k: v for k, v in one.items() if k not in changed} == {
            k: v for k, v in other.items() if k not in changed
        }
        assert (one == other) is (one["product_group"] != "G1")


def test_the_proposed_threshold_is_the_gap_within_which_ninety_five_of_a_hundred_repeat_purchases_come() -> None:
    spells = pd.DataFrame({"gap": [3, 6, 11, -1], "customers": [50, 35, 5, 900], "within": [0, 0, 0, 10]})
    assert proposed_days(spells) == 70
    assert proposed_days(spells.assign(customers=[1, 1, 1, 900])) is None


def test_fewer_active_customers_than_a_year_before_are_an_issue_and_a_few_less_are_within_chance() -> None:
    verdicts = []
    for before, now in ((500, 300), (310, 300)):
        orders = [Order(f"a{n}", dt.date(2022, 11, 1)) for n in range(before)]
        orders += [Order(f"b{n}", dt.date(2023, 11, 1)) for n in range(now)]
        inputs = months_of(orders, AS_OF, first_month=Month(2021, 1))
        finding = dormancy(inputs)
        assert finding is not None
        assert finding.measured is not None
        assert (finding.measured.value, finding.measured.compared) == (now, before)
        verdicts.append(finding.verdict)
    assert verdicts == ["issue", "healthy"]
    short = dormancy(replace(inputs, months=inputs.months[18:]))
    assert short is not None
    assert short.verdict == "undetermined"


def test_some_days_of_a_running_month_are_not_held_against_a_whole_one_of_the_year_before() -> None:
    """On 9 December the buyers of April are still active; by the 31st of a year before, those of then were not."""
    orders = [Order("first", dt.date(2021, 1, 5))]
    orders += [Order(f"old{n}", dt.date(2022, 4, 25)) for n in range(50)]
    orders += [Order(f"stay{n}", dt.date(2022, 11, 1)) for n in range(100)]
    orders += [Order(f"new{n}", dt.date(2023, 4, 20)) for n in range(60)]
    orders += [Order(f"back{n}", dt.date(2023, 11, 1)) for n in range(80)]
    finding = dormancy(months_of(orders, dt.date(2023, 12, 9), first_month=Month(2021, 1)))
    assert finding is not None
    assert finding.numbers["active_customers_before"] == 50 + 100  # on 30 November 2022, 219 days after 25 April
    assert finding.numbers["active_customers"] == 60 + 80
    assert finding.trend is not None
    assert finding.trend.points[-1] == ("2023-11", 140)
    shown = next(exhibit for exhibit in finding.exhibits if exhibit.key == "customers")
    assert max(str(row["month"]) for row in shown.rows) == "2023-11"


def with_settings(inputs: DiagnosisInputs, **settings: object) -> DiagnosisInputs:
    return replace(inputs, client=replace(inputs.client, settings=Settings(**settings)))  # type: ignore[arg-type]


# --- alerts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ((), "@action_channel.post"),
        ((Channel("phone", 300, 1.0),), "@action_channel.phone"),
        ((Channel("ハガキ", 80, 1.0),), "ハガキ"),
        ((Channel("dm", 100, 0.5), Channel("phone", 300, 0.5)), "dm / phone"),
    ],
)
def test_the_alerted_are_contacted_through_the_channels_of_their_list(channels: tuple[Channel, ...], told: str) -> None:
    inputs = planted_inputs([Order(f"c{n}", dt.date(2023, 11, 1), 10_000) for n in range(40)], AS_OF, alerts=True)
    finding = alerts(replace(inputs, client=replace(inputs.client, channels_given=channels)))
    assert finding is not None and finding.action is not None
    assert (finding.verdict, finding.action.channel) == ("issue", told)
    waiting = alerts(with_settings(inputs, alert_unit_cost_jpy=1_000))
    assert waiting is not None and waiting.action is not None
    assert waiting.action.channel == "@action_channel.mail", "the action says mail only"


def test_alerts_are_an_issue_where_waiting_costs_more_than_a_contact_and_else_have_no_yen_effect() -> None:
    inputs = planted_inputs([Order(f"c{n}", dt.date(2023, 11, 1), 10_000) for n in range(40)], AS_OF, alerts=True)
    finding = alerts(inputs)
    assert finding is not None
    assert finding.action is not None
    assert (finding.verdict, finding.yen_effect_jpy, finding.action.expected_jpy) == ("issue", 200_000, 10_000)
    assert finding.numbers["treated_customers"] == finding.numbers["control_customers"] == 20
    assert finding.numbers["contact_cost_jpy"] == 4_000
    verdicts = [alerts(with_settings(inputs, alert_unit_cost_jpy=cost)) for cost in (200, 1_000)]
    assert [(f.verdict, f.yen_effect_jpy) for f in verdicts if f] == [("undetermined", None), ("healthy", None)]
