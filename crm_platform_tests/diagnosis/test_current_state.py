import dataclasses
import datetime as dt
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import ibis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.diagnosis.current_state import (
    buyer_kinds,
    customer_list,
    profitability,
    purchasing_power,
    retention_power,
    value_segments,
)
from crm_platform.diagnosis.current_state.buyer_kinds import kind_rows, large_starts
from crm_platform.diagnosis.current_state.customer_list import printed_powers
from crm_platform.diagnosis.current_state.customer_states import customer_powers
from crm_platform.diagnosis.current_state.half_years import past_of_buyers
from crm_platform.diagnosis.current_state.levelled_customers import crossed
from crm_platform.diagnosis.current_state.profitability import action_rows
from crm_platform.diagnosis.current_state.profitability import level_rows as profit_rows
from crm_platform.diagnosis.current_state.purchasing_power import cross_rows
from crm_platform.diagnosis.current_state.purchasing_power import level_rows as purchasing_rows
from crm_platform.diagnosis.current_state.retention_power import half_year_rates, level_rows
from crm_platform.diagnosis.current_state.value_segments import class_rows, former_error_rate
from crm_platform.diagnosis.finding import Diagnosis, Finding
from crm_platform.diagnosis.groundwork.concentration import lorenz_rows, top_shares
from crm_platform.diagnosis.groundwork.season_ahead import weak_season_ahead
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month, months_between
from crm_platform.reports.sections import title_of
from crm_platform.reports.wording import Wording
from crm_platform.tables.facts import CUSTOMER_MONTHS
from crm_platform.tables.table import WHOLE
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders

AS_OF = dt.date(2023, 12, 31)


