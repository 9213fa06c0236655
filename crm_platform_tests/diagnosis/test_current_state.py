import datetime as dt
from collections import Counter
from itertools import pairwise

import pytest

from crm_platform.diagnosis.cpm.portfolio import class_rows as cpm_rows
from crm_platform.diagnosis.cpm.portfolio import cpm_portfolio, history_rows, move_rows
from crm_platform.diagnosis.cpm.states import cpm_states
from crm_platform.diagnosis.current_state import buyer_kinds, profitability, purchasing_power, retention_power
from crm_platform.diagnosis.current_state.buyer_kinds import kind_rows
from crm_platform.diagnosis.current_state.profitability import band_rows
from crm_platform.diagnosis.current_state.purchasing_power import cross_rows, lorenz_rows
from crm_platform.diagnosis.current_state.retention_power import half_year_rates, level_rows
from crm_platform.diagnosis.current_state.value_segments import class_rows, sales_of_recent_buyers
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders

AS_OF = dt.date(2023, 12, 31)


@pytest.fixture(scope="module")
def inputs() -> DiagnosisInputs:
    return planted_inputs(random_orders(400, 48, seed=7), AS_OF)


def test_every_cut_of_the_customers_adds_up_to_all_of_them(inputs: DiagnosisInputs) -> None:
    customers = inputs.history.count().to_pyarrow().as_py()
    buyers = inputs.buyers.count().to_pyarrow().as_py()
    for found in (level_rows(inputs), cross_rows(inputs), band_rows(inputs), class_rows(inputs), cpm_rows(inputs)):
        assert sum(row["customers"] for row in found) == customers
    assert sum(row["customers"] for row in kind_rows(inputs)) == buyers


def test_the_margins_of_retention_by_purchasing_power_are_the_levels(inputs: DiagnosisInputs) -> None:
    margins: Counter[str] = Counter()
    for row in cross_rows(inputs):
        margins[row["level"]] += row["customers"]
    assert dict(margins) == {row["level"]: row["customers"] for row in level_rows(inputs)}


def test_cpm_classes_of_the_past_follow_the_rule_of_the_present(inputs: DiagnosisInputs) -> None:
    ours = cpm_states(inputs, [AS_OF]).select("customer_id", "cpm_class").order_by("customer_id").to_pyarrow()
    theirs = inputs.cpm_classes.select("customer_id", "cpm_class").order_by("customer_id").to_pyarrow()
    assert ours.to_pylist() == theirs.to_pylist()


def test_cpm_moves_lead_from_the_opening_counts_to_the_closing_ones(inputs: DiagnosisInputs) -> None:
    opening, closing = Counter[str](), Counter[str]()
    for row in move_rows(inputs):
        opening[row["former_class"]] += row["customers"]
        closing[row["cpm_class"]] += row["customers"]
    year_before = {row["cpm_class"]: row["customers"] for row in history_rows(inputs) if row["month"] == "2022-12"}
    assert {name: opening[name] for name in year_before} == year_before
    assert dict(closing) == {row["cpm_class"]: row["customers"] for row in cpm_rows(inputs)}


def test_a_class_at_a_past_month_end_knows_nothing_of_later_orders() -> None:
    early = [Order("a", dt.date(2021, 3, 1)), Order("a", dt.date(2021, 3, 20))]
    late = [*early, *(Order("a", dt.date(2023, 1, day), 10**6) for day in range(1, 20))]
    then = [dt.date(2021, 4, 30)]
    found = [cpm_states(planted_inputs(orders, AS_OF), then).to_pyarrow().to_pylist() for orders in (early, late)]
    assert found[0] == found[1]
    assert found[0][0]["cpm_class"] == "toddler_active"


def test_grown_customers_below_half_of_sales_are_an_issue_with_the_amount_to_half() -> None:
    grown = [Order(f"g{n}", dt.date(2023, month, 1), 100) for n in range(3) for month in (1, 4, 7, 10)]
    new = [Order(f"n{n}", dt.date(2023, 12, 1), 100) for n in range(36)]
    finding = cpm_portfolio(planted_inputs(grown + new, AS_OF))
    assert finding is not None
    assert finding.verdict == "issue"
    assert finding.numbers["grown_share_rate"] == 0.25
    assert finding.yen_effect_jpy == (4800 - 2 * 1200) // 2


