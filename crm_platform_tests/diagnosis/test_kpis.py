"""The book of KPIs (R114): published examples, counts held against the plain rows, what is told where data lack."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.clients import KPI_KEYS, Client, KpiMeasure
from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis import KPIS, kpi_values
from crm_platform.diagnosis.kpis.at_stake import lost_jpy, worth_of_one
from crm_platform.diagnosis.kpis.book import kpi_page
from crm_platform.diagnosis.kpis.channel_effects import channel_effects, channel_rows
from crm_platform.diagnosis.kpis.contacts import contact_sums
from crm_platform.diagnosis.kpis.judging import judged_kpis
from crm_platform.diagnosis.kpis.kpi_book import kpi_book
from crm_platform.diagnosis.kpis.kpi_measures import kpi_measures
from crm_platform.diagnosis.kpis.kpi_targets import kpi_targets, month_rows
from crm_platform.diagnosis.kpis.media_costs import monthly_costs
from crm_platform.diagnosis.kpis.subscribers import event_sums, silence_sums
from crm_platform.diagnosis.new_customers import f2_conversion
from crm_platform.diagnosis.spans import index_of
from crm_platform.periods import Month
from crm_platform.reports.wording import Wording
from crm_platform.tables.delivered import CONTACTS, MEDIA, SUBSCRIPTION_EVENTS
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders

AS_OF = dt.date(2023, 12, 31)
BY_KEY = {kpi.key: kpi for kpi in KPIS}


def at(year: int, month: int) -> int:
    return index_of(Month(year, month))


def cohort(name: str, first: dt.date, reached: tuple[int, ...], kind: str = "one_off") -> list[Order]:
    """`reached[0]` customers who buy on `first`, `reached[1]` of them 40 days later again, and so on."""
    return [
        Order(f"{name}{number:04d}", first + dt.timedelta(40 * step), kind=kind)
        for step, people in enumerate(reached)
        for number in range(people)
    ]


# --- published examples -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published() -> DiagnosisInputs:
    """The numbers of tsuhan-marketing.com, tsuhaninfo.com and marketing.f-i-d.jp (CPM.md sections 5 and 6)."""
    orders = [
        *cohort("f", dt.date(2021, 1, 10), (400, 160)),
        *cohort("t", dt.date(2021, 6, 10), (1_000, 400, 250)),
        *cohort("s", dt.date(2021, 9, 10), (100, 60, 30)),
        *cohort("k", dt.date(2022, 1, 10), (2_000, 1_500), kind="subscription"),
    ]
    return planted_inputs(orders, AS_OF)


@pytest.mark.parametrize(
    ("key", "month", "rate"),
    [
        ("f2_rate", at(2021, 1), 0.40),  # 400 → 160
        ("repeat_rate", at(2021, 6), 0.40),  # 1,000 → 400
        ("survival_of_first", at(2021, 6), 0.25),  # 1,000 → 250
        ("survival_of_first", at(2021, 9), 0.30),  # 100 → 60 → 30
        ("survival_of_previous", at(2021, 9), 0.50),
        ("subscription_second_rate", at(2022, 1), 0.75),  # 2,000 → 1,500
    ],
)
def test_the_published_examples_hold(published: DiagnosisInputs, key: str, month: int, rate: float) -> None:
    assert kpi_values(published).series[key].monthly[month].value == rate


def test_the_two_readings_of_subscription_continuation_differ_as_their_formulas_do(published: DiagnosisInputs) -> None:
    """2,000 subscribers with 3,500 orders, the most 2: mean 1.75 ÷ 2."""
    assert kpi_values(published).series["subscription_depth_rate"].monthly[at(2022, 1)].value == pytest.approx(0.875)


# --- held against the plain rows --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> DiagnosisInputs:
    inputs = planted_inputs(random_orders(250, 48, seed=11), AS_OF)
    media = MEDIA.from_columns(
        {
            "media_id": ["M0", "M1"],
            "channel": ["TV", "WEB"],
            "started_on": [dt.date(2022, 12, 11), dt.date(2023, 3, 1)],
            "ended_on": [dt.date(2023, 1, 20), None],
            "cost_jpy": [410_000, 70_000],
        }
    )
    return replace(inputs, media=ibis.memtable(media))


@pytest.fixture(scope="module")
def rows_of(shop: DiagnosisInputs) -> pd.DataFrame:
    rows: pd.DataFrame = shop.customer_months.to_pandas()
    months = pd.to_datetime(rows["month"]).dt
    return rows.assign(at=months.year * 12 + months.month - 1)


@pytest.mark.parametrize("month", [at(2021, 5), at(2023, 12)])
def test_a_month_of_the_book_is_what_its_rows_say(shop: DiagnosisInputs, rows_of: pd.DataFrame, month: int) -> None:
    series = kpi_values(shop).series
    of_month = rows_of[rows_of["at"] == month]
    buyers = of_month[of_month["purchase_days"] > 0]
    earlier = rows_of[(rows_of["at"] < month) & (rows_of["purchase_days"] > 0)]["customer_id"]
    found = {key: series[key].monthly[month].value for key in ("mrr", "arpu_paying", "order_value", "repeater_rate")}
    assert found == {
        "mrr": of_month["subscription_sales_jpy"].sum(),
        "arpu_paying": pytest.approx(buyers["sales_jpy"].mean()),
        "order_value": pytest.approx(buyers["sales_jpy"].sum() / buyers["purchase_days"].sum()),
        "repeater_rate": pytest.approx(buyers["customer_id"].isin(earlier).mean()),
    }
    assert series["arpu_paying"].monthly[month].error == pytest.approx(
        buyers["sales_jpy"].std(ddof=1) / len(buyers) ** 0.5
    )


def test_whoever_falls_silent_had_a_subscription_order_in_three_months_and_none_in_the_next(
    shop: DiagnosisInputs, rows_of: pd.DataFrame
) -> None:
    ordered = rows_of[rows_of["subscription_orders"] > 0]

    def between(first: int, last: int) -> set[str]:
        return set(ordered[ordered["at"].between(first, last)]["customer_id"])

    sums = silence_sums(shop)
    for month in range(at(2020, 6), at(2024, 1)):
        before = between(month - 3, month - 1)
        assert sums[month]["subscribers_before"] == len(before)
        assert sums[month]["silent_stops"] == len(before - between(month - 2, month))


def test_the_cost_of_media_is_spread_over_its_days_and_divided_by_whom_it_brought(shop: DiagnosisInputs) -> None:
    book = kpi_values(shop)
    assert book.sums[at(2022, 12)]["media_cost_jpy"] == 210_000  # 21 of 41 days
    assert book.sums[at(2023, 1)]["media_cost_jpy"] == 200_000
    assert book.sums[at(2023, 3)]["media_cost_jpy"] == 70_000  # without an end: one day
    people = shop.new_customers.to_pandas()
    year = people[people["first_media_id"].isin(["M0", "M1"]) & (people["cohort"] > at(2022, 12))]
    assert book.series["cpo"].judged[at(2023, 12)].value == pytest.approx(270_000 / len(year))
    assert book.series["roas_first"].now is not None


@settings(max_examples=30, deadline=None)
@given(
    start=st.dates(dt.date(2020, 1, 1), dt.date(2023, 6, 1)),
    days=st.integers(0, 500),
    cost_jpy=st.integers(1, 10**9),
)
def test_no_yen_of_a_placement_is_lost_or_spent_before_its_day(start: dt.date, days: int, cost_jpy: int) -> None:
    row = {"started_on": start, "ended_on": start + dt.timedelta(days), "cost_jpy": cost_jpy}
    assert sum(monthly_costs([row], dt.date(2025, 12, 31)).values()) == pytest.approx(cost_jpy)
    half = start + dt.timedelta(days // 2)
    assert sum(monthly_costs([row], half).values()) == pytest.approx(cost_jpy * (days // 2 + 1) / (days + 1))


# --- events of subscriptions ------------------------------------------------------------------------------------------


def events(*told: tuple[str, str, dt.date]) -> Any:
    names, kinds, days = zip(*told, strict=True)
    return ibis.memtable(
        SUBSCRIPTION_EVENTS.from_columns({"subscription_id": names, "event": kinds, "occurred_on": days})
    )


def test_stops_are_those_of_subscriptions_that_ran_when_the_month_began(shop: DiagnosisInputs) -> None:
    told = events(
        ("a", "start", dt.date(2023, 1, 5)),
        ("a", "stop", dt.date(2023, 3, 5)),
        ("b", "stop", dt.date(2023, 3, 9)),  # no start: ran before the events begin
        ("c", "start", dt.date(2023, 3, 1)),  # starts and stops within a month: was not there when it began
        ("c", "stop", dt.date(2023, 3, 1)),
        ("d", "start", dt.date(2023, 1, 1)),
        ("d", "stop", dt.date(2023, 2, 3)),
        ("d", "stop", dt.date(2023, 3, 3)),  # already stopped
        ("d", "resume", dt.date(2023, 4, 3)),
        ("e", "skip", dt.date(2023, 2, 1)),  # ran before the events begin, and runs on
    )
    sums = event_sums(replace(shop, subscription_events=told))
    found = {month: (sums[month]["running_before"], sums[month]["told_stops"]) for month in sorted(sums)[:4]}
    assert found == {at(2023, 2): (4, 1), at(2023, 3): (3, 2), at(2023, 4): (1, 0), at(2023, 5): (2, 0)}


# --- contacts ---------------------------------------------------------------------------------------------------------


def contacts(*told: tuple[str, dt.date, str, int | None]) -> Any:
    names, days, channels, costs = zip(*told, strict=True)
    columns = {"customer_id": names, "contacted_on": days, "channel": channels, "unit_cost_jpy": costs}
    return ibis.memtable(CONTACTS.from_columns({**columns, "campaign_id": [f"c{n}" for n in range(len(told))]}))


def test_an_answer_comes_from_the_day_of_the_contact_to_thirty_days_later() -> None:
    day = dt.date(2023, 5, 10)
    late = {"same": 0, "last": 30, "after": 31, "before": -1}
    orders = [Order(name, day + dt.timedelta(days), 500) for name, days in late.items()]
    orders += [Order(name, dt.date(2021, 1, 1), 900) for name in ("same", "nobody")]
    orders += [Order("after", dt.date(2023, 4, 1))]
    told = contacts(*((name, day, "dm", 100) for name in (*late, "nobody")), ("same", day, "call", None))
    inputs = replace(planted_inputs(orders, AS_OF), contacts=told)
    found = contact_sums(inputs)[at(2023, 5)]
    assert found == {"contacted": 5, "responders": 2, "dormant_contacted": 2, "dormant_responders": 1}
    rows = {row["channel"]: row for row in channel_rows(inputs)}
    assert (rows["dm"]["responders"], rows["dm"]["sales_jpy"], rows["dm"]["cost_jpy"]) == (2, 1000, 500)
    assert (rows["call"]["responders"], rows["call"]["cost_jpy"]) == (1, None)


def test_a_channel_after_which_fewer_buy_is_an_issue_and_the_other_way_round_it_is_none() -> None:
    def shop_of(former: int, now: int) -> Finding | None:
        days = {former: dt.date(2022, 6, 1), now: dt.date(2023, 6, 1)}
        orders = [Order("old", dt.date(2020, 1, 1))]
        told = []
        for answered, day in days.items():
            names = [f"{day.year}-{number}" for number in range(300)]
            told += [(name, day, "dm", 100) for name in names]
            orders += [Order(name, day - dt.timedelta(200)) for name in names]
            orders += [Order(name, day + dt.timedelta(9)) for name in names[:answered]]
        return channel_effects(replace(planted_inputs(orders, AS_OF), contacts=contacts(*told)))

    fallen, risen = shop_of(90, 36), shop_of(36, 90)
    assert fallen is not None
    assert risen is not None
    assert (fallen.verdict, fallen.yen_effect_jpy) == ("issue", round(0.18 * 300 / 2 * 1000))
    assert risen.verdict == "healthy"
    assert fallen.measured is not None
    assert fallen.measured.value == 0.12
    assert told_in_both_languages(fallen)


@pytest.mark.parametrize(
    ("former", "now", "verdict"), [(29, 30, "undetermined"), (30, 29, "undetermined"), (30, 30, "issue")]
)
def test_a_channel_of_fewer_than_thirty_customers_is_neither_judged_nor_the_best(
    former: int, now: int, verdict: str
) -> None:
    told, orders = [("alone", dt.date(2023, 6, 1), "call", 300)], [Order("alone", dt.date(2023, 6, 2))]
    for day, people, buying in ((dt.date(2022, 6, 1), former, former), (dt.date(2023, 6, 1), now, 2)):
        names = [f"{day.year}-{number}" for number in range(people)]
        told += [(name, day, "dm", 100) for name in names]
        orders += [Order(name, day + dt.timedelta(9)) for name in names[:buying]]
        orders += [Order(name, day - dt.timedelta(200)) for name in names]
    found = channel_effects(replace(planted_inputs(orders, AS_OF), contacts=contacts(*told)))
    assert found is not None
    assert found.verdict == verdict
    assert found.numbers["best_channel"] == ("dm" if now >= 30 else None)
    exhibits = {exhibit.key: [row["channel"] for row in exhibit.rows] for exhibit in found.exhibits}
    assert exhibits == ({"rates": ["dm"]} if now >= 30 else {}) | {"channels": ["call", "dm"]}
    assert told_in_both_languages(found)


# --- the book as a finding --------------------------------------------------------------------------------------------


def told_in_both_languages(finding: Finding) -> bool:
    """Whether every sentence of the finding is written and holds a number; a Japanese title is of 60 signs at most."""
    for language in ("ja", "en"):
        words = Wording.of(language)
        for part in ("title", "comment", "action"):
            text = words.filled(f"{finding.key}.{part}.{finding.verdict}", finding.numbers)
            sentences = text.replace(". ", "。").strip("。.").split("。")
            assert all(any(sign.isdigit() for sign in sentence) for sentence in sentences), text
            assert "—" not in text, text
            assert part != "title" or language == "en" or len(text) <= 60, text
        for exhibit in finding.exhibits:
            for part in ("title", "note"):
                words.filled(f"{finding.key}.exhibits.{exhibit.key}.{part}", finding.numbers)
            texts = [value for row in exhibit.rows for value in row.values() if isinstance(value, str)]
            assert all(words.word(text) for text in texts)
    return True


@cache
def grown(shrinking: bool) -> DiagnosisInputs:
    """A shop whose order value and buyers double from the fourth year on, or halve."""
    orders = []
    for month in range(48):
        first = Month(2020, 1).plus(month).first_day
        strong = (month >= 36) != shrinking
        orders += [
            Order(f"{month}-{number}", first + dt.timedelta(number % 28), 4000 if strong else 2000)
            for number in range(140 if strong else 70)
        ]
    return planted_inputs(orders, AS_OF)


@pytest.mark.parametrize(("shrinking", "verdict"), [(True, "issue"), (False, "healthy")])
def test_a_shop_that_halves_has_an_issue_and_its_mirror_has_none(shrinking: bool, verdict: str) -> None:
    inputs = grown(shrinking)
    judged = {one.series.kpi.key: one for one in judged_kpis(kpi_values(inputs).series.values())}
    assert (judged["order_value"].verdict, judged["active_customers"].verdict) == (verdict, verdict)
    finding = kpi_book(inputs)
    assert finding is not None
    assert finding.verdict == verdict
    assert told_in_both_languages(finding)
    assert (finding.yen_effect_jpy is not None) == shrinking
    assert finding.action is not None


def test_a_fall_of_f2_costs_the_same_in_the_book_of_kpis_and_in_its_own_finding() -> None:
    orders = []
    for month in range(48):
        first = Month(2020, 1).plus(month).first_day
        for number in range(40):
            day = first + dt.timedelta(number % 28)
            orders.append(Order(f"{month}-{number}", day))
            orders += [Order(f"{month}-{number}", day + dt.timedelta(30))] * (number < (24 if month < 30 else 8))
    inputs = planted_inputs(orders, AS_OF)
    own = f2_conversion(inputs)
    book = kpi_values(inputs)
    f2 = next(one for one in judged_kpis(book.series.values()) if one.series.kpi.key == "f2_rate")
    assert own is not None
    assert own.yen_effect_jpy
    assert f2.change is not None
    assert lost_jpy(worth_of_one(inputs, book), "f2_rate", f2.change.value) == own.yen_effect_jpy


def test_no_kpi_is_counted_as_better_that_is_not_counted_as_judged(
    shop: DiagnosisInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = judged_kpis(kpi_values(shop).series.values())
    risen = Estimate(10.0, 0.1)
    unsure = [replace(one, change=risen, verdict="undetermined") if one.verdict else one for one in known]
    sure = [replace(one, change=risen, verdict="healthy") if one.verdict else one for one in known]
    counts = []
    for judged in (unsure, sure):
        monkeypatch.setattr("crm_platform.diagnosis.kpis.kpi_book.judged_kpis", lambda _, judged=judged: judged)
        finding = kpi_book(shop)
        assert finding is not None
        counts.append((finding.numbers["judged_kpis"], finding.numbers["better_kpis"]))
    assert counts[0] == (0, 0)
    assert counts[1][0] >= counts[1][1] > 0  # type: ignore[operator]


def test_every_kpi_has_its_line_with_a_value_or_the_reason_why_there_is_none() -> None:
    finding = kpi_book(grown(False))
    assert finding is not None
    lines = {row["kpi"]: row for exhibit in finding.exhibits[1:3] for row in exhibit.rows}
    assert set(lines) == {f"@kpi_name.{kpi.key}" for kpi in KPIS if kpi.unit != "count"}
    reasons = {
        str(name).removeprefix("@kpi_name."): row["verdict"] for name, row in lines.items() if row["value"] is None
    }
    assert reasons == {
        **dict.fromkeys((kpi.key for kpi in KPIS if "media_cost" in kpi.needs), "@kpi_missing.no_media_cost"),
        **dict.fromkeys((kpi.key for kpi in KPIS if kpi.needs == ("subscriptions",)), "@kpi_missing.no_subscriptions"),
        "pull_up_trial_rate": "@kpi_missing.no_trials",
        "stop_rate": "@kpi_missing.no_subscription_events",
        "survival_of_previous": "@kpi_missing.nothing_known",  # nobody ever bought twice
        **dict.fromkeys(("response_rate", "reactivation_rate"), "@kpi_missing.no_contacts"),
    }


def test_the_first_year_of_data_is_nobodys_year_before(shop: DiagnosisInputs) -> None:
    orders = random_orders(150, 24, seed=3)
    inputs = planted_inputs(orders, dt.date(2021, 12, 31), first_month=Month(2020, 1))
    series = kpi_values(inputs).series
    assert series["order_value"].now is not None
    assert [
        key for key, one in series.items() if one.before or any(month < at(2021, 1) for month, _ in one.settled)
    ] == []
    assert all(kpi_values(shop).series[key].before for key in ("order_value", "f2_rate", "ltv_6m"))


# --- targets and measures ---------------------------------------------------------------------------------------------


def aiming(inputs: DiagnosisInputs, **said: Any) -> DiagnosisInputs:
    return replace(inputs, client=Client("planted", "試験商店", **said))


def test_a_target_is_held_against_each_month_and_missed_only_beyond_chance(shop: DiagnosisInputs) -> None:
    now = kpi_values(shop).series["active_customers"].now
    assert now is not None
    targets = {"active_customers": 2 * now.value, "mrr": 1.0, "silent_stop_rate": 1.0, "response_rate": 0.1}
    finding = kpi_targets(aiming(shop, kpi_targets=targets))
    assert finding is not None
    assert (finding.verdict, finding.numbers["missed_targets"], finding.numbers["worst_achievement_rate"]) == (
        "issue",
        1,
        0.5,
    )
    told = {row["kpi"]: row["verdict"] for exhibit in finding.exhibits[:-1] for row in exhibit.rows}
    assert told["@kpi_name.active_customers"] == "@verdict.issue"
    assert told["@kpi_name.silent_stop_rate"] == "@verdict.healthy"  # less is better
    assert told["@kpi_name.response_rate"] == "@kpi_missing.no_contacts"
    months = [row for row in finding.exhibits[-1].rows if row["kpi"] == "@kpi_name.mrr"]
    mrr = kpi_values(shop).series["mrr"].monthly
    assert [row["gap"] for row in months] == [mrr[month].value - 1 for month in sorted(mrr)[-12:]]
    assert told_in_both_languages(finding)


def test_without_targets_the_book_says_how_to_set_them(shop: DiagnosisInputs) -> None:
    assert kpi_targets(shop) is None
    assert kpi_measures(shop) is None
    assert kpi_book(shop).numbers["target_hint"] == "@kpi_hint.unset"  # type: ignore[union-attr]
    assert month_rows([]) == []


def test_a_measure_is_told_by_the_kpi_before_and_after_its_start() -> None:
    measures = (
        KpiMeasure("まとめ買い", "order_value", dt.date(2023, 1, 1), "単価が上がる", 500),
        KpiMeasure("少量の案内", "order_value", dt.date(2022, 12, 15), "単価を下げて回数を増やす", -500),
        KpiMeasure("新しい冊子", "f2_rate", dt.date(2023, 11, 15), "2回目が増える", 0.1),
    )
    finding = kpi_measures(aiming(grown(False), measures=measures))
    assert finding is not None
    assert (finding.verdict, finding.numbers["worst_measure"]) == ("issue", "少量の案内")
    outcomes = [row["outcome"] for row in finding.exhibits[0].rows]
    assert outcomes == [f"@measure_outcome.{outcome}" for outcome in ("as_hoped", "against", "not_yet")]
    for row in finding.exhibits[2].rows:
        assert (row["before"], row["after"], row["months"]) == (2000, 4000, 6)
        assert row["compared_with"] == "@measure_before.year_before"
    assert told_in_both_languages(finding)


# --- one formula in code, docs and report -----------------------------------------------------------------------------


def test_the_page_of_kpis_is_what_the_declarations_say() -> None:
    assert (Path(__file__).parents[2] / "docs" / "kpis.md").read_text("utf-8") == kpi_page()


def test_a_client_may_aim_at_every_kpi_of_the_book_and_at_no_other() -> None:
    assert sorted(KPI_KEYS) == sorted(BY_KEY)


def test_the_report_names_each_kpi_and_its_formula_as_the_declaration_does() -> None:
    japanese, english = Wording.of("ja"), Wording.of("en")
    for kpi in KPIS:
        assert japanese.text(f"kpi_name.{kpi.key}") == kpi.name_ja
        assert english.text(f"kpi_name.{kpi.key}") == kpi.name_en
        assert english.text(f"kpi_formula.{kpi.key}") == kpi.formula
        assert japanese.has(f"kpi_formula.{kpi.key}")
        assert (kpi.reading == "") == (f" {kpi.reading or 'A'}" not in kpi.name_ja)


def test_the_months_of_the_book_read_like_all_months(shop: DiagnosisInputs) -> None:
    finding = kpi_book(shop)
    assert finding is not None
    tables = [exhibit for exhibit in finding.exhibits if exhibit.key in ("rates", "amounts")]
    assert tables and all(("month", "month") in exhibit.columns for exhibit in tables)
