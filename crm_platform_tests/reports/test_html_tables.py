import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.reports.html_tables import Values, table_html
from crm_platform.reports.html_text import broken, shown
from crm_platform.reports.pages import Grid
from crm_platform.reports.wording import NOTHING, Wording

WORDS = {language: Wording.of(language) for language in ("ja", "en")}
VALUES = {language: Values(words) for language, words in WORDS.items()}
YEN = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize("language", ["ja", "en"])
@given(st.lists(YEN, min_size=2, max_size=5), st.sampled_from(["yen", "jpy"]))
def test_amounts_in_whatever_unit_are_sorted_by_their_yen(language, amounts, fmt):
    words, values = WORDS[language], VALUES[language]
    for write in (words.formatted, words.in_table):
        for one in amounts:
            read = values.of(write(one, fmt), True)
            assert read == pytest.approx(one, rel=0.006)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_months_are_sorted_by_time_and_not_by_their_names(language):
    months = [f"{year}-{month:02}" for year in (2023, 2024) for month in range(1, 13)]
    read = [VALUES[language].of(WORDS[language].formatted(month, "month"), False) for month in months]
    assert read == list(range(read[0], read[0] + 24))


def test_other_numbers_are_read_with_sign_and_points_and_words_are_not():
    values, words = VALUES["ja"], WORDS["ja"]
    assert values.of(words.formatted(-0.0123, "points"), True) == -1.2
    assert values.of(words.formatted(0.4567, "rate"), True) == 45.7
    assert values.of(words.formatted(12345, "customers"), True) == 12345
    assert values.of(NOTHING, True) is None
    assert values.of("2024年のセット", False) is None


def test_a_month_and_a_name_are_not_broken_while_words_and_sentences_get_room_each_to_its_length():
    row = ("2022年10月", "全国紙〜健康面〜秋 2024", "打ち手を言う文は列の幅より長く、いずれにせよ折り返す。", "12")
    grid = Grid("names", "", "", ("月", "媒体", "打ち手", "人数"), (row,), (False, False, False, True))
    assert re.findall(r'<td class="(\w+)"', table_html(grid, WORDS["ja"])) == ["name", "words", "sentence", "number"]
    assert "<table>" in table_html(grid, WORDS["ja"])


def test_a_table_with_more_columns_than_the_page_holds_is_set_smaller():
    columns = 10
    grid = Grid("names", "", "", ("12ヶ月売上",) * columns, (("¥1,234,567",) * columns,), (True,) * columns)
    assert '<table class="dense">' in table_html(grid, WORDS["ja"])


def test_a_sign_stays_with_its_amount():
    assert shown("buyers +¥2.43M & −¥6.32K") == (
        'buyers <span class="amount">+¥2.43M</span> &amp; <span class="amount">−¥6.32K</span>'
    )
    assert '<span class="amount">−¥81.5K</span>' in broken("Sales change by −¥81.5K a year")
