import datetime as dt

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.diagnosis.integrated import new_existing, sales_bridge, sales_trend
from crm_platform.diagnosis.integrated.new_existing import half_rows
from crm_platform.diagnosis.integrated.sales_bridge import STEPS
from crm_platform_tests.diagnosis.planted import Order, planted_inputs

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
    finding = sales_bridge(planted_inputs([anchor, *orders], AS_OF))
    numbers = finding.numbers
    standing = [order for order in orders if order.status == "shipped"]
    assert numbers["before_jpy"] == sum(order.jpy for order in standing if order.day.year == 2022)
    assert numbers["now_jpy"] == sum(order.jpy for order in standing if order.day.year == 2023)
    assert numbers["before_jpy"] + sum(numbers[f"{step}_jpy"] for step in STEPS) == numbers["now_jpy"]
    (bridge,) = finding.exhibits
    amounts = [row["amount_jpy"] for row in bridge.rows]
    assert sum(amounts[:-1]) == amounts[-1]


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
    numbers = sales_bridge(planted_inputs(orders, AS_OF)).numbers
    assert (numbers["new_jpy"], numbers["returned_jpy"], numbers["lost_jpy"]) == (700, 300, -900)
    assert (numbers["frequency_jpy"], numbers["value_jpy"]) == (100, 60)
    assert [numbers[f"{group}_customers"] for group in ("new", "returned", "lost", "retained")] == [1, 1, 1, 2]


def test_below_two_years_the_bridge_is_undetermined() -> None:
    finding = sales_bridge(planted_inputs([Order("a", dt.date(2022, 2, 1))], AS_OF))
    assert finding.verdict == "undetermined"
    assert finding.numbers["months"] == 23


def test_a_cancelled_order_changes_no_step() -> None:
    orders = [Order("a", BEFORE, 100), Order("a", NOW, 200), Order("b", EARLIER, 10)]
    with_cancelled = [*orders, Order("a", NOW, 10**6, status="cancelled")]
    assert sales_bridge(planted_inputs(orders, AS_OF)).numbers == sales_bridge(
        planted_inputs(with_cancelled, AS_OF)
    ).numbers | {"credits_customers": 0}


def test_a_month_still_running_is_no_fall() -> None:
    orders = [Order(f"c{n}", dt.date(2021 + n // 12, 1 + n % 12, 15), 1000) for n in range(36)]
    orders += [Order("late", dt.date(2024, 1, 2), 5)]
    finding = sales_trend(planted_inputs(orders, dt.date(2024, 1, 2)))
    assert finding is not None
    assert finding.verdict == "healthy"
    assert finding.numbers["last_month"] == "2023-12"
    assert finding.numbers["sales_12m_jpy"] == 12_000


def test_growth_is_healthy_and_its_mirror_an_issue() -> None:
    growing = [Order(f"c{n}", dt.date(2021 + n // 12, 1 + n % 12, 15), 1000 + 100 * n) for n in range(36)]
    amounts = [order.jpy for order in growing][::-1]
    shrinking = [Order(order.customer, order.day, jpy) for order, jpy in zip(growing, amounts, strict=True)]
    verdicts = [sales_trend(planted_inputs(orders, AS_OF)).verdict for orders in (growing, shrinking)]  # type: ignore[union-attr]
    assert verdicts == ["healthy", "issue"]


def test_new_and_existing_are_all_sales_of_the_half_year() -> None:
    orders = [
        Order("old", dt.date(2021, 1, 5), 10),
        Order("old", dt.date(2023, 8, 5), 400),
        Order("new", dt.date(2023, 9, 1), 250),
        Order("new", dt.date(2023, 12, 31), 50),
    ]
    inputs = planted_inputs(orders, AS_OF)
    assert half_rows(inputs)[-1] == {"half_year": "2023-12", "existing_jpy": 400, "new_jpy": 300}
    assert sum(row["existing_jpy"] + row["new_jpy"] for row in half_rows(inputs)) == 710
    finding = new_existing(inputs)
    assert finding is not None
    assert finding.numbers["existing_share_rate"] == 400 / 700
