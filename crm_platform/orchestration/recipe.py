"""How a table-month is made: by which chapter, from what. Decides what is stale, for the assets and for the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

import pyarrow as pa

from crm_platform.clients import Client
from crm_platform.lake import MadeFrom, Provenance, digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.term_models import Carry, held_record
from crm_platform.periods import Month
from crm_platform.tables import TABLES, Table


class Reads(Enum):
    """Which months of an upstream table a month is made from."""

    SAME_MONTH = "same month"
    UP_TO_MONTH = "every month up to it"


def nothing(_: Client) -> Any:
    """No setting matters."""
    return None


def everything(client: Client) -> Any:
    """All that the client's file says of its analyses.

    That is: not how its files look, which gates it passes, what is ordered, what runs when, what stays.
    """
    said = {**asdict(client), "intake": None, "project": None}
    del said["retention"], said["schedule"], said["ordered_services"]
    return said


@dataclass(frozen=True)
class Recipe:
    """The name of a table or document, its chapter, what it reads, and which settings matter to it."""

    name: str
    chapter: str
    reads: Mapping[str, Reads] = field(default_factory=dict)
    settings: Callable[[Client], Any] = nothing
    further_inputs: Callable[[ClientMonth], Mapping[str, str]] | None = None
    holds_already: Callable[[ClientMonth], bool] | None = (
        None  # a version is in force: nothing is made, whatever changed
    )
    for_good: tuple[str, ...] = ()  # tables issued once for all: sealed, so that no loss goes unnoticed
    still_there: Callable[[ClientMonth], bool] | None = None  # what the month left outside the lake is as it was
    carry: Carry | None = None  # learned once a term: how what it began with comes to a later month

    @property
    def table(self) -> Table | None:
        """The declared table; None for a document."""
        return TABLES.get(self.name)

    def made_from(self, at: ClientMonth) -> MadeFrom:
        """Digests of everything that decides the content of the client's month."""
        code, settings = code_digest(self.chapter), digest_of(self.settings(at.client))
        if (held := self._held(at)) is not None:
            month, record = held
            return MadeFrom({f"{self.name} of {month}": record.sha256, "as_of": at.as_of.isoformat()}, code, settings)
        inputs = {name: self._digest(at, name, reads) for name, reads in sorted(self.reads.items())}
        if self.further_inputs:
            inputs.update(self.further_inputs(at))
        inputs["as_of"] = at.as_of.isoformat()
        return MadeFrom(inputs, code, settings)

    def held_month(self, at: ClientMonth) -> Month | None:
        """The earlier month of the term whose document is carried to this one; None where it is made anew."""
        held = self._held(at)
        return held[0] if held else None

    def is_current(self, at: ClientMonth) -> bool:
        """Whether nothing need be made: a frozen version holds, or the stored month was made from what is there now."""
        return not self.why_stale(at)

    def why_stale(self, at: ClientMonth, made_from: MadeFrom | None = None) -> tuple[str, ...]:
        """Why the month must be made, in words; nothing where it is current. `made_from`: as asked for before."""
        if self.holds_already and self.holds_already(at):
            return ()
        reasons = at.data.lake.why_stale(at.client.id, self.name, at.month, made_from or self.made_from(at))
        if not reasons and self.still_there is not None and not self.still_there(at):
            return ("what it left in the outbox was lost or changed",)
        return reasons

    def _held(self, at: ClientMonth) -> tuple[Month, Provenance] | None:
        if self.carry is None:
            return None
        return held_record(at, self.name, code_digest(self.chapter), digest_of(self.settings(at.client)))

    def _digest(self, at: ClientMonth, name: str, reads: Reads) -> str:
        months = [at.month] if reads is Reads.SAME_MONTH else at.history_months
        return at.data.lake.digest(at.client.id, name, months)


def rows_digest(rows: pa.Table) -> str:
    """Digest of a table's content, whatever its chunks."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())
    return digest_of(sink.getvalue().to_pybytes())
