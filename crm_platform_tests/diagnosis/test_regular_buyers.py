"""Buyers planted at their own interval are told from all others, counted as listed, and not lost by subscribing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import ibis
import pandas as pd
import pytest

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.repeat import regular_buyers
from crm_platform.history.subscriptions import regular_buyers_of
from crm_platform.periods import Month
from crm_platform.reports import Wording, regular_buyers_csv
from crm_platform.tables.portfolio import REGULAR_BUYERS
from crm_platform_tests.diagnosis.planted import Order
from crm_platform_tests.diagnosis.planted_months import months_of

FIRST, AS_OF = Month(2020, 1), dt.date(2023, 12, 31)
LEFT_ON = dt.date(2022, 3, 31)  # two purchases are left in the last 24 months: too few for a rhythm
STAYERS, LEAVERS, OTHERS = 30, 60, 30
PRODUCTS = {"P1": "肌", "P2": "食"}


def series(
    name: str, gaps: tuple[int, ...], until: dt.date = AS_OF, product: str = "P1", jpy: int = 1000
) -> list[Order]:
    """Orders that come after these gaps in turn, over and over."""
    day, orders = FIRST.first_day + dt.timedelta(sum(map(ord, name)) % 28), []
    while day <= until:
        orders.append(Order(name, day, jpy, product))
        day += dt.timedelta(gaps[len(orders) % len(gaps)])
    return orders


def house(leavers_go: str, stayers: int = STAYERS) -> DiagnosisInputs:
    """Regular buyers who stay, `leavers` who stay too, quit or subscribe, and buyers without a rhythm."""
    orders = [one for n in range(stayers) for one in series(f"r{n}", (60, 58, 62))]
    until = AS_OF if leavers_go == "nowhere" else LEFT_ON
    for n in range(LEAVERS if stayers else 0):
        orders += series(f"l{n}", (45,), until, "P2")
        if leavers_go == "to a subscription":
            orders += [Order(f"l{n}", dt.date(2023, month, 10), kind="subscription") for month in (2, 3, 4)]
    orders += [one for n in range(OTHERS) for one in series(f"o{n}", (20, 150))]
    orders += [Order("s", FIRST.plus(n).first_day, kind="subscription") for n in range(48)]
    orders += series("s", (60,))  # beside a subscription: no regular one-off buyer
    inputs = months_of(orders, AS_OF, first_month=FIRST, products=PRODUCTS, more=("customer_days",))
    assert inputs.customer_days is not None
    listed = regular_buyers_of(inputs.customer_days, inputs.products, inputs.closed_months)
    return replace(inputs, regular_buyers=ibis.memtable(listed))


@pytest.fixture(scope="module")
def steady() -> DiagnosisInputs:
    return house("nowhere")


def asked(inputs: DiagnosisInputs) -> Finding:
    finding = regular_buyers(inputs)
    assert finding is not None
    return finding


def test_listed_is_exactly_who_was_planted_at_an_own_interval(steady: DiagnosisInputs) -> None:
    listed = steady.regular_buyers.to_pandas()  # type: ignore[union-attr]
    planted = {f"r{n}" for n in range(STAYERS)} | {f"l{n}" for n in range(LEAVERS)}
    assert set(listed["customer_id"]) == planted
    assert REGULAR_BUYERS.faults(REGULAR_BUYERS.from_pandas(listed)) == []
    of_leavers = listed[listed["customer_id"].str.startswith("l")]
    assert set(of_leavers["interval_days"]) == {45.0}
    assert set(of_leavers["product_id"]) == {"P2"}


def test_the_finding_counts_what_the_table_lists(steady: DiagnosisInputs) -> None:
    finding, listed = asked(steady), steady.regular_buyers.to_pandas()  # type: ignore[union-attr]
    numbers = finding.numbers
    assert numbers["regular_customers"] == len(listed)
    assert numbers["one_off_customers"] == len(listed) + OTHERS
    assert numbers["median_days"] == listed["interval_days"].median()
    history = steady.history.to_pandas().set_index("customer_id")
    assert numbers["sales_12m_jpy"] == history.loc[listed["customer_id"], "sales_12m_jpy"].sum()
    silent_days = (pd.Timestamp(AS_OF) - listed["last_purchased_on"]).dt.days
    assert numbers["near_customers"] == (silent_days + 30 >= listed["interval_days"]).sum()
    assert 0 < (silent_days + 30 >= listed["interval_days"]).sum() < len(listed) == numbers["keeping_customers"]
    intervals, groups = finding.exhibits
    assert sum(int(row["customers"] or 0) for row in intervals.rows) == len(listed)
    assert {row["product_group"]: row["regular_customers"] for row in groups.rows} == {"肌": STAYERS, "食": LEAVERS}


def test_fewer_regular_buyers_are_an_issue_unless_they_have_subscribed(steady: DiagnosisInputs) -> None:
    quitted, subscribed = asked(house("away")), asked(house("to a subscription"))
    assert [asked(steady).verdict, quitted.verdict, subscribed.verdict] == ["healthy", "issue", "healthy"]
    assert (quitted.numbers["moved_customers"], subscribed.numbers["moved_customers"]) == (0, LEAVERS)
    assert quitted.numbers["regular_customers"] == subscribed.numbers["regular_customers"] == STAYERS
    assert quitted.numbers["one_off_customers"] == STAYERS + LEAVERS + OTHERS
    yearly_jpy = quitted.numbers["sales_12m_jpy"] / STAYERS  # type: ignore[operator]
    assert quitted.yen_effect_jpy == pytest.approx(LEAVERS * yearly_jpy / 2, abs=1)


def test_a_house_whose_customers_buy_without_rhythm_has_nobody_to_list() -> None:
    irregular = house("nowhere", stayers=0)
    assert irregular.regular_buyers is not None
    assert irregular.regular_buyers.count().to_pyarrow().as_py() == 0
    assert regular_buyers(irregular) is None


def test_what_comes_after_the_last_closed_month_changes_nothing(steady: DiagnosisInputs) -> None:
    days, closed = steady.customer_days, steady.closed_months[:-7]
    assert days is not None
    until = days.filter(days.day <= closed[-1].last_day)
    told, known = (regular_buyers_of(given, steady.products, closed) for given in (days, until))
    assert told.equals(known)
    assert told.num_rows > 0
    assert regular_buyers_of(days, steady.products, []).num_rows == 0


def test_the_file_names_the_product_and_the_interval_in_both_languages(steady: DiagnosisInputs) -> None:
    table = steady.regular_buyers.to_pyarrow()  # type: ignore[union-attr]
    japanese, english = (
        regular_buyers_csv(table, Wording.of(language)).decode("utf-8-sig").splitlines() for language in ("ja", "en")
    )
    assert japanese[0] == "顧客番号,印,主な商品,購入間隔（日）,最終購入日"
    first = next(line for line in japanese if line.startswith("l0,")).split(",")
    assert first[1] == "実質定期"
    assert first[3] == "45"
    assert len(japanese) == len(english) == table.num_rows + 1
    assert english[1].split(",")[1] == "regular one-off buyer"
