"""The fonts by which charts are measured and drawn: those of the pages, without their tables of layout.

The drawer reads a font's tables again for every text: without them a chart takes half the time, and the drawing of a
report some 100 MiB less. Labels stand in one line and lose nothing but the kerning of Latin letters, mostly a few per
cent of their width.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.ttLib import TTFont

from crm_platform.reports.cut_fonts import LAYOUT_TABLES
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT


def chart_fonts() -> Path:
    """The folder with both weights, made at the first call and removed when the process ends."""
    return Path(_folder().name)


@lru_cache(maxsize=1)
def _folder() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="crm-platform-fonts-")
    for file in (REGULAR_FONT, BOLD_FONT):
        font = TTFont(file, lazy=True, recalcTimestamp=False)
        for table in LAYOUT_TABLES:
            if table in font:
                del font[table]
        font.save(Path(folder.name) / file.name, reorderTables=None)
    return folder
