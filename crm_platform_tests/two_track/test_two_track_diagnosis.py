"""The cover of the two tracks: who is counted, the targets and what to offer them; and when there is no report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ibis
import pytest

from crm_platform.diagnosis import Diagnosis
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.refusals import Refused
from crm_platform.tables.targets import TARGETS
from crm_platform.two_track.business import business_case, stopped_case
from crm_platform.two_track.left_out import left_out_of, why_left_out
from crm_platform.two_track.two_track_diagnosis import headline, two_track_diagnosis
from crm_platform_tests.diagnosis.planted import Order, planted_inputs
from crm_platform_tests.two_track.business.shop import Contract, subscriptions_of
from crm_platform_tests.two_track.business.test_business_findings import INFERRED, OWN
from crm_platform_tests.two_track.business.test_reference_cases import TINY, others, tiny_client

BEGAN, ENDED = dt.date(2022, 3, 1), dt.date(2023, 2, 1)
CONTRACTS = [
    Contract("both", BEGAN, ENDED),
    Contract("both", BEGAN),
    Contract("ended twice", BEGAN, ENDED),
    Contract("ended twice", BEGAN, ENDED),
    Contract("goes on", BEGAN),
]


def target(customer: str, state: str, need: str, jpy: float, group: str | None) -> dict[str, Any]:
    said = {"segment": "once", "reason": "bought_before", "status": "own_data", "p_buys": 0.5}
    return {
        "rank": 1,
        "customer_id": customer,
        "subscription_state": state,
        "need": need,
        "product_group": group,
        "expected_sales_jpy": jpy,
        **said,
    }


def listed(rows: Sequence[dict[str, Any]]) -> ibis.Table:
    columns = {name: [row.get(name) for row in rows] for name in TARGETS.names}
    return ibis.memtable(TARGETS.from_columns(columns) if rows else TARGETS.empty())


FOUR = (
    target("both", "continuing", "latent", 1_000.4, "茶"),
    target("ended twice", "stopped", "manifest", 3_000.3, "青汁"),
    target("goes on", "continuing", "manifest", 500.0, "青汁"),
    target("d", "stopped", "latent", 0.5, None),
)


@pytest.fixture(scope="module")
def bare() -> DiagnosisInputs:
    """A client with one order, of whom nothing is known of two tracks."""
    return planted_inputs([Order("a", dt.date(2023, 12, 24))], dt.date(2023, 12, 31))


def told(bare: DiagnosisInputs, targets: Sequence[dict[str, Any]], case: Any) -> dict[str, Any]:
    known = {"subscriptions": subscriptions_of(CONTRACTS), "targets": listed(targets), "two_track_business": case}
    return headline(replace(bare, **known), ())


def test_who_has_one_running_subscription_is_counted_once_as_continuing_and_nobody_twice(bare: DiagnosisInputs) -> None:
    figures = told(bare, [], OWN)
    assert (figures["continuing_customers"], figures["stopped_customers"]) == (2, 1)


def test_targets_add_up_by_state_and_by_need_and_their_sales_to_the_yen(bare: DiagnosisInputs) -> None:
    figures = told(bare, FOUR, OWN)
    assert figures["targets"] == figures["targets_continuing"] + figures["targets_stopped"] == 4
    assert figures["targets"] == figures["targets_manifest"] + figures["targets_latent"]
    assert (figures["expected_buyers"], figures["expected_one_off_jpy"]) == (2, 4_501)
    assert [figures[f"offer_{place}"] for place in (1, 2, 3)] == ["青汁", "茶", None]
    assert [figures[f"offer_{place}_customers"] for place in (1, 2, 3)] == [2, 1, None]


def test_without_a_target_there_is_no_amount_and_nothing_to_offer(bare: DiagnosisInputs) -> None:
    figures = told(bare, [], INFERRED)
    assert (figures["targets"], figures["expected_one_off_jpy"], figures["offer_1"]) == (0, None, None)
    assert (figures["status"], figures["buyers_on_file"]) == ("inferred", 7)


def test_a_client_with_one_order_is_diagnosed_and_read_back_as_it_was(bare: DiagnosisInputs) -> None:
    diagnosis = two_track_diagnosis(bare)
    assert diagnosis.report == "two_track"
    assert Diagnosis.from_json(diagnosis.to_json()) == diagnosis
    assert left_out_of(diagnosis.to_json()) is None


def test_there_is_no_report_without_subscriptions_or_without_a_case_and_one_with_either_kind_of_case() -> None:
    none = why_left_out(0, None, 50)
    assert none is not None
    assert none.reason == "no_subscriptions"
    with pytest.raises(Refused) as refused:
        business_case(TINY, tiny_client(), others())
    stopped = why_left_out(900, stopped_case(TINY, refused.value), 50)
    assert stopped is not None
    assert (stopped.reason, stopped.numbers) == ("no_comparable_case", {"buyers_on_file": 7, "least_buyers": 50})
    assert "two_track_least_buyers" in stopped.notice
    assert left_out_of(stopped.to_json()) == stopped
    assert [why_left_out(900, case, 50) for case in (OWN, INFERRED, None)] == [None, None, None]
