"""docs/promises.md names findings and files: all that it names exist, and no finding is left out of it."""

import re
from pathlib import Path

from crm_platform.reports.wording import Wording

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "promises.md").read_text("utf-8")
TITLED = {key.split(".")[0] for key in Wording.of("ja").texts if re.match(r"\w+\.title\.", key)}
FINDINGS = {key for key in TITLED if Wording.of("ja").has(f"{key}.name")}
NOT_FINDINGS = {"left_out", "contacts", "subscription_events"}  # part of the manifest; tables a client may deliver


def test_every_finding_that_it_names_exists_and_none_is_left_out() -> None:
    named = set(re.findall(r"`([a-z][a-z0-9_]+)`", PAGE)) - NOT_FINDINGS
    assert named - FINDINGS == set()
    assert FINDINGS - named == set()


def test_every_file_that_it_names_is_among_the_deliverables_of_the_readme() -> None:
    readme = (PROJECT / "README.md").read_text("utf-8")
    named = re.findall(r"`([\w/<>]+\.(?:csv|pdf|docx|json))`", PAGE)
    assert len(set(named)) > 20
    assert [file for file in named if file.split("/")[-1] not in readme and not _in_acceptance(file)] == []


def _in_acceptance(file: str) -> bool:
    """The README tells the folder of the delivery's account in words."""
    return file in {"acceptance/test_totals.csv", "acceptance/receipts.json", "acceptance/quarantine.csv"}


def test_every_promise_has_its_line_and_its_place() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| promise |")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert len(rows) > 60
    for promise, line, where, _, _ in rows:
        assert line == "" or re.fullmatch(r"00[0-4]:\d+(-\d+)?(, 00[0-4]:\d+(-\d+)?)*", line), promise
        assert where, promise
