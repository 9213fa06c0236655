from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
from crm_platform_tests.browser.chromium import open_page
from crm_platform_tests.end_to_end.installation import PROJECT, Installation

pytestmark = [pytest.mark.needs_program("chromium", "chromium")]


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The webserver of an installation without a run, on a free port of this machine."""
    data = Installation.at(tmp_path_factory.mktemp("ui") / "data").data
    home = data / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).parent / "dagster-webserver"),
        "-w",
        "workspace.yaml",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "CRM_PLATFORM_DATA": str(data)}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/server_info")
            yield url
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"{url} did not answer within a minute")


def test_the_lineage_shows_a_group_for_every_chapter(ui: str, tmp_path: Path) -> None:
    seen = open_page(f"{ui}/asset-groups", tmp_path / "profile")
    for chapter in {asset.recipe.chapter for asset in (*EVERY_MONTH, *MONTHS_ASKED_FOR)}:
        assert chapter in seen.dom, chapter


def test_an_asset_shows_what_it_means_its_columns_units_and_check(ui: str, tmp_path: Path) -> None:
    seen = open_page(f"{ui}/assets/customer_history?view=overview", tmp_path / "profile")
    for shown in ("Each customer as known", "gap_days", "離脱期間", "[days]", "data-engineering", "DuckDB"):
        assert shown in seen.dom, shown
