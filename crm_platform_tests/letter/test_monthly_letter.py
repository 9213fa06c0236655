from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.letter import Letter, Shared
from crm_platform.letter.monthly_letter import monthly_letter
from crm_platform.periods import Month
from crm_platform_tests.letter.invented_month import (
    MONTH,
    MONTHS,
    Bought,
    active,
    diagnosis,
    finding,
    house,
    inputs,
    no_lists,
)

LAST, YEAR_AGO = MONTH.plus(-1), MONTH.plus(-12)
amounts = st.tuples(st.integers(1, 3), st.integers(1, 90_000), st.integers(0, 5_000))
month_of_purchases = st.lists(amounts, max_size=6)


def _month(month: Month, purchases: list[tuple[int, int, int]]) -> list[Bought]:
    return [Bought(month, f"C{n}", *each) for n, each in enumerate(purchases)]


@settings(max_examples=5, deadline=None)
@given(month_of_purchases, month_of_purchases)
def test_the_bridge_leads_to_the_yen_from_a_year_ago_to_the_month_and_months_exchanged_flip_every_step(
    then: list[tuple[int, int, int]], now: list[tuple[int, int, int]]
) -> None:
    there, back = (
        monthly_letter(inputs([*_month(YEAR_AGO, before), *_month(MONTH, after)]))
        for before, after in ((then, now), (now, then))
    )
    sales = [sum(gross - returned for _, gross, returned in purchases) for purchases in (then, now)]
    assert there.bridge_base == "year_ago"
    assert sum(step.jpy for step in there.bridge) == sales[1] - sales[0]
    assert (there.factors["before_jpy"], there.factors["now_jpy"]) == tuple(sales)
    assert [(step.factor, -step.jpy) for step in back.bridge] == [(step.factor, step.jpy) for step in there.bridge]


def test_the_figures_are_those_of_the_facts_of_three_months() -> None:
    bought = house()
    people = {month: 100 + place for place, month in enumerate(MONTHS)}
    told = monthly_letter(
        inputs(bought, now={"diagnosis": diagnosis([active(people)]), "alert": diagnosis([], alerted_customers=3)})
    )
    found = {figure.key: (figure.now, figure.last_month, figure.year_ago) for figure in told.figures}
    months = (MONTH, LAST, YEAR_AGO)
    of = {month: [one for one in bought if one.month == month] for month in months}
    assert found["sales_jpy"] == tuple(sum(one.gross_jpy - one.returned_jpy for one in of[month]) for month in months)
    assert found["buyers"] == tuple(len(of[month]) for month in months)
    assert found["active_customers"] == tuple(people[month] for month in months)
    assert found["new_customers"] == (1, 1, None)  # everyone of the first year of data may be an old customer
    assert found["alerted_customers"] == (3, None, None)
    assert [month for month, _ in told.course] == [str(month) for month in MONTHS[-13:]]


def test_a_month_that_is_not_over_is_told_as_the_month_before_it() -> None:
    whole = monthly_letter(
        inputs([one for one in house() if one.month != MONTH], months=MONTHS[:-1], as_of=LAST.last_day)
    )
    running = monthly_letter(inputs(house(), as_of=dt.date(2025, 6, 20)))
    assert running.figures_month == str(LAST)
    assert running.course == whole.course
    assert running.bridge == whole.bridge
    assert running.figures[:2] == whole.figures[:2]


def test_a_first_month_that_is_not_over_is_told_without_a_comparison() -> None:
    begun = monthly_letter(inputs(_month(MONTH, [(1, 3000, 0)]), months=[MONTH], as_of=dt.date(2025, 6, 5)))
    assert begun.figures_month is None
    assert begun.bridge == ()
    assert {(figure.last_month, figure.year_ago) for figure in begun.figures} == {(None, None)}
    assert begun.figures[0].now == 3000


def test_without_the_year_before_the_bridge_leads_from_last_month() -> None:
    short = monthly_letter(inputs(house(), months=MONTHS[-3:]))
    assert short.bridge_base == "last_month"
    assert short.factors["before_month"] == str(LAST)


