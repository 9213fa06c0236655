from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crm_platform.demo import Demo, make_demo
from crm_platform.lake.files import alone
from crm_platform.periods import Month
from crm_platform_tests.end_to_end.installation import Installation

CUSTOMERS, MONTHS = 600, 25
ENOUGH_FOR_TWO_TRACKS = "\n[settings]\ntwo_track_least_buyers = 10\n"  # among so few customers
MONTH, AFTER = Month(2022, 6), Month(2022, 7)


@pytest.fixture(scope="session")
def demo() -> Demo:
    """A client whose last month is `AFTER`; what `onboarded` knows ends with `MONTH`."""
    return make_demo(customers=CUSTOMERS, months=MONTHS)


@pytest.fixture(scope="session")
def customers(demo: Demo) -> list[str]:
    """Everyone registered by the end of `MONTH`, in order."""
    rows = demo.tables["customers"].select(["customer_id", "registered_on"]).to_pylist()
    return sorted(row["customer_id"] for row in rows if row["registered_on"] <= MONTH.last_day)


@pytest.fixture(scope="session")
def data_as_onboarded(demo: Demo, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The client's data folder after `onboard`, made once for all test processes; nobody writes to it."""
    of_this_process = tmp_path_factory.getbasetemp()
    of_all_processes = of_this_process if worker_id == "master" else of_this_process.parent
    made = of_all_processes / "onboarded"
    with alone(of_all_processes / "onboarded_lock"):
        if not made.exists():
            folder = tmp_path_factory.mktemp("onboarding")
            installation = Installation.at(folder / "data")
            client = installation.data / "clients" / "demo.toml"
            client.write_text(client.read_text("utf-8") + ENOUGH_FOR_TWO_TRACKS, "utf-8")
            deliver_history(installation, demo, folder / "files")
            answer = installation.run("onboard", "--client", "demo")
            assert answer.code == 0, answer.err
            installation.data.rename(made)
    return made


@pytest.fixture(scope="module")
def onboarded(data_as_onboarded: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A copy of the onboarded client's installation for the tests of one file."""
    data = tmp_path_factory.mktemp("copied") / "data"
    shutil.copytree(data_as_onboarded, data)
    return Installation(data)


def deliver_history(installation: Installation, demo: Demo, folder: Path) -> None:
    """Deliver everything up to `MONTH`, as it was known then."""
    installation.deliver(demo, folder, first=demo.first_month, last=MONTH, known_at=MONTH)
