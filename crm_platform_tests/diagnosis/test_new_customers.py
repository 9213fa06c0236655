import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers import (
    acquisition,
    cohort_break,
    cohort_retention,
    entry_products,
    f2_conversion,
    media_decline,
    media_efficiency,
    media_quality,
)
from crm_platform.diagnosis.new_customers.acquisition import wave_factor
from crm_platform.diagnosis.new_customers.cohort_break import shut_months
from crm_platform.diagnosis.new_customers.cohort_retention import cell_rows, retention_rate
from crm_platform.diagnosis.new_customers.comparison import Beside, beside, each_beside_the_rest, lowest_of
from crm_platform.diagnosis.new_customers.f2_conversion import WINDOWS_DAYS, cohort_rows
from crm_platform.diagnosis.spans import index_of
from crm_platform.periods import Month
from crm_platform.reports.actions import action_of
from crm_platform.reports.sections import title_of
from crm_platform.reports.wording import Wording
from crm_platform_tests.diagnosis.planted import Order, planted_inputs
from crm_platform_tests.diagnosis.planted_newcomers import newcomer_inputs

AS_OF = dt.date(2023, 12, 31)
FIRST = Month(2019, 1)


def cohort(size: int, again: int, day: dt.date, days_later: int, name: str = "c", **said: Any) -> list[Order]:
    firsts = [Order(f"{name}{n:04d}", day, **said) for n in range(size)]
    return firsts + [Order(f"{name}{n:04d}", day + dt.timedelta(days_later), **said) for n in range(again)]


def planted(orders: list[Order], **masters: Any) -> DiagnosisInputs:
    return newcomer_inputs(orders, AS_OF, first_month=FIRST, **masters)


def table(finding: Finding, key: str) -> list[dict[str, Any]]:
    return [dict(row) for row in next(exhibit for exhibit in finding.exhibits if exhibit.key == key).rows]


def asked(question: Any, inputs: DiagnosisInputs) -> Finding:
    finding = question(inputs)
    assert isinstance(finding, Finding)
    return finding


# --- F2 ---------------------------------------------------------------------------------------------------------------


def test_of_400_first_buyers_160_second_buyers_are_an_f2_rate_of_40_percent() -> None:
    finding = asked(f2_conversion, planted_inputs(cohort(400, 160, dt.date(2023, 3, 1), 45), AS_OF))
    assert finding.numbers["f2_rate"] == 0.4
    assert finding.numbers["median_days"] == 45
    assert finding.measured is not None
    assert finding.measured.low is not None
    assert finding.measured.low == pytest.approx(0.4 - 1.96 * (0.4 * 0.6 / 400) ** 0.5, abs=0.001)


def test_a_fall_of_the_f2_rate_is_an_issue_and_its_mirror_is_healthy() -> None:
    former, latter = dt.date(2022, 3, 1), dt.date(2023, 3, 1)
    falling = cohort(800, 480, former, 40, "a") + cohort(800, 360, latter, 40, "b")
    rising = cohort(800, 360, former, 40, "a") + cohort(800, 480, latter, 40, "b")
    found = [asked(f2_conversion, planted(orders)) for orders in (falling, rising)]
    assert [finding.verdict for finding in found] == ["issue", "healthy"]
    assert found[0].yen_effect_jpy == round(0.15 * 800 / 2 * 1000)
    assert found[1].yen_effect_jpy is None


def test_pull_up_and_second_purchase_are_told_apart() -> None:
    day = dt.date(2023, 3, 1)
    orders = cohort(100, 40, day, 30, "a") + [
        Order(f"a{n:04d}", day + dt.timedelta(60), kind="subscription") for n in range(25)
    ]
    orders += cohort(50, 45, day, 30, "s", kind="subscription")
    rows = {row["kind"]: row for row in table(asked(f2_conversion, planted(orders)), "kinds")}
    one_off, subscription = rows["@order_kind.one_off"], rows["@order_kind.subscription"]
    assert (one_off["f2_rate"], one_off["pull_up_rate"]) == (0.4, 0.25)
    assert (subscription["f2_rate"], subscription["pull_up_rate"]) == (0.9, None)


