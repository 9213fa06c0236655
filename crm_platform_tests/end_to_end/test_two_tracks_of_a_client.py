"""The two tracks (定期もTudomo) of the onboarded client: its files, its report, and where its numbers come from."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crm_platform.diagnosis import Diagnosis
from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
from crm_platform.orchestration.assets.contact_dates import contact_inputs
from crm_platform.orchestration.assets.two_track import two_track_inputs
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.two_track.contact_dates import contact_dates
from crm_platform.two_track.two_track_diagnosis import TWO_TRACK_QUESTIONS
from crm_platform_tests.diagnosis.test_laws_of_findings import FIELD_OF, recorded
from crm_platform_tests.end_to_end.conftest import MONTH
from crm_platform_tests.end_to_end.installation import Installation

STATES, NEEDS = {"continuing": "継続中", "stopped": "解約"}, {"manifest": "顕在", "latent": "潜在"}
STORED = {asset.recipe.name for asset in (*EVERY_MONTH, *MONTHS_ASKED_FOR)}
FOR_FEW_BUYERS = ("subscriber_needs",)  # 推論: told where too few bought one-off


@pytest.fixture(scope="module")
def client(data_as_onboarded: Path) -> Installation:
    """The onboarded client itself: nothing here writes to it."""
    return Installation(data_as_onboarded)


@pytest.fixture(scope="module")
def at(client: Installation) -> ClientMonth:
    return ClientData(client.platform, client.platform.catalogue.load("demo")).at(MONTH)


@pytest.fixture(scope="module")
def diagnosis(at: ClientMonth) -> Diagnosis:
    return Diagnosis.from_json(at.document("two_track_diagnosis"))


def test_targets_are_the_rows_of_their_table_the_best_first_and_each_a_subscriber_once(
    client: Installation, at: ClientMonth
) -> None:
    listed = client.rows("demo", str(MONTH), "two_track/targets.csv")
    stored = sorted(at.arrow("targets").to_pylist(), key=lambda row: row["rank"])
    assert list(listed[0]) == ["顧客番号", "定期状態", "ニーズ", "推奨商品群", "期待売上"]
    assert [tuple(row.values()) for row in listed] == [
        (
            row["customer_id"],
            STATES[row["subscription_state"]],
            NEEDS[row["need"]],
            row["product_group"] or "",
            f"{round(row['expected_sales_jpy'])}",
        )
        for row in stored
    ]
    subscribers = at.arrow("subscriptions")["customer_id"].to_pylist()
    assert {row["顧客番号"] for row in listed} <= set(subscribers)
    assert max(Counter(row["顧客番号"] for row in listed).values()) == 1


def test_the_cover_counts_every_subscriber_once_and_as_many_targets_as_the_list_has_rows(
    at: ClientMonth, diagnosis: Diagnosis
) -> None:
    told: dict[str, Any] = dict(diagnosis.headline)
    rows = at.arrow("subscriptions").to_pylist()
    running = {row["customer_id"] for row in rows if row["state"] == "continuing"}
    everyone = {row["customer_id"] for row in rows}
    assert (told["continuing_customers"], told["stopped_customers"]) == (len(running), len(everyone - running))
    states = at.arrow("one_off_candidates").to_pylist()
    assert {row["customer_id"] for row in states if row["subscription_state"] == "continuing"} == running
    assert {row["customer_id"] for row in states} == everyone
    sales = at.arrow("targets")["expected_sales_jpy"].to_pylist()
    assert (told["targets"], told["expected_one_off_jpy"]) == (len(sales), round(sum(sales)))


def test_its_pages_open_and_its_first_page_answers_the_four_questions(client: Installation) -> None:
    files = client.outbox("demo", str(MONTH))
    page = files["two_track/two_track_report.html"].decode()
    assert [
        question
        for question in ("だれが", "いくら", "何を勧めるか", "事業になるか")
        if f"<dt>{question}</dt>" not in page
    ] == []
    assert files["two_track/two_track_report.pdf"].startswith(b"%PDF")
    assert json.loads(files["manifest.json"])["left_out"] == {}


def test_portfolio_and_two_tracks_tell_the_same_of_the_contact_dates(client: Installation, at: ClientMonth) -> None:
    told = [
        next(one for one in at.document(name)["findings"] if one["key"] == "contact_dates")
        for name in ("portfolio_diagnosis", "two_track_diagnosis")
    ]
    assert told[0] == told[1] == at.document("contact_timing")
    numbers, listed = told[0]["numbers"], client.rows("demo", str(MONTH), "portfolio/contact_dates.csv")
    named = ("dated_customers", "lapsed_customers", "subscribers_customers")
    assert sum(numbers[name] for name in named) == len(listed)


@pytest.mark.parametrize("name", FOR_FEW_BUYERS)
def test_what_is_told_of_few_buyers_is_not_told_of_enough(name: str, at: ClientMonth) -> None:
    question = next(question for question in TWO_TRACK_QUESTIONS if question.__name__ == name)
    assert question(two_track_inputs(at)) is None


@pytest.mark.parametrize(
    "question",
    [contact_dates, *(question for question in TWO_TRACK_QUESTIONS if question.__name__ not in FOR_FEW_BUYERS)],
    ids=lambda question: question.__name__,
)
def test_a_finding_names_the_tables_it_reads_and_no_other(question: Any, at: ClientMonth) -> None:
    inputs = contact_inputs(at) if question is contact_dates else two_track_inputs(at)
    finding, asked = recorded(question, inputs)
    assert finding is not None
    assert finding.key == question.__name__
    assert set(finding.sources) <= STORED
    assert set(finding.sources) == {name for name in asked if getattr(inputs, FIELD_OF.get(name, name)) is not None}
