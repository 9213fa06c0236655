"""docs/faults.md tells of every kind of fault that the suite strikes, and of at least two hundred struck."""

from typing import get_args

import pytest

from crm_platform_tests.end_to_end.installation import PROJECT
from crm_platform_tests.faults.injector import Kind
from crm_platform_tests.faults.trials import DAMAGES

PAGE = (PROJECT / "docs" / "faults.md").read_text("utf-8")
KINDS = sorted({*get_args(Kind), *(damage.__name__ for damage in DAMAGES)} - {"none"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_has_its_row_and_was_struck(kind: str) -> None:
    strikes, struck = PAGE.split("## What was struck")
    assert f"`{kind}`" in strikes
    assert f"| {kind}" in struck


def test_two_hundred_faults_were_struck_and_nothing_was_lost() -> None:
    rows = [line.strip("| \n").split(" | ") for line in PAGE.split("## What was struck")[1].splitlines() if "|" in line]
    times = [int(row[-1]) for row in rows if row[-1].isdigit()]
    assert sum(times) >= 200
    assert f"{sum(times)} faults; lost, doubled or left over: 0" in PAGE
