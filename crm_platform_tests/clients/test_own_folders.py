"""No client reads, overwrites or names the files of another, whatever stands where an id or a name is asked for."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from dagster_shared.check import CheckError
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform import cli
from crm_platform.clients import Catalogue, client_folder
from crm_platform.clients.client import _CLIENT_ID
from crm_platform.intake import DeliveredFile, delivery_id_for, read_inbox
from crm_platform.intake.drafting.adoption import accept_draft, client_definition
from crm_platform.lake import Lake, MadeFrom
from crm_platform.orchestration.automation.arrivals import arrival_named, arrivals_of
from crm_platform.orchestration.partitions import read_keys
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.tenants.places import catalogue_files, folders_of
from crm_platform.periods import Month
from crm_platform.projects.ledger import read_ledger
from crm_platform.refusals import Refused
from crm_platform.reports import publish, published_manifest
from crm_platform.reports.client_index import manifests_of
from crm_platform_tests.end_to_end.installation import Installation

JUNE = Month(2025, 6)
ROOTS = ("inbox", "lake", "outbox", "projects", "drafts", "alerts", "contacts", "backtests", "arrivals")
LEADING_AWAY = (
    "..", ".", "", "/", "/etc", "../other", "x/../other", "other/", "other/..", "./other", "..\\other", "C:other",
    "other\0", "other\n", "other ", " other", "Other", "OTHER", "ｏther", "оther", "othеr", "otheŕ", "ot\u200bher",
    "ot∕her", "other|2025-06-01", "~", "~root", "*", "o?her", "other.toml", "-other", "_other", "o" * 64, "%2e%2e",
)  # fmt: skip
NO_IDS = st.one_of(
    st.sampled_from(LEADING_AWAY),
    st.text(max_size=70).filter(lambda text: not _CLIENT_ID.fullmatch(text)),
    st.tuples(st.sampled_from(["../", "/", "..\\", "\0", "\n"]), st.just("other")).map("".join),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which something of the client `other` lies everywhere."""
    data = tmp_path_factory.mktemp("tenants") / "data"
    for root in ROOTS:
        (data / root / "other" / "segments").mkdir(parents=True)
        (data / root / "other" / "segments" / "2025-06.json").write_text("the other's")
    (data / "clients").mkdir()
    (data / "clients" / "other.toml").write_text('name = "Other"\n')
    (data / "clients" / "other.definition.tsv").write_text("the other's")
    return data


