import datetime as dt

import pandas as pd
import pytest

from crm_platform.diagnosis.estimates import proportion
from crm_platform.diagnosis.existing_customers import profit_class_moves, stagnant_groups
from crm_platform.diagnosis.existing_customers.group_rates import GroupRate
from crm_platform.diagnosis.existing_customers.profit_classes import (
    CLASSES,
    DORMANT,
    NOT_YET,
    class_moves,
    class_rows,
    half_year_ends,
    profit_lines,
)
from crm_platform.diagnosis.existing_customers.stagnant_groups import group_changes, measured_now
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month
from crm_platform_tests.diagnosis.planted import Order, random_orders
from crm_platform_tests.diagnosis.planted_months import months_of

AS_OF = dt.date(2023, 12, 31)
BUYERS = 800
MEDIA = {"T1": ("TV", 1), "T2": ("TV", 1), "W1": ("WEB", 1), "W2": ("WEB", 1)}


def shop(before: dict[str, float], now: dict[str, float]) -> DiagnosisInputs:
    """New buyers of two first half-years a year apart; this share of each channel's buys again in the second half."""
    orders = []
    for year, shares in ((2022, before), (2023, now)):
        for channel, share in shares.items():
            for number in range(BUYERS):
                name, medium = f"{channel}-{year}-{number}", f"{channel[0]}{1 + number % 2}"
                orders.append(Order(name, dt.date(year, 3, 1), medium=medium))
                if number < share * BUYERS:
                    orders.append(Order(name, dt.date(year, 9, 1), medium=medium))
    return months_of(orders, AS_OF, first_month=Month(2021, 1), media=MEDIA)


def test_the_group_whose_repeat_rate_fell_is_listed_first_with_its_size_and_its_mirror_is_none() -> None:
    finding = stagnant_groups(shop({"TV": 0.5, "WEB": 0.5}, {"TV": 0.3, "WEB": 0.5}))
    assert finding is not None
    assert (finding.verdict, finding.numbers["group"], finding.concerned_customers) == ("issue", "TV", BUYERS)
    assert (finding.numbers["group_rate_before"], finding.numbers["group_rate"]) == (0.5, 0.3)
    assert finding.yen_effect_jpy == round(0.2 * BUYERS * 1000)
    table = next(exhibit for exhibit in finding.exhibits if exhibit.key == "groups")
    assert table.rows[0]["lapse_group"] == "TV"
    mirrored = stagnant_groups(shop({"TV": 0.3, "WEB": 0.5}, {"TV": 0.5, "WEB": 0.5}))
    assert mirrored is not None
    assert (mirrored.verdict, mirrored.yen_effect_jpy) == ("healthy", None)


def test_the_printed_interval_of_a_groups_rate_counts_that_its_mix_of_customers_is_chance() -> None:
    frame = pd.DataFrame({"buyers": [500, 0, 500], "repeated": [0, 0, 500], "sales_jpy": [0, 0, 0]})
    found = {("all", ""): 3, ("channel", "TV"): 1, ("channel", "WEB"): 2}
    groups = {key: GroupRate(*key, frame * times, frame * times) for key, times in found.items()}
    changes = group_changes(groups)  # in each group new customers never return and old ones always do
    measured, plain = measured_now(changes[0], changes[:1], 3.0), proportion(500, 1000)
    assert measured is not None
    assert plain is not None
    assert (measured.value, measured.low, measured.high) == (0.5, plain.low, plain.high)
    assert changes[0].now.error < plain.error / 2


def test_more_new_customers_alone_are_no_fall_of_the_repeat_rate() -> None:
    now = pd.DataFrame({"buyers": [900, 0, 100], "repeated": [270, 0, 80], "sales_jpy": [0, 0, 0]})
    before = pd.DataFrame({"buyers": [100, 0, 900], "repeated": [30, 0, 720], "sales_jpy": [0, 0, 0]})
    rates = GroupRate("channel", "TV", now, before).rates()
    assert rates is not None
    assert rates[0].value == pytest.approx(rates[1].value) == pytest.approx(0.35)


# --- classes by profitability -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ordinary() -> DiagnosisInputs:
    return months_of(random_orders(250, 48, seed=4), AS_OF)


def test_moves_between_classes_close_and_lose_no_customer_and_no_yen(ordinary: DiagnosisInputs) -> None:
    """From half-year to half-year every customer is in one class, and the classes hold all sales of twelve months."""
    lines, months = profit_lines(ordinary), half_year_ends(ordinary)
    assert lines is not None
    moves = class_moves(ordinary, lines)
    found = class_rows(moves, months)
    facts = ordinary.customer_months.to_pandas().assign(month=lambda frame: pd.to_datetime(frame["month"]))
    bought = facts[facts["purchase_days"] > 0]
    for place, month in enumerate(months[1:], start=1):
        of_end = {row["number"]: row for row in found if row["month"] == month}
        end = pd.Timestamp(Month.parse(month).first_day)
        start = end - pd.DateOffset(months=11)
        known = bought.loc[bought["month"] <= end, "customer_id"].unique()
        inside = facts[(facts["month"] <= end) & (facts["month"] >= start)]
        assert sum(row["customers"] for row in of_end.values()) == len(known)
        assert sum(row["sales_12m_jpy"] for row in of_end.values()) == inside["sales_jpy"].sum()
        active = bought.loc[(bought["month"] <= end) & (bought["month"] >= start), "customer_id"].nunique()
        assert of_end[DORMANT]["customers"] == len(known) - active
        for number, row in of_end.items():
            assert row["opening"] + row["joined"] - row["left"] == row["customers"]
            if place > 1:
                former = {one["number"]: one for one in found if one["month"] == months[place - 1]}
                assert row["opening"] == former[number]["customers"]
    last = moves[(moves["halves"] == 1) & (moves["end"] == 0)]
    assert set(last["former"]) <= {*CLASSES, NOT_YET}


def test_a_top_class_that_shrinks_is_an_issue_and_its_mirror_is_healthy() -> None:
    """Many small buyers and some large ones each year, of whom there are half or twice as many in the last."""
    verdicts = []
    for before, now in ((800, 400), (400, 800)):
        orders = [Order(f"s{year}-{n}", dt.date(year, 11, 1), 1000) for year in (2022, 2023) for n in range(600)]
        orders += [Order(f"l{year}-{n}", dt.date(year, 10, 1), 9000) for year in (2022,) for n in range(before)]
        orders += [Order(f"l2023-{n}", dt.date(2023, 10, 1), 9000) for n in range(now)]
        finding = profit_class_moves(months_of(orders, AS_OF, first_month=Month(2021, 1)))
        assert finding is not None
        assert finding.numbers["top_line_jpy"] == 9000
        assert (finding.numbers["top_customers_before"], finding.numbers["top_customers"]) == (before, now)
        assert (finding.numbers["joined_customers"], finding.numbers["left_customers"]) == (now, before)
        verdicts.append(finding.verdict)
    assert verdicts == ["issue", "healthy"]
