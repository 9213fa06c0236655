"""A delivery that is killed at any point leaves the inbox as it was or as it was to be, and can be made again."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crm_platform.intake import accept_delivery, merge_deliveries, read_inbox
from crm_platform_tests.intake.deliveries import TODAY, client_with
from crm_platform_tests.intake.killed_deliveries import FORMER, deliver

DEATHS = {"whole": 3, "read_admitted": 6, "put_in_inbox": 14}


@pytest.fixture(scope="module")
def dying():
    """Ask a process of its own to deliver into an inbox and to be killed at a call (None: to count the calls)."""
    with subprocess.Popen(
        [sys.executable, "-m", "crm_platform_tests.intake.killed_deliveries"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def ask(inbox: Path, call: int | None):
            process.stdin.write(json.dumps([str(inbox), call]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def content_of(inbox: Path) -> dict[str, bytes]:
    """Every visible file of the inbox."""
    files = {path.relative_to(inbox): path for path in inbox.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if name.name != ".lock"}


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.fixture(scope="module")
def inboxes(tmp_path_factory, dying):
    """An inbox with a former delivery; the same after the later one; and the calls that making it took."""
    old, new = tmp_path_factory.mktemp("inbox") / "old", tmp_path_factory.mktemp("inbox") / "new"
    accept_delivery(old, client_with(), FORMER, today=TODAY)
    shutil.copytree(old, new)
    return old, new, dying(new, None)


def test_a_delivery_killed_anywhere_leaves_the_old_state_or_the_new_and_can_be_made_again(inboxes, dying, tmp_path):
    old, new, spans = inboxes
    chosen = random.Random(20250701)
    calls = [chosen.randint(*spans[part]) for part, deaths in DEATHS.items() for _ in range(deaths)]
    states = (40, 60)  # order lines before and after
    killed = 0
    for number, call in enumerate(calls):
        inbox = tmp_path / str(number)
        shutil.copytree(old, inbox)
        killed += dying(inbox, call)
        stored = read_inbox(inbox, "acme")
        assert [one.folder.name for one in stored] == visible(inbox / "acme")
        assert visible(inbox / "acme") in (visible(old / "acme"), visible(new / "acme"))
        assert merge_deliveries([one.load() for one in stored])["order_lines"].num_rows in states
        deliver(inbox)
        assert content_of(inbox) == content_of(new), f"killed at call {call}"
    assert killed >= 20
