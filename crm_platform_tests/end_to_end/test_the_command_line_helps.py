from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest

from crm_platform.demo import make_demo, write_delivery
from crm_platform.intake import read_inbox
from crm_platform.orchestration.client_month import ClientData
from crm_platform.periods import Month
from crm_platform_tests.end_to_end.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path / "data")


def files_of(folder: Path, *, faults: int = 0, months: int = 60) -> list[Path]:
    folder.mkdir()
    first_month = Month(2025, 6).plus(1 - months)
    return write_delivery(make_demo(customers=60, months=months, first_month=first_month, faults=faults), folder)


def test_the_doctor_finds_a_new_installation_sound(installation: Installation) -> None:
    answer = installation.run("doctor")
    assert answer.code == 0, answer.err
    for subject in ("Python", "packages", "engine", "fonts", "Dagster instance"):
        assert subject in answer.out


def test_an_installation_without_clients_is_sound_and_one_without_deliveries_has_nothing_due(
    tmp_path: Path,
) -> None:
    installation = Installation(tmp_path / "data")
    installation.data.mkdir()
    answer = installation.run("doctor")
    assert answer.code == 0, answer.err
    assert "clients add" in answer.out
    assert installation.run("clients", "add", "acme", "--name", "A").code == 0
    answer = installation.run("status", "--client", "acme")
    assert answer.code == 0, answer.err
    assert "nothing is due. Deliver first" in answer.out


def test_a_reason_that_holds_a_telephone_number_is_refused_before_it_is_stored(installation: Installation) -> None:
    answer = installation.run("refresh", "--client", "demo", "--learn-anew", "asked by 090-1234-5678")
    assert answer.code == 1
    assert "telephone number" in answer.err


def test_the_doctor_names_a_broken_client_file_and_what_to_do(installation: Installation) -> None:
    (installation.data / "clients" / "broken.toml").write_text("name = ")
    answer = installation.run("doctor")
    assert answer.code == 1
    assert "broken.toml" in answer.err


def test_a_month_is_unfinished_unless_the_client_says_that_the_data_cover_it(
    installation: Installation, tmp_path: Path
) -> None:
    files = files_of(tmp_path / "files")
    answer = installation.run("deliver", "--client", "demo", *files)
    assert answer.code == 0, answer.err
    (stored,) = read_inbox(installation.platform.inbox, "demo")
    last_order = dt.date.fromisoformat(stored.receipt["last_order_on"])
    data = ClientData(installation.platform, installation.platform.catalogue.load("demo"))
    assert data.at(Month(2025, 6)).as_of == last_order < dt.date(2025, 6, 30)
    assert "--data-to 2025-06-30" in answer.out

    assert installation.run("deliver", "--client", "demo", *files, "--data-to", "2025-06-30").code == 0
    data = ClientData(installation.platform, installation.platform.catalogue.load("demo"))
    assert data.at(Month(2025, 6)).as_of == dt.date(2025, 6, 30)


@pytest.mark.parametrize(("day", "said"), [("2021-01-31", "there is an order of"), ("2999-12-31", "yet to come")])
def test_a_last_day_that_cannot_be_is_refused(day: str, said: str, installation: Installation, tmp_path: Path) -> None:
    answer = installation.run("deliver", "--client", "demo", *files_of(tmp_path / "files"), "--data-to", day)
    assert answer.code == 1
    assert said in answer.err
    assert not read_inbox(installation.platform.inbox, "demo")


def test_all_bad_rows_of_a_refused_delivery_can_be_listed(installation: Installation, tmp_path: Path) -> None:
    listed = tmp_path / "faults.csv"
    files = files_of(tmp_path / "files", faults=12)
    answer = installation.run("deliver", "--client", "demo", *files, "--faults", listed)
    assert answer.code == 1
    with listed.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["行番号"] for row in csv.DictReader(file)}
    assert len(rows) == 12
    assert not read_inbox(installation.platform.inbox, "demo")


def test_the_list_of_faults_is_never_written_over_a_file_of_the_delivery(
    installation: Installation, tmp_path: Path
) -> None:
    files = files_of(tmp_path / "files", faults=12, months=2)
    before = [file.read_bytes() for file in files]
    answer = installation.run("deliver", "--client", "demo", *files, "--faults", files[-1])
    assert (answer.code, [file.read_bytes() for file in files]) == (1, before)
    assert f"{files[-1]}: the command reads this file and would write over it. Name another." in answer.err


def test_a_client_without_periods_of_retention_is_told_which_table_sets_them(installation: Installation) -> None:
    installation.run("clients", "add", "kept", "--name", "Kept")
    assert "kept: no [retention] is set, all is kept" in installation.run("clients", "retain", "kept").out


def test_a_delivered_client_can_be_chosen_in_the_ui(installation: Installation, tmp_path: Path) -> None:
    import dagster as dg

    assert installation.run("deliver", "--client", "demo", *files_of(tmp_path / "files")).code == 0
    with dg.DagsterInstance.from_config(str(installation.data / "dagster_home")) as instance:
        assert instance.get_dynamic_partitions("client") == ["demo"]


def test_only_active_customers_have_a_contact_date(onboarded: Installation) -> None:
    classes = {
        row["顧客番号"]: row["CPM区分"] for row in onboarded.rows("demo", "2022-06", "portfolio/cpm_classes.csv")
    }
    contacted = {row["顧客番号"] for row in onboarded.rows("demo", "2022-06", "portfolio/contact_dates.csv")}
    assert contacted
    assert all("現役" in classes[customer] for customer in contacted)


def test_the_call_list_of_a_day_holds_the_best_of_who_is_due_no_subscriber_and_no_lapsed_call(
    onboarded: Installation, tmp_path: Path
) -> None:
    listed = tmp_path / "due.csv"
    answer = onboarded.run("contacts", "due", "--client", "demo", "--on", "2022-07-01", "--most", "5", "--out", listed)
    assert answer.code == 0, answer.err
    with listed.open(encoding=onboarded.platform.catalogue.load("demo").csv_encoding, newline="") as file:
        called = list(csv.DictReader(file))
    dates = {row["顧客番号"]: row for row in onboarded.rows("demo", "2022-06", "portfolio/contact_dates.csv")}
    ways_out = ("定期", "掘り起こし")
    due = {
        name
        for name, row in dates.items()
        if row["次回連絡日"] <= "2022-07-01" and not any(way_out in row["理由"] for way_out in ways_out)
    }
    lapsed = sum("掘り起こし" in row["理由"] for row in dates.values())
    assert f"lapsed: {lapsed:,} " in answer.out
    assert {row["顧客番号"] for row in called} < due
    assert len(called) == 5
    assert f"waiting: {len(due) - 5:,} " in answer.out
    values = [float(row["見込売上"] or 0) for row in called]
    assert values == sorted(values, reverse=True)

    answer = onboarded.run("contacts", "due", "--client", "demo", "--on", "2010-01-01")
    assert answer.code == 1
    assert "Choose a later day" in answer.err
