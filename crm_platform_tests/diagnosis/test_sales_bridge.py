import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.integrated import new_existing, sales_bridge, sales_trend
from crm_platform.diagnosis.integrated.factors import FACTORS, YearOfSales, factor_steps
from crm_platform.diagnosis.integrated.new_existing import half_rows
from crm_platform.diagnosis.integrated.sales_bridge import STEPS
from crm_platform_tests.diagnosis.planted import Order
from crm_platform_tests.diagnosis.planted_months import months_of

AS_OF = dt.date(2023, 12, 31)
BEFORE, NOW, EARLIER = dt.date(2022, 5, 1), dt.date(2023, 5, 1), dt.date(2021, 5, 1)

ORDERS = st.lists(
    st.builds(
        Order,
        st.sampled_from("abcdef"),
        st.dates(dt.date(2021, 1, 1), AS_OF),
        st.integers(1, 10**7),
        status=st.sampled_from(["shipped", "shipped", "cancelled", "returned"]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ORDERS)
def test_the_steps_of_the_bridge_add_up_to_the_yen(orders: list[Order]) -> None:
    anchor = Order("z", dt.date(2021, 1, 1), 1)
    finding = sales_bridge(months_of([anchor, *orders], AS_OF))
    numbers = finding.numbers
    standing = [order for order in orders if order.status == "shipped"]
    assert numbers["before_jpy"] == sum(order.jpy for order in standing if order.day.year == 2022)
    assert numbers["now_jpy"] == sum(order.jpy for order in standing if order.day.year == 2023)
    assert numbers["before_jpy"] + sum(numbers[f"{step}_jpy"] for step in STEPS) == numbers["now_jpy"]
    bridge, kinds, factors = finding.exhibits
    amounts = [row["amount_jpy"] for row in bridge.rows]
    assert sum(amounts[:-1]) == amounts[-1]
    by_year = {year: sum(order.jpy for order in [anchor, *standing] if order.day.year == year) for year in (2021, 2022)}
    by_year[2023] = numbers["now_jpy"]
    for place, year in enumerate((2022, 2023)):
        steps = sum(kinds.rows[place][f"step_{step}_jpy"] for step in STEPS)
        assert by_year[year - 1] + steps == by_year[year] == kinds.rows[place]["year_jpy"]
        assert sum(factors.rows[place][f"factor_{factor}_jpy"] for factor in FACTORS) == steps


def test_every_kind_of_customer_falls_into_its_own_step() -> None:
    orders = [
        Order("new", NOW, 700),
        Order("returned", EARLIER, 50),
        Order("returned", NOW, 300),
        Order("lost", BEFORE, 900),
        Order("more", BEFORE, 100),
        Order("more", NOW, 100),
        Order("more", NOW + dt.timedelta(30), 100),
        Order("dearer", BEFORE, 100),
        Order("dearer", NOW, 160),
    ]
    numbers = sales_bridge(months_of(orders, AS_OF)).numbers
    assert (numbers["new_jpy"], numbers["returned_jpy"], numbers["lost_jpy"]) == (700, 300, -900)
    assert (numbers["frequency_jpy"], numbers["value_jpy"]) == (100, 60)
    assert [numbers[f"{group}_customers"] for group in ("new", "returned", "lost", "retained")] == [1, 1, 1, 2]


def test_below_two_years_the_bridge_is_undetermined() -> None:
    finding = sales_bridge(months_of([Order("a", dt.date(2022, 2, 1))], AS_OF))
    assert finding.verdict == "undetermined"
    assert finding.numbers["months"] == 23


def test_a_cancelled_order_changes_no_step() -> None:
    orders = [Order("a", BEFORE, 100), Order("a", NOW, 200), Order("b", EARLIER, 10)]
    with_cancelled = [*orders, Order("a", NOW, 10**6, status="cancelled")]
    assert sales_bridge(months_of(orders, AS_OF)).numbers == sales_bridge(months_of(with_cancelled, AS_OF)).numbers | {
        "credits_customers": 0
    }


YEARS = st.builds(
    lambda buyers, more, value, credits: YearOfSales(buyers, buyers + more, (buyers + more) * value, credits),
    st.integers(1, 10**6),
    st.integers(0, 10**7),
    st.integers(1, 10**5),
    st.integers(0, 10**9),
)


@given(YEARS, YEARS)
def test_customers_frequency_value_and_credits_are_the_change_and_the_years_exchanged_flip_it(
    before: YearOfSales, now: YearOfSales
) -> None:
    steps, back = factor_steps(before, now), factor_steps(now, before)
    assert sum(steps.values()) == (now.gross_jpy - now.returned_jpy) - (before.gross_jpy - before.returned_jpy)
    assert steps == {name: -amount for name, amount in back.items()}


def test_what_only_one_factor_did_is_ascribed_to_it_alone() -> None:
    before = YearOfSales(buyers=100, purchases=300, gross_jpy=900_000, returned_jpy=0)
    alone = {
        "customers": YearOfSales(200, 600, 1_800_000, 0),
        "frequency": YearOfSales(100, 600, 1_800_000, 0),
        "value": YearOfSales(100, 300, 1_800_000, 0),
        "credits": YearOfSales(100, 300, 900_000, 50_000),
    }
    for name, now in alone.items():
        steps = factor_steps(before, now)
        assert [factor for factor, amount in steps.items() if amount] == [name]


def test_the_error_of_a_change_is_that_of_customers_each_beside_himself() -> None:
    orders = [
        Order(f"c{n}", day, jpy) for n in range(50) for day, jpy in ((BEFORE, 1000), (NOW, 1000 + (-1) ** n * 60))
    ]
    finding = sales_trend(months_of([Order("z", EARLIER, 1), *orders], AS_OF))
    assert finding is not None
    assert finding.measured is not None
    assert finding.measured.noticeable == pytest.approx(3 * (50 * 60**2 + 0) ** 0.5)
    assert (finding.verdict, finding.numbers["shrunk_customers"], finding.numbers["shrunk_jpy"]) == (
        "healthy",
        25,
        1500,
    )


def test_a_fall_of_one_large_customer_is_no_proof_and_the_same_of_many_is() -> None:
    steady = [Order(f"c{n}", day, 1000) for n in range(100) for day in (BEFORE, NOW)]
    one = [*steady, Order("big", BEFORE, 60_000)]
    many = [*steady, *(Order(f"left{n}", BEFORE, 1000) for n in range(60))]
    verdicts = [sales_bridge(months_of([Order("z", EARLIER, 1), *orders], AS_OF)).verdict for orders in (one, many)]
    assert verdicts == ["undetermined", "issue"]


def test_a_handful_of_customers_who_never_change_are_no_course_of_a_house() -> None:
    days = [dt.date(2020 + n // 12, 1 + n % 12, 15) for n in range(48)]
    few, enough = (
        months_of([Order(f"c{n}", day, 100) for n in range(people) for day in days], dt.date(2023, 12, 31))
        for people in (29, 30)
    )
    for question in (sales_trend, sales_bridge, new_existing):
        found = [question(few), question(enough)]
        assert [finding.verdict for finding in found if finding] == ["undetermined", "healthy"]


def test_a_month_still_running_is_no_fall() -> None:
    days = [dt.date(2021 + n // 12, 1 + n % 12, 15) for n in range(36)]
    orders = [Order(f"c{n}", day, 100) for n in range(40) for day in days]
    orders += [Order("late", dt.date(2024, 1, 2), 5)]
    finding = sales_trend(months_of(orders, dt.date(2024, 1, 2)))
    assert finding is not None
    assert finding.verdict == "healthy"
    assert finding.numbers["last_month"] == "2023-12"
    assert finding.numbers["sales_12m_jpy"] == 48_000


def test_growth_is_healthy_and_its_mirror_an_issue() -> None:
    growing = [
        Order(f"c{n}-{m}", dt.date(2021 + n // 12, 1 + n % 12, 15), 1000 + 100 * n)
        for n in range(36)
        for m in range(30)
    ]
    amounts = [order.jpy for order in growing][::-1]
    shrinking = [Order(order.customer, order.day, jpy) for order, jpy in zip(growing, amounts, strict=True)]
    verdicts = [sales_trend(months_of(orders, AS_OF)).verdict for orders in (growing, shrinking)]  # type: ignore[union-attr]
    assert verdicts == ["healthy", "issue"]


def test_existing_customers_who_buy_half_as_much_are_an_issue_and_the_mirror_is_not() -> None:
    def house(first: int, second: int) -> DiagnosisInputs:
        old = [Order(f"c{n}", dt.date(2020, 2, 1), 10) for n in range(60)]
        halves = [(dt.date(2022, 9, 1), first), (dt.date(2023, 3, 1), first), (dt.date(2023, 9, 1), second)]
        return months_of([*old, *(Order(f"c{n}", day, jpy) for n in range(60) for day, jpy in halves)], AS_OF)

    falls, rises = new_existing(house(1000, 500)), new_existing(house(900, 1000))
    assert falls is not None and rises is not None
    assert (falls.verdict, rises.verdict) == ("issue", "healthy")
    assert falls.yen_effect_jpy == 60 * 500
    assert falls.action is not None
    assert (falls.action.customers, falls.action.expected_jpy) == (60, round(60 * 500 * 0.05))


def test_the_first_year_of_data_decides_nothing_on_existing_customers() -> None:
    halves = [(dt.date(2021, 10, 1), 10), (dt.date(2022, 9, 1), 1000), (dt.date(2023, 9, 1), 100)]
    orders = [Order(f"c{n}", day, jpy) for n in range(60) for day, jpy in halves]
    finding = new_existing(months_of([Order("z", dt.date(2021, 8, 1), 1), *orders], AS_OF))
    assert finding is not None
    assert (finding.verdict, finding.numbers["months"]) == ("undetermined", 29)


def test_new_and_existing_are_all_sales_of_the_half_year() -> None:
    orders = [
        Order("old", dt.date(2021, 1, 5), 10),
        Order("old", dt.date(2023, 8, 5), 400),
        Order("new", dt.date(2023, 9, 1), 250),
        Order("new", dt.date(2023, 12, 31), 50),
    ]
    inputs = months_of(orders, AS_OF)
    assert half_rows(inputs)[-1] == {"half_year": "2023-12", "existing_jpy": 400, "new_jpy": 300}
    assert sum(row["existing_jpy"] + row["new_jpy"] for row in half_rows(inputs)) == 710
    finding = new_existing(inputs)
    assert finding is not None
    assert finding.numbers["existing_share_rate"] == 400 / 700
