import datetime as dt

from crm_platform.diagnosis.existing_customers import alerts, dormancy, lapse_points
from crm_platform.diagnosis.existing_customers.dormancy import active_rows
from crm_platform.diagnosis.existing_customers.lapse_points import EVERYONE, hazard_rows
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders

AS_OF = dt.date(2023, 12, 31)


def stoppers(stops: dict[int, int], kind: str) -> list[Order]:
    """`stops[n]` customers stop after their n-th purchase, one a month from 2022-01 on."""
    orders = []
    for purchases, customers in stops.items():
        for number in range(customers):
            name = f"{kind}-{purchases}-{number}"
            orders += [Order(name, dt.date(2022, 1 + month, 10), kind=kind) for month in range(purchases)]
    return orders


def test_a_planted_break_at_the_third_purchase_is_the_lapse_point() -> None:
    orders = stoppers({1: 100, 2: 50, 3: 400, 4: 50, 5: 50, 6: 300}, "one_off")
    finding = lapse_points(planted_inputs(orders, AS_OF))
    assert finding is not None
    assert finding.verdict == "issue"
    assert finding.numbers["point_purchase"] == 3
    assert finding.numbers["point_hazard_rate"] == 400 / 800


def test_a_break_of_one_way_of_beginning_is_found_among_all_others() -> None:
    orders = stoppers({1: 60, 2: 20, 3: 150, 4: 20, 5: 300}, "subscription")
    orders += stoppers({1: 900, 2: 300, 3: 120, 4: 60, 5: 400}, "one_off")
    finding = lapse_points(planted_inputs(orders, AS_OF))
    assert finding is not None
    assert (finding.verdict, finding.numbers["point_group"]) == ("issue", "@customers_who_began.subscription")
    assert finding.numbers["point_purchase"] == 3


def test_a_steadily_falling_hazard_has_no_lapse_point() -> None:
    finding = lapse_points(planted_inputs(stoppers({1: 500, 2: 200, 3: 90, 4: 50, 5: 40, 6: 300}, "one_off"), AS_OF))
    assert finding is not None
    assert finding.verdict == "healthy"


def test_the_funnel_of_purchases_never_increases() -> None:
    inputs = planted_inputs(random_orders(300, 36, seed=1), dt.date(2022, 12, 31))
    reached = [row["reached"] for row in hazard_rows(inputs) if row["kind"] == EVERYONE]
    assert reached == sorted(reached, reverse=True)


def test_an_undecided_customer_counts_as_no_stop() -> None:
    orders = [*stoppers({2: 40}, "one_off"), Order("recent", dt.date(2023, 12, 1))]
    (first, second) = [row for row in hazard_rows(planted_inputs(orders, AS_OF)) if row["kind"] == EVERYONE]
    assert (first["reached"], first["stopped"]) == (40, 0)
    assert (second["reached"], second["stopped"]) == (40, 40)


def test_active_and_dormant_add_up_and_turn_on_the_silent_day() -> None:
    last = AS_OF - dt.timedelta(239)
    inputs = planted_inputs([Order("in", last), Order("out", last - dt.timedelta(1))], AS_OF)
    now = active_rows(inputs)[-1]
    assert (now["buyers"], now["active_customers"], now["dormant_customers"]) == (2, 1, 1)


def test_fewer_active_customers_than_a_year_before_are_an_issue() -> None:
    orders = [Order(f"a{n}", dt.date(2022, 11, 1)) for n in range(10)] + [Order("b", dt.date(2023, 11, 1))]
    finding = dormancy(planted_inputs(orders, AS_OF))
    assert finding is not None
    assert finding.verdict == "issue"
    assert (finding.numbers["active_customers"], finding.numbers["active_customers_before"]) == (1, 10)


def test_alerts_carry_their_whole_expected_loss_and_both_groups() -> None:
    finding = alerts(
        planted_inputs([Order(f"c{n}", dt.date(2023, 11, 1), 10_000) for n in range(10)], AS_OF, alerts=True)
    )
    assert finding is not None
    assert finding.verdict == "issue"
    assert finding.yen_effect_jpy == 50_000
    assert finding.numbers["treated_customers"] == finding.numbers["control_customers"] == 5
    assert finding.numbers["contact_cost_jpy"] == 1_000


def test_a_loss_below_the_cost_of_contact_is_no_issue() -> None:
    finding = alerts(
        planted_inputs([Order(f"c{n}", dt.date(2023, 11, 1), 1_000) for n in range(10)], AS_OF, alerts=True)
    )
    assert finding is not None
    assert finding.verdict == "healthy"
