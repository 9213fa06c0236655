"""Fonts cut down to what a medium needs: a page shows some hundred letters of 65,535, in two weights of 16 MB each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import uharfbuzz as hb

LAYOUT_TABLES = ("GSUB", "GPOS", "GDEF", "VORG", "vhea", "vmtx", "BASE", "DSIG")  # kerning, variants, vertical lines
_FAMILY_AND_WEIGHT = (1, 2)  # numbers of names that a font must have
_SMALLER_ONCE_COMPRESSED = hb.SubsetFlags.DESUBROUTINIZE
_OF_LETTERS_ALONE = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE | _SMALLER_ONCE_COMPRESSED


def with_layout(letters: Collection[str], file: Path) -> bytes:
    """The font of `file` with the glyphs of `letters`; what they do beside showing letters they keep doing."""
    wanted = _wanted(letters)
    features = wanted.sets(hb.SubsetInputSets.LAYOUT_FEATURE_TAG)
    features.clear()
    features.invert()  # all of them
    return _cut(file, wanted)


def letters_alone(letters: Collection[str], file: Path) -> bytes:
    """The font of `file` with the glyphs of `letters` and nothing that a line of them can do without."""
    wanted = _wanted(letters)
    wanted.sets(hb.SubsetInputSets.LAYOUT_FEATURE_TAG).clear()
    tags = (int.from_bytes(tag.encode(), "big") for tag in LAYOUT_TABLES)
    wanted.sets(hb.SubsetInputSets.DROP_TABLE_TAG).update(tags)
    names = wanted.sets(hb.SubsetInputSets.NAME_ID)
    names.clear()
    names.update(_FAMILY_AND_WEIGHT)
    wanted.flags = _OF_LETTERS_ALONE
    return _cut(file, wanted)


def _wanted(letters: Collection[str]) -> hb.SubsetInput:
    wanted = hb.SubsetInput()
    wanted.sets(hb.SubsetInputSets.UNICODE).update(map(ord, letters))
    return wanted


def _cut(file: Path, wanted: hb.SubsetInput) -> bytes:
    return bytes(hb.subset(hb.Face(hb.Blob.from_file_path(str(file))), wanted).blob.data)
