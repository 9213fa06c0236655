"""A gate that is open holds the command line and Dagster alike, writes nothing, and says what to do (R38, R39, R43)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.orchestration.assets.drawn_reports import counts_shown
from crm_platform.orchestration.assets.facts import customer_days
from crm_platform.orchestration.assets.history import customer_history
from crm_platform.orchestration.assets.study_gate import project_digest, study_waits_because
from crm_platform.orchestration.automation.due_runs import due_runs
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.client_month_asset import ClientMonthAsset
from crm_platform.orchestration.event_log import open_instance
from crm_platform.orchestration.gates import gates_at, ledger_of, project_record
from crm_platform.orchestration.partitions import partition_key, register_client
from crm_platform.projects import Stage
from crm_platform.refusals import Refused
from crm_platform.reports import Wording, manifest, preview_counts_csv
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


def is_passed(installation: Installation, stage: Stage) -> bool:
    data = ClientData(installation.platform, installation.platform.catalogue.load("demo"))
    return next(gate.is_passed for gate in gates_at(data) if gate.stage == stage)


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
    with pytest.raises(Refused) as held:  # what sensor and schedules ask
        due_runs(ClientData(gated.platform, gated.platform.catalogue.load("demo")))
    assert reason in str(held.value)
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


def test_totals_that_move_after_their_acceptance_open_the_gate_again_and_say_which(
    gated: Installation, tmp_path: Path
) -> None:
    client = gated.data / "clients" / "demo.toml"
    client.write_text(client.read_text("utf-8").replace("0.5", "0.0"), "utf-8")
    assert is_passed(gated, Stage.TEST_TOTALS)  # what was accepted has not moved
    second = totals_of(gated)[1]
    month, ours = second["月"], int(second["注文件数"])
    control = tmp_path / "検収.tsv"
    control.write_text(f"年月\t受注件数\n{month}\t{ours}\n", "utf-8")
    assert gated.run("deliver", "--client", "demo", control).code == 0
    reason = f"there changed orders of {month} by the client ({ours + 1} then, {ours} now)"
    assert reason in gated.run("refresh", "--client", "demo").err
    assert reason in (failure_of(customer_history, gated) or "")
    assert reason in gates(gated, "show")
    assert "2 figures of 2 months accepted" in gates(gated, "accept", *BY)
    assert is_passed(gated, Stage.TEST_TOTALS)


def test_the_study_waits_for_the_confirmation_and_the_delivery_stands_in_the_manifest(gated: Installation) -> None:
    at = ClientData(gated.platform, gated.platform.catalogue.load("demo")).at(MONTH)
    waits = study_waits_because(at)
    assert "not confirmed" in str(waits)
    (withheld,) = (row for row in counts_shown(at, waits) if row["analysis"] == "targets")
    assert (withheld["group"], withheld["customers"]) == ("@preview.group.withheld", None)
    shown = preview_counts_csv(counts_shown(at, waits), Wording.of("ja")).decode("utf-8-sig")
    assert "都度購入のターゲット,非表示（本番分析の確認後に表示）,\r\n" in shown
    record = ("record", "--people", "分析担当", "--people", "CRM部長", "--on", "2022-08-28")
    asked = ("--question", "休眠の基準は", "--answer", "240日です")
    assert "not confirmed" in gated.run("gates", *record, "--client", "demo").err

    confirmed = project_digest(at)
    too_early = "hold data to 2022-06-30, which is after 2022-06-29."
    assert too_early in gated.run("gates", "confirm", *BY[:2], "--on", "2022-06-29", "--client", "demo").err
    assert "confirmed on 2022-07-15" in gates(gated, "confirm", *BY)
    early = gated.run("gates", *record[:-1], "2022-06-29", "--client", "demo")
    assert (early.code, too_early in early.err, "2022-06-30 or later" in early.err) == (1, True, True)
    assert study_waits_because(at) is None
    assert counts_shown(at, None) == at.document("preview_counts")
    assert gated.run("gates", "record", "--people", "taro@example.jp", "--client", "demo").code == 1
    delivered = project_digest(at)
    assert "repeats to 2023-02-28" in gates(gated, *record, *asked)
    assert len({confirmed["project"], delivered["project"], project_digest(at)["project"]}) == 3  # made anew each time
    told = project_record(at.data, MONTH)
    listed = manifest({}, client="demo", months=[MONTH], spec_fingerprint="", versions={}, project=told)
    project = json.loads(listed)["project"]
    assert [one["stage"] for one in project["gates"]] == ["specification", "test_totals", "production"]
    (delivery,) = project["deliveries"]
    assert (delivery["delivered_on"], delivery["people"]) == ("2022-08-28", ["分析担当", "CRM部長"])
    assert delivery["answers"] == [{"question": "休眠の基準は", "answer": "240日です"}]
    assert "steps to the next delivery: 3 (deliver → refresh → gates record); a first run has 8" in gates(gated, "show")


@pytest.mark.parametrize(
    ("on", "rule", "fee_jpy"),
    [("2023-02-28", "below.repeat_use", 198_000), ("2023-03-01", "below.first_again_after_window", 278_000)],
)
def test_the_recorded_delivery_decides_whether_a_use_is_a_repeat(
    gated: Installation, on: str, rule: str, fee_jpy: int
) -> None:
    answer = gated.run("quote", "--client", "demo", "--service", "second_opinion", "--on", on, "--json")
    (quoted,) = json.loads(answer.out)["quotes"]
    assert (quoted["rule"]["key"], quoted["total_jpy"], quoted["is_provisional"]) == (rule, fee_jpy, False)


def test_deliverables_that_change_after_they_were_confirmed_hold_the_study_back_again(gated: Installation) -> None:
    listed = gated.data / "outbox" / "demo" / str(MONTH) / "manifest.json"
    confirmed = listed.read_text("utf-8")
    files = json.loads(confirmed)["files"]
    for path, is_confirmed in (
        ("second_opinion/segments.csv", True),
        ("two_track/targets.csv", False),
        ("preview/counts.csv", False),
        ("quote.json", False),
        ("proposals/internal_approval.pdf", False),
        ("letter/monthly_letter.pdf", False),
    ):
        said = json.loads(confirmed) | {"files": {**files, path: {"sha256": "0" * 64}}}
        listed.write_text(json.dumps(said), "utf-8")
        at = ClientData(gated.platform, gated.platform.catalogue.load("demo")).at(MONTH)
        reason = study_waits_because(at)
        assert (f"there changed {path}" in str(reason)) if is_confirmed else reason is None
    listed.unlink()
    assert study_waits_because(at) is None  # moved away, it was confirmed all the same
    listed.write_text(confirmed, "utf-8")


def test_an_edit_of_the_ledger_by_hand_stops_every_command_of_the_client(gated: Installation) -> None:
    ledger = gated.data / "projects" / "demo" / "ledger.jsonl"
    signed = ledger.read_text("utf-8")
    ledger.write_text(signed.replace("CRM部長", "経理部長", 1), "utf-8")
    for command in (["refresh"], ["gates", "show"], ["gates", "sign", *BY]):
        answer = gated.run(*command, "--client", "demo")
        assert (answer.code, "ledger.jsonl, row 1" in answer.err.replace("\n", "")) == (1, True), answer.err
    assert ledger.read_text("utf-8") != signed
    ledger.write_text(signed, "utf-8")


def test_a_specification_that_changes_opens_the_gates_again(gated: Installation) -> None:
    said(gated, "\n[tables.media]\nabsent = true\n")
    refused = gated.run("refresh", "--client", "demo")
    assert refused.code == 1
    assert "the specification changed since 2022-07-15 (CRM部長) in tables.media" in refused.err
    shown = gates(gated, "show")
    assert "what follows 'specification' is blocked: the specification of the data" in shown
    assert "steps to the next delivery: 8 (gates sign" in shown
