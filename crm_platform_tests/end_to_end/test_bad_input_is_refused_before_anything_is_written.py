from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_platform.demo import make_demo, write_delivery
from crm_platform_tests.end_to_end.installation import Installation

Damage = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("files")
    return {path.name: path.read_bytes() for path in write_delivery(make_demo(customers=20), folder)}


def cell(file: bytes, line: int, heading: str, value: str) -> bytes:
    """The file with one cell changed."""
    rows = [row.split("\t") for row in file.decode("cp932").split("\r\n")]
    rows[line - 1][rows[0].index(heading)] = value
    return "\r\n".join("\t".join(row) for row in rows).encode("cp932")


def leave_out(files: dict[str, bytes]) -> None:
    del files["media.tsv"], files["products.tsv"]


def unknown_header(files: dict[str, bytes]) -> None:
    files["order_lines.tsv"] = files["order_lines.tsv"].replace("受注日時".encode("cp932"), "謎の列".encode("cp932"), 1)


def empty_file(files: dict[str, bytes]) -> None:
    files["order_lines.tsv"] = b""


def wrong_encoding(files: dict[str, bytes]) -> None:
    files["products.tsv"] = files["products.tsv"].decode("cp932").encode("utf-32")


def names_and_phones(files: dict[str, bytes]) -> None:
    rows = files["customers.tsv"].decode("cp932").split("\r\n")
    extra = ["氏名\t電話番号", *["山田花子\t090-1234-5678"] * (len(rows) - 2), ""]
    files["customers.tsv"] = "\r\n".join(f"{a}\t{b}" if b else a for a, b in zip(rows, extra, strict=True)).encode(
        "cp932"
    )


def unknown_customer(files: dict[str, bytes]) -> None:
    files["order_lines.tsv"] = cell(files["order_lines.tsv"], 5, "顧客番号", "C9999999")


def far_future(files: dict[str, bytes]) -> None:
    files["order_lines.tsv"] = cell(files["order_lines.tsv"], 7, "受注日時", "2999/01/01 10:00")


CASES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "two missing files": (leave_out, ("products.tsv", "media.tsv", "lacks")),
    "an unknown header": (unknown_header, ("order_lines.tsv", "row 1", "謎の列")),
    "an empty file": (empty_file, ("order_lines.tsv", "empty")),
    "a wrong encoding": (wrong_encoding, ("products.tsv", "encoding")),
    "names and phone numbers": (names_and_phones, ("customers.tsv", "氏名", "personal")),
    "an order of an unknown customer": (unknown_customer, ("order_lines.tsv", "row 5", "顧客番号", "customer")),
    "a date of the year 2999": (far_future, ("order_lines.tsv", "row 7", "受注日時", "future")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_delivery_gets_one_clear_message_and_leaves_nothing(
    case: str, delivery: dict[str, bytes], tmp_path: Path
) -> None:
    damage, said = CASES[case]
    files = dict(delivery)
    damage(files)
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    installation = Installation.at(tmp_path / "data")
    with (installation.data / "clients" / "demo.toml").open("a", encoding="utf-8") as toml:
        toml.write('[personal_data]\npolicy = "strict"\n')
    before = installation.everything()
    answer = installation.run("deliver", "--client", "demo", *sorted(folder.iterdir()))
    assert answer.code == 1
    assert answer.err.startswith("refused: ")
    assert "Traceback" not in answer.err
    for word in said:
        assert word in answer.err, answer.err
    assert "山田" not in answer.err
    assert "090-1234-5678" not in answer.err
    assert installation.everything() == before


@pytest.mark.parametrize("client", ["../x", "a|b", "A", "a b", ""])
@pytest.mark.parametrize("command", ["onboard", "refresh", "deliver", "add"])
def test_a_client_id_that_could_leave_its_folder_is_refused_by_every_command(
    client: str, command: str, tmp_path: Path
) -> None:
    installation = Installation.at(tmp_path / "data")
    before = installation.everything()
    file = tmp_path / "any.tsv"
    file.write_text("x")
    arguments = {"add": ("clients", "add", client, "--name", "x"), "deliver": ("deliver", "--client", client, file)}
    answer = installation.run(*arguments.get(command, (command, "--client", client)))
    assert answer.code == 1
    assert "cannot be a client id" in answer.err
    assert installation.everything() == before


def test_an_unknown_client_an_empty_inbox_and_a_wrong_month_are_refused_with_a_remedy(tmp_path: Path) -> None:
    installation = Installation.at(tmp_path / "data")
    unknown = installation.run("onboard", "--client", "nobody")
    assert (unknown.code, "clients add nobody" in unknown.err) == (1, True)
    empty = installation.run("onboard", "--client", "demo")
    assert (empty.code, "crm-platform deliver --client demo" in empty.err) == (1, True)
    for command, option in (("refresh", "--month"), ("backfill", "--to")):
        month = installation.run(command, "--client", "demo", option, "2025-13")
        assert (month.code, "not a month" in month.err, option in month.err) == (2, True, True)


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    installation = Installation.at(tmp_path / "data")
    assert installation.run("onboard").code == 2
    assert installation.run("nonsense").code == 2


def test_a_month_outside_the_data_is_refused_and_names_the_span(delivery: dict[str, bytes], tmp_path: Path) -> None:
    installation = Installation.at(tmp_path / "data")
    for name, content in delivery.items():
        (tmp_path / name).write_bytes(content)
    assert installation.run("deliver", "--client", "demo", *(tmp_path / name for name in delivery)).code == 0
    answer = installation.run("refresh", "--client", "demo", "--month", "2019-01")
    assert answer.code == 1
    assert re.search(r"from 20\d\d-\d\d to 2025-06", answer.err)


def test_a_disk_that_says_no_is_one_message_with_its_path(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    installation.data.mkdir()
    (installation.data / "clients").write_text("a file where a folder should be")
    answer = installation.run("clients", "add", "acme", "--name", "Acme")
    assert (answer.code, "Traceback" in answer.err) == (1, False)
    assert str(installation.data / "clients") in answer.err