def everything(data: Path) -> dict[str, str]:
    """Every file and folder around the data folder, with digests."""
    return {
        str(path.relative_to(data.parent)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in data.parent.rglob("*")
    }


def entries(data: Path) -> dict[str, Callable[[str], Any]]:
    """Everything that takes a client's id from outside."""
    platform, lake, catalogue = Platform(data_folder=str(data)), Lake(data / "lake"), Catalogue(data / "clients")
    file = DeliveredFile("orders.tsv", b"x")
    return {
        "catalogue load": catalogue.load,
        "catalogue add": lambda client: catalogue.add(client, "Name"),
        "lake lock": lambda client: contextlib.ExitStack().enter_context(lake.alone(client)),
        "lake write": lambda client: lake.write_document(client, "segments", JUNE, {}, MadeFrom()),
        "lake read": lambda client: lake.read_document(client, "segments", JUNE),
        "lake months": lambda client: lake.months(client, "segments"),
        "lake former": lambda client: lake.former(client, "segments"),
        "inbox": lambda client: read_inbox(data / "inbox", client),
        "delivery id": lambda client: delivery_id_for(data / "inbox", client, [file]),
        "publish": lambda client: publish(data / "outbox", client, JUNE, {"list.csv": b"mine"}),
        "manifest": lambda client: published_manifest(data / "outbox", client, JUNE),
        "index": lambda client: manifests_of(data / "outbox", client),
        "ledger": lambda client: read_ledger(data / "projects", client),
        "draft": lambda client: accept_draft(data / "drafts", data / "clients", client, replace=True),
        "definition": lambda client: client_definition(data / "clients", client),
        "arrivals": lambda client: arrivals_of(data / "arrivals", client),
        "arrival": lambda client: arrival_named(data / "arrivals", client, "0001"),
        "any folder": lambda client: client_folder(data / "alerts", client),
        "places to delete": lambda client: (folders_of(platform, client), catalogue_files(platform, client)),
        "partition of the UI": lambda client: catalogue.load(read_keys([f"{client}|2025-06-01"])[0].client),
    }


@settings(max_examples=30, deadline=None)
@given(no_id=NO_IDS)
def test_what_is_no_id_is_refused_by_all_that_take_one_and_leaves_everything_as_it_was(data: Path, no_id: str) -> None:
    before = everything(data)
    for name, entry in entries(data).items():
        with pytest.raises((Refused, ValueError, CheckError) if name == "partition of the UI" else Refused):
            entry(no_id)
    assert everything(data) == before


@settings(max_examples=30, deadline=None)
@given(name=st.one_of(st.sampled_from(LEADING_AWAY), st.text(max_size=9)))
def test_a_name_below_a_client_never_leads_out_of_its_folder(data: Path, name: str) -> None:
    before, lake, own = everything(data), Lake(data / "lake"), (data / "lake" / "own").resolve()
    with contextlib.suppress(Refused):
        assert client_folder(data / "lake", "own", name).resolve().parent == own
    if not set(name) - set("./\\\0"):
        with pytest.raises(Refused):
            lake.read_document("own", name, JUNE)
    for path in (name, f"../{name}", f"/{name}", f"portfolio/../../{name}"):
        with contextlib.suppress(Refused, ValueError, OSError):
            publish(data / "own_outbox", "own", JUNE, {path: b"mine"})
    new = set(everything(data)) - set(before)
    assert all(path.startswith("data/own_outbox") for path in new)
    assert {path for path in new if Path(path).is_absolute() or ".." in Path(path).parts} == set()
    assert not {path for path in new if "own_outbox/" in path and not path.startswith("data/own_outbox/own")}


@pytest.mark.parametrize(
    "text", ["../06", "2025-06/..", "2025-6", "2025-13", "2025-06\n", "", "2025-06-01/x", "２０２５"]
)
def test_what_is_no_month_names_no_folder(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.parse(text)


def test_a_link_in_place_of_a_clients_folder_is_never_followed_to_another(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for root in ROOTS:
        (data / root / "other").mkdir(parents=True)
        (data / root / "own").symlink_to(data / root / "other", target_is_directory=True)
    (data / "lake" / "third").mkdir()
    (data / "lake" / "third" / "segments").symlink_to(data / "lake" / "other")
    (data / "inbox" / "third").mkdir()
    (data / "inbox" / "third" / "0001-abc").symlink_to(data / "inbox" / "other")
    by_folder = {"catalogue load", "catalogue add", "definition", "places to delete", "partition of the UI"}
    for name, entry in entries(data).items():
        if name not in by_folder:
            with pytest.raises(Refused, match="symbolic link"):
                entry("own")
    for name in ("lake write", "lake read", "lake months", "inbox"):
        with pytest.raises(Refused, match="symbolic link"):
            entries(data)[name]("third")
    assert not [path for root in ROOTS for path in (data / root / "other").iterdir()]


def test_the_folder_of_all_clients_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "disk", target_is_directory=True)
    Lake(tmp_path / "lake").write_document("own", "segments", JUNE, {"a": 1}, MadeFrom())
    assert Lake(tmp_path / "disk").read_document("own", "segments", JUNE) == {"a": 1}


def test_a_record_that_names_a_file_elsewhere_is_taken_for_damaged(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_document("other", "segments", JUNE, {"of": "the other"}, MadeFrom())
    lake.write_document("own", "segments", JUNE, {"of": "mine"}, MadeFrom())
    theirs = (tmp_path / "other" / "segments" / "2025-06.json").read_text()
    record = theirs.replace('"file": "', '"file": "../../other/segments/')
    (tmp_path / "own" / "segments" / "2025-06.json").write_text(record)
    with pytest.raises(Refused, match="damaged"):
        lake.read_document("own", "segments", JUNE)


def commands(group: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every command of the command line by its words."""
    found: dict[tuple[str, ...], Any] = {}
    for name, command in group.commands.items():
        found |= commands(command, (*path, name)) if hasattr(command, "commands") else {(*path, name): command}
    return found


def filled_in(command: Any, client: str, file: Path) -> list[str]:
    """Arguments with which the command is complete: the client, and something plausible for all else that it needs."""
    words: list[str] = []
    plausible = {"client": client, "month": "2025-06", "service": "all"}
    kinds = {"Path": str(file), "datetime": "2025-06-01", "int": "1", "float": "1"}
    for parameter in command.params:
        if parameter.name == "client" or parameter.required:
            annotation = str(parameter.type_descriptor.annotation)
            of_kind = next((kinds[kind] for kind in kinds if kind in annotation), "anything")
            value = plausible.get(parameter.name, of_kind)
            words += [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]
    return words


def test_every_command_refuses_a_client_that_is_none_and_writes_nothing(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "orders.tsv"
    file.write_text("x\n")
    installation = Installation(data)
    taking = {
        path: command
        for path, command in commands(typer.main.get_command(cli.app)).items()
        if any(parameter.name == "client" for parameter in command.params)
    }
    assert len(taking) > 20
    installation.run("doctor")  # makes what Dagster keeps
    before = installation.everything()
    for path, command in taking.items():
        answer = installation.run(*path, *filled_in(command, "../other", file))
        said = (answer.out + answer.err).replace(str(data), "")
        assert answer.code in {1, 2}, (path, said)  # 2: options that need each other
        assert answer.code == 2 or "cannot be a client id" in said, (path, said)
        assert "the other's" not in said
    assert installation.everything() == before
