"""What the other clients of the catalogue lend: one whose file or lake is broken lends nothing, and stops nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import dagster as dg

from crm_platform.clients import Client
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.refusals import Refused

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Lent(Generic[Thing]):
    """What was lent, in the order of the lenders' ids; `unread`: whose file or lake is broken, and why."""

    things: list[Thing]
    unread: Mapping[str, str]

    def said_aloud(self) -> list[Thing]:
        """What was lent; the run's log names who could not be read."""
        for client, reason in self.unread.items():
            dg.get_dagster_logger().warning(f"'{client}' cannot be read and lends nothing: {reason}")
        return self.things


def lent_by_others(at: ClientMonth, lend: Callable[[Client], Thing | None]) -> Lent[Thing]:
    """What each other client lends, never this client itself; None from `lend` is nothing."""
    catalogue, things, unread = at.data.platform.catalogue, list[Thing](), dict[str, str]()
    for name in (one for one in catalogue.ids() if one != at.client.id):
        try:
            thing = lend(catalogue.load(name))
        except Refused as refused:
            unread[name] = str(refused)
            continue
        if thing is not None:
            things.append(thing)
    return Lent(things, unread)
