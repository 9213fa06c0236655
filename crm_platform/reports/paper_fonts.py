"""The fonts that a PDF is set in, cut down to the letters it needs: both whole ones take 34 MB in the compiler."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from crm_platform.reports.cut_fonts import with_layout
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT


def put_fonts(letters: Collection[str], folder: Path) -> None:
    """Both weights with the glyphs of `letters`, into `folder`."""
    for file in (REGULAR_FONT, BOLD_FONT):
        (folder / file.name).write_bytes(with_layout(letters, file))
