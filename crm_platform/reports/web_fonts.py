"""The fonts that an HTML page carries in itself, cut down to the letters it needs."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from pathlib import Path

import uharfbuzz as hb
from fontTools.ttLib import TTFont

from crm_platform.reports import theme
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT

_NOT_NEEDED = ("GSUB", "GPOS", "GDEF", "VORG", "vhea", "vmtx", "BASE", "DSIG")  # letters stand as they are, in lines
_FAMILY_AND_WEIGHT = (1, 2)  # numbers of names that a font must have
_SMALLER_ONCE_COMPRESSED = hb.SubsetFlags.DESUBROUTINIZE
_FLAGS = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE | _SMALLER_ONCE_COMPRESSED


def font_faces(letters: str) -> str:
    """The style rules that embed both weights, with the glyphs of `letters`."""
    return "".join(
        f'@font-face{{font-family:"{theme.FONT}";font-weight:{weight};font-display:block;'
        f'src:url(data:font/woff;base64,{base64.b64encode(font_of(letters, file)).decode()}) format("woff")}}\n'
        for weight, file in ((400, REGULAR_FONT), (700, BOLD_FONT))
    )


@lru_cache(maxsize=8)  # the same client again mostly shows the same letters
def font_of(letters: str, file: Path) -> bytes:
    """The font of `file` cut down to `letters`, as WOFF: a tenth larger than WOFF2, for a hundredth of the time."""
    font = TTFont(io.BytesIO(_cut(letters, file)), recalcTimestamp=False)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()


def _cut(letters: str, file: Path) -> bytes:
    wanted = hb.SubsetInput()
    wanted.sets(hb.SubsetInputSets.UNICODE).update(map(ord, letters))
    wanted.sets(hb.SubsetInputSets.LAYOUT_FEATURE_TAG).clear()
    wanted.sets(hb.SubsetInputSets.DROP_TABLE_TAG).update(int.from_bytes(tag.encode(), "big") for tag in _NOT_NEEDED)
    names = wanted.sets(hb.SubsetInputSets.NAME_ID)
    names.clear()
    names.update(_FAMILY_AND_WEIGHT)
    wanted.flags = _FLAGS
    return bytes(hb.subset(hb.Face(hb.Blob.from_file_path(str(file))), wanted).blob.data)
