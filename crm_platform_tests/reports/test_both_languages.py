"""What is said in Japanese is said in English: the same numbers, changes with their sign, the base of a comparison."""

from __future__ import annotations

import re
import string

import pytest

from crm_platform.reports import Wording

JA, EN = Wording.of("ja").texts, Wording.of("en").texts
_SAME = {"customers": "count"}  # 12人 is 12 beside a noun in English
_HOW_A_MONTH_IS_WRITTEN = "format.month"
# Within chance a number may be a little worse and be called healthy; only a rise may be told as one that holds.
SAYS_NO_FALL = {
    "ja": re.compile(r"保たれている|減っていない|落ちていない|増えていない|見劣りしない|(?<!明らかには)劣らない"),
    "en": re.compile(r"\b(it|they|take-up) holds?\b|no (less|more|fewer|worse) than|(?<!clearly )more than the"),
}


def numbers(text: str) -> set[tuple[str, str]]:
    found = ((name, fmt or "") for _, name, fmt, _ in string.Formatter().parse(text) if name)
    return {(name, _SAME.get(fmt, fmt)) for name, fmt in found}


def test_both_languages_tell_the_same_numbers_in_the_same_way() -> None:
    """A change is written with its sign in both, and no figure is left out of one of them."""
    differ = {key: numbers(text) ^ numbers(EN[key]) for key, text in JA.items() if numbers(text) != numbers(EN[key])}
    assert differ.keys() == {_HOW_A_MONTH_IS_WRITTEN}


def test_a_title_that_is_held_against_the_year_before_says_so_in_both_languages() -> None:
    titles = {key: text for key, text in JA.items() if ".title." in key and re.search("前年|1年前|前の1年", text)}
    assert len(titles) > 40
    assert [key for key in titles if not re.search("year|before|twelve months ago", EN[key])] == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_healthy_title_says_flatly_that_nothing_fell(language: str) -> None:
    texts = {"ja": JA, "en": EN}[language]
    titles = {key: text for key, text in texts.items() if key.endswith(".title.healthy")}
    assert [key for key, text in titles.items() if SAYS_NO_FALL[language].search(text)] == []


def test_an_order_of_purchases_reads_as_english() -> None:
    words = Wording.of("en")
    for verdict in ("healthy", "issue"):
        text = EN[f"order_steps.comment.{verdict}"]
        assert "the {weakest_step:text} purchase" in text
    assert words.word("@order_step.2") == "2nd"
