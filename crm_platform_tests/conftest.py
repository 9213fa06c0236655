"""Tests that need a program of the system say so, and are skipped aloud where it is not; CI demands them all."""

from __future__ import annotations

import os
import shutil

import pytest

DEMAND = "CRM_PLATFORM_TESTS_DEMAND_PROGRAMS"


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs_program"):
        program, package = marker.args
        if shutil.which(program) is None:
            reason = f"{program} (Debian package {package}) is not installed"
            if os.environ.get(DEMAND):
                pytest.fail(f"{reason}, and {DEMAND} is set")
            pytest.skip(reason)
