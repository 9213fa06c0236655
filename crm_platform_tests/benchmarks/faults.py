"""`python -m crm_platform_tests.benchmarks.faults`: hundreds of faults, each repaired, every byte compared.

`--runs`, `--works`: how many kills of runs and of each quick work; `--whole`: of runs from the facts to the
deliverables, of two clients at once; `--servers`: of a real daemon, code server, webserver and their runs. Ends with 1
where anything was lost, doubled or left over. The same seed draws the same moments. What it found: docs/faults.md.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crm_platform_tests.faults.children import children
from crm_platform_tests.faults.house import CLIENTS, House, make_house
from crm_platform_tests.faults.injector import Fault
from crm_platform_tests.faults.servers import DATABASE, locked_for, serving, settled, strike
from crm_platform_tests.faults.trials import (
    AHEAD_DAYS,
    DAMAGES,
    Trials,
    differences,
    drawn,
    issued_files,
    lost,
    made_files,
    unfinished_runs,
)
from crm_platform_tests.faults.two_clients import both_made, two_clients, whole_trials

QUICK = ("deliver", "publish_again", "reissue", "begin_campaign")
_ROW = "| {} | {} | {} |"


def main() -> int:
    """Strike, and print a row per kind of fault."""
    parser = argparse.ArgumentParser(prog="faults")
    parser.add_argument("--works", type=int, default=40, help="kills of each quick work")
    parser.add_argument("--runs", type=int, default=40, help="kills of runs")
    parser.add_argument(
        "--servers", type=int, default=50, help="kills of daemon, code server, webserver and their runs"
    )
    parser.add_argument("--whole", type=int, default=40, help="kills of whole runs of two clients at once")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    wrong = list[str]()
    try:
        with children() as forked:
            trials = Trials(forked, folder)
            if given.works or given.runs:
                wrong += in_processes(trials, given.works, given.runs, given.seed)
            for number, found in enumerate(whole_trials(trials, given.whole, given.seed), 1):
                wrong += found
                print(f"  whole {number}", *found, flush=True)
            if given.servers:
                wrong += of_servers(trials, folder / "served", given.servers, given.seed)
        print_table(trials.struck, wrong)
    finally:
        shutil.rmtree(folder)
    return int(bool(wrong))


def in_processes(trials: Trials, works: int, runs: int, seed: int) -> list[str]:
    """Faults that strike one process: killed, no space, no right to write, damaged files, two at once, the clock."""
    house = make_house(trials.folder / "house")
    refreshed, first_run = trials.wanted(house, "refresh")
    later = trials.copy(refreshed)
    trials.do(later, "deliver")
    wanted, run = trials.wanted(later, "refresh")
    wrong = list[str]()
    steps: list[tuple[str, Callable[[], list[str]]]] = []
    for work in QUICK:
        faults = drawn(trials.wanted(house, work)[1], works, seed)
        faults += [Fault(kind, moment) for kind in ("full once", "full", "read-only") for moment in (0, 5, 11)]
        steps += [(work, lambda work=work, fault=fault: trials.struck_by(house, work, [fault])) for fault in faults]
    steps += [
        ("begin", lambda fault=fault: trials.struck_by(house, "begin", [fault]))
        for fault in drawn(trials.wanted(house, "begin")[1], works // 4, seed)
    ]
    kills = drawn(run, runs - runs // 4, seed)
    steps += [
        ("refresh", lambda pair=kills[one : one + 2]: trials.struck_by(later, "refresh", pair, [AHEAD_DAYS]))
        for one in range(0, len(kills), 2)
    ]
    steps += [
        ("first run", lambda fault=fault: trials.struck_by(house, "refresh", [fault], repaired_by=2))
        for fault in drawn(first_run, runs // 4, seed)
    ]
    steps += [
        ("refresh", lambda kind=kind: trials.struck_by(later, "refresh", [Fault(kind, 60)]))
        for kind in ("full once", "full", "read-only")
    ]
    files = [*made_files(wanted, ".parquet"), *made_files(wanted, ".json")]
    for damage in DAMAGES:
        spoiled = dict.fromkeys(files[:: len(DAMAGES)], damage)
        steps.append(("damaged", lambda spoiled=spoiled: trials.damaged(wanted, "refresh", spoiled)))
        steps += [
            ("issued", lambda path=path, damage=damage: trials.refused(wanted, "read_issued", path, damage))
            for path in issued_files(wanted)
        ]
    parts = ("*/receipt.json", "*/admitted/order_lines.parquet", "*/SHA256SUMS", "*")
    inbox = wanted.data / "inbox" / "demo"
    of_deliveries = [path for part in parts for path in sorted(inbox.glob(part)) if path.name[0] != "."]
    steps += [
        ("inbox", lambda path=path: trials.refused(wanted, "refresh", path.relative_to(wanted.data), lost))
        for path in of_deliveries
    ]
    twice = [("refresh", "demo")] * 2
    steps += [("at once", lambda: trials.at_once(later, wanted, *twice)) for _ in range(3)]
    for number, (name, step) in enumerate(steps, 1):
        found = step()
        wrong += found
        print(f"  {number}/{len(steps)} {name}", *found, flush=True)
    return wrong + of_disks_and_databases(trials, later, wanted)


def of_disks_and_databases(trials: Trials, house: House, wanted: House) -> list[str]:
    """A disk that is really full, one that is really mounted read-only, and Dagster's database locked for a while."""
    wrong = list[str]()
    for name in ("a full disk", "a read-only mount"):
        with mounted(trials.folder / name.replace(" ", "-")) as place:
            if place is None:
                print(f"  not tried: {name} (needs root and mount)")
                continue
            wrong += _on_a_disk(trials, house, wanted, place, name)
    locked = trials.copy(house)
    trials.do(locked, "refresh", Fault("killed", 60))  # so that Dagster's databases are there
    with locked_for(locked.data / "dagster_home" / "history" / "runs.db", 12):
        ended = trials.do(locked, "refresh")
    trials.struck["database locked 12 s | refresh | runs.db"] += 1
    wrong += [] if ended.well else [f"locked: {ended.said}"]
    return [*wrong, *(["locked: differs"] if locked.content() != wanted.content() else []), *unfinished_runs(locked)]


