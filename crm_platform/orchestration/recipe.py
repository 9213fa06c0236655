"""How a table-month is made: by which chapter, from what. Decides what is stale, for the assets and for the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

import pyarrow as pa

from crm_platform.clients import Client
from crm_platform.lake import MadeFrom, digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.tables import TABLES, Table


class Reads(Enum):
    """Which months of an upstream table a month is made from."""

    SAME_MONTH = "same month"
    UP_TO_MONTH = "every month up to it"


def nothing(_: Client) -> Any:
    """No setting matters."""
    return None


def everything(client: Client) -> Any:
    """All that the client's file says, but how its files look and which gates its project passes."""
    return {**asdict(client), "intake": None, "project": None}


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
    still_there: Callable[[ClientMonth], bool] | None = None  # what the month left outside the lake is as it was

    @property
    def table(self) -> Table | None:
        """The declared table; None for a document."""
        return TABLES.get(self.name)

    def made_from(self, at: ClientMonth) -> MadeFrom:
        """Digests of everything that decides the content of the client's month."""
        inputs = {name: self._digest(at, name, reads) for name, reads in sorted(self.reads.items())}
        if self.further_inputs:
            inputs.update(self.further_inputs(at))
        inputs["as_of"] = at.as_of.isoformat()
        return MadeFrom(inputs, code_digest(self.chapter), digest_of(self.settings(at.client)))

    def is_current(self, at: ClientMonth) -> bool:
        """Whether nothing need be made: a frozen version holds, or the stored month was made from what is there now."""
        if self.holds_already and self.holds_already(at):
            return True
        current = at.data.lake.is_current(at.client.id, self.name, at.month, self.made_from(at))
        return current and (self.still_there is None or self.still_there(at))

    def _digest(self, at: ClientMonth, name: str, reads: Reads) -> str:
        months = [at.month] if reads is Reads.SAME_MONTH else at.history_months
        return at.data.lake.digest(at.client.id, name, months)


def rows_digest(rows: pa.Table) -> str:
    """Digest of a table's content, whatever its chunks."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())
    return digest_of(sink.getvalue().to_pybytes())
