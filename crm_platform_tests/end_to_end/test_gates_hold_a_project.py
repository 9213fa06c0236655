"""A gate that is open holds the command line and Dagster alike, writes nothing, and says what to do (R38, R39, R43)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.orchestration.assets.facts import customer_days
from crm_platform.orchestration.assets.history import customer_history
from crm_platform.orchestration.assets.reports import of_the_study, project_digest
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.client_month_asset import ClientMonthAsset
from crm_platform.orchestration.event_log import open_instance
from crm_platform.orchestration.gates import ledger_of, project_record
from crm_platform.orchestration.partitions import partition_key, register_client
from crm_platform.orchestration.schedules import monthly_alerts
from crm_platform.projects import Stage
from crm_platform.reports import manifest
from crm_platform_tests.end_to_end.conftest import MONTH
from crm_platform_tests.end_to_end.installation import Installation

PROJECT = "\n[project]\ngates = true\nstarted_on = 2022-07-04\n"
BY = ("--by", "CRM部長", "--on", "2022-07-15")


@pytest.fixture(scope="module")
def gated(onboarded: Installation) -> Installation:
    said(onboarded, PROJECT)
    return onboarded


def said(installation: Installation, more: str) -> None:
    client = installation.data / "clients" / "demo.toml"
    client.write_text(client.read_text("utf-8") + more, "utf-8")


def failure_of(asset: ClientMonthAsset, installation: Installation) -> str | None:
    """Materialise the asset in Dagster; what its step says where it fails."""
    with open_instance(installation.data / "dagster_home") as instance:
        register_client(instance, "demo")
        result = dg.materialize(
            [asset.definition],
            partition_key=partition_key("demo", MONTH),
            instance=instance,
            resources={"platform": installation.platform},
            raise_on_error=False,
        )
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return str(failures[0].user_failure_data.description) if failures else None


def gates(installation: Installation, *arguments: str | Path) -> str:
    answer = installation.run("gates", *arguments, "--client", "demo")
    assert answer.code == 0, answer.err
    return answer.out


def test_every_way_to_an_analysis_is_held_until_the_specification_is_signed(gated: Installation) -> None:
    before, reason = gated.everything(), "the specification of the data (仕様確認) is not signed"
    due = ["contacts", "due", "--on", f"{MONTH.plus(1).first_day}"]
    for command in (["onboard"], ["refresh"], ["preview"], ["alert"], ["backtest"], due, ["gates", "totals"]):
        answer = gated.run(*command, "--client", "demo")
        assert (answer.code, reason in answer.err) == (1, True), command
        assert "crm-platform gates sign --client demo --by ROLE" in answer.err
    for asset in (customer_days, customer_history):
        assert reason in (failure_of(asset, gated) or "")
    with open_instance(gated.data / "dagster_home") as instance:
        context = dg.build_schedule_context(instance=instance, resources={"platform": gated.platform})
        assert [type(asked) for asked in monthly_alerts(context)] == [dg.SkipReason]
    assert gated.everything() == before
    shown = gates(gated, "show")
    assert "2022-07-04 to 2022-08-28" in shown
    assert f"what follows 'specification' is blocked: {reason}" in shown


def test_signed_the_facts_and_test_totals_may_be_made_and_the_analyses_not_yet(gated: Installation) -> None:
    early = gated.run("gates", "sign", "--by", "CRM部長", "--on", "2999-01-01", "--client", "demo")
    assert (early.code, "has not come yet" in early.err) == (1, True)
    assert "signed on 2022-07-15 by CRM部長" in gates(gated, "sign", *BY)
    assert failure_of(customer_days, gated) is None
    assert "the test totals (検収) are not accepted" in (failure_of(customer_history, gated) or "")
    refused = gated.run("refresh", "--client", "demo")
    assert "cannot enter the stage 'production': the test totals (検収) are not accepted" in refused.err
    assert "test_totals.csv" in gates(gated, "totals")
    assert len(totals_of(gated)) == 24


def totals_of(installation: Installation) -> list[dict[str, str]]:
    text = (installation.data / "projects" / "demo" / "test_totals.csv").read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_totals_beyond_tolerance_hold_and_those_accepted_are_kept_with_their_difference(
    gated: Installation, tmp_path: Path
) -> None:
    assert "delivered no figures of its own" in gated.run("gates", "accept", "--client", "demo", *BY).err
    first, second = totals_of(gated)[:2]
    figures = [f"{first['月']}\t{first['注文件数']}", f"{second['月']}\t{int(second['注文件数']) + 1}"]
    control = tmp_path / "検収.tsv"
    control.write_text("年月\t受注件数\n" + "\n".join(figures) + "\n", "utf-8")
    assert gated.run("deliver", "--client", "demo", control).code == 1  # held on its arrival
    said(gated, "\n[admission]\ntolerated_total_difference_rate = 0.5\n")
    delivered = gated.run("deliver", "--client", "demo", control)
    assert delivered.code == 0, delivered.err
    client = gated.data / "clients" / "demo.toml"
    client.write_text(client.read_text("utf-8").replace("0.5", "0.0"), "utf-8")

    held = gated.run("gates", "accept", "--client", "demo", *BY)  # agreed less since: held again
    assert held.code == 1
    assert f"the totals of {second['月']} differ" in held.err
    assert ledger_of(gated.platform, gated.platform.catalogue.load("demo")).latest(Stage.TEST_TOTALS) is None

    client.write_text(client.read_text("utf-8").replace("0.0", "0.5"), "utf-8")
    assert "2 figures of 2 months accepted" in gates(gated, "accept", *BY)
    kept = ledger_of(gated.platform, gated.platform.catalogue.load("demo")).latest(Stage.TEST_TOTALS)
    assert kept is not None
    assert [(one["month"], one["difference"]) for one in kept.totals] == [(first["月"], 0), (second["月"], -1)]


def test_the_study_waits_for_the_confirmation_and_the_delivery_stands_in_the_manifest(gated: Installation) -> None:
    at = ClientData(gated.platform, gated.platform.catalogue.load("demo")).at(MONTH)
    made = {"two_track/targets.csv": b"", "manifest.json": b""}
    files, withheld = of_the_study(at, made)
    assert list(files) == ["manifest.json"]
    assert "not confirmed" in withheld["two_track/"]
    record = ("record", "--people", "分析担当", "--people", "CRM部長", "--on", "2022-08-28")
    asked = ("--question", "休眠の基準は", "--answer", "240日です")
    assert "not confirmed" in gated.run("gates", *record, "--client", "demo").err

    confirmed = project_digest(at)
    assert "confirmed on 2022-07-15" in gates(gated, "confirm", *BY)
    assert of_the_study(at, made) == (made, {})
    assert gated.run("gates", "record", "--people", "taro@example.jp", "--client", "demo").code == 1
    delivered = project_digest(at)
    assert "repeats to 2023-02-28" in gates(gated, *record, *asked)
    assert len({confirmed["project"], delivered["project"], project_digest(at)["project"]}) == 3  # made anew each time
    told = project_record(gated.platform, at.client, MONTH)
    listed = manifest({}, client="demo", months=[MONTH], spec_fingerprint="", versions={}, project=told)
    project = json.loads(listed)["project"]
    assert [one["stage"] for one in project["gates"]] == ["specification", "test_totals", "production"]
    (delivery,) = project["deliveries"]
    assert (delivery["delivered_on"], delivery["people"]) == ("2022-08-28", ["分析担当", "CRM部長"])
    assert delivery["answers"] == [{"question": "休眠の基準は", "answer": "240日です"}]
    assert "steps to the next delivery: 3 (deliver → refresh → gates record); a first run has 8" in gates(gated, "show")


def test_a_specification_that_changes_opens_the_gates_again(gated: Installation) -> None:
    said(gated, "\n[tables.media]\nabsent = true\n")
    refused = gated.run("refresh", "--client", "demo")
    assert refused.code == 1
    assert "the specification changed since 2022-07-15 (CRM部長)" in refused.err
    shown = gates(gated, "show")
    assert "what follows 'specification' is blocked: the specification of the data" in shown
    assert "steps to the next delivery: 8 (gates sign" in shown
