"""Trials: a fault strikes an installation, the next call repairs it, every byte is held against one without a fault.

A trial returns what is wrong afterwards, in words; nothing where all is well.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from crm_platform_tests.faults.children import Children, Ended, Job
from crm_platform_tests.faults.house import House
from crm_platform_tests.faults.injector import REFUSED, Fault
from crm_platform_tests.faults.works import RUN_TABLES

AHEAD_DAYS = 40
_NO_FAULT = Fault()
_UNFINISHED = "select count(*) from runs where status not in ('SUCCESS', 'FAILURE', 'CANCELED')"
Damage = Callable[[Path], None]


@dataclass
class Trials:
    """What all trials share. `struck`: how often a fault struck, by what and where."""

    children: Children
    folder: Path
    struck: Counter[str] = field(default_factory=Counter)
    _wanted: dict[tuple[str, Path], tuple[House, tuple[str, ...]]] = field(default_factory=dict)
    _number: Iterator[int] = field(default_factory=itertools.count)

    def struck_by(
        self,
        before: House,
        work: str,
        faults: Sequence[Fault],
        ahead_days: Sequence[int] = (),
        repaired_by: int = 1,
        beside: str | None = None,
    ) -> list[str]:
        """Faults that strike one after another, each the attempt to do the work again; then nothing strikes.

        `ahead_days`: the clock of each attempt, which is set right after it; `repaired_by`: as many at once; `beside`:
        a client of whom the same work is done during the first attempt, and must be as if nothing had struck.
        """
        wanted, _ = self.wanted(before, work)
        house, wrong, issued = self.copy(before), list[str](), before.issued()
        if beside:
            wanted = self.copy(wanted)
            self.do(wanted, work, client=beside)
        for fault, ahead in zip(faults, [*ahead_days, *[0] * len(faults)], strict=False):
            first = [Job(work, str(house.data), beside)] if beside and fault is faults[0] else []
            ended, *others = self.children.do(Job(work, str(house.data), "demo", fault, ahead), *first)
            if others:
                found = differences(house.content(str(beside)), wanted.content(str(beside)))
                wrong += [f"{beside}, beside whom {fault} struck: {one}" for one in (others[0].said, *found) if one]
            where = _met(ended)
            if where is not None:
                self.struck[f"{_told_of(fault, ahead)} | {work} | {where}"] += 1
            elif fault is faults[0]:  # what is left for a later one may have fewer moments
                wrong.append(f"{fault} struck nothing in {work}")
            if ahead:
                _shift_times(house.data, ahead)
            if work in ("deliver", "refresh", "publish_again"):
                wrong += differences(house.issued(), issued)
        ended = self.children.do(*[Job(work, str(house.data))] * repaired_by)
        wrong += [f"{work} after {faults}: {one.said}" for one in ended if not one.well]
        wrong += [f"{work} after {faults}: {one}" for one in differences(house.content(), wanted.content())]
        return wrong + unfinished_runs(house)

    def damaged(self, after: House, work: str, damages: Mapping[Path, Damage]) -> list[str]:
        """Files of what the work left that are spoiled; the work makes them again, to the byte."""
        house = self.copy(after)
        for path, damage in damages.items():
            damage(house.data / path)
            self.struck[f"{damage.__name__} | {path.parts[0]} | {path.suffix}"] += 1
        ended = self.do(house, work)
        wrong = differences(house.content(), after.content())
        return [*([] if ended.well else [ended.said]), *(f"{one} ({damages})" for one in wrong)]

    def refused(self, after: House, work: str, path: Path, damage: Damage) -> list[str]:
        """A file that nobody can make again: the work refuses with its name and the way out, and makes nothing."""
        house = self.copy(after)
        damage(house.data / path)
        self.struck[f"{damage.__name__}, not to be made again | {path.parts[0]} | {path.parts[2]}"] += 1
        spoiled = house.content()
        ended, folder = self.do(house, work), (path if (after.data / path).is_dir() else path.parent).name
        wrong = differences(house.content(), spoiled)
        if "Restore" not in ended.said or folder not in ended.said:
            wrong.append(f"{damage.__name__} of {path} is not refused by name: {ended.said!r}")
        restore = shutil.copytree if (after.data / path).is_dir() else shutil.copy
        restore(after.data / path, house.data / path)
        again = self.do(house, work)
        return wrong + ([] if again.well else [f"after {path} was restored: {again.said}"])

    def at_once(self, before: House, after: House, *works: tuple[str, str]) -> list[str]:
        """Works (name, client) done at the same time leave what they left one after another (`after`)."""
        house = self.copy(before)
        ended = self.children.do(*(Job(work, str(house.data), client) for work, client in works))
        self.struck["at once | " + " and ".join(f"{work} of {client}" for work, client in works)] += 1
        wrong = [f"{works}: {one.said}" for one in ended if not one.well]
        return [*wrong, *differences(house.content(), after.content()), *unfinished_runs(house)]

    def wanted(self, before: House, work: str) -> tuple[House, tuple[str, ...]]:
        """What the work leaves without a fault, and the moments that it meets."""
        known = (work, before.data)
        if known not in self._wanted:
            after = self.copy(before)
            ended = self.do(after, work)
            assert ended.well, ended.said
            self._wanted[known] = (after, ended.moments)
        return self._wanted[known]

    def copy(self, house: House) -> House:
        """An installation of its own. Nothing is copied of Dagster's locks."""
        return house.copied_to(self.folder / str(next(self._number)))

    def do(self, house: House, work: str, fault: Fault = _NO_FAULT, ahead: int = 0, client: str = "demo") -> Ended:
        """How the work ended."""
        (ended,) = self.children.do(Job(work, str(house.data), client, fault, ahead))
        return ended


