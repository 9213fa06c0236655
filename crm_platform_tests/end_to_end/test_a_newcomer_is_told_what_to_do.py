"""What the command line says to who has never used it: whole paths, what is still open, what a receipt means."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_platform.cli.receipts import show_accepted, show_deliveries
from crm_platform.cli.runs import add_made_up_client
from crm_platform.intake import Accepted, StoredDelivery
from crm_platform_tests.end_to_end.installation import PROJECT, Answer, Installation
from crm_platform_tests.intake import cart_exports
from crm_platform_tests.intake.deliveries import delivery, line
from crm_platform_tests.intake.test_house_made_systems import listed


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path / "data")


def test_a_refusal_names_the_clients_file_by_its_whole_path(installation: Installation, tmp_path: Path) -> None:
    installation.run("clients", "add", "acme", "--name", "見本")
    (tmp_path / "無題.csv").write_text("甲,乙\n1,2\n", "utf-8")
    answer = installation.run("deliver", "--client", "acme", tmp_path / "無題.csv")
    assert answer.code == 1
    assert f"the preset in {installation.data / 'clients' / 'acme.toml'}." in answer.err


def test_the_demo_needs_no_client_to_be_added_and_leaves_an_edited_one_as_it_is(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    add_made_up_client(installation.platform)
    (written,) = (installation.data / "clients").iterdir()
    assert written.read_text("utf-8") == (PROJECT / "data" / "clients" / "demo.toml").read_text("utf-8")
    written.write_text('name = "Mine"\n', "utf-8")
    add_made_up_client(installation.platform)
    assert installation.platform.catalogue.load("demo").name == "Mine"


def test_a_file_of_another_name_is_not_given_a_path_that_it_has_not(installation: Installation) -> None:
    answer = installation.run("clients", "add", "acme", "--name", "見本", "--preset", "base")
    assert answer.code == 1
    assert "refused: acme.toml, column preset" in answer.err


def test_a_client_without_deliveries_is_told_how_to_begin(installation: Installation) -> None:
    installation.run("clients", "add", "acme", "--name", "見本")
    assert "crm-platform deliver --client acme" in installation.run("deliveries", "--client", "acme").out


def test_a_delivery_of_contacts_alone_is_told_without_a_made_up_day(capsys: pytest.CaptureFixture[str]) -> None:
    nothing: dict[str, Any] = {
        "accounts": {},
        "files": [],
        "examined_on": "2025-08-01",
        "data_from": None,
        "data_to": None,
    }
    changes = dict.fromkeys(("lines_undone", "lines_changed", "lines_removed", "orders_new"), 0)
    unsaid: dict[str, Any] = {"same_spec": None, "control_totals": [], "changes": changes}
    contacts = StoredDelivery(Path("0002-abc"), {**nothing, **unsaid})
    show_deliveries([contacts])
    show_accepted(Accepted(contacts.folder, contacts.receipt, is_known=False))
    told = capsys.readouterr().out
    assert told.count("no orders") == 2
    assert "None" not in told


def test_a_delivery_that_reaches_less_far_than_a_former_one_is_not_called_an_unfinished_month(
    capsys: pytest.CaptureFixture[str],
) -> None:
    changes = dict.fromkeys(("lines_undone", "lines_changed", "lines_removed", "orders_new"), 0)
    receipt = {"accounts": {}, "files": [], "same_spec": None, "control_totals": [], "changes": changes}
    accepted = Accepted(
        Path("0002-abc"), {**receipt, "data_from": "2022-02-01", "data_to": "2022-02-04"}, is_known=False
    )
    show_accepted(accepted)
    assert "the month counts as unfinished" in capsys.readouterr().out
    show_accepted(replace(accepted, others_to=dt.date(2025, 2, 3)))
    told = capsys.readouterr().out
    assert "unfinished" not in told
    assert "data to 2022-02-04, those of a former delivery to 2025-02-03: what these files say" in told
    show_accepted(replace(accepted, is_known=True, others_to=dt.date(2025, 2, 3)))
    assert "what later deliveries say of the same orders stands" in capsys.readouterr().out
    show_accepted(replace(accepted, is_known=True))
    assert "later deliveries" not in capsys.readouterr().out


@pytest.mark.parametrize(("first_order", "is_told"), [("2024-10-08", False), ("2024-10-29", True)])
def test_days_that_lie_between_two_deliveries_are_named(
    capsys: pytest.CaptureFixture[str], first_order: str, is_told: bool
) -> None:
    changes = dict.fromkeys(("lines_undone", "lines_changed", "lines_removed", "orders_new"), 0)
    receipt = {"accounts": {}, "files": [], "same_spec": None, "control_totals": [], "changes": changes}
    november = {**receipt, "data_from": first_order, "data_to": "2024-11-30"}
    show_accepted(Accepted(Path("0003-abc"), november, is_known=False, others_to=dt.date(2024, 9, 30)))
    gap = "no delivery holds an order of 2024-10-01 to 2024-10-28" in capsys.readouterr().out
    assert gap is is_told


def test_an_older_export_that_came_last_is_answered_by_the_newer_one_delivered_again(
    installation: Installation, tmp_path: Path
) -> None:
    installation.run("clients", "add", "acme", "--name", "見本")
    orders = {"newer": [line("A1", 状態="キャンセル"), line("A2")], "older": [line("A1")]}
    for name, lines in orders.items():
        (tmp_path / name).mkdir()
        for file in delivery(lines):
            (tmp_path / name / file.name).write_bytes(file.content)
    newer, older = (sorted((tmp_path / name).iterdir()) for name in orders)

    def deliver(*said: str | Path) -> Answer:
        return installation.run("deliver", "--client", "acme", *said)

    assert deliver(*newer).code == 0
    assert deliver(*(path for path in older if path.name == "order_lines.tsv")).code == 0
    assert '--again "why"' in deliver(*newer).out
    again = deliver("--again", "古い方を後から届けたため", *newer)
    assert (again.code, "lines cancelled or returned 1" in again.out) == (0, True)
    assert "again: 古い方を後から届けたため" in installation.run("deliveries", "--client", "acme").out
    refused = deliver("--again", "090-1234-5678に確認", *newer)
    assert (refused.code, "telephone" in refused.err, "090" in refused.err) == (1, True, False)


def test_more_lines_than_rows_are_accounted_for(installation: Installation, tmp_path: Path) -> None:
    installation.run("clients", "add", "acme", "--name", "見本", "--preset", "ecforce")
    (export,) = cart_exports.ecforce().files
    (tmp_path / export.name).write_bytes(export.content)
    answer = installation.run("deliver", "--client", "acme", tmp_path / export.name)
    assert answer.code == 0, answer.err
    assert "lines more than rows: rows of several products are split" in answer.out


def test_what_a_draft_leaves_open_is_said_when_it_is_accepted(installation: Installation, tmp_path: Path) -> None:
    installation.run("clients", "add", "acme", "--name", "見本")
    (tmp_path / "受注.xlsx").write_bytes(listed().content)
    assert installation.run("mapping", "draft", "--client", "acme", tmp_path / "受注.xlsx").code == 0
    answer = installation.run("mapping", "accept", "--client", "acme")
    assert answer.out.count("still to decide: ") == 6
