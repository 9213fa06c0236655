"""What holds for every test: the order, the same examples each time, and that a missing program is said aloud."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from crm_platform_tests.production.s3_server import S3Server

settings.register_profile("same_examples", derandomize=True)
settings.load_profile("same_examples")

# Queries are built of many small objects: the collector, set for small programs, would take a tenth of the time.
gc.set_threshold(100_000, 10, 10)

DEMAND = "CRM_PLATFORM_TESTS_DEMAND_PROGRAMS"
LONGEST = ("test_a_client_from_files_to_deliverables", "test_online_retail_ii")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that both processes are busy to the end."""
    items.sort(key=lambda item: (item.path.stem not in LONGEST, "end_to_end" not in item.path.parts))


def pytest_collection_finish() -> None:
    gc.freeze()  # modules and tests stay to the end


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """S3-compatible storage of this test process; one, since the client of S3 keeps the address it met first."""
    from crm_platform_tests.production.s3_server import serving

    with serving() as server:
        yield server


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs_program"):
        program, package = marker.args
        if shutil.which(program) is None:
            reason = f"{program} (Debian package {package}) is not installed"
            if os.environ.get(DEMAND):
                pytest.fail(f"{reason}, and {DEMAND} is set")
            pytest.skip(reason)