def _on_a_disk(trials: Trials, house: House, wanted: House, place: Path, name: str) -> list[str]:
    on_it = House(place / "data")
    shutil.copytree(house.data, on_it.data)
    used = shutil.disk_usage(place).used
    _mount("-o", "remount,ro" if name == "a read-only mount" else f"remount,size={used + 60_000}", str(place))
    struck = trials.do(on_it, "refresh")
    trials.struck[f"{name} | refresh | {struck.said[:60]}"] += 1
    _mount("-o", "remount,rw,size=80m", str(place))
    ended = trials.do(on_it, "refresh")
    wrong = [f"{name} struck nothing"] if struck.well else []
    wrong += [] if ended.well else [f"after {name}: {ended.said}"]
    wrong += [f"after {name}: differs"] if on_it.content() != wanted.content() else []
    return wrong + unfinished_runs(on_it)


@contextmanager
def mounted(place: Path) -> Iterator[Path | None]:
    """A disk of its own in memory; None where this user may not mount one."""
    place.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", "size=80m", "tmpfs", str(place))
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def of_servers(trials: Trials, folder: Path, times: int, seed: int) -> list[str]:
    """Kills of a real daemon, code server, webserver and their runs: two clients are brought up to date all the same.

    First they are onboarded, then, after late cancellations, refreshed.
    """
    house, log = two_clients(folder / "data", customers=10, months=3), folder / "servers.log"
    onboarded, _ = both_made(trials, house)
    refreshed, _ = both_made(trials, _delivered_again(trials, trials.copy(onboarded)))
    wrong = list[str]()
    with serving(house, log) as servers:
        for part, wanted in enumerate((onboarded, refreshed)):
            if part:
                _delivered_again(trials, house)
            strike(servers, times // 2, seed + part, until_seconds=45 * 60)
            if not wrong and not settled(servers, wanted.content(), until_seconds=20 * 60):
                wrong.append(f"the servers do not come to rest: {servers.states()}")
                wrong += differences(house.content(), wanted.content())
        for part_of_house, many in servers.killed.items():
            kind = "locked 12 s" if part_of_house == DATABASE else "killed"
            trials.struck[f"{kind} | {part_of_house} | at a drawn time"] += many
    if wrong:
        shutil.copy(log, Path(tempfile.gettempdir()) / "faults_of_servers.log")
    return wrong


def _delivered_again(trials: Trials, house: House) -> House:
    for client in CLIENTS:
        trials.do(house, "deliver", client=client)
    return house


def print_table(struck: Counter[str], wrong: list[str]) -> None:
    """A row for each kind of fault and what it struck, then what went wrong."""
    print(_ROW.format("fault", "what it struck", "times"))
    by_kind = Counter[tuple[str, str]]()
    for what, many in struck.items():
        kind, place, *_ = what.split(" | ")
        by_kind[kind, place] += many
    for (kind, place), many in sorted(by_kind.items()):
        print(_ROW.format(kind, place, many))
    print(f"{struck.total()} faults; lost, doubled or left over: {len(wrong)}")
    print("\n".join(wrong))


if __name__ == "__main__":
    sys.exit(main())
