"""The fonts by which charts are measured and drawn: those of the pages, without their tables of layout.

The drawer reads a font's tables again for every text: without them a chart takes half the time, and the drawing of a
report some 100 MiB less. Labels stand in one line and lose nothing but the kerning of Latin letters, mostly a few per
cent of their width.
"""

from __future__ import annotations

import os
import shutil
import stat
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from fontTools.ttLib import TTFont

from crm_platform.refusals import Refused
from crm_platform.reports.cut_fonts import LAYOUT_TABLES
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT

_FONTS = (REGULAR_FONT, BOLD_FONT)


@lru_cache(maxsize=1)
def chart_fonts() -> Path:
    """The folder with both weights, which all processes of a user share: one that is killed leaves none behind.

    Refused where a folder of that name is not the user's own.
    """
    place = Path(gettempdir()) / f"crm-platform-fonts-{os.getuid()}-{_digest()}"
    if not place.exists():
        _put(place)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Refused("somebody else made the folder for the fonts of charts.", "Remove it.", file=str(place))
    return place


def _digest() -> str:
    """Of what the folder is made from, so that other fonts get another folder."""
    made_from = sha256(repr(LAYOUT_TABLES).encode())
    for file in _FONTS:
        made_from.update(file.read_bytes())
    return made_from.hexdigest()[:16]


def _put(place: Path) -> None:
    """Both fonts in a folder of their own, which becomes `place` in one rename; the first of two processes wins."""
    made = Path(mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        for file in _FONTS:
            font = TTFont(file, lazy=True, recalcTimestamp=False)
            for table in LAYOUT_TABLES:
                if table in font:
                    del font[table]
            font.save(made / file.name, reorderTables=None)
        made.rename(place)
    except OSError:
        shutil.rmtree(made)
        if not place.exists():
            raise