# --- which moments, which files ---------------------------------------------------------------------------------------


def drawn(moments: Sequence[str], how_many: int, seed: int) -> list[Fault]:
    """Kills at drawn moments, every kind of moment first; at a flush every other tears the file."""
    chance, by_kind = random.Random(seed), dict[str, list[int]]()
    for number, kind in enumerate(moments):
        by_kind.setdefault(kind, []).append(number)
    one_each = [chance.choice(numbers) for numbers in by_kind.values()]
    chance.shuffle(one_each)
    others = [number for number in range(len(moments)) if number not in one_each]
    chosen = [*one_each, *chance.sample(others, min(max(how_many - len(one_each), 0), len(others)))][:how_many]
    return [Fault("torn" if moments[one] == "flush" and one % 2 else "killed", one) for one in chosen]


def made_files(house: House, suffix: str, client: str = "demo") -> list[Path]:
    """Files of the tables that a run makes."""
    lake = house.data / "lake" / client
    found = (path for name in RUN_TABLES for path in sorted((lake / name).glob(f"*{suffix}")))
    return [path.relative_to(house.data) for path in found]


def issued_files(house: House) -> list[Path]:
    """Tables and records that were issued for good and are read by every run."""
    found = (
        path
        for name in ("segment_book", "campaign_groups")
        for path in sorted((house.data / "lake" / "demo" / name).glob("*.*"))
    )
    return [path.relative_to(house.data) for path in found]


def truncated(path: Path) -> None:
    """The file ends early."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_bit_turned(path: Path) -> None:
    """A bit in the middle is another; the size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lost(path: Path) -> None:
    """The file, or the folder with all that is in it, is gone."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


DAMAGES: tuple[Damage, ...] = (truncated, one_bit_turned, lost)


# --- what is wrong afterwards -----------------------------------------------------------------------------------------


def unfinished_runs(house: House) -> list[str]:
    """Runs that Dagster takes for working though nothing works any more."""
    place = house.data / "dagster_home" / "history" / "runs.db"
    if not place.exists():
        return []
    with closing(sqlite3.connect(place)) as runs:
        (left,) = runs.execute(_UNFINISHED).fetchone()
    return [f"{left} runs would hold up their client"] if left else []


def differences(found: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    """The first files that are lost, left over or other ones."""
    lost_ones = [f"{path} is lost" for path in sorted(wanted.keys() - found.keys())]
    more = [f"{path} is left over" for path in sorted(found.keys() - wanted.keys())]
    other = [f"{path} differs" for path in sorted(found.keys() & wanted.keys()) if found[path] != wanted[path]]
    return [*lost_ones, *more, *other][:5]


def _told_of(fault: Fault, ahead: int) -> str:
    return f"{fault.kind}, then the clock set back" if ahead else fault.kind


def _met(ended: Ended) -> str | None:
    """The kind of moment at which the fault struck."""
    if ended.killed:
        return ended.moments[-1]
    refused = [moment.removesuffix(REFUSED) for moment in ended.moments if moment.endswith(REFUSED)]
    return refused[0] if refused else None


def _shift_times(data: Path, days: int) -> None:
    """Every file is as old as if the clock had been ahead when it was written; it is right again now."""
    for path in data.rglob("*"):
        state = path.stat()
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + days * 86_400 * 10**9))
