import dataclasses
import datetime as dt
import json
from typing import Any

import ibis
import pandas as pd
import pytest

from crm_platform.diagnosis import Finding
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
from crm_platform.diagnosis.repeat import cohort_ltv, order_steps, repeat_funnel
from crm_platform.periods import Month
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders
from crm_platform_tests.diagnosis.planted_newcomers import newcomer_inputs
from crm_platform_tests.oracles.known_histories import online_retail

AS_OF = dt.date(2023, 12, 31)
FIRST = Month(2019, 1)
QUESTIONS = (
    acquisition,
    f2_conversion,
    cohort_retention,
    cohort_break,
    media_quality,
    media_decline,
    entry_products,
    media_efficiency,
    order_steps,
    repeat_funnel,
    cohort_ltv,
)


def reaching(counts: list[int], day: dt.date, name: str = "c", jpy: int = 1000, **said: Any) -> list[Order]:
    """Orders of which `counts[n]` customers make the (n+1)-th, thirty days after each other."""
    return [
        Order(f"{name}{n:04d}", day + dt.timedelta(30 * place), jpy, **said)
        for place, count in enumerate(counts)
        for n in range(count)
    ]


def planted(orders: list[Order], **masters: Any) -> DiagnosisInputs:
    return newcomer_inputs(orders, AS_OF, first_month=FIRST, **masters)


def table(finding: Finding, key: str) -> list[dict[str, Any]]:
    return [dict(row) for row in next(exhibit for exhibit in finding.exhibits if exhibit.key == key).rows]


def asked(question: Any, inputs: DiagnosisInputs) -> Finding:
    finding = question(inputs)
    assert isinstance(finding, Finding)
    return finding


# --- from order to order ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "from_first", "from_previous"),
    [([100, 60, 30], [0.6, 0.3], [0.6, 0.5]), ([1000, 400, 250], [0.4, 0.25], [0.4, 0.625])],
)
def test_the_published_steps_are_of_the_first_and_of_the_previous_as_their_names_say(
    counts: list[int], from_first: list[float], from_previous: list[float]
) -> None:
    finding = asked(order_steps, planted(reaching(counts, dt.date(2022, 6, 1))))
    rows = table(finding, "step_table")
    assert [row["customers"] for row in rows[:3]] == counts
    assert [row["from_first_rate"] for row in rows[1:3]] == from_first
    assert [row["from_previous_rate"] for row in rows[1:3]] == from_previous
    assert finding.numbers["third_rate"] == from_first[-1]


def test_fewer_third_purchases_than_a_year_before_are_an_issue_and_the_mirror_is_healthy() -> None:
    good, bad = [400, 300, 240], [400, 300, 160]
    falling = reaching(good, dt.date(2021, 6, 1), "a") + reaching(bad, dt.date(2022, 6, 1), "b")
    rising = reaching(bad, dt.date(2021, 6, 1), "a") + reaching(good, dt.date(2022, 6, 1), "b")
    found = [asked(order_steps, planted(orders)) for orders in (falling, rising)]
    assert [finding.verdict for finding in found] == ["issue", "healthy"]
    assert found[0].yen_effect_jpy == round(0.2 * 400 / 2 * 1000)


def test_the_steps_of_each_kind_of_first_order_are_its_own() -> None:
    orders = reaching([60, 30], dt.date(2022, 6, 1), "a") + reaching(
        [50, 45, 40], dt.date(2022, 6, 1), "s", kind="subscription"
    )
    cells = {
        (row["kind"], row["step"]): row["from_previous_rate"]
        for row in table(asked(order_steps, planted(orders)), "kinds")
    }
    assert cells["@order_kind.one_off", "@order_step.2"] == 0.5
    assert cells["@order_kind.one_off", "@order_step.3"] == 0.0
    assert cells["@order_kind.subscription", "@order_step.3"] == pytest.approx(40 / 45)
    assert ("@order_kind.one_off", "@order_step.4") not in cells  # nobody left to go on


# --- the funnel -------------------------------------------------------------------------------------------------------


def test_the_funnel_counts_who_reaches_each_stage_and_tells_trials_apart() -> None:
    day = dt.date(2022, 6, 1)
    trials = reaching([80, 20], day, "t", product="TRIAL")
    steady = reaching([40, 30, 20, 20, 20, 20, 20, 20, 20], day, "m", 8_000)  # nine purchases: 240 days, ¥72,000
    cheap = reaching([10] * 9, day, "l", 500)
    inputs = planted(trials + steady + cheap, products={"P1": ("茶", False), "TRIAL": ("茶", True)})
    finding = asked(repeat_funnel, inputs)
    assert [row["customers"] for row in table(finding, "funnel")] == [130, 60, 30, 20]
    rows = {row["front_end"]: row for row in table(finding, "front_ends")}
    assert rows["@front_end_kind.trial"]["second_rate"] == 0.25
    assert rows["@front_end_kind.trial"]["premium_rate"] == 0.0
    assert rows["@front_end_kind.main"]["premium_rate"] == 0.4


def test_no_stage_of_the_funnel_and_no_step_is_larger_than_the_one_before_it() -> None:
    inputs = newcomer_inputs(random_orders(400, 48, seed=2), AS_OF, first_month=Month(2020, 1))
    stages = ("front_end_customers", "second_customers", "continued_customers", "premium_customers")
    rows = table(asked(repeat_funnel, inputs), "years")
    closed = [[row[stage] for stage in stages] for row in rows if row["state"] == "@cohort.closed"]
    assert len(closed) == 3
    assert all(counts == sorted(counts, reverse=True) and counts[2] > 0 for counts in closed)
    assert sum(row["front_end_customers"] for row in rows) == inputs.new_customers.count().execute()
    steps = [row["customers"] for row in table(asked(order_steps, inputs), "step_table")]
    assert steps == sorted(steps, reverse=True)