def test_an_open_cohort_is_marked_and_has_no_rate_yet() -> None:
    rows = cohort_rows(planted(cohort(10, 5, dt.date(2023, 10, 1), 20)))
    assert rows[-1]["state"] == "@cohort.open"
    assert all(rows[-1][f"rate_{window}"] is None for window in WINDOWS_DAYS)


def test_the_f2_rate_never_falls_as_the_window_widens() -> None:
    orders = [order for days in (10, 40, 80, 150) for order in cohort(20, 5, dt.date(2022, 1, 5), days, f"d{days}-")]
    (row,) = [row for row in cohort_rows(planted(orders)) if row["customers"]]
    assert [row[f"rate_{window}"] for window in WINDOWS_DAYS] == [5 / 80, 10 / 80, 15 / 80, 20 / 80]


def test_customers_of_the_first_year_of_data_decide_no_verdict() -> None:
    first_year = cohort(900, 900, dt.date(2021, 6, 3), 30, "old")
    later = cohort(300, 60, dt.date(2022, 3, 3), 30, "new")
    inputs = newcomer_inputs([*first_year, *later], dt.date(2022, 12, 31), first_month=Month(2021, 1))
    for question in (acquisition, f2_conversion, cohort_retention):
        finding = asked(question, inputs)
        assert (finding.verdict, finding.threshold, finding.trend) == ("undetermined", None, None)


# --- how many come ----------------------------------------------------------------------------------------------------


def test_customers_known_before_the_first_month_are_not_new() -> None:
    orders = [Order("old", dt.date(2021, 6, 1)), *cohort(10, 0, dt.date(2022, 2, 1), 0)]
    finding = asked(acquisition, planted_inputs(orders, AS_OF, registered={"old": dt.date(2015, 1, 1)}))
    assert sum(row["new_customers"] for row in table(finding, "monthly")) == 10


def arrivals(per_month: dict[int, int]) -> list[Order]:
    return [
        Order(f"{year}-{month}-{n}", dt.date(year, month, 3), 1000 + n)
        for year, count in per_month.items()
        for month in range(1, 13)
        for n in range(count)
    ]


@pytest.mark.parametrize(("months", "measured"), [(7, False), (12, True)])
def test_a_history_of_seven_months_is_not_said_to_hold_the_new_customers_of_twelve(months: int, measured: bool) -> None:
    days = [Month(2024, 1).plus(-back).first_day for back in range(1, months + 1)]
    orders = [Order(f"{day}-{n}", day) for day in days for n in range(20)]
    finding = asked(acquisition, planted_inputs(orders, dt.date(2023, 12, 31)))
    assert (finding.numbers["new_customers"], finding.numbers["counted_months"]) == (20 * months, months)
    assert (finding.measured is not None) is measured
    for language, said in (
        ("ja", f"{months}ヶ月で{20 * months}人"),
        ("en", f"{20 * months} new customers in {months} "),
    ):
        assert said in title_of(finding, Wording.of(language))


def test_fewer_new_customers_are_an_issue_worth_their_six_months_and_more_are_healthy() -> None:
    fewer = asked(acquisition, planted(arrivals({2021: 40, 2022: 40, 2023: 25})))
    more = asked(acquisition, planted(arrivals({2021: 25, 2022: 25, 2023: 40})))
    assert (fewer.verdict, more.verdict) == ("issue", "healthy")
    value = fewer.numbers["value_6m_jpy"]
    assert isinstance(value, float)
    assert fewer.yen_effect_jpy == round(180 / 2 * value)
    assert fewer.action is not None
    assert fewer.action.customers == 180


def test_the_value_of_six_months_is_inside_its_own_interval_and_unknown_while_open() -> None:
    finding = asked(acquisition, planted(arrivals({2022: 9, 2023: 9})))
    known = [row for row in table(finding, "value_table") if row["value_6m_jpy"] is not None]
    assert [row["value_6m_jpy"] for row in known] == [1004.0] * 3
    assert all(row["value_6m_low_jpy"] < 1004 < row["value_6m_high_jpy"] for row in known)
    assert table(finding, "value_table")[-1]["value_6m_jpy"] is None


