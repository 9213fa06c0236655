"""A proposal as one declaration for both media: headings, statements, tables, lines that the client fills in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crm_platform.reports.pages import Grid


@dataclass(frozen=True)
class Said:
    """A statement: the `lead` holds for every client, `text` is what this client's numbers say, `source` where from."""

    lead: str
    text: str = ""
    source: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Its lines."""
        return tuple(line for line in (self.lead, self.text, self.source) if line)


@dataclass(frozen=True)
class Points:
    """Statements one below the other, each with a bullet."""

    items: tuple[Said, ...]


@dataclass(frozen=True)
class Form:
    """Lines that only the client can fill in; `mark` stands on each until it does."""

    labels: tuple[str, ...]
    mark: str


Block = Said | Points | Grid | Form


@dataclass(frozen=True)
class Part:
    """Blocks under a heading."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Proposal:
    """A whole proposal: `kind` (企画書, 社内稟議書) and `name` (企画名称) as title; `as_of` is an ISO day."""

    kind: str
    name_label: str
    name: str
    addressed_to: str
    dated: str
    client: str
    as_of: str
    language: str
    confidential: str
    form: Form
    parts: tuple[Part, ...]

    @property
    def texts(self) -> Iterator[str]:
        """Every text in reading order, without what stands on each page's foot."""
        yield from (self.kind, self.addressed_to, self.dated, self.name_label, self.name)
        yield from _texts(self.form)
        for part in self.parts:
            yield part.heading
            for block in part.blocks:
                yield from _texts(block)


def _texts(block: Block) -> Iterator[str]:
    if isinstance(block, Said):
        yield from block.texts
    elif isinstance(block, Points):
        for item in block.items:
            yield from item.texts
    elif isinstance(block, Form):
        for label in block.labels:
            yield from (label, block.mark)
    else:
        cells = (block.title, *block.headers, *(cell for row in block.rows for cell in row), block.source)
        yield from (cell for cell in cells if cell)
