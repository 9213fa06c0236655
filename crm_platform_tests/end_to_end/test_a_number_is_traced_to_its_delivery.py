"""`crm-platform explain` leads from any number of a report to tables, months and deliveries."""

from __future__ import annotations

import json

from crm_platform.periods import Month
from crm_platform_tests.end_to_end.installation import Installation

MONTH = "2022-06"


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


def test_a_number_of_the_report_and_a_name_lead_to_the_same_finding(onboarded: Installation) -> None:
    by_number = onboarded.run("explain", "1-1", "--client", "demo", "--report", "diagnosis")
    assert by_number.code == 0, by_number.err
    assert by_number.out == onboarded.run("explain", "継続力", "--client", "demo").out


def test_what_no_report_tells_is_refused_with_the_way_to_find_it(onboarded: Installation) -> None:
    for arguments, problem in (
        (("conversion",), "no finding is called 'conversion'"),
        (("1-1",), "several reports have a finding 1-1"),
        (("1-1", "--report", "letter"), "there is no report 'letter'"),
        (("1-1", "--month", "2021-01"), "has no diagnosis of 2021-01"),
    ):
        answer = onboarded.run("explain", *arguments, "--client", "demo")
        assert answer.code == 1
        assert problem in answer.err
