"""The settings of the Dagster instance: kept up to date while they are ours, untouched where they are somebody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_platform.orchestration.dagster_home import OURS, sealed, settle

POSTGRES = (OURS.parent / "deploy" / "dagster.yaml").read_bytes()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_new_home_gets_the_settings_of_the_project_and_keeps_them(home: Path) -> None:
    settle(home)
    copy = home / "dagster.yaml"
    assert copy.read_bytes().endswith(OURS.read_bytes())
    written = copy.stat().st_ino
    settle(home)
    assert copy.stat().st_ino == written


def test_a_copy_of_an_earlier_version_is_replaced(home: Path) -> None:
    settle(home)
    (home / "dagster.yaml").write_bytes(sealed(b"telemetry:\n  enabled: true\n"))
    settle(home)
    assert (home / "dagster.yaml").read_bytes() == sealed(OURS.read_bytes())


@pytest.mark.parametrize(
    "own",
    [POSTGRES, OURS.read_bytes(), sealed(OURS.read_bytes()) + b"retention: {}\n", b""],
    ids=["postgres", "copied", "changed", "empty"],
)
def test_a_file_that_an_operator_wrote_or_changed_is_never_touched(home: Path, own: bytes) -> None:
    home.mkdir()
    (home / "dagster.yaml").write_bytes(own)
    settle(home)
    assert (home / "dagster.yaml").read_bytes() == own


def test_an_image_without_the_project_keeps_its_own(home: Path) -> None:
    settle(home, home / "absent.yaml")
    assert list(home.iterdir()) == []