def test_a_verdict_that_turned_is_named_with_its_number_then_and_now_and_by_one_report_alone() -> None:
    now = {
        "diagnosis": diagnosis([finding("kept", "issue"), finding("turned", "healthy", value=0.5), active({})]),
        "portfolio": diagnosis([finding("turned", "healthy"), finding("new_question", "issue")]),
        "alert": diagnosis([finding("worse", "issue", at_stake_jpy=5)], alerted_customers=3),
    }
    former = {
        "diagnosis": diagnosis([finding("kept", "issue"), finding("turned", "undetermined", value=0.3)], LAST),
        "alert": diagnosis([finding("worse", "healthy")], LAST, alerted_customers=7),
    }
    told = monthly_letter(inputs(house(), now=now, former=former))
    assert told.turned is not None
    assert [(one.report, one.finding.key, one.was, one.finding.verdict) for one in told.turned] == [
        ("alert", "worse", "healthy", "issue"),
        ("diagnosis", "turned", "undetermined", "healthy"),
    ]
    assert [one.former_value for one in told.turned] == [0.4, 0.3]
    assert told.questions_compared == {"diagnosis": 2, "alert": 1}
    assert told.shared == (Shared("turned", ("diagnosis", "portfolio"), is_compared=True),)
    assert Letter.from_json(json.loads(json.dumps(told.to_json()))).shared == told.shared
    assert told.figures[-1].last_month == 7
    assert monthly_letter(inputs(house(), now=now)).turned is None


@pytest.mark.parametrize(
    ("changed", "last_month"),
    [
        ({}, 7),
        ({"alert_targets": 500}, None),
        ({"alert_top_share_rate": 0.2}, None),
        ({"alert_unit_cost_jpy": 300}, None),
        ({"lapse_silent_days": 90}, 7),  # says nothing of who is alerted
    ],
)
def test_the_alerted_are_not_held_against_those_who_were_chosen_otherwise(
    changed: dict[str, int], last_month: int | None
) -> None:
    by_yen = {"alert_targets": "@answer.by_yen", "alert_top_share_rate": 0.3, "alert_unit_cost_jpy": 100}
    now = replace(diagnosis([], alerted_customers=3), method={**by_yen, **changed})
    former = replace(diagnosis([], LAST, alerted_customers=7), method=by_yen)
    told = monthly_letter(inputs(house(), now={"diagnosis": diagnosis([]), "alert": now}, former={"alert": former}))
    assert (told.figures[-1].key, told.figures[-1].last_month) == ("alerted_customers", last_month)


def test_what_a_contact_costs_says_nothing_of_how_many_targets_there_are() -> None:
    months = {"now": MONTH, "former": LAST}
    so_many = {key: diagnosis([], month, alerted_customers=5) for key, month in months.items()}
    now, former = (
        replace(so_many[key], method={"alert_targets": 5, "alert_unit_cost_jpy": cost})
        for key, cost in (("now", 300), ("former", 100))
    )
    told = monthly_letter(inputs(house(), now={"diagnosis": diagnosis([]), "alert": now}, former={"alert": former}))
    assert told.figures[-1].last_month == 5


def test_what_to_do_first_is_the_issue_that_moves_most_and_then_what_should_bring_most() -> None:
    findings = [
        finding("small_issue", "issue", 900, at_stake_jpy=10),
        finding("chance", "undetermined", 8000),
        finding("large_issue", "issue", 5, at_stake_jpy=70),
        finding("best_chance", "healthy", 9000),
        finding("nobody", "healthy", 0),
    ]
    told = monthly_letter(inputs(house(), now={"diagnosis": diagnosis(findings)}))
    assert [one.key for _, one in told.actions] == ["large_issue", "small_issue", "best_chance", "chance"]


def test_the_lists_count_whom_to_contact_until_the_end_of_the_next_month() -> None:
    days = {"A": dt.date(2025, 5, 1), "B": dt.date(2025, 7, 31), "C": dt.date(2025, 8, 1), "D": dt.date(2025, 7, 1)}
    due = [{"customer_id": key, "to_call": key != "D", "next_contact_on": day} for key, day in days.items()]
    groups = [{"customer_id": key, "test_group": group} for key, group in (("A", "treated"), ("B", "control"))]
    warned = [{"customer_id": key, "is_warned": key == "A"} for key in "AB"]
    lists = no_lists(contact_dates=due, test_groups=groups, stop_warnings=warned, targets=[{"customer_id": "A"}])
    found = {one.key: one.customers for one in monthly_letter(inputs(house(), lists=lists)).contacts}
    assert found == {"alerted": 0, "treated": 1, "due": 2, "dormant": 0, "targets": 1, "stop_warnings": 1}


