"""What the overview says of a client agrees with what is due of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_platform.lake import MadeFrom, digest_of
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.event_log import open_instance
from crm_platform.orchestration.recipe import everything
from crm_platform.orchestration.status import CHANGED, CURRENT, MORE, status_of
from crm_platform.periods import Month
from crm_platform_tests.end_to_end.installation import Installation
from crm_platform_tests.intake.deliveries import LINE_HEADERS, delivery, file_of, line


def delivered(installation: Installation, folder: Path, *lines: list[str], masters: bool = False) -> None:
    files = delivery(lines) if masters else [file_of("order_lines.tsv", [LINE_HEADERS, *lines])]
    folder.mkdir()
    for file in files:
        (folder / file.name).write_bytes(file.content)
    answer = installation.run("deliver", "--client", "acme", *(folder / file.name for file in files))
    assert answer.code == 0, answer.err


def state_of(installation: Installation) -> str:
    with open_instance(installation.data / "dagster_home") as instance:
        return status_of(installation.platform, "acme", instance).state


def analysed(installation: Installation) -> ClientData:
    """The record of deliverables made of all that was delivered, by the client's file as it is now."""
    client = installation.platform.catalogue.load("acme")
    data = ClientData(installation.platform, client)
    inputs = {
        "deliveries": digest_of([one.receipt for one in data.deliveries]),
        "services": digest_of(client.ordered_services),
    }
    made_from = MadeFrom(inputs, code_digest("reports"), digest_of(everything(client)))
    data.lake.write_document("acme", "deliverables", Month(2025, 5), {}, made_from)
    return data


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A client that delivered once."""
    installation = Installation.at(tmp_path / "data")
    installation.run("clients", "add", "acme", "--name", "見本")
    delivered(installation, tmp_path / "first", line(), masters=True)
    return installation


def says(installation: Installation, more: str) -> str:
    """What the client's file said before `more` was added to it."""
    path = installation.data / "clients" / "acme.toml"
    before = path.read_text("utf-8")
    path.write_text(before + more, "utf-8")
    return before


def test_a_client_whose_mapping_changed_and_who_was_analysed_since_is_current(
    installation: Installation, tmp_path: Path
) -> None:
    says(installation, '[tables.order_lines]\nsheet = "取引明細"\n')
    analysed(installation)
    assert state_of(installation) == CURRENT
    delivered(installation, tmp_path / "second", line("A2"))
    assert state_of(installation) == MORE


@pytest.mark.parametrize(
    "more",
    [
        '[tables.products]\nsheet = "商品"\n',
        "[settings]\nlapse_silent_days = 200\n",
        '[services]\nordered = ["second_opinion"]\n',
    ],
)
def test_a_client_whose_file_says_otherwise_than_when_it_was_analysed_is_not_current(
    installation: Installation, more: str
) -> None:
    analysed(installation)
    before = says(installation, more)
    assert state_of(installation) == CHANGED
    assert ClientData(installation.platform, installation.platform.catalogue.load("acme")).deliveries
    assert state_of(installation) == CHANGED  # read anew, but not analysed
    (installation.data / "clients" / "acme.toml").write_text(before, "utf-8")
    assert state_of(installation) == CURRENT


def test_a_refusal_is_shown_as_long_as_it_stands_and_no_longer(installation: Installation) -> None:
    analysed(installation)
    before = says(installation, "[settings]\nno_such_setting = 1\n")
    assert installation.run("refresh", "--client", "acme").code == 1
    ours = "no_such_setting"
    assert [ours in installation.run("status").out.rpartition("│")[2] for _ in range(2)] == [True, True]
    (installation.data / "clients" / "acme.toml").write_text(before, "utf-8")
    assert ours not in installation.run("status").out
    assert ours not in installation.run("status", "--client", "acme").out