def test_new_customers_who_come_in_waves_are_less_sure_than_those_who_come_alone() -> None:
    random = np.random.default_rng(1)
    alone = [wave_factor(random.poisson(200, 48).tolist()) for _ in range(200)]
    waves = [wave_factor((40 * random.poisson(5, 48)).tolist()) for _ in range(200)]
    assert 1.0 <= float(np.mean(alone)) < 1.15
    assert abs(float(np.mean(waves)) - 40**0.5) < 1.0
    assert wave_factor([month * 10 for month in range(1, 13)] * 4) == 1.0  # a season is no wave


# --- who stays --------------------------------------------------------------------------------------------------------


def test_cohort_cells_are_the_planted_shares_and_month_zero_is_everybody() -> None:
    orders = cohort(20, 8, dt.date(2022, 1, 10), 31)
    cells = {(row["quarter"], row["months_since"]): row["rate"] for row in cell_rows(planted(orders))}
    assert cells["2022-03", 0] == 1.0
    assert cells["2022-03", 1] == 0.4
    assert cells["2022-03", 2] == 0.0


def test_retention_that_fell_is_an_issue_and_its_mirror_is_healthy() -> None:
    def years(former: int, latter: int) -> list[Order]:
        months = [(dt.date(2021 + n // 4, 1, 1), n) for n in range(2, 10)]
        return [
            order
            for place, (day, n) in enumerate(months)
            for order in cohort(160, former if place < 4 else latter, day.replace(month=n % 4 * 3 + 1), 35, f"{place}-")
        ]

    falling, rising = (asked(cohort_retention, planted(years(*pair))) for pair in ((128, 80), (80, 128)))
    assert (falling.verdict, rising.verdict) == ("issue", "healthy")
    assert falling.numbers["retention_rate_before"] == pytest.approx(0.8 / 6)
    assert falling.numbers["retention_rate"] == pytest.approx(0.5 / 6)
    assert falling.yen_effect_jpy == round(0.3 * 640 / 2 * 1000)


def quarters(rates: list[float], size: int = 150) -> list[Order]:
    """A quarter of arrivals after the other, the last in 2023-04; their share who come back in the months after."""
    orders = []
    for place, rate in enumerate(rates):
        day = Month(2023, 5).plus(3 * (place + 1 - len(rates))).first_day
        for later in (35, 65, 95):
            orders += cohort(size, round(size * rate), day, later, f"q{place}-")[size if later > 35 else 0 :]
    return orders


def test_a_broken_quarter_is_named_with_its_size_and_its_recovery_is_no_break() -> None:
    found = asked(cohort_break, planted(quarters([0.6] * 5 + [0.3] + [0.6] * 4)))
    assert (found.verdict, found.numbers["quarter"]) == ("issue", "2022-06")
    assert found.measured is not None
    assert found.measured.low is not None
    assert found.measured.high is not None
    assert found.measured.low < 0.3 / 2 < found.measured.high
    assert found.measured.compared == pytest.approx(0.6 / 2)
    assert found.numbers["lost_jpy"] == round(0.3 / 2 * 6 * 150 * 1000)
    assert found.yen_effect_jpy is None  # nobody of any quarter buys any more: the months to come bring no less


def test_at_stake_of_a_broken_quarter_is_what_those_would_buy_who_left_it_and_not_its_neighbours() -> None:
    orders = quarters([0.6] * 5 + [0.3] + [0.6] * 4)
    stayed = sorted({one.customer for one in orders if one.customer.startswith(("q3", "q4", "q5"))})
    returned = {name for name, count in Counter(one.customer for one in orders).items() if count > 1}
    orders += [Order(name, dt.date(2023, 10, 1)) for name in stayed if name in returned]
    found = asked(cohort_break, planted(orders))
    assert (found.verdict, found.numbers["quarter"]) == ("issue", "2022-06")
    silent, missing = found.numbers["silent_customers"], found.numbers["missing_customers"]
    assert (silent, missing) == (150 * 0.7, 150 * 0.3)
    others_rate = found.numbers["neighbour_rate"]
    assert isinstance(others_rate, float)
    assert found.yen_effect_jpy == pytest.approx(150 * 0.3 * others_rate * 6 * 1000, abs=1)


def still_buying(orders: list[Order], places: tuple[int, ...], most: int | None = None) -> list[Order]:
    """A purchase in October 2023 of so many in these quarters who came back before."""
    returned = {name for name, count in Counter(one.customer for one in orders).items() if count > 1}
    names = sorted(name for name in returned if int(name[1 : name.index("-")]) in places)
    return [*orders, *(Order(name, dt.date(2023, 10, 1)) for name in names[:most])]


def test_less_than_half_a_customer_missing_is_nobody_and_costs_nothing() -> None:
    """Of 300 in the quarters before the broken one buys now: of the 130 of the broken one 0.43 would."""
    orders = quarters([0.6] * 5 + [0.3] + [0.6] * 4)
    fewer = [one for one in orders if one.customer not in {f"q5-{n:04d}" for n in range(130, 150)}]
    found = asked(cohort_break, planted(still_buying(fewer, (4,), most=1)))
    assert (found.verdict, found.numbers["quarter"]) == ("issue", "2022-06")
    assert found.numbers["missing_customers"] is found.yen_effect_jpy is found.numbers["effect_jpy"] is None


@pytest.mark.parametrize(("language", "after"), [("ja", "後の四半期の顧客並み"), ("en", "the quarters after it, ")])
def test_a_broken_quarter_before_which_there_is_none_is_not_held_against_quarters_before(
    language: str, after: str
) -> None:
    words, rates = Wording.of(language), [0.3] + [0.6] * 9
    found = asked(cohort_break, planted(still_buying(quarters(rates), (1, 2))))
    assert (found.verdict, found.numbers["quarter"]) == ("issue", found.numbers["first_quarter"])
    assert found.numbers["missing_customers"]
    said = " ".join(words.filled(f"cohort_break.{part}.issue", found.numbers) for part in ("title", "comment"))
    assert after in said
    assert not re.search("(?<!の)前の四半期|前後の四半期|before it|around it", said)


def test_a_broken_quarter_names_the_times_whose_rate_it_shows() -> None:
    found = asked(cohort_break, planted(quarters([0.6] * 5 + [0.3] + [0.6] * 4)))
    words = Wording.of("en")
    said = words.filled("cohort_break.title.issue", found.numbers)
    assert words.word(found.numbers["compared_with"]) in said
    alone = quarters([0.6, 0.6, 0.6, 0.3])  # none after the last, and none of its season
    open_house = [Order("s", Month(2021, 1).plus(months).first_day) for months in range(36)]  # shut in no month
    told = asked(cohort_break, planted([*alone, *open_house]))
    assert told.verdict == "issue"
    assert told.numbers["compared_with"] == told.numbers["stayed_like"] == "@cohort_times.before"


@pytest.mark.parametrize(
    "rates",
    [[0.6] * 10, [0.6, 0.6, 0.6, 0.35] * 3, [0.7 - 0.03 * place for place in range(10)]],
    ids=["level", "a season that comes back", "a slow fall"],
)
def test_neither_a_season_nor_a_slow_fall_is_a_break(rates: list[float]) -> None:
    assert asked(cohort_break, planted(quarters(rates))).verdict != "issue"


def test_a_quarter_before_which_the_house_was_closed_is_no_break() -> None:
    """Nobody can buy from October to December 2022; the quarter that ends with September would have returned then."""
    shut = [Month(2022, number) for number in (10, 11, 12)]
    orders = [order for order in quarters([0.6] * 10) if Month.of(order.day) not in shut]
    assert {index_of(month) for month in shut} <= shut_months(planted(orders))
    found = asked(cohort_break, planted(orders))
    assert found.verdict != "issue"
    told = {row["quarter"] for row in found.exhibits[0].rows}
    assert told
    assert not told & {"2022-06", "2022-09"}


# --- where they come from ---------------------------------------------------------------------------------------------

MEDIA = {"W": ("WEB", 0), "T": ("TV", 0), "N": ("新聞", 0), "A": ("AF", 0)}


def year_of(year: int, rates: dict[str, tuple[int, int]], kind: str = "one_off") -> list[Order]:
    """Two quarters of a year: by medium, how many come and how many of them come back."""
    return [
        order
        for month in (2, 5)
        for medium, (size, again) in rates.items()
        for order in cohort(
            size, again, dt.date(year, month, 1), 30, f"{year}{month}{medium}{kind}", medium=medium, kind=kind
        )
    ]


def test_the_medium_with_bad_customers_comes_first_with_its_size_in_the_interval() -> None:
    orders = year_of(2023, {"W": (150, 60), "T": (100, 30), "N": (100, 42), "A": (60, 6)})
    finding = asked(media_quality, planted(orders, media=MEDIA))
    assert (finding.verdict, finding.numbers["medium"]) == ("issue", "AF")
    assert finding.measured is not None
    assert (finding.measured.value, finding.measured.compared) == (0.1, pytest.approx(132 / 350))
    assert finding.measured.low is not None
    assert finding.measured.high is not None
    assert finding.measured.low < 0.1 < finding.measured.high < 132 / 350
    assert finding.yen_effect_jpy == round((132 / 350 - 0.1) * 60 * 1000)
    marks = {row["entry_group"]: row["f2_beside_others"] for row in table(finding, "channels")}
    assert marks["AF"] == "@beside_others.below"
    assert marks["WEB"] != "@beside_others.below"


def test_its_budget_goes_to_the_best_channel_that_brings_as_many() -> None:
    orders = year_of(2023, {"W": (150, 60), "T": (100, 30), "N": (20, 18), "A": (60, 6)})
    finding = asked(media_quality, planted(orders, media=MEDIA))
    assert (finding.numbers["medium"], finding.numbers["best_channel"]) == ("AF", "WEB")


def test_the_channels_add_up_to_the_customers_of_the_f2_rate() -> None:
    orders = year_of(2023, {"W": (40, 10), "T": (35, 9), "unknown": (20, 5)})
    inputs = planted(orders, media=MEDIA)
    by_channel, by_medium = (table(asked(media_quality, inputs), key) for key in ("channels", "media"))
    whole = asked(f2_conversion, inputs).numbers["first_buyers"]
    assert sum(row["new_customers"] for row in by_channel) == sum(row["new_customers"] for row in by_medium) == whole
    assert whole == 190


def test_a_medium_with_fewer_subscribers_is_not_taken_for_one_with_worse_customers() -> None:
    one_off = year_of(2023, {"W": (40, 10), "T": (200, 50)})
    subscribed = year_of(2023, {"W": (200, 180), "T": (40, 36)}, "subscription")
    finding = asked(media_quality, planted(one_off + subscribed, media=MEDIA))
    rates = {row["entry_group"]: row["f2_rate"] for row in table(finding, "channels")}
    assert rates["TV"] < rates["WEB"] / 2
    assert finding.verdict != "issue"


def test_the_first_product_with_bad_customers_is_found() -> None:
    day = dt.date(2023, 2, 1)
    orders = cohort(200, 100, day, 30, "a", product="P1") + cohort(200, 40, day, 30, "b", product="P2")
    finding = asked(entry_products, planted(orders, products={"P1": ("茶", False), "P2": ("菓子", False)}))
    assert (finding.verdict, finding.numbers["product_group"]) == ("issue", "菓子")
    assert finding.numbers["gap_points"] == pytest.approx(0.2 - 0.5, abs=0.01)


def test_a_channel_that_fell_is_found_and_a_fall_of_all_channels_is_none_of_one() -> None:
    before = year_of(2022, {"W": (150, 75), "T": (120, 60), "N": (100, 50)})
    one = before + year_of(2023, {"W": (150, 75), "T": (120, 24), "N": (100, 50)})
    everyone = before + year_of(2023, {"W": (150, 30), "T": (120, 24), "N": (100, 20)})
    found = [asked(media_decline, planted(orders, media=MEDIA)) for orders in (one, everyone)]
    assert [finding.verdict == "issue" for finding in found] == [True, False]
    assert found[0].numbers["channel"] == "TV"
    assert found[0].numbers["gap_points"] == pytest.approx(-0.3)
    mirrored = year_of(2022, {"W": (150, 75), "T": (120, 24), "N": (100, 50)}) + year_of(
        2023, {"W": (150, 75), "T": (120, 60), "N": (100, 50)}
    )
    assert asked(media_decline, planted(mirrored, media=MEDIA)).numbers["channel"] != "TV"


def test_of_five_hundred_houses_whose_media_are_alike_hardly_one_is_told_that_a_medium_is_bad() -> None:
    random = np.random.default_rng(7)
    sizes = random.integers(15, 120, (500, 12, 4))
    second = random.binomial(sizes, np.array([0.15, 0.35, 0.5, 0.85]))
    told = 0
    for of_house, again in zip(sizes.tolist(), second.tolist(), strict=True):
        cells = {
            str(medium): [
                {"stratum": part, "customers": size, "second": bought}
                for part, (size, bought) in enumerate(zip(parts, came, strict=True))
            ]
            for medium, (parts, came) in enumerate(zip(of_house, again, strict=True))
        }
        rest = {name: [cell for other, own in cells.items() if other != name for cell in own] for name in cells}
        found = {
            name: one
            for name, own in cells.items()
            if (one := beside(own, rest[name], lambda sums: proportion(sums["second"], sums["customers"])))
        }
        told += lowest_of(found).verdict == "issue"
    assert told <= 3


@given(st.lists(st.tuples(*map(st.sampled_from, ("abcd", "xyz")), st.integers(1, 9), st.integers(0, 9)), max_size=24))
def test_each_group_beside_the_rest_is_each_beside_the_cells_of_all_others(
    drawn: list[tuple[str, str, int, int]],
) -> None:
    def second(sums: Mapping[str, float]) -> Estimate | None:
        return proportion(sums["second"], sums["customers"])

    groups: dict[str, list[dict[str, Any]]] = {}
    for name, stratum, customers, again in drawn:
        cell = {"group": name, "stratum": stratum, "customers": customers, "second": min(again, customers)}
        groups.setdefault(name, []).append(cell)
    others = {name: [cell for other in groups if other != name for cell in groups[other]] for name in groups}
    one_by_one = {name: beside(own, others[name], second) for name, own in groups.items()}
    assert each_beside_the_rest(groups, second) == {name: one for name, one in one_by_one.items() if one}


def test_a_bad_channel_comes_before_the_unluckiest_of_its_placements_and_a_bad_placement_before_its_channel() -> None:
    def one(rate: float, people: int) -> Beside:
        return Beside(Estimate(rate, 0.02), Estimate(0.4, 0.01), people)

    assert lowest_of({"channel": one(0.2, 600), "channel in May": one(0.15, 100)}).name == "channel"
    assert lowest_of({"channel": one(0.32, 600), "channel in May": one(0.1, 200)}).name == "channel in May"


def test_the_lowest_of_media_alike_is_less_sure_of_its_rate_than_one_that_stands_alone() -> None:
    def width(*rates: float) -> float:
        media = {str(n): Beside(Estimate(rate, 0.02), Estimate(0.4, 0.01), 300) for n, rate in enumerate(rates)}
        measured = lowest_of(media).measured
        return (measured.high or 0) - (measured.low or 0) if measured else 0.0

    assert width(0.2, 0.4, 0.4, 0.4) == pytest.approx(2 * 1.96 * 0.02, abs=1e-4)
    assert width(0.39, 0.4, 0.4, 0.4) == pytest.approx(2 * 2.498 * 0.02, abs=1e-4)


def test_the_interval_of_a_retention_that_few_carry_holds_it() -> None:
    random = np.random.default_rng(3)
    stays, people, held = 0.04, 120, 0
    for _house in range(400):
        bought = random.binomial(6, 0.5, people) * (random.random(people) < stays)
        squares = int((bought**2).sum())
        rate = retention_rate({"bought": int(bought.sum()), "bought_squares": squares, "customers": people})
        held += rate is not None and rate.low <= 0.5 * stays <= rate.high
    assert held >= 0.93 * 400


# --- what they cost ---------------------------------------------------------------------------------------------------


def test_cpo_value_and_payback_are_the_planted_ones() -> None:
    days = [dt.date(2022, 1, 10), dt.date(2022, 2, 10), dt.date(2022, 3, 10)]
    orders = [Order(f"g{n}", day, 1000, medium="M1") for n in range(40) for day in days]
    orders += [Order(f"b{n}", days[0], 1000, medium="M2") for n in range(40)]
    orders += [Order(f"g{n}", dt.date(2022, 6, 1), 0, medium="M1", kind="subscription") for n in range(16)]
    media = {"M1": ("WEB", 80_000), "M2": ("TV", 120_000)}
    finding = asked(media_efficiency, planted(orders, media=media))
    assert finding.verdict == "issue"
    assert (finding.numbers["worst_channel"], finding.numbers["best_channel"]) == ("TV", "WEB")
    rows = {row["entry_group"]: row for row in table(finding, "channels")}
    web, tv = rows["WEB"], rows["TV"]
    assert (web["cpo_jpy"], web["value_12m_jpy"], web["payback_months"]) == (2000, 3000, 2)
    assert (web["subscription_cpo_jpy"], tv["subscription_cpo_jpy"]) == (5000, None)
    assert (tv["cpo_jpy"], tv["value_12m_jpy"], tv["payback_months"]) == (3000, 1000, None)
    assert {row["entry_group"] for row in table(finding, "media")} == {"M1", "M2"}


def test_a_channel_that_does_not_pay_and_brings_nobody_now_is_an_issue_with_an_action_and_numbers_behind_it() -> None:
    """Of 40 new customers in three years a mean half-year brings 40 ÷ 6 of them, each ¥2,000 short of its CPO."""
    orders = [Order(f"b{n}", dt.date(2022, 1, 10), 1000, medium="M2") for n in range(40)]
    finding = asked(media_efficiency, planted(orders, media={"M2": ("TV", 120_000)}))
    assert (finding.verdict, finding.yen_effect_jpy) == ("issue", None)
    assert finding.action is not None
    assert (finding.action.customers, finding.action.expected_jpy) == (7, 13_333)
    assert "（TVなら¥1,000）までに抑える" in action_of(finding, Wording.of("ja")).replace(" ", "")
    assert "(TV: ¥1.00K; 7 new customers" in action_of(finding, Wording.of("en"))


@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_action_on_media_names_the_channels_whose_customers_it_counts(language: str) -> None:
    """TV and WEB both cost more than the ¥1,000 that a customer brings, TV most; of late WEB alone brings anybody."""
    orders = [Order(f"b{n}", dt.date(2022, 1, 10), 1000, medium="M2") for n in range(40)]
    orders += [Order(f"w{n}", dt.date(2022, 1, 10), 1000, medium="M1") for n in range(40)]
    media = {"M1": ("WEB", 60_000), "M2": ("TV", 120_000)}
    idle, words = asked(media_efficiency, planted(orders, media=media)), Wording.of(language)
    assert (idle.numbers["losing_channels"], idle.numbers["usual_customers"]) == (2, 14)
    assert "TV / WEB" in action_of(idle, words)
    orders += [Order(f"r{n}", dt.date(2023, 10, 10), 1000, medium="M3") for n in range(15)]
    runs = asked(media_efficiency, planted(orders, media={**media, "M3": ("WEB", 30_000)}, running={"M3"}))
    assert (runs.numbers["worst_channel"], runs.numbers["usual_customers"]) == ("TV", 15)
    assert "WEB" in action_of(runs, words) and "TV" not in action_of(runs, words)


def test_new_customers_of_a_placement_that_still_runs_are_at_stake_where_its_channel_does_not_pay() -> None:
    """The channel costs ¥3,000 and brings ¥1,000; 15 new customers came by a placement that nobody can judge yet."""
    orders = [Order(f"b{n}", dt.date(2022, 1, 10), 1000, medium="M2") for n in range(40)]
    orders += [Order(f"r{n}", dt.date(2023, 10, 10), 1000, medium="M3") for n in range(15)]
    media = {"M2": ("TV", 120_000), "M3": ("TV", 90_000)}
    finding = asked(media_efficiency, planted(orders, media=media, running={"M3"}))
    assert (finding.verdict, finding.yen_effect_jpy) == ("issue", 15 * 2000)
    assert finding.action is not None
    assert (finding.action.customers, finding.action.expected_jpy) == (15, 30_000)


def test_a_cumulated_curve_does_not_fall_where_only_older_customers_who_bought_less_have_so_many_months() -> None:
    older, later = dt.date(2022, 1, 10), dt.date(2022, 3, 10)
    orders = [Order(f"a{n}", older, 1000, medium="M1") for n in range(40)]
    orders += [Order(f"b{n}", later, 5000, medium="M1") for n in range(40)]
    orders += [Order(f"a{n}", dt.date(2023, 12, 20), 500, medium="M1") for n in range(40)]  # their 24th month
    finding = asked(media_efficiency, planted(orders, media={"M1": ("WEB", 240_000)}))
    (channel,) = table(finding, "channels")
    ratios = [row["ratio"] for row in table(finding, "payback")]
    assert len(ratios) == 24
    assert ratios == sorted(ratios)
    assert ratios[11] == channel["value_12m_jpy"] / channel["cpo_jpy"] == 1.0
    assert ratios[23] == pytest.approx(1.0 + 500 / 3000)


def test_a_channel_short_of_its_cost_by_chance_only_is_no_issue() -> None:
    random = np.random.default_rng(3)
    spent = random.lognormal(8, 1.2, 60)
    orders = [Order(f"c{n}", dt.date(2022, 1, 10), int(jpy), medium="M1") for n, jpy in enumerate(spent)]
    cost = round(float(spent.sum()) * 1.05)
    media = {"M1": ("TV", cost)}
    assert asked(media_efficiency, planted(orders, media=media)).verdict == "undetermined"
    steady = [Order(f"c{n}", dt.date(2022, 1, 10), 950 + n, medium="M1") for n in range(60)]
    short = {"M1": ("TV", 60 * 1050)}
    assert asked(media_efficiency, planted(steady, media=short)).verdict == "issue"


def test_without_media_costs_the_question_is_left_out() -> None:
    inputs = planted(cohort(5, 1, dt.date(2022, 1, 1), 20))
    assert media_efficiency(inputs) is None
    assert media_quality(inputs) is None


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_budget_is_moved_to_a_channel_that_does_not_earn_its_cost_either(language: str) -> None:
    """TV costs ¥3,000 and WEB ¥1,500 for a customer who brings ¥1,000; TV still runs and brought 15 of late."""
    orders = [Order(f"b{n}", dt.date(2022, 1, 10), 1000, medium="M2") for n in range(40)]
    orders += [Order(f"w{n}", dt.date(2022, 1, 10), 1000, medium="M1") for n in range(40)]
    orders += [Order(f"r{n}", dt.date(2023, 10, 10), 1000, medium="M3") for n in range(15)]
    media = {"M1": ("WEB", 60_000), "M2": ("TV", 120_000), "M3": ("TV", 90_000)}
    finding = asked(media_efficiency, planted(orders, media=media, running={"M3"}))
    assert (finding.verdict, finding.numbers["worst_channel"], finding.numbers["better_channel"]) == (
        "issue",
        "TV",
        None,
    )
    words = Wording.of(language)
    said = action_of(finding, words)
    assert "WEB" not in said
    assert words.formatted(15, "count") in said and words.text("shortfall_basis.lately") in said
    earns = asked(media_efficiency, planted(orders, media={**media, "M1": ("WEB", 20_000)}, running={"M3"}))
    assert "WEB" in action_of(earns, words)


def test_a_channel_that_was_judged_is_not_called_the_lowest_where_another_has_the_lower_rate() -> None:
    """Of two groups only the large one would show a gap, so it is judged, although the small one has the lower rate."""
    sure, small = Estimate(0.40, 0.02), Estimate(0.35, 0.15)
    others = Estimate(0.38, 0.02)
    judged = lowest_of({"large": Beside(sure, others, 600), "small": Beside(small, others, 40)})
    assert (judged.name, judged.verdict) == ("large", "healthy")
    for language, lowest in (("ja", "最も低い"), ("en", "lowest")):
        words = Wording.of(language)
        for key in ("media_quality", "media_decline", "entry_products"):
            for text in (words.texts[f"{key}.measure"], words.texts[f"{key}.title.healthy"]):
                assert lowest not in text, (key, text)


def test_cohorts_of_a_young_history_are_not_told_as_a_year() -> None:
    """Nine months of data, of which three have 180 days behind them."""
    orders = [
        Order(f"{medium}{month}-{n}", dt.date(2023, month, 5), medium=medium)
        for month in range(4, 13)
        for medium in ("M1", "M2")
        for n in range(30)
    ]
    media = {"M1": ("WEB", 10_000), "M2": ("TV", 10_000)}
    finding = asked(media_quality, newcomer_inputs(orders, AS_OF, first_month=Month(2023, 4), media=media))
    assert finding.numbers["cohort_months"] == 3
    words = Wording.of("ja")
    assert "3ヶ月" in words.filled("media_quality.exhibits.rates.title", finding.numbers)
