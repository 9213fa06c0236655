"""Two clients at work at once in one installation, of whom runs are killed: the other is as if nothing had happened."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from crm_platform.demo import make_demo, write_delivery
from crm_platform.intake import accept_delivery, read_files
from crm_platform_tests.faults.children import Job
from crm_platform_tests.faults.house import CLIENTS, House, made, write_differences
from crm_platform_tests.faults.injector import Fault
from crm_platform_tests.faults.trials import Trials, differences, unfinished_runs
from crm_platform_tests.faults.works import EXAMINED_ON

CUSTOMERS, MONTHS = 150, 14
WHOLE = "onboard"  # from the facts to the deliverables
Kills = Mapping[str, Sequence[Fault]]


def two_clients(data: Path, customers: int = CUSTOMERS, months: int = MONTHS) -> House:
    """Two clients, delivered, of whom everything can be made; differences wait to be delivered."""
    house = House(data)
    (data / "clients").mkdir(parents=True)
    for client in CLIENTS:
        (data / "clients" / f"{client}.toml").write_text(f'name = "{client}"\n')
        demo = make_demo(customers=customers, months=months, seed=len(client))
        paths = write_delivery(demo, made(data / "first" / client))
        files, settings = read_files(paths), house.platform.catalogue.load(client)
        accept_delivery(house.platform.inbox, settings, files, today=EXAMINED_ON)
        write_differences(next(path for path in paths if path.stem == "order_lines"), data / "files" / client)
    return house


def killed_at_once(trials: Trials, before: House, wanted: House, work: str, kills: Kills) -> list[str]:
    """Both clients work at once, attempt by attempt, killed as `kills` says; then both again, and nothing strikes.

    What is wrong: a client that was never killed is not done at once; anything differs from `wanted` in the end.
    """
    house, wrong, issued = trials.copy(before), list[str](), before.issued()
    for number, faults in enumerate(zip_longest(*(kills[client] for client in CLIENTS), fillvalue=Fault())):
        ended = trials.children.do(
            *(Job(work, str(house.data), client, fault) for client, fault in zip(CLIENTS, faults, strict=True))
        )
        for client, fault, one in zip(CLIENTS, faults, ended, strict=True):
            beside = next(other for other in CLIENTS if other != client)
            if one.killed:
                kind = fault.kind if one.moments[-1] == "flush" else "killed"
                trials.struck[f"{kind}, two clients at once | {work} | {one.moments[-1]}"] += 1
            elif number == 0 and not kills[client]:
                found = differences(house.content(client), wanted.content(client))
                wrong += [f"{client}, while {beside} was killed: {each}" for each in (one.said, *found) if each]
        wrong += differences({path: house.issued().get(path, b"") for path in issued}, issued)
    ended = trials.children.do(*(Job(work, str(house.data), client) for client in CLIENTS))
    wrong += [f"{work} after {kills}: {one.said}" for one in ended if not one.well]
    wrong += [f"{work} after {kills}: {one}" for one in differences(house.content(), wanted.content())]
    return wrong + unfinished_runs(house)


def whole_trials(trials: Trials, kills: int, seed: int) -> Iterator[list[str]]:
    """Kills of whole runs, a third of them of a first run, the others of one after late cancellations.

    By turns one client is killed twice and the other not at all, and each is killed twice.
    """
    delivered = two_clients(trials.folder / "whole")
    first, moments_of_first = both_made(trials, delivered)
    later = trials.copy(first)
    for client in CLIENTS:
        trials.do(later, "deliver", client=client)
    refreshed, moments_later = both_made(trials, later)
    chance, left, turn = random.Random(seed), kills, 0
    while left > 0:
        is_first = turn % 3 == 2
        before, wanted, moments = (
            (delivered, first, moments_of_first) if is_first else (later, refreshed, moments_later)
        )
        killed = [CLIENTS[turn % 4 // 2]] if turn % 2 == 0 else [*CLIENTS]
        drawn = {client: _two_kills(chance, moments) if client in killed else [] for client in CLIENTS}
        yield killed_at_once(trials, before, wanted, WHOLE, drawn)
        left, turn = left - 2 * len(killed), turn + 1


def both_made(trials: Trials, before: House) -> tuple[House, int]:
    """What whole runs of both leave, one after the other and untroubled, and how many moments the last of them met."""
    after, met = trials.copy(before), 0
    for client in CLIENTS:
        ended = trials.do(after, WHOLE, client=client)
        assert ended.well, ended.said
        met = len(ended.moments)
    return after, met


def _two_kills(chance: random.Random, moments: int) -> list[Fault]:
    """At any moment; the second at any of what that left to do, as nearly as can be told before."""
    first = chance.randrange(moments)
    second = chance.randrange(max(moments - first, moments // 10))
    return [Fault(chance.choice(("killed", "torn")), moment) for moment in (first, second)]
