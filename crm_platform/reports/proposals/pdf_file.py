"""A proposal as PDF, in the look and under the standards of the reports."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crm_platform.reports import theme
from crm_platform.reports.glyphs import broken
from crm_platform.reports.grids import column_widths
from crm_platform.reports.pages import Grid
from crm_platform.reports.pdf import compiled
from crm_platform.reports.proposals.document import Block, Proposal

WIDEST_COLUMN = 400.0  # points: beyond it a column breaks its lines
_TEMPLATE = Path(__file__).with_name("proposal.typ")


def write_proposal_pdf(proposal: Proposal) -> bytes:
    """The proposal as PDF/A-2a and PDF/UA-1; equal proposals give equal bytes."""
    typeset = json.dumps(_typeset(proposal)).encode()
    return compiled({"main.typ": _TEMPLATE.read_bytes(), "proposal.json": typeset}, proposal.as_of)


def _typeset(proposal: Proposal) -> dict[str, Any]:
    """The proposal as plain JSON, the name broken into lines between phrases."""
    day = dt.date.fromisoformat(proposal.as_of)
    parts = [{"heading": part.heading, "blocks": [_block(block) for block in part.blocks]} for part in proposal.parts]
    return {
        **asdict(proposal),
        "date": [day.year, day.month, day.day],
        "lines": broken(proposal.name, theme.CHAPTER_SIZE, theme.TITLE_WIDTH),
        "form": _block(proposal.form),
        "parts": parts,
        "theme": {name.lower(): value for name, value in vars(theme).items() if isinstance(value, str)},
    }


def _block(block: Block) -> dict[str, Any]:
    widths = relative_widths(block) if isinstance(block, Grid) else []
    return {"is": type(block).__name__.lower(), **asdict(block), "widths": widths}


def relative_widths(grid: Grid) -> list[float]:
    """How wide the columns stand beside one another; one of long sentences gets no more than its share."""
    return [min(width, WIDEST_COLUMN) for width in column_widths(grid)]