# --- LTV --------------------------------------------------------------------------------------------------------------


def test_a_cohorts_ltv_is_its_sales_per_customer_and_stays_open_until_the_months_are_over() -> None:
    orders = reaching([50, 25, 25, 25, 25, 25, 25, 25], dt.date(2022, 7, 1))
    orders += reaching([20], dt.date(2023, 8, 1), "late")
    rows = {row["cohort_month"]: row for row in table(asked(cohort_ltv, planted(orders)), "cohort_table")}
    early, late = rows["2022-12"], rows["2023-12"]
    # Purchases on day 0, 30, … 210: in the months 0, 0, 1, 2, 3, 4, 5 (29 Dec) and 6 (27 Jan).
    assert (early["ltv_3m_jpy"], early["ltv_6m_jpy"], early["ltv_12m_jpy"]) == (2500, 4000, 4500)
    assert early["ltv_12m_low_jpy"] < 4500 < early["ltv_12m_high_jpy"]
    assert [early["ltv_24m_jpy"], late["ltv_6m_jpy"], late["ltv_12m_low_jpy"]] == [None, None, None]


def test_customers_who_bring_less_are_an_issue_worth_half_of_what_the_year_lacks() -> None:
    def two_years(former_jpy: int, latter_jpy: int) -> list[Order]:
        return reaching([200, 100], dt.date(2021, 6, 1), "a", former_jpy) + reaching(
            [200, 100], dt.date(2022, 6, 1), "b", latter_jpy
        )

    falling, rising = (asked(cohort_ltv, planted(two_years(*pair))) for pair in ((2000, 1400), (1400, 2000)))
    assert (falling.verdict, rising.verdict) == ("issue", "healthy")
    assert falling.yen_effect_jpy == round(0.3 * 3000 * 200 / 2)


# --- all of them ------------------------------------------------------------------------------------------------------


def test_the_order_of_the_rows_changes_no_byte_of_an_answer() -> None:
    orders = random_orders(300, 48, seed=4)
    media = {"M0": ("WEB", 900_000), "M1": ("TV", 3_000_000), "M2": ("紙", 200_000)}
    inputs = planted_inputs(orders, AS_OF, media=media, products={"P1": "茶", "P2": "菓子"})
    turned = dataclasses.replace(
        inputs,
        **{
            name: _turned(getattr(inputs, name))
            for name in ("customer_months", "history", "media", "products", "cpm_classes")
        },
    )
    for question in QUESTIONS:
        finding, again = asked(question, inputs), asked(question, turned)
        assert json.dumps(dataclasses.asdict(finding)) == json.dumps(dataclasses.asdict(again)), finding.key
        assert finding.sources
        assert finding.verdict != "issue" or (finding.action and finding.yen_effect_jpy)


def _turned(rows: Any) -> Any:
    found = rows.to_pyarrow()
    return ibis.memtable(found.take(list(range(found.num_rows - 1, -1, -1))))


@pytest.mark.real_data
def test_the_steps_and_f2_of_online_retail_are_those_counted_customer_by_customer() -> None:
    as_of = dt.date(2011, 11, 30)
    days = online_retail()
    known = days[(days["purchased_on"] <= pd.Timestamp(as_of)) & (days["sales_jpy"] > 0)]
    columns = (known["customer_id"], known["purchased_on"].dt.date, known["sales_jpy"].tolist())
    orders = [Order(customer, day, jpy) for customer, day, jpy in zip(*columns, strict=True)]
    inputs = newcomer_inputs(orders, as_of, first_month=Month(2009, 12))
    frame = pd.DataFrame([vars(order) for order in orders])
    bought = frame.drop_duplicates(["customer", "day"]).sort_values("day").groupby("customer")["day"].apply(list)
    firsts = bought.str[0]
    judged = bought[(firsts >= dt.date(2010, 6, 1)) & (firsts <= dt.date(2011, 5, 31))]
    second = sum(len(row) > 1 and (row[1] - row[0]).days <= 180 for row in judged)
    f2 = asked(f2_conversion, inputs).numbers
    assert (f2["first_buyers"], f2["second_buyers"]) == (len(judged), second)
    year = bought[(firsts >= dt.date(2010, 1, 1)) & (firsts <= dt.date(2010, 12, 31))]
    of_year = [[Month.of(day).minus(Month.of(row[0])) for day in row] for row in year]
    reached = [sum(sum(age < 12 for age in ages) >= step for ages in of_year) for step in range(1, 11)]
    assert [row["customers"] for row in table(asked(order_steps, inputs), "step_table")] == reached


def test_a_funnel_without_anybody_whose_year_is_over_is_not_shown() -> None:
    orders = [Order(f"c{n}", dt.date(2023, 6, 1 + n % 28)) for n in range(60)]
    finding = repeat_funnel(planted_inputs(orders, dt.date(2023, 12, 31), first_month=Month(2023, 6)))
    assert finding is not None
    assert finding.numbers["front_end_customers"] == 0
    assert "funnel" not in {exhibit.key for exhibit in finding.exhibits}
