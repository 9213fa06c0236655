from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crm_platform.demo import Demo, make_demo
from crm_platform.lake.files import alone
from crm_platform_tests.end_to_end.installation import Installation

SMALL_CUSTOMERS, SMALL_MONTHS = 120, 13


@pytest.fixture(scope="session")
def small_demo() -> Demo:
    return make_demo(customers=SMALL_CUSTOMERS, months=SMALL_MONTHS)


@pytest.fixture(scope="session")
def small_client_as_onboarded(small_demo: Demo, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The small client's data folder after `onboard`, made once for all test processes; nobody writes to it."""
    of_this_process = tmp_path_factory.getbasetemp()
    of_all_processes = of_this_process if worker_id == "master" else of_this_process.parent
    made = of_all_processes / "small_client"
    with alone(of_all_processes / "small_client_lock"):
        if not made.exists():
            folder = tmp_path_factory.mktemp("small_client")
            installation = Installation.at(folder / "data")
            installation.deliver(small_demo, folder / "files")
            answer = installation.run("onboard", "--client", "demo")
            assert answer.code == 0, answer.err
            installation.data.rename(made)
    return made


@pytest.fixture(scope="module")
def small_client(small_client_as_onboarded: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A copy of the small client's installation for the tests of one file."""
    data = tmp_path_factory.mktemp("copied") / "data"
    shutil.copytree(small_client_as_onboarded, data)
    return Installation(data)