def test_regular_buyers_are_told_where_some_are_new_and_all_of_them_where_no_former_list_is_known() -> None:
    def told(former: str | None) -> dict[str, int]:
        of = {name: no_lists(regular_buyers=[{"customer_id": one} for one in ids]) for name, ids in lists.items()}
        known = None if former is None else of[former]["regular_buyers"]
        made = monthly_letter(replace(inputs(house(), lists=of["now"]), former_regular=known))
        return {one.key: one.customers for one in made.contacts if one.file == "portfolio/regular_buyers.csv"}

    lists = {"now": "BCD", "overlapping": "AB", "equal": "DCB", "empty": ""}
    assert told(None) == {"regular": 3}
    assert told("overlapping") == {"regular_new": 2}
    assert told("equal") == {}
    assert told("empty") == {"regular_new": 3}


@pytest.mark.parametrize("order", [1, -1])
def test_a_letter_is_stored_whole_and_is_the_same_whatever_the_order_of_the_facts(order: int) -> None:
    told = monthly_letter(inputs(house()[::order], former={"diagnosis": diagnosis([])}))
    assert Letter.from_json(json.loads(json.dumps(told.to_json()))) == told
    assert replace(told) == monthly_letter(inputs(house(), former={"diagnosis": diagnosis([])}))


def test_what_last_months_letter_said_otherwise_stands_beside_the_figure_and_only_that() -> None:
    bought = house()
    former = monthly_letter(
        inputs([one for one in bought if one.month != MONTH], months=MONTHS[:-1], as_of=LAST.last_day)
    )
    cancelled = [one for one in bought if (one.month, one.customer) != (LAST, "C003")]
    of_former = {figure.key: figure.now for figure in former.figures}

    def told(letter: Letter) -> dict[str, int]:
        return {one.key: one.last_month_told for one in letter.figures if one.last_month_told is not None}

    assert told(monthly_letter(replace(inputs(bought), former_letter=former))) == {}
    revised = monthly_letter(replace(inputs(cancelled), former_letter=former))
    assert told(revised) == {key: of_former[key] for key in ("sales_jpy", "buyers")}
    assert told(monthly_letter(inputs(cancelled))) == {}
    older = replace(former, figures_month=str(LAST.plus(-1)))  # the letter of an unfinished month speaks of another
    assert told(monthly_letter(replace(inputs(cancelled), former_letter=older))) == {}
    assert Letter.from_json(json.loads(json.dumps(revised.to_json()))) == revised


@pytest.mark.parametrize(
    ("missing", "compared", "base"),
    [(LAST, (False, True), "year_ago"), (YEAR_AGO, (True, False), "last_month"), (MONTH, (False, False), None)],
)
def test_no_figure_is_held_against_a_month_of_which_no_order_is_there_nor_such_a_month_against_another(
    missing: Month, compared: tuple[bool, bool], base: str | None
) -> None:
    bought = [one for one in house() if one.month != missing]
    people = active(dict.fromkeys(MONTHS, 100))
    now = {"diagnosis": diagnosis([people]), "alert": diagnosis([], alerted_customers=3)}
    former = {"alert": diagnosis([], LAST, alerted_customers=7)}
    gap = (missing.first_day, missing.last_day)
    told = monthly_letter(replace(inputs(bought, now=now, former=former), gaps=[gap]))
    found = {one.key: (one.last_month is not None, one.year_ago is not None) for one in told.figures}
    known = dict.fromkeys(("sales_jpy", "buyers", "active_customers"), compared)
    assert found == {
        **known,
        "new_customers": (compared[0], False),
        "second_purchases": (compared[0], False),
        "alerted_customers": (compared[0], False),
    }
    assert (told.bridge_base, bool(told.bridge)) == (base, base is not None)
    assert told.lacks_its_month == (missing == MONTH)
    assert Letter.from_json(json.loads(json.dumps(told.to_json()))) == told


def test_days_without_an_order_are_told_of_the_months_of_the_letter_and_part_of_a_month_is_compared_all_the_same() -> (
    None
):
    days = dt.timedelta(days=9)
    gaps = [(month.first_day, month.first_day + days) for month in (MONTHS[0], LAST)]
    told = monthly_letter(replace(inputs(house()), gaps=gaps))
    assert told.gaps == ((str(LAST.first_day), str(LAST.first_day + days)),)
    assert all(one.last_month is not None for one in told.figures if one.key in ("sales_jpy", "buyers"))
