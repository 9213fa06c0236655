import datetime as dt

from crm_platform.diagnosis.new_customers import acquisition, cohort_retention, f2_conversion, media_efficiency
from crm_platform.diagnosis.new_customers.cohort_retention import cell_rows
from crm_platform.diagnosis.new_customers.f2_conversion import WINDOWS_DAYS, cohort_rows
from crm_platform_tests.diagnosis.planted import Order, planted_inputs

AS_OF = dt.date(2023, 12, 31)


def cohort(size: int, again: int, day: dt.date, days_later: int, name: str = "c") -> list[Order]:
    firsts = [Order(f"{name}{n:04d}", day) for n in range(size)]
    return firsts + [Order(f"{name}{n:04d}", day + dt.timedelta(days_later)) for n in range(again)]


def test_of_400_first_buyers_160_second_buyers_are_an_f2_rate_of_40_percent() -> None:
    finding = f2_conversion(planted_inputs(cohort(400, 160, dt.date(2023, 3, 1), 45), AS_OF))
    assert finding is not None
    assert finding.numbers["f2_rate"] == 0.4
    assert finding.numbers["median_days"] == 45


def test_a_fall_of_the_f2_rate_is_an_issue_and_its_mirror_is_healthy() -> None:
    good, bad = (dt.date(2022, 3, 1), 60), (dt.date(2023, 3, 1), 30)
    falling = cohort(100, good[1], good[0], 40, "a") + cohort(100, bad[1], bad[0], 40, "b")
    rising = cohort(100, bad[1], good[0], 40, "a") + cohort(100, good[1], bad[0], 40, "b")
    start = [Order("first", dt.date(2020, 1, 1))]
    found = [f2_conversion(planted_inputs(start + orders, AS_OF)) for orders in (falling, rising)]
    assert [finding.verdict for finding in found if finding] == ["issue", "healthy"]
    assert found[0] is not None
    assert found[0].yen_effect_jpy == round(0.3 * 100 / 2 * 1000)


def test_an_open_cohort_is_marked_and_has_no_rate_yet() -> None:
    rows = cohort_rows(planted_inputs(cohort(10, 5, dt.date(2023, 10, 1), 20), AS_OF))
    assert rows[-1]["state"] == "@cohort.open"
    assert all(rows[-1][f"rate_{window}"] is None for window in WINDOWS_DAYS)


def test_the_f2_rate_never_falls_as_the_window_widens() -> None:
    orders = [order for days in (10, 40, 80, 150) for order in cohort(20, 5, dt.date(2022, 1, 5), days, f"d{days}-")]
    (row,) = [row for row in cohort_rows(planted_inputs(orders, AS_OF)) if row["customers"]]
    assert [row[f"rate_{window}"] for window in WINDOWS_DAYS] == [5 / 80, 10 / 80, 15 / 80, 20 / 80]


def test_customers_known_before_the_first_month_are_not_new() -> None:
    orders = [Order("old", dt.date(2021, 6, 1)), *cohort(10, 0, dt.date(2022, 2, 1), 0)]
    finding = acquisition(planted_inputs(orders, AS_OF, registered={"old": dt.date(2015, 1, 1)}))
    assert finding is not None
    bars = next(exhibit for exhibit in finding.exhibits if exhibit.key == "monthly").rows
    assert sum(row["new_customers"] for row in bars) == 10


def test_cohort_cells_are_the_planted_shares_and_month_zero_is_everybody() -> None:
    orders = cohort(20, 8, dt.date(2022, 1, 10), 31)
    cells = {(row["quarter"], row["months_since"]): row["rate"] for row in cell_rows(planted_inputs(orders, AS_OF))}
    assert cells["2022-03", 0] == 1.0
    assert cells["2022-03", 1] == 0.4
    assert cells["2022-03", 2] == 0.0


def test_retention_that_fell_is_an_issue() -> None:
    orders = []
    for year, again in ((2021, 8), (2022, 2)):
        for month in (2, 5, 8, 11):
            orders += cohort(10, again, dt.date(year, month, 1), 35, f"{year}{month}-")
    finding = cohort_retention(planted_inputs([Order("x", dt.date(2019, 12, 1)), *orders], AS_OF))
    assert finding is not None
    assert finding.verdict == "issue"
    assert finding.numbers["retention_rate_before"] == 0.8 / 6


def test_cpo_value_and_payback_are_the_planted_ones() -> None:
    days = [dt.date(2022, 1, 10), dt.date(2022, 2, 10), dt.date(2022, 3, 10)]
    orders = [Order(f"g{n}", day, 1000, medium="M1") for n in range(20) for day in days]
    orders += [Order(f"b{n}", days[0], 1000, medium="M2") for n in range(20)]
    finding = media_efficiency(planted_inputs(orders, AS_OF, media={"M1": ("WEB", 40_000), "M2": ("TV", 60_000)}))
    assert finding is not None
    assert finding.verdict == "issue"
    assert (finding.numbers["worst_channel"], finding.numbers["best_channel"]) == ("TV", "WEB")
    table = next(exhibit for exhibit in finding.exhibits if exhibit.key == "channels").rows
    web = next(row for row in table if row["channel"] == "WEB")
    assert (web["cpo_jpy"], web["value_12m_jpy"], web["payback_months"]) == (2000, 3000, 2)
    tv = next(row for row in table if row["channel"] == "TV")
    assert (tv["cpo_jpy"], tv["value_12m_jpy"], tv["payback_months"]) == (3000, 1000, None)


def test_without_media_costs_the_question_is_left_out() -> None:
    assert media_efficiency(planted_inputs(cohort(5, 1, dt.date(2022, 1, 1), 20), AS_OF)) is None


def test_customers_of_the_first_year_of_data_decide_no_verdict() -> None:
    first_year = [Order(f"old{n}", dt.date(2021, 1 + n % 12, 3)) for n in range(120)]
    later = [Order(f"new{n}", dt.date(2022 + n % 2, 1 + n // 2 % 12, 3)) for n in range(24)]
    inputs = planted_inputs(first_year + later, AS_OF)
    found = [question(inputs) for question in (acquisition, f2_conversion, cohort_retention)]
    assert [finding.verdict for finding in found if finding] == ["healthy", "undetermined", "undetermined"]