@pytest.fixture(scope="module")
def two_kinds() -> DiagnosisInputs:
    """Eighty buy every month, for little or much; two hundred bought once, twenty again; a hundred never did."""
    months = [Month(2022, 1).plus(number) for number in range(24)]
    loyal = [Order(f"l{n:03d}", month.first_day, (1_000, 5_000)[n % 2]) for n in range(80) for month in months]
    once = [Order(f"o{n:03d}", dt.date(2022, 1 + n % 6, 3), 9_000) for n in range(200)]
    again = [Order(f"o{n:03d}", dt.date(2023, 2 + n // 10 % 2 * 6, 3), 9_000) for n in range(0, 200, 10)]
    registered = {f"n{n:03d}": dt.date(2022, 1, 1) for n in range(100)}
    return planted_inputs([*loyal, *once, *again], AS_OF, registered=registered)


@pytest.fixture(scope="module")
def mirrored() -> tuple[DiagnosisInputs, DiagnosisInputs]:
    """Four hundred begin in March of each year; 80 % and then 50 % of them come back in August, and the mirror."""

    def house(rates: tuple[float, float]) -> DiagnosisInputs:
        orders = [Order(f"u{n}", dt.date(2020, 1, 5), 400) for n in range(850)]
        for year, rate in zip((2022, 2023), rates, strict=True):
            orders += [Order(f"{year}-{n}", dt.date(year, 3, 1)) for n in range(400)]
            orders += [Order(f"{year}-{n}", dt.date(year, 8, 1), 3_000) for n in range(round(400 * rate))]
        return planted_inputs(orders, AS_OF)

    return house((0.8, 0.5)), house((0.5, 0.8))


@pytest.fixture(scope="module")
def inputs() -> DiagnosisInputs:
    return planted_inputs(random_orders(250, 48, seed=7), AS_OF, first_month=Month(2020, 1))


def test_every_cut_of_the_customers_adds_up_to_all_of_them(inputs: DiagnosisInputs) -> None:
    customers = inputs.history.count().to_pyarrow().as_py()
    buyers = inputs.buyers.count().to_pyarrow().as_py()
    offered = action_rows(crossed(inputs), customer_powers(inputs))
    cuts = (level_rows(inputs), purchasing_rows(inputs), profit_rows(inputs), offered, class_rows(inputs))
    for found in cuts:
        assert sum(row["customers"] for row in found) == customers
    assert sum(row["customers"] for row in kind_rows(inputs)) == buyers


def test_the_margins_of_retention_by_purchasing_power_are_the_levels_of_either(inputs: DiagnosisInputs) -> None:
    *table, sums = cross_rows(inputs)
    assert {row["level"]: row["power_all"] for row in table} == {
        row["level"]: row["customers"] for row in level_rows(inputs)
    }
    margins = {f"@purchasing_level.{name[-1]}": sums[name] for name in sums if name not in ("level", "power_all")}
    assert margins == {row["level"]: row["customers"] for row in purchasing_rows(inputs)}
    assert sums["power_all"] == inputs.history.count().to_pyarrow().as_py()
    assert all(row["power_all"] == sum(row[name] for name in row if name[-1].isdigit()) for row in table)


def test_levels_have_actual_figures_that_fall_with_intervals_that_do_not_overlap(two_kinds: DiagnosisInputs) -> None:
    for rows in (level_rows(two_kinds), purchasing_rows(two_kinds)):
        assert len(rows) >= 2
        for upper, lower in pairwise(rows):
            assert upper["low"] <= upper["actual"] <= upper["high"]
            assert upper["low"] > lower["high"]


def test_the_list_of_customers_counts_what_the_report_counts(inputs: DiagnosisInputs) -> None:
    listed = _listed(inputs)
    assert [row["customer_id"] for row in listed] == sorted(inputs.history.customer_id.to_pyarrow().to_pylist())
    for name, prefix, rows in (
        ("retention_level", "retention_level", level_rows(inputs)),
        ("purchasing_level", "purchasing_level", purchasing_rows(inputs)),
        ("profit_level", "profit_level", profit_rows(inputs)),
    ):
        counted = Counter(f"@{prefix}.{row[name]}" for row in listed)
        assert {row["level"]: counted[row["level"]] for row in rows} == {row["level"]: row["customers"] for row in rows}
    foreseen = {row["customer_id"]: row for row in inputs.forecasts.to_pyarrow().to_pylist()}
    for name in ("expected_sales_jpy", "sales_p10_jpy", "sales_p90_jpy"):
        assert [row[name] for row in listed] == [foreseen[row["customer_id"]][name] for row in listed]
    offered = Counter(f"@power_action.{row['action']}" for row in listed)
    found = action_rows(crossed(inputs), customer_powers(inputs))
    assert {row["action"]: offered[row["action"]] for row in found} == {r["action"]: r["customers"] for r in found}


def test_a_client_that_looks_a_customer_up_in_the_printed_tables_finds_its_levels(two_kinds: DiagnosisInputs) -> None:
    retention, purchasing = (_through_json(question(two_kinds)) for question in (retention_power, purchasing_power))
    by_silence = next(each.rows for each in retention.exhibits if each.key == "rule")
    by_value = next(each.rows for each in purchasing.exhibits if each.key == "rule")
    known = {row["customer_id"]: row for row in two_kinds.history.to_pyarrow().to_pylist()}
    for row in _listed(two_kinds):
        who = known[row["customer_id"]]
        bought, days = who["purchase_days"], who["gap_days"]
        count = next(floor for floor in (10, 6, 3, 2, 1, 0) if bought >= floor)
        silence = next(ceiling for ceiling in (30, 90, 180, 365, 730, 9999) if days <= ceiling)
        value_jpy = who["sales_jpy"] / bought if bought else 0
        line = next(each for each in by_silence if each["purchases"] == f"@purchases_from.{count}")
        band = next(each for each in by_value if value_jpy >= each["value_from_jpy"])
        assert line[f"to_{silence}"] == f"@retention_level.{row['retention_level']}"
        assert band[f"from_{max(count, 1)}"] == f"@purchasing_level.{row['purchasing_level']}"


def test_the_rules_that_are_printed_are_the_rules_that_were_applied(inputs: DiagnosisInputs) -> None:
    retention, purchasing = (_through_json(question(inputs)) for question in (retention_power, purchasing_power))
    printed, applied = printed_powers(retention, purchasing), customer_powers(inputs)
    assert printed.value_floors_jpy == applied.value_floors_jpy
    for ours, theirs in ((printed.retention, applied.retention), (printed.purchasing, applied.purchasing)):
        assert dict(ours.level_of) == dict(theirs.level_of)
        assert [ours.is_high(level) for level in ours.numbers] == [theirs.is_high(level) for level in theirs.numbers]


def _listed(inputs: DiagnosisInputs) -> list[dict[str, object]]:
    findings = [_through_json(question(inputs)) for question in (retention_power, purchasing_power, profitability)]
    listed = customer_list(findings, inputs.history, inputs.forecasts, inputs.segments)
    assert listed is not None
    return listed.order_by("customer_id").to_pyarrow().to_pylist()


def _through_json(finding: Finding | None) -> Finding:
    """As the deliverables read it: from the stored diagnosis."""
    assert finding is not None
    diagnosis = Diagnosis("c", "2023-12", "2023-12-31", "2020-01", {}, (finding,))
    return Diagnosis.from_json(json.loads(json.dumps(diagnosis.to_json()))).findings[0]


@pytest.mark.parametrize("question", [retention_power, profitability, buyer_kinds])
def test_mirroring_the_years_flips_the_verdict(
    mirrored: tuple[DiagnosisInputs, DiagnosisInputs], question: Callable[[DiagnosisInputs], Finding | None]
) -> None:
    fallen, risen = (question(inputs) for inputs in mirrored)
    assert fallen is not None
    assert risen is not None
    assert (fallen.verdict, risen.verdict) == ("issue", "healthy")
    assert (fallen.yen_effect_jpy or 0) > 0
    assert risen.yen_effect_jpy is None


def test_what_a_fall_is_worth_is_the_planted_amount(mirrored: tuple[DiagnosisInputs, DiagnosisInputs]) -> None:
    retention, profit, large = (question(mirrored[0]) for question in (retention_power, profitability, buyer_kinds))
    assert retention is not None
    assert retention.yen_effect_jpy == round(0.3 * 400 * 1_000)  # what the lost spend in half a year
    assert profit is not None
    assert profit.numbers["followed_jpy"] == 0.5 * 3_000
    assert profit.numbers["repeat_rate"] * profit.numbers["per_repeater_jpy"] == profit.numbers["followed_jpy"]
    assert profit.yen_effect_jpy == round(0.3 * 400 * 3_000)
    assert large is not None
    assert large.numbers["change_points"] == pytest.approx(-0.3)
    assert large.yen_effect_jpy == round(0.3 * 400 * 1_000 / 2)


def test_the_rate_of_a_level_is_what_its_customers_of_six_months_ago_did_and_its_size_that_of_today(
    two_kinds: DiagnosisInputs,
) -> None:
    """Ten of the two hundred bought in the second half of 2023, none of the hundred who never had."""
    top, *_, low = level_rows(two_kinds)
    assert (top["actual"], top["customers"]) == (1.0, 80)
    assert (low["actual"], low["customers"]) == (pytest.approx(10 / 300), 300)


def test_high_retention_is_offered_more_and_low_retention_continued_use_for_every_customer(
    two_kinds: DiagnosisInputs,
) -> None:
    offered = {"l": {"add_related", "add_volume"}, "o": {"keep_personal", "keep_light"}, "n": {"keep_light"}}
    listed = _listed(two_kinds)
    assert len(listed) == 380
    assert [row for row in listed if row["action"] not in offered[str(row["customer_id"])[0]]] == []


def test_a_month_of_fewer_than_thirty_people_has_one_level_nobody_high_and_no_verdict() -> None:
    orders = [Order(f"c{n}", dt.date(2023, 12, 1), 1600 if n < 4 else 100) for n in range(29)]
    inputs = planted_inputs(orders, AS_OF)
    (level,) = level_rows(inputs)
    assert (level["customers"], level["actual"]) == (29, None)
    offered = {row["action"]: row["customers"] for row in action_rows(crossed(inputs), customer_powers(inputs))}
    assert offered["@power_action.keep_light"] == 29
    for question in (purchasing_power, profitability, buyer_kinds):
        few = question(inputs)
        assert few is not None
        assert (few.verdict, few.yen_effect_jpy) == ("undetermined", None)


# --- concentration ----------------------------------------------------------------------------------------------------


def _spending(inputs: DiagnosisInputs, *years: Sequence[int]) -> DiagnosisInputs:
    """The inputs with these amounts instead, customer by customer, in June of each year up to 2023."""
    first = 2024 - len(years)
    rows = [(f"c{n}", dt.date(first + at, 6, 1), jpy) for at, year in enumerate(years) for n, jpy in enumerate(year)]
    customers, months, amounts = zip(*rows, strict=True)
    facts = {name: [1] * len(rows) for name in CUSTOMER_MONTHS.names if CUSTOMER_MONTHS[name].type is WHOLE}
    given = {"customer_id": customers, "month": months, "sales_jpy": amounts, "first_ordered_on": months}
    table = CUSTOMER_MONTHS.from_columns({**facts, **given})
    return dataclasses.replace(inputs, customer_months=ibis.memtable(table))


def _beyond_the_first_year(inputs: DiagnosisInputs, *years: Sequence[int]) -> DiagnosisInputs:
    """The spending of the last three years, with a first year of data before them."""
    return dataclasses.replace(
        _spending(inputs, years[0], *years), months=months_between(Month(2020, 1), Month(2023, 12))
    )


def test_twenty_percent_of_buyers_with_eighty_percent_of_sales_meet_the_mark(inputs: DiagnosisInputs) -> None:
    finding = purchasing_power(_spending(inputs, [1600] * 100 + [100] * 400))
    assert finding is not None
    assert (finding.numbers["top_20_share_rate"], finding.numbers["gap_points"]) == (0.8, 0.0)


def test_a_top_fifth_that_falls_is_an_issue_and_one_that_never_reached_the_mark_is_none(
    inputs: DiagnosisInputs,
) -> None:
    random = np.random.default_rng(3)
    steep, flat = (np.round(random.lognormal(8, spread, 2_000)).astype(int).tolist() for spread in (1.3, 1.0))
    fallen, lasting = (
        purchasing_power(_beyond_the_first_year(inputs, *years)) for years in ((steep, steep, flat), (flat, flat, flat))
    )
    assert fallen is not None
    assert lasting is not None
    assert (fallen.verdict, lasting.verdict) == ("issue", "healthy")
    assert (fallen.yen_effect_jpy or 0) > 0
    assert lasting.numbers["top_20_share_rate"] < 0.7


def test_the_top_share_is_that_of_the_curve_and_its_error_that_of_resampled_customers(inputs: DiagnosisInputs) -> None:
    random = np.random.default_rng(3)
    spent = np.round(random.lognormal(8, 0.5, 2_000)).astype(int)
    house = _spending(inputs, spent.tolist())
    *_, (_month, share) = top_shares(house)
    assert share.value == next(p["sales_rate"] for p in lorenz_rows(house) if p["customers_rate"] == 0.2)
    drawn = np.sort(spent[random.integers(0, len(spent), (600, len(spent)))], axis=1)
    resampled = drawn[:, -len(spent) // 5 :].sum(axis=1) / drawn.sum(axis=1)
    assert share.error == pytest.approx(resampled.std(), rel=0.1)


@given(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=40), min_size=1, max_size=4))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_top_share_of_any_year_counts_whole_customers_ties_included(
    inputs: DiagnosisInputs, years: list[list[int]]
) -> None:
    found = top_shares(_spending(inputs, *years))
    tops = [sum(sorted(year, reverse=True)[: -(-len(year) // 5)]) / sum(year) for year in years]
    assert [share.value for _, share in found] == pytest.approx(tops)
    assert [month for month, _ in found] == [f"{2024 - len(years) + at}-12" for at in range(len(years))]


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
    printed = {row["kind"]: row for row in finding.exhibits[1].rows}
    assert printed["@buyer_kind.stalled"]["value_least_jpy"] == 2 * finding.numbers["median_order_jpy"]
    assert printed["@buyer_kind.frequent_small"]["purchases_least"] == 4


def test_only_a_large_first_purchase_followed_within_180_days_counts_as_continued() -> None:
    usual = [Order(f"u{n}", dt.date(2020, 1, 5), 1_000) for n in range(60)]
    starts = [Order(name, dt.date(2022, 8, 1), jpy) for name, jpy in (("a", 9_000), ("b", 9_000), ("c", 1_000))]
    later = [Order("a", dt.date(2022, 8, 1) + dt.timedelta(179), 1), Order("b", dt.date(2023, 1, 28), 9_000)]
    *_, last = large_starts(planted_inputs([*usual, *starts, *later], AS_OF))
    assert (last.month, last.customers, last.continued, last.first_jpy) == ("2023-06", 2, 1, 18_000)


def test_a_first_purchase_is_large_by_itself_whatever_was_bought_or_returned_in_the_rest_of_its_month() -> None:
    usual = [Order(f"u{n}", dt.date(2020, 1, 5), 1_000) for n in range(60)]
    first = dt.date(2022, 8, 1)
    large = [Order("large", first, 9_000), *(Order("large", first + dt.timedelta(n), 100) for n in (5, 9, 14, 19))]
    small = [Order("small", first, 1_000), Order("small", first + dt.timedelta(20), 30_000)]
    *_, last = large_starts(planted_inputs([*usual, *large, *small], AS_OF))
    assert (last.customers, last.continued, last.first_jpy) == (1, 1, 9_000)


def test_the_year_before_is_a_year_before_even_where_a_half_year_was_without_buyers() -> None:
    """Open in 2021 and from 2023 on: the half-years of 2021 are no year before those of 2023."""
    orders = [Order(f"c{n}", dt.date(year, month, 5)) for year in (2021, 2023) for month in (3, 9) for n in range(40)]
    halves = half_year_rates(planted_inputs(orders, AS_OF, first_month=Month(2021, 1)))
    assert [half["month"] for half in halves] == ["2023-12"]


def test_the_half_year_repeat_rate_is_the_planted_one() -> None:
    first = [Order(f"c{n}", dt.date(2023, 3, 1)) for n in range(10)]
    again = [Order(f"c{n}", dt.date(2023, 9, 1)) for n in range(4)]
    (*_, last) = half_year_rates(planted_inputs(first + again, AS_OF, first_month=Month(2023, 1)))
    assert (last["buyers"], last["repeat_rate"]) == (10, 0.4)


def test_existing_customers_are_those_who_had_bought_in_the_twelve_months_before() -> None:
    orders = [
        Order("known", dt.date(2022, 6, 1), 10),
        Order("known", dt.date(2023, 3, 1), 500),
        Order("known", dt.date(2023, 9, 1), 100),
        Order("too old", dt.date(2021, 6, 1), 10),
        Order("too old", dt.date(2023, 3, 1), 70),
        Order("new", dt.date(2023, 9, 1), 7000),
    ]
    existing = past_of_buyers(planted_inputs(orders, AS_OF, first_month=Month(2021, 1)))[1]
    assert existing.lately_jpy is not None
    assert existing.lately_jpy.value == (500 + (100 + 0)) / 2
    assert existing.lately_jpy.error == pytest.approx(600 / 2)
    assert [(month, half.value) for month, half in existing.points] == [("2022-12", 0.0), ("2023-12", 300.0)]


def test_an_expectation_without_a_record_of_former_ones_is_no_verdict_and_a_clear_fall_with_one_is_an_issue() -> None:
    """Everyone bought until a year ago, and since then hardly: the simple forecast expects little."""
    orders = [Order(f"c{n}", dt.date(2022, month, 1), 9_000) for n in range(80) for month in (1, 5, 9)]
    orders += [Order(f"c{n}", dt.date(2023, month, 1), 9_000) for n in range(80) for month in (1, 2)]
    orders += [Order(f"c{n}", dt.date(2023, 12, 1), 10) for n in range(3)]
    inputs = planted_inputs(orders, AS_OF)
    least = dataclasses.replace(inputs, segments=inputs.segments.mutate(expected_sales_jpy=100.0))
    told = {"origins": [{"bias": 0.97}, {"bias": 1.04}, {"bias": None}]}
    assert former_error_rate(told) == pytest.approx(math.sqrt((0.03**2 + 0.04**2) / 2))
    unknown, fallen = (value_segments(dataclasses.replace(least, backtest=each)) for each in (None, told))
    assert unknown is not None
    assert fallen is not None
    assert (unknown.verdict, unknown.yen_effect_jpy) == ("undetermined", None)
    assert (fallen.verdict, fallen.yen_effect_jpy) == ("issue", fallen.numbers["former_sales_jpy"] - 80 * 100)


def test_what_is_foreseen_for_a_weak_season_is_held_against_the_same_season() -> None:
    """Everyone buys for 9,000 each autumn and for 1,000 each spring, and no more is foreseen of the spring to come."""
    days = [(dt.date(year, month, 1), jpy) for year in (2021, 2022, 2023) for month, jpy in ((3, 1_000), (9, 9_000))]
    orders = [Order(f"c{n}", day, jpy) for n in range(80) for day, jpy in days]
    inputs = planted_inputs(orders, AS_OF)
    foreseen = inputs.segments.mutate(expected_sales_jpy=1_000.0)
    inputs = dataclasses.replace(inputs, segments=foreseen, backtest={"origins": [{"bias": 1.05}, {"bias": 0.95}]})
    months = [0.2] * 6 + [1.8] * 6

    def told(supported: bool) -> Finding:
        season = {"months": months, "supported": supported, "first_on": "2021-03-01", "notes": []}
        finding = value_segments(
            dataclasses.replace(inputs, forecast_model={"season": season, "horizon_days": 182, "notes": []})
        )
        assert finding is not None
        return finding

    known, unknown = told(True), told(False)
    assert (unknown.verdict, unknown.numbers["former_sales_jpy"]) == ("issue", 80 * 5_000)
    assert known.verdict != "issue"
    assert known.yen_effect_jpy is None
    assert known.numbers["season_rate"] == pytest.approx(0.2, rel=0.02)
    assert known.threshold == pytest.approx(80 * 1_000, rel=0.02)


def test_a_weak_season_ahead_is_told_of_the_half_year_before_it_only() -> None:
    season = {"months": [0.2] * 6 + [1.8] * 6, "supported": True, "first_on": "2021-03-01", "notes": []}
    model = {"season": season, "horizon_days": 182}
    assert weak_season_ahead(model, dt.date(2023, 12, 31)) == pytest.approx(0.2 / 1.8, rel=0.05)
    assert weak_season_ahead(model, dt.date(2023, 6, 30)) is None
    assert weak_season_ahead({**model, "season": {**season, "supported": False}}, dt.date(2023, 12, 31)) is None
    assert weak_season_ahead(None, dt.date(2023, 12, 31)) is None


def test_every_answer_says_what_it_measures_from_where_and_whom_to_contact(inputs: DiagnosisInputs) -> None:
    for question in (retention_power, purchasing_power, profitability, value_segments, buyer_kinds):
        finding = question(inputs)
        assert finding is not None
        assert finding.measured is not None
        assert finding.measured.low is not None
        assert finding.measured.high is not None
        assert finding.measured.low <= finding.measured.value <= finding.measured.high
        assert finding.trend is not None or question is buyer_kinds  # two years make no line
        assert finding.action is not None
        assert finding.sources


def test_where_nobody_repays_a_contact_the_title_names_no_share() -> None:
    inputs = planted_inputs([Order(f"c{n}", dt.date(2023, 12, 1), 10) for n in range(3)], AS_OF)
    finding = profitability(inputs)
    assert finding is not None
    assert (finding.numbers["paying_customers"], finding.numbers["coverage_rate"]) == (0, None)
    assert title_of(finding, Wording.of("en")) == "None of the 3 customers repays a contact yet"


# --- a house whose customers cannot be told apart ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def all_alike() -> DiagnosisInputs:
    """Forty come each month for two years, each for one order of the same amount: one level of either power."""
    months = [Month(2022, 1).plus(number) for number in range(24)]
    return planted_inputs(
        [Order(f"c{m}-{n}", month.first_day) for m, month in enumerate(months) for n in range(40)], AS_OF
    )


@pytest.mark.parametrize("language", ["ja", "en"])
def test_where_there_is_one_level_no_sentence_names_a_highest_and_a_lowest_nor_an_empty_group(
    all_alike: DiagnosisInputs, language: str
) -> None:
    retention, purchasing = retention_power(all_alike), purchasing_power(all_alike)
    assert retention is not None
    assert purchasing is not None
    assert (retention.numbers["levels"], purchasing.numbers["levels"], purchasing.numbers["strong_customers"]) == (
        1,
        1,
        0,
    )
    words = Wording.of(language)
    for verdict in ("healthy", "issue"):
        told = words.known_sentences(f"purchasing_power.comment.{verdict}", purchasing.numbers)
        assert words.formatted(purchasing.numbers["benchmark_rate"], "rate") in told
        for absent in (words.formatted(0, "count") + {"ja": "人を", "en": " who"}[language], "最上位", "top level"):
            assert absent not in told
    for finding in (retention, purchasing):
        assert not words.knows(f"{finding.key}.exhibits.rule.title", finding.numbers), "a rule that tells nobody apart"
        table = words.filled(f"{finding.key}.exhibits.level_table.title", finding.numbers)
        assert words.text("level_split.one") in table


def test_the_first_half_year_of_a_history_is_worth_an_order_each_and_not_nothing() -> None:
    orders = [Order(f"c{n}", dt.date(2023, 10, 1), 1_000) for n in range(50)]
    finding = retention_power(planted_inputs(orders, AS_OF))
    assert finding is not None
    assert finding.action is not None
    assert finding.action.expected_jpy == round(50 * 0.05 * 1_000)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_where_there_is_one_level_nothing_says_which_level_is_high_and_nothing_is_crossed(
    all_alike: DiagnosisInputs, language: str
) -> None:
    words = Wording.of(language)
    for finding, line in (
        (retention_power(all_alike), "high_from_rate"),
        (purchasing_power(all_alike), "high_from_jpy"),
    ):
        assert finding is not None
        assert line not in words.texts[f"{finding.key}.exhibits.level_table.note"]
        assert line in words.texts[f"{finding.key}.exhibits.rule.note"], "where the rule is shown, so is its line"
        assert not [exhibit for exhibit in finding.exhibits if exhibit.key == "cross" and exhibit.rows]
