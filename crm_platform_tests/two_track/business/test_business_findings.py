"""The findings of the business room: planted shares and LTVs, the golden case, and words for every verdict."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pytest

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.facts.order_kinds import one_off_sales_at_share_jpy
from crm_platform.periods import Month
from crm_platform.reports import Wording
from crm_platform.tables.two_track import TWO_TRACK_VALUES
from crm_platform.two_track.business import (
    bulk_dependence,
    business_case,
    one_off_scenarios,
    one_off_share,
    two_track_ltv,
)
from crm_platform.two_track.business.business_case import subscribers_now
from crm_platform_tests.two_track.business.shop import Line, cells_of, client_of, inputs_of, stored, year_of
from crm_platform_tests.two_track.business.test_reference_cases import TINY, others, tiny_client

OWN = stored(business_case(year_of(cells_of("stopped", [(400, 40)] * 15 + [(400, 120)] * 15)), client_of(), []))
INFERRED = stored(business_case(TINY, tiny_client(), others(0.1, 0.2, 0.4)))


def bought(year: int, customers: int, kind: str, jpy: int, **said: Any) -> list[Line]:
    return [Line(f"{kind}{n:04d}", dt.date(year, 1 + n % 12, 5), kind, jpy, **said) for n in range(customers)]


def asked(question: Any, inputs: DiagnosisInputs) -> Finding:
    found = question(inputs)
    assert isinstance(found, Finding)
    for language in ("ja", "en"):
        wording = Wording.of(language)
        for text in ("title", "comment"):
            assert wording.filled(f"{found.key}.{text}.{found.verdict}", found.numbers)
        title = wording.filled(f"{found.key}.title.{found.verdict}", found.numbers)
        assert language == "en" or len(title) <= 60, title
        for exhibit in found.exhibits:
            assert wording.filled(f"{found.key}.exhibits.{exhibit.key}.title", found.numbers)
            for row in exhibit.rows:
                assert all(
                    wording.word(value) for name, value in row.items() if name != "channel" and value is not None
                )
            for name, _unit in exhibit.columns:
                assert wording.has(f"{found.key}.exhibits.{exhibit.key}.columns.{name}") or wording.has(
                    f"columns.{name}"
                )
    return found


# --- the share --------------------------------------------------------------------------------------------------------


def test_subscribers_are_those_who_run_and_those_who_stopped_and_no_other_number_of_the_case() -> None:
    further = {"number": "@two_track_number.others_now", "customers": 7}
    assert subscribers_now({**OWN, "numbers": [*OWN["numbers"], further]}) == subscribers_now(OWN) == 30 * 400


def test_the_golden_case_two_billion_at_ten_percent_is_two_hundred_million() -> None:
    assert one_off_sales_at_share_jpy(2_000_000_000, 0.10) == 200_000_000
    lines = bought(2023, 90, "subscription", 20_000_000) + bought(2023, 10, "one_off", 20_000_000)
    finding = asked(one_off_share, inputs_of(lines, two_track_business=OWN))
    assert finding.numbers["two_track_jpy"] == 2_000_000_000
    assert finding.numbers["share_rate"] == 0.10
    assert finding.numbers["one_off_jpy"] == finding.numbers["pillar_jpy"] == 200_000_000


@pytest.mark.parametrize("language", ["ja", "en"])
def test_of_a_pillar_that_is_reached_nothing_is_told_as_if_it_were_to_come(language: str) -> None:
    wording = Wording.of(language)
    for one_off_jpy, is_told in ((20_000_000, True), (90_000_000, False)):
        lines = bought(2023, 90, "subscription", 20_000_000) + bought(2023, 10, "one_off", one_off_jpy)
        found = asked(one_off_share, inputs_of(lines, two_track_business=OWN))
        comment = wording.known_sentences(f"one_off_share.comment.{found.verdict}", found.numbers)
        assert (wording.formatted(found.numbers["pillar_jpy"], "yen") in comment) == is_told


def test_a_share_that_fell_is_an_issue_its_mirror_healthy_and_bulk_sales_are_no_part_of_it() -> None:
    subscribed = [line for year in (2022, 2023) for line in bought(year, 400, "subscription", 4_000)]
    many, few = 300, 120

    bulk = bought(2023, 50, "bulk", 99_000)

    def of(before: int, now: int) -> Finding:
        lines = subscribed + bought(2022, before, "one_off", 5_000) + bought(2023, now, "one_off", 5_000)
        return asked(one_off_share, inputs_of([*lines, *bulk], two_track_business=OWN))

    fell, rose = of(many, few), of(few, many)
    assert [finding.verdict for finding in (fell, rose)] == ["issue", "healthy"]
    assert fell.numbers["share_rate"] == pytest.approx(few * 5_000 / (few * 5_000 + 1_600_000))
    assert fell.numbers["two_track_jpy"] == few * 5_000 + 1_600_000
    assert fell.yen_effect_jpy == (many - few) * 5_000 // 2


def test_a_share_that_rises_because_subscriptions_fall_is_not_called_healthy() -> None:
    lines = bought(2022, 600, "subscription", 4_000) + bought(2023, 60, "subscription", 4_000)
    lines += bought(2022, 300, "one_off", 5_000) + bought(2023, 120, "one_off", 5_000)
    finding = asked(one_off_share, inputs_of(lines, two_track_business=OWN))
    assert finding.numbers["change_points"] is not None
    assert float(finding.numbers["change_points"]) > 0.1
    assert finding.verdict == "issue"


def test_where_inferred_a_share_is_counted_but_neither_judged_nor_given_an_interval() -> None:
    lines = bought(2022, 400, "subscription", 4_000) + bought(2023, 400, "subscription", 4_000)
    lines += bought(2022, 300, "one_off", 5_000) + bought(2023, 5, "one_off", 5_000)
    finding = asked(one_off_share, inputs_of(lines, two_track_business=INFERRED))
    assert (finding.verdict, finding.measured, finding.trend) == ("undetermined", None, None)
    (years,) = (exhibit for exhibit in finding.exhibits if exhibit.key == "years")
    assert {row["low_rate"] for row in years.rows} == {None}
    assert finding.numbers["one_off_jpy"] == 25_000


# --- the scenarios ----------------------------------------------------------------------------------------------------


def test_room_that_own_groups_prove_is_an_issue_worth_half_a_year_of_the_expected_scenario() -> None:
    finding = asked(one_off_scenarios, inputs_of(bought(2023, 2, "one_off", 1_000), two_track_business=OWN))
    numbers = finding.numbers
    assert finding.verdict == "issue"
    gain = float(numbers["expected_sales_jpy"] or 0) - float(numbers["cautious_sales_jpy"] or 0)
    assert finding.yen_effect_jpy == round(gain / 2)
    assert finding.action is not None
    assert finding.action.customers == 6_000


def test_inferred_scenarios_are_not_judged_and_each_number_is_printed_with_its_source() -> None:
    finding = asked(one_off_scenarios, inputs_of(bought(2023, 2, "one_off", 1_000), two_track_business=INFERRED))
    assert (finding.verdict, finding.measured, finding.action, finding.yen_effect_jpy) == (
        "undetermined",
        None,
        None,
        None,
    )
    tables = {exhibit.key: exhibit for exhibit in finding.exhibits}
    for key in ("scenario_table", "numbers"):
        assert all(row["number_source"] in SOURCES for row in tables[key].rows), key
    comment = Wording.of("ja").known_sentences("one_off_scenarios.comment.undetermined", finding.numbers)
    assert "他社事例による推論" in comment
    assert "3社" in comment


SOURCES = ("@two_track_source.own_data", "@two_track_source.reference_case")

# --- LTV --------------------------------------------------------------------------------------------------------------


def first_orders(start: Month, customers: int, jpy: int, one_off_jpy: int) -> list[Line]:
    found = []
    for n in range(customers):
        month = start.plus(n % 12)
        who, day = f"{start}-{n:03d}", month.first_day
        found += [
            Line(who, day, "subscription", jpy),
            Line(who, month.plus(3).first_day, "one_off", one_off_jpy + n % 7),
        ]
        found += [Line(who, month.plus(4).first_day, "bulk", 50_000)]
    return found


def test_the_ltv_of_who_began_with_a_subscription_is_both_parts_without_bulk_and_judged_by_the_year() -> None:
    begun = Month(2022, 2)
    old = first_orders(begun.plus(-12), 120, 4_000, 3_000)
    lines = [Line("Z", dt.date(2020, 1, 1), "one_off", 1), *old, *first_orders(begun, 120, 4_000, 1_000)]
    values = [
        dict.fromkeys(TWO_TRACK_VALUES.names, 0)
        | {
            "customer_id": f"{n}",
            "subscription_state": state,
            "has_bought_one_off": n % 2 == 0,
            "two_track_ltv_jpy": 100 * n,
        }
        for n, state in enumerate(["continuing", "continuing", "stopped", "never"])
    ]
    inputs = inputs_of(
        lines,
        two_track_business=OWN,
        two_track_values=ibis.memtable(
            TWO_TRACK_VALUES.from_columns({k: [row[k] for row in values] for k in values[0]})
        ),
        first=Month(2020, 1),
        with_history=True,
    )
    finding = asked(two_track_ltv, inputs)
    numbers = finding.numbers
    assert numbers["customers"] == 120
    assert numbers["subscription_12m_jpy"] == 4_000
    assert float(numbers["one_off_12m_jpy"] or 0) == pytest.approx(1_003, abs=1)
    assert numbers["both_12m_jpy"] == pytest.approx(4_000 + float(numbers["one_off_12m_jpy"] or 0))
    assert finding.verdict == "issue"
    kinds = {row["track_kind"]: row["two_track_ltv_jpy"] for row in finding.exhibits[-1].rows}
    assert kinds == {
        "@track_kind.continuing_both": 0,
        "@track_kind.continuing_subscription_only": 100,
        "@track_kind.stopped_both": 200,
        "@track_kind.never_neither": 300,
    }


# --- bulk -------------------------------------------------------------------------------------------------------------


def test_who_buys_in_bulk_only_is_counted_with_the_discount_and_more_of_them_are_an_issue() -> None:
    def of(before: int, now: int) -> Finding:
        lines = [line for year in (2022, 2023) for line in bought(year, 300, "one_off", 3_000)]
        for year, customers in ((2022, before), (2023, now)):
            lines += bought(year, customers, "bulk", 8_000, discount_jpy=2_000)
            lines += [Line("one_off0000", dt.date(year, 3, 3), "bulk", 8_000, discount_jpy=2_000)]
        return asked(bulk_dependence, inputs_of(lines))

    worse, better = of(30, 150), of(150, 30)
    assert [finding.verdict for finding in (worse, better)] == ["issue", "healthy"]
    assert worse.numbers["discount_rate"] == pytest.approx(0.2)
    assert (worse.numbers["buyers"], worse.numbers["bulk_only_buyers"]) == (450, 150)
    assert worse.numbers["dependent_rate"] == pytest.approx(1 / 3)


def test_without_a_bulk_line_in_the_year_there_is_no_such_finding() -> None:
    assert bulk_dependence(inputs_of(bought(2023, 40, "one_off", 3_000) + bought(2022, 3, "bulk", 8_000))) is None