def test_a_share_of_fewer_than_thirty_people_is_no_verdict() -> None:
    orders = [Order(f"c{n}", dt.date(2023, 12, 1), 1600 if n < 4 else 100) for n in range(29)]
    inputs = [planted_inputs(found, AS_OF) for found in (orders, [*orders, Order("x", AS_OF)])]
    for question in (purchasing_power, profitability, buyer_kinds, cpm_portfolio):
        few, enough = (question(each) for each in inputs)
        assert few is not None
        assert enough is not None
        assert (few.verdict, few.yen_effect_jpy) == ("undetermined", None)
        assert enough.verdict in ("healthy", "issue")


def test_twenty_percent_of_buyers_with_eighty_percent_of_sales_meet_the_mark() -> None:
    orders = [Order(f"c{n}", dt.date(2023, 12, 1), 1600 if n < 20 else 100) for n in range(100)]
    finding = purchasing_power(planted_inputs(orders, AS_OF))
    assert finding is not None
    assert (finding.verdict, finding.numbers["top_20_share_rate"]) == ("healthy", 0.8)


def test_the_lorenz_curve_rises_from_nothing_to_everything_and_bends_down(inputs: DiagnosisInputs) -> None:
    shares = [point["sales_rate"] for point in lorenz_rows(inputs)]
    steps = [later - former for former, later in pairwise(shares)]
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert all(step >= 0 for step in steps)
    assert shares == sorted(shares)


def test_four_planted_buyers_get_their_own_kinds() -> None:
    ordinary = [Order(f"o{n}", dt.date(2022, 6, 1), 1000) for n in range(30)]
    planted = [
        *(Order("big", dt.date(2023, month, 1), 5000) for month in (6, 9)),
        Order("stalled", dt.date(2023, 1, 1), 5000),
        *(Order("small", dt.date(2023, month, 1), 300) for month in (6, 7, 8, 9)),
        Order("returned", dt.date(2020, 1, 1), 1000),
        Order("returned", dt.date(2023, 12, 1), 1000),
    ]
    inputs = planted_inputs(ordinary + planted, AS_OF)
    found = {row["kind"].removeprefix("@buyer_kind."): row["customers"] for row in kind_rows(inputs)}
    assert found == {"returned": 1, "stalled": 1, "big_ticket": 1, "frequent_small": 1, "other": 30}
    finding = buyer_kinds(inputs)
    assert finding is not None
    assert finding.verdict == "healthy"


def test_the_half_year_repeat_rate_is_the_planted_one() -> None:
    first = [Order(f"c{n}", dt.date(2023, 3, 1)) for n in range(10)]
    again = [Order(f"c{n}", dt.date(2023, 9, 1)) for n in range(4)]
    (*_, last) = half_year_rates(planted_inputs(first + again, AS_OF, first_month=Month(2023, 1)))
    assert (last["buyers"], last["repeat_rate"]) == (10, 0.4)


def test_mirroring_the_repeat_rates_flips_the_verdict() -> None:
    def house(rates: tuple[int, int]) -> list[Order]:
        orders = []
        for year, again in zip((2022, 2023), rates, strict=True):
            orders += [Order(f"{year}-{n}", dt.date(year, 3, 1)) for n in range(10)]
            orders += [Order(f"{year}-{n}", dt.date(year, 9, 1)) for n in range(again)]
        return [Order("x", dt.date(2021, 1, 1)), *orders]

    verdicts = [retention_power(planted_inputs(house(rates), AS_OF)).verdict for rates in ((7, 3), (3, 7))]  # type: ignore[union-attr]
    assert verdicts == ["issue", "healthy"]


def test_profitability_counts_only_customers_who_repay_a_contact(inputs: DiagnosisInputs) -> None:
    finding = profitability(inputs)
    assert finding is not None
    known = inputs.forecasts.to_pyarrow().column("profitability_jpy").to_pylist()
    assert finding.numbers["paying_customers"] == sum(value >= 2000 for value in known)


def test_the_expectation_is_compared_with_the_mean_of_the_last_two_halves_of_the_same_kind_of_customers() -> None:
    orders = [
        Order("known", dt.date(2022, 6, 1), 10),
        Order("known", dt.date(2023, 3, 1), 500),
        Order("known", dt.date(2023, 9, 1), 100),
        Order("too old", dt.date(2021, 6, 1), 10),
        Order("too old", dt.date(2023, 3, 1), 70),
        Order("new", dt.date(2023, 9, 1), 7000),
    ]
    assert sales_of_recent_buyers(planted_inputs(orders, AS_OF)) == (500 + 100) // 2
