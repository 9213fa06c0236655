"""The fonts that an HTML page carries in itself, cut down to the letters it needs."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from pathlib import Path

from fontTools import subset

from crm_platform.reports import theme
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT


def font_faces(letters: str) -> str:
    """The style rules that embed both weights, with the glyphs of `letters`."""
    return "".join(
        f'@font-face{{font-family:"{theme.FONT}";font-weight:{weight};font-display:block;'
        f'src:url(data:font/woff2;base64,{base64.b64encode(font_of(letters, file)).decode()}) format("woff2")}}\n'
        for weight, file in ((400, REGULAR_FONT), (700, BOLD_FONT))
    )


@lru_cache(maxsize=8)  # the same client again mostly shows the same letters
def font_of(letters: str, file: Path) -> bytes:
    """The font of `file` cut down to `letters`, as WOFF2."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = []
    options.drop_tables += ["GSUB", "GPOS", "VORG", "vhea", "vmtx", "BASE", "DSIG"]
    options.hinting = False
    options.desubroutinize = True  # smaller once compressed, and sooner done
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.name_IDs = [1, 2]
    font = subset.load_font(str(file), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=letters)
    cutter.subset(font)
    buffer = io.BytesIO()
    subset.save_font(font, buffer, options)
    return buffer.getvalue()
