"""What the overview says of a client agrees with what is due of it."""

from __future__ import annotations

from pathlib import Path

from crm_platform.lake import MadeFrom, digest_of
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.event_log import open_instance
from crm_platform.orchestration.status import CURRENT, MORE, status_of
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


def test_a_client_whose_mapping_changed_and_who_was_analysed_since_is_current(tmp_path: Path) -> None:
    installation = Installation.at(tmp_path / "data")
    installation.run("clients", "add", "acme", "--name", "見本")
    delivered(installation, tmp_path / "first", line(), masters=True)
    with (installation.data / "clients" / "acme.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[tables.order_lines]\nsheet = "取引明細"\n')
    data = ClientData(installation.platform, installation.platform.catalogue.load("acme"))
    receipts = digest_of([one.receipt for one in data.deliveries])  # read anew, under the mapping as it is now
    made_from = MadeFrom({"deliveries": receipts}, code_digest("reports"))
    data.lake.write_document("acme", "deliverables", Month(2025, 5), {}, made_from)
    assert state_of(installation) == CURRENT
    delivered(installation, tmp_path / "second", line("A2"))
    assert state_of(installation) == MORE
