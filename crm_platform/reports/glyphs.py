"""What the fonts can show, and how wide it is: client text is made legible here before it reaches a page.

A missing glyph stops a PDF/A or PDF/UA compilation, and controls or bidirectional marks can hide or reverse text;
so every text of a client passes `legible`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import budoux
import noto_cjk_sans_jp_bold
import noto_cjk_sans_jp_regular
import uharfbuzz as hb

GETA = "〓"  # 下駄: the printer's mark for a character that is not in the case
ELLIPSIS = "…"
REGULAR_FONT = Path(noto_cjk_sans_jp_regular.FONT_PATH)
BOLD_FONT = Path(noto_cjk_sans_jp_bold.FONT_PATH)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Mc", "Me"}
_KANA_KANJI, _LATIN = "\u3040-\u30ff\u3400-\u9fff", "0-9A-Za-z%¥"
_SCRIPT_CHANGE = re.compile(f"(?<=[{_KANA_KANJI}])(?=[{_LATIN}])|(?<=[{_LATIN}])(?=[{_KANA_KANJI}])")
_INSIDE_LATIN = re.compile("[0-9A-Za-z]{2}")
_KANA_TO_KANJI = re.compile("(?<=[\u3040-\u30ff])(?=[\u3400-\u9fff])")
_NEVER_FIRST = "、。：；！？）」』】・〜％%:;,.!?)”’"  # 行頭禁則
_JAPANESE = re.compile(f"[{_KANA_KANJI}]")
_HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]+")
_SPACES = str.maketrans({"\t": " ", "\n": " ", "\r": " ", "\u00a0": " "})


@lru_cache(maxsize=2)
def _font(file: Path) -> hb.Font:
    """The font of `file`, whose tables are read where they lie: as dicts its 65,535 glyphs took 70 MiB."""
    return hb.Font(hb.Face(hb.Blob.from_file_path(str(file))))


@lru_cache(maxsize=8192)
def _advance(character: str) -> float:
    """Advance width of `character` in em when set bold; a character without a glyph is a square."""
    font = _font(BOLD_FONT)
    glyph = font.get_nominal_glyph(ord(character))
    return 1.0 if glyph is None else font.get_glyph_h_advance(glyph) / font.face.upem


def legible(text: str) -> tuple[str, int]:
    """`text` as the fonts can show it, and how many characters had to be replaced by 〓.

    Half-width kana become full-width, marks are composed with their letters, variation selectors, controls and
    direction marks are left out: the shapers of charts and pages do not agree on what is left of such clusters.
    """
    shown, missing = [], 0
    for character in _composed(text.translate(_SPACES)):
        category = unicodedata.category(character)
        if category == "Co" or (category not in _INVISIBLE and not _has_glyph(character)):
            shown.append(GETA)
            missing += 1
        elif category not in _INVISIBLE:
            shown.append(character)
    return "".join(shown).strip(), missing


def _composed(text: str) -> str:
    full_width = _HALF_WIDTH_KANA.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return unicodedata.normalize("NFC", full_width)


def _has_glyph(character: str) -> bool:
    return character.isascii() or _font(REGULAR_FONT).get_nominal_glyph(ord(character)) is not None


@lru_cache(maxsize=8192)
def width_of(text: str, size: float) -> float:
    """Width of `text` in points when set bold at `size`; the regular weight is never wider than a few per cent more."""
    return size * sum(map(_advance, text))


def set_width(text: str, size: float) -> float:
    """Width of `text` as a heading of a page, with the quarter em that stands between Japanese and Latin letters."""
    return width_of(text, size) + 0.25 * size * len(_SCRIPT_CHANGE.findall(text))


def shortened(text: str, size: float, width: float) -> str:
    """`text`, or as much of its beginning as fits `width` with an ellipsis."""
    if width_of(text, size) <= width:
        return text
    kept = text
    while kept and width_of(kept + ELLIPSIS, size) > width:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


@lru_cache(maxsize=1)
def _parser() -> budoux.Parser:
    return budoux.load_default_japanese_parser()


def phrases(text: str) -> list[str]:
    """`text` in pieces between which a line may break: phrases (文節) in Japanese, words elsewhere."""
    found: list[str] = []
    for word in re.findall(r"\S+\s*", text):
        for piece in _parser().parse(word) if _JAPANESE.search(word) else [word]:
            if found and (_INSIDE_LATIN.match(found[-1][-1] + piece[0]) or piece[0] in _NEVER_FIRST):
                found[-1] += piece  # the parser would part RFM, and begin a line with a colon
            else:
                found.append(piece)
    return found


def broken(text: str, size: float, width: float) -> list[str]:
    """Lines of `text` set at `size` in `width`: as few as possible, broken between phrases, as even as possible."""
    parts = [piece for phrase in phrases(text) for piece in _fitting(phrase, size, width)]
    if not parts:
        return []
    return _evened(parts, size, width)


def _fitting(phrase: str, size: float, width: float) -> list[str]:
    """`phrase` cut where it alone is wider than a line: before kanji that follow kana, else anywhere."""
    pieces, current = [], ""
    for character in phrase:
        if current and set_width(current + character, size) > width:
            changes = [found.start() for found in _KANA_TO_KANJI.finditer(current)]
            cut = changes[-1] if changes else len(current)
            pieces.append(current[:cut])
            current = current[cut:]
        current += character
    return [*pieces, current]


def _filled(parts: Iterable[str], size: float, width: float) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and set_width((lines[-1] + part).rstrip(), size) <= width:
            lines[-1] += part
        else:
            lines.append(part)
    return [line.strip() for line in lines]


def _evened(parts: list[str], size: float, width: float) -> list[str]:
    """The narrowest setting of `parts` that needs no more lines than the widest."""
    best = _filled(parts, size, width)
    lines = len(best)
    while lines > 1:
        narrower = max(set_width(line, size) for line in best) - 0.01
        candidate = _filled(parts, size, narrower)
        if len(candidate) > lines or max(set_width(line, size) for line in candidate) > narrower:
            break
        best = candidate
    return best
