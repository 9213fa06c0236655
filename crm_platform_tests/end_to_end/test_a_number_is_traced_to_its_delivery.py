"""`crm-platform explain` leads from any number of a report to tables, months and deliveries."""

from __future__ import annotations

import json

import pytest

from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.explaining_numbers import lineage_of_numbers, numbers_told
from crm_platform.periods import Month
from crm_platform_tests.end_to_end.installation import Installation

MONTH = "2022-06"
AS_DELIVERED = ("subscription_events", "contacts")


def test_every_finding_of_every_report_is_listed_and_explained_back_to_the_delivery(onboarded: Installation) -> None:
    listed = onboarded.run("explain", "--client", "demo").out
    receipts = json.loads(onboarded.outbox("demo", MONTH)["acceptance/receipts.json"])
    at = onboarded.platform.lake
    for document in ("diagnosis", "alert_diagnosis", "portfolio_diagnosis", "two_track_diagnosis"):
        stored = (onboarded.data / "lake" / "demo" / document).glob("*.document.json")
        findings = json.loads(next(stored).read_text("utf-8"))["findings"]
        assert findings
        assert [finding["key"] for finding in findings if finding["key"] not in listed] == []
    told = onboarded.run("explain", "retention_power", "--client", "demo").out
    assert "repeat_rate" in told
    assert "2020-07 to 2022-06" in told
    assert f"delivery {receipts[0]['delivery_id']}: orders {receipts[0]['data_from']}" in told
    record = at.provenance("demo", "forecasts", Month.parse(MONTH))
    assert record is not None
    assert record.sha256[:16] in told
    as_delivered = onboarded.run("explain", "kpi_book", "--client", "demo").out
    assert "table subscription_events: 2022-06, read from the deliveries themselves" in as_delivered


def test_a_number_of_the_report_and_a_name_lead_to_the_same_finding(onboarded: Installation) -> None:
    by_number = onboarded.run("explain", "1-1", "--client", "demo", "--report", "diagnosis")
    assert by_number.code == 0, by_number.err
    assert by_number.out == onboarded.run("explain", "継続力", "--client", "demo").out


def test_what_no_report_tells_is_refused_with_the_way_to_find_it(onboarded: Installation) -> None:
    for arguments, problem in (
        (("conversion",), "no finding is called 'conversion'"),
        (("1-1",), "several reports have a finding 1-1"),
        (("1-1", "--report", "memo"), "there is no report 'memo'"),
        (("1-1", "--report", "letter"), "no number of the letter is called '1-1'"),
        (("--month", "2021-01", "--report", "letter"), "has no letter of 2021-01"),
        (("1-1", "--month", "2021-01"), "has no diagnosis of 2021-01"),
    ):
        answer = onboarded.run("explain", *arguments, "--client", "demo")
        assert answer.code == 1
        assert problem in answer.err


@pytest.fixture(scope="module")
def at(onboarded: Installation) -> ClientMonth:
    platform = onboarded.platform
    return ClientData(platform, platform.catalogue.load("demo")).at(Month.parse(MONTH))


def test_every_number_of_the_letter_and_of_the_preview_leads_to_stored_tables_and_their_delivery(
    at: ClientMonth,
) -> None:
    receipt = at.data.deliveries[0].receipt
    for report in ("letter", "preview"):
        told = numbers_told(at, report)  # type: ignore[arg-type]
        assert len({one.key for one in told}) > 9
        for one in told:
            lineage, stored = lineage_of_numbers(at, one)
            assert [each.delivery_id for each in lineage.deliveries] == [receipt["delivery_id"]], one.key
            assert bool(stored) == (one.part != "delivery"), one.key
            for each in stored:
                record = at.data.lake.provenance("demo", each.origin.table, Month.parse(each.origin.last_month))
                assert (record.sha256 if record else "") == each.sha256, one.key
                assert record or each.origin.table in AS_DELIVERED, each.origin


def test_the_table_that_a_number_of_the_letter_names_gives_that_number(at: ClientMonth) -> None:
    told = {one.key: one for one in numbers_told(at, "letter")}
    months = {str(month): 0 for month in at.history_months}
    for row in at.past(told["sales_jpy"].origins[0].table).to_pyarrow().to_pylist():
        months[row["month"].isoformat()[:7]] += row["sales_jpy"]
    values = told["sales_jpy"].values
    origin = told["sales_jpy"].origins[0]
    assert (values["year_ago"], values["now"]) == (months[origin.first_month], months[origin.last_month])
    first = told["course"].origins[0].first_month
    assert told["course"].values == {month: jpy for month, jpy in months.items() if month >= first}
    for key in ("alerted", "dormant", "targets", "regular"):
        listed = at.arrow(told[key].origins[0].table)["customer_id"].unique()
        assert told[key].values["customers"] == len(listed), key


def test_a_number_of_the_letter_is_told_with_the_finding_that_it_is_taken_from(onboarded: Installation) -> None:
    listed = onboarded.run("explain", "--client", "demo", "--report", "letter").out
    assert all(key in listed for key in ("sales_jpy", "bridge", "alerted", "former_forecast", "delivery"))
    told = onboarded.run("explain", "月末の稼働顧客", "--client", "demo", "--report", "letter").out
    assert f"crm-platform explain dormancy --report diagnosis --client demo --month {MONTH}" in told
    assert "table customer_months: 2020-07 to 2022-06" in told
