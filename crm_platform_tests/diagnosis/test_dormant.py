import datetime as dt
from dataclasses import replace

import ibis
import pytest

from crm_platform.clients import Settings
from crm_platform.diagnosis.dormant import dormant_customers_of, dormant_follow_up, past_of
from crm_platform.diagnosis.dormant.past_returns import return_cells, returns_by_origin
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month
from crm_platform.reports import Wording, dormant_customers_csv
from crm_platform.tables.portfolio import DORMANT_CUSTOMERS
from crm_platform_tests.diagnosis.planted import Order
from crm_platform_tests.diagnosis.planted_months import months_of

AS_OF = dt.date(2023, 12, 31)
SLEEPERS = 400


@pytest.fixture(scope="module")
def inputs() -> DiagnosisInputs:
    """Each half-year 400 come who buy for ¥100,000 and 400 for ¥1,000; a fifth of the former are back in 15 months."""
    orders = []
    for start in (Month(2021, 1), Month(2021, 7), Month(2022, 1), Month(2022, 7)):
        for number in range(SLEEPERS):
            for jpy, product in ((100_000, "P1"), (1_000, "P2")):
                name = f"{product}-{start}-{number}"
                orders.append(Order(name, start.first_day, jpy, product, medium="M"))
                back = start.plus(15)
                if product == "P1" and number % 5 == 0 and back <= Month.of(AS_OF):
                    orders.append(Order(name, back.first_day, 20_000, product, medium="M"))
    orders += [Order(f"n{n}", dt.date(2023, 12, 1), 50_000, "P1", medium="M") for n in range(100)]
    orders += [Order(f"silent for {days}", AS_OF - dt.timedelta(days), 1_000, "P1") for days in (239, 240)]
    return months_of(
        orders,
        AS_OF,
        first_month=Month(2020, 1),
        products={"P1": "肌", "P2": "食"},
        media={"M": ("WEB", 33_000_000)},
        settings=Settings(lapse_silent_days_by_group={"食": 600}),
    )


@pytest.fixture(scope="module")
def asked(inputs: DiagnosisInputs) -> DiagnosisInputs:
    return replace(inputs, dormant_customers=ibis.memtable(dormant_customers_of(past_of(inputs))))


def test_listed_is_exactly_who_is_silent_for_the_days_of_the_product_group(asked: DiagnosisInputs) -> None:
    history = asked.history.to_pandas().set_index("customer_id")
    threshold = history["first_product_id"].map({"P1": 240, "P2": 600})
    listed = asked.dormant_customers.to_pandas()  # type: ignore[union-attr]
    assert set(listed["customer_id"]) == set(history.index[history["gap_days"] >= threshold])
    assert DORMANT_CUSTOMERS.faults(DORMANT_CUSTOMERS.from_pandas(listed)) == []
    assert dict(listed.groupby("product_group")["threshold_days"].max()) == {"肌": 240, "食": 600}


def test_those_come_first_whose_like_came_back_in_the_past(asked: DiagnosisInputs) -> None:
    listed = asked.dormant_customers.to_pandas().sort_values("rank")  # type: ignore[union-attr]
    assert listed["rank"].tolist() == list(range(1, len(listed) + 1))
    assert listed["contact_return_jpy"].is_monotonic_decreasing
    assert listed["contact_return_jpy"].to_numpy() == pytest.approx(listed["expected_sales_jpy"].to_numpy() - 100)
    first = listed.head(SLEEPERS // 5)  # those who are as silent now as the others were when they came back
    assert first["silent_days"].between(270, 364).all()
    assert first["return_rate"].min() > 0.1 > listed["return_rate"].iloc[SLEEPERS // 5]
    assert first["expected_sales_jpy"].to_numpy() == pytest.approx(first["return_rate"].to_numpy() * 20_000, rel=0.01)


def test_the_past_holds_every_dormant_customer_of_then_and_what_each_did(inputs: DiagnosisInputs) -> None:
    """At the end of 2022: a fifth of those of 2021-07 are awake, a fifth of those of 2022-01 come back in 2023-04."""
    found = returns_by_origin(past_of(inputs), (2,))
    assert {row["origin"] for row in found} == {2}
    asleep = sum(row["customers"] for row in found)
    returned, sales_jpy = (sum(row[name] for row in found) for name in ("returned", "sales_jpy"))
    of_skin, of_food = SLEEPERS + SLEEPERS * 4 // 5 + SLEEPERS, SLEEPERS  # from 240 and from 600 days of silence on
    assert asleep == of_skin + of_food
    assert (returned, sales_jpy) == (SLEEPERS // 5, SLEEPERS // 5 * 20_000)
    assert all(0 <= cell.return_rate <= 1 for cell in return_cells(found))


def test_without_a_past_nothing_is_foretold_and_everyone_is_still_listed(inputs: DiagnosisInputs) -> None:
    past = past_of(inputs)
    told = dormant_customers_of(replace(past, closed=past.closed[-1:])).to_pandas()
    assert len(told) > 0
    assert told["return_rate"].isna().all()
    assert sorted(told["rank"]) == list(range(1, len(told) + 1))


def test_a_return_dearer_than_a_new_customer_is_an_issue_and_a_cheaper_one_is_none(asked: DiagnosisInputs) -> None:
    finding = dormant_follow_up(asked)
    assert finding is not None
    customers = 4 * SLEEPERS * 2 + 100
    assert finding.numbers["cpo_jpy"] == round(33_000_000 / customers)
    assert finding.verdict == "healthy"
    assert finding.action is not None
    assert finding.action.customers == finding.numbers["test_treated"]
    assert finding.action.customers > 0
    poor = replace(asked, media=asked.media.mutate(cost_jpy=ibis.literal(customers * 100)))
    dearer = dormant_follow_up(poor)
    assert dearer is not None
    assert (dearer.numbers["cpo_jpy"], dearer.verdict) == (100, "issue")
    assert dearer.yen_effect_jpy
    assert dormant_follow_up(replace(asked, dormant_customers=None)) is None


def test_the_file_lists_each_dormant_customer_once_in_order_of_rank(asked: DiagnosisInputs) -> None:
    table = asked.dormant_customers.to_pyarrow()  # type: ignore[union-attr]
    lines = dormant_customers_csv(table, Wording.of("ja")).decode("utf-8-sig").splitlines()
    assert lines[0] == "顧客番号,商品群,休眠日数,再購入の見込み,期待売上,優先順位"
    assert [int(line.split(",")[-1]) for line in lines[1:]] == list(range(1, table.num_rows + 1))


def test_where_a_contact_pays_for_everyone_nothing_is_told_of_what_sparing_the_others_saves(
    asked: DiagnosisInputs,
) -> None:
    worth = asked.dormant_customers.mutate(contact_return_jpy=ibis.literal(1.0))  # type: ignore[union-attr]
    finding = dormant_follow_up(replace(asked, dormant_customers=worth))
    assert finding is not None
    assert finding.numbers["paying_customers"] == finding.numbers["dormant_customers"]
    for language in ("ja", "en"):
        words = Wording.of(language)
        for verdict in ("healthy", "issue"):
            told = words.known_sentences(f"dormant_follow_up.comment.{verdict}", finding.numbers)
            assert words.formatted(finding.numbers["paying_customers"], "count") in told
            assert "¥0" not in told
