import unicodedata

import pytest
import typst
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT, broken, legible, shortened, width_of

ANY_TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)
HARD_TEXT = st.text(
    alphabet="ｶﾞﾊﾟか\u3099e\u0301\u200d\u202e\u202a\ufe0f\U000e0100葛👍𠮷髙\x00\x07\ue000〩\u302eᄀ", max_size=20
)


def test_missing_glyphs_become_geta_and_are_counted():
    assert legible("青汁👍👍") == ("青汁〓〓", 2)
    assert legible("\ue000") == ("〓", 1)


def test_direction_marks_and_controls_leave_no_trace():
    assert legible("返品\u202eecilA\x00\x07") == ("返品ecilA", 0)


def test_rare_kanji_stay_and_half_width_kana_become_full_width():
    assert legible("𠮷野の髙級ﾊﾟｯｸ") == ("𠮷野の髙級パック", 0)


@given(ANY_TEXT)
def test_legible_text_stays_as_it_is_when_made_legible_again(text):
    once, _ = legible(text)
    assert legible(once) == (once, 0)
    assert not any(unicodedata.category(character).startswith("C") for character in once)


@settings(max_examples=30, deadline=None)
@given(st.one_of(HARD_TEXT, ANY_TEXT))
def test_whatever_is_legible_compiles_as_pdf_a_and_pdf_ua_on_a_page_and_in_a_drawing(text):
    shown, _ = legible(text)
    safe = shown.replace("&", "").replace("<", "")
    drawn = f'<text y="8" font-family="Noto Sans CJK JP">{safe}</text>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{drawn}</svg>'
    page = b'#set document(title: "t")\n#set text(font: "Noto Sans CJK JP")\n#read("t.txt")\n#image("a.svg", alt: "a")'
    files = {"main.typ": page, "t.txt": shown.encode(), "a.svg": svg.encode()}
    folders = [str(font.parent) for font in (REGULAR_FONT, BOLD_FONT)]
    typst.compile(
        files, format="pdf", font_paths=folders, ignore_system_fonts=True, timestamp=0, pdf_standards=["a-2a", "ua-1"]
    )


def test_widths_are_those_of_the_bold_fonts_own_tables_and_what_it_lacks_is_a_square():
    with TTFont(BOLD_FONT, lazy=True) as font:
        names, metrics, units = font.getBestCmap(), font["hmtx"].metrics, font["head"].unitsPerEm
        for character in "定期ガﾊ𠮷髙¥%〓…Ag i1,":
            assert width_of(character, 8) == pytest.approx(8 * metrics[names[ord(character)]][0] / units)
    assert width_of("i", 8) < width_of("W", 8) < width_of("定", 8) == width_of("👍", 8) == 8


def test_a_japanese_heading_breaks_between_phrases_into_even_lines():
    title = "売上は前年並みを保つが、離反リスク層の拡大が先行き最大の懸念です"
    lines = broken(title, 15, 400)
    assert "".join(lines) == title
    assert len(lines) == 2
    assert lines[0].endswith(("、", "が", "の"))
    assert abs(width_of(lines[0], 15) - width_of(lines[1], 15)) < 150


def test_a_word_of_another_script_is_not_cut_in_a_japanese_or_mixed_heading():
    title = "サプリメント brings 52.6% of new customers, and the repeat rate of its buyers is above average"
    words = [word for line in broken(title, 15, 300) for word in line.split()]
    assert words == title.split()


@given(st.text(alphabet="売上の増加が止まるABC 。、", max_size=80), st.integers(60, 400))
def test_broken_lines_keep_every_letter_and_fit_the_width(text, width):
    lines = broken(text, 15, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line, 15) <= width + 0.01 for line in lines)


@given(ANY_TEXT, st.integers(20, 200))
def test_a_shortened_text_fits_or_is_but_an_ellipsis(text, width):
    short = shortened(text, 8, width)
    assert width_of(short, 8) <= width or short == "…"


def test_a_compound_too_wide_for_its_place_is_cut_between_kana_and_kanji():
    assert broken("よちよち現役客", 7.5, 40) == ["よちよち", "現役客"]


def test_a_line_is_not_broken_within_letters():
    lines = broken("2021年12月のCPM区分×RFM：優良離脱1人のうち1人がRFMの上位", 10.5, 227)
    assert lines == ["2021年12月のCPM区分", "×RFM：優良離脱1人の", "うち1人がRFMの上位"]


@pytest.mark.parametrize(
    "text", ["並べる力（6ヶ月の売上）：顧客ランク62.9%", "Half-year repeat rate of “サプリメント”: 62.3%"]
)
def test_no_line_begins_with_a_colon_or_a_closing_mark(text):
    for width in range(120, 260, 10):
        assert not [line for line in broken(text, 10.5, width)[1:] if line[0] in "：）:”"]
