import ast
import re
import string
import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from crm_platform.forecast import gamma_gamma
from crm_platform.intake.admission.faults import REMEDIES
from crm_platform.reports import MissingWordingError, Wording
from crm_platform.reports.glyphs import legible
from crm_platform.reports.wording import wording as wording_module
from crm_platform.reports.wording.wording import STEMS, _flat
from crm_platform.tables.alerts import LAPSE_ALERTS, TEST_GROUP_NAMES
from crm_platform.tables.analyses import CPM_CLASS_NAMES

JA, EN = Wording.of("ja"), Wording.of("en")


@pytest.mark.parametrize(
    ("value", "ja", "en"),
    [
        (0, "¥0", "¥0"),
        (9_999, "¥9,999", "¥10.0K"),
        (1_234_567, "123万円", "¥1.23M"),
        (13_602, "1.36万円", "¥13.6K"),
        (123_456, "12.3万円", "¥123K"),
        (99_999_999, "1.00億円", "¥100M"),
        (124_000_000, "1.24億円", "¥124M"),
        (-1_306_000_000, "−13.1億円", "−¥1.31B"),
    ],
)
def test_yen_are_written_in_the_unit_that_reads_best(value, ja, en):
    assert (JA.formatted(value, "yen"), EN.formatted(value, "yen")) == (ja, en)


@pytest.mark.parametrize(
    ("value", "fmt", "ja"),
    [
        (1234, "count", "1,234"),
        (0.1234, "rate", "12.3%"),
        (0.012, "points", "+1.2ポイント"),
        (-0.123, "change", "−12.3%"),
        (0.0001, "change", "0.0%"),
        (-0.021, "points_size", "2.1ポイント"),
        (-0.123, "change_size", "12.3%"),
        (-0.0868, "points_in_table", "−8.7pt"),
        (0.087, "held_amount", "保たれている"),
        (-0.061, "held_amount", "目立った減少はない"),
        (0.0, "held_rate", "保たれている"),
        (-0.025, "held_rate", "目立った低下はない"),
        (-0.012, "held_down", "抑えられている"),
        (0.012, "held_down", "目立った増加はない"),
        (19_466_746, "yen_change", "+1,947万円"),
        (6286, "customers", "6,286人"),
        (6, "items", "6項目"),
        (45.4, "days", "45日"),
        (103.6, "index", "104"),
        (4.327, "index", "4.33"),
        ("2025-06", "month", "2025年6月"),
        (1.256, "real", "1.26"),
        ("@cpm.first_active", "text", "初回現役客"),
        ("=cmd", "text", "=cmd"),
        (None, "yen", "—"),
        (None, "month", "—"),
    ],
)
def test_each_format_writes_its_numbers_as_the_trade_does(value, fmt, ja):
    assert JA.formatted(value, fmt) == ja


def test_a_missing_text_is_an_error_that_names_its_key():
    with pytest.raises(MissingWordingError, match=r"cpm\.emperor"):
        JA.word("@cpm.emperor")


def test_a_text_that_asks_for_a_number_not_given_names_text_and_number():
    wording = JA.with_texts({"f": {"title": "率は{f2_rate:rate}"}})
    with pytest.raises(MissingWordingError, match=r"f\.title.*f2_rate"):
        wording.filled("f.title", {"rate": 0.4})


def test_sentences_without_their_number_are_left_out_unless_nothing_would_remain():
    wording = JA.with_texts(
        {"f": {"ja": "率は{a:rate}です。前は{b:rate}です。", "en": "It is {a:rate}. It was {b:rate}."}}
    )
    known = {"a": 0.4, "b": None}
    assert wording.known_sentences("f.ja", known) == "率は40.0%です。"
    assert wording.known_sentences("f.en", {"a": None, "b": 0.2}) == "It was 20.0%."
    assert wording.known_sentences("f.ja", {"a": None, "b": None}) == "率は—です。前は—です。"
    assert (wording.knows("f.ja", known), wording.knows("f.ja", {"a": 1, "b": "—"})) == (False, True)


def test_client_text_is_never_read_as_a_placeholder_or_key_inside_a_sentence():
    wording = JA.with_texts({"f": {"title": "{name:text}の率"}})
    assert wording.filled("f.title", {"name": "{secret}"}) == "{secret}の率"


def test_a_class_is_named_by_its_number_and_its_group_whatever_the_number_of_classes():
    assert JA.value_class(1) == "S1 VIP客"
    assert Wording.of("ja", value_classes=5).value_class(5) == "S5 休眠客"


def test_both_languages_hold_the_same_report_texts():
    assert JA.texts.keys() - EN.texts.keys() == set()
    assert EN.texts.keys() - JA.texts.keys() == set()


@pytest.mark.parametrize("wording", [JA, EN], ids=["ja", "en"])
def test_every_class_reason_and_group_of_the_tables_has_a_name_and_every_cpm_class_an_action(wording):
    for name in CPM_CLASS_NAMES:
        assert wording.text(f"cpm.{name}") != wording.text(f"cpm_action.{name}")
    for reason in LAPSE_ALERTS["reason"].allowed:
        assert wording.text(f"alert_reason.{reason}")
    assert [wording.text(f"group.{group}") for group in TEST_GROUP_NAMES] == ["①", "②"]


@pytest.mark.parametrize("wording", [JA, EN], ids=["ja", "en"])
def test_the_fonts_can_show_every_letter_of_the_wording(wording):
    assert {key: text for key, text in wording.texts.items() if legible(text)[1]} == {}


def test_no_wording_file_repeats_a_key_of_another():
    folder = Path(wording_module.__file__).parent
    for language in ("ja", "en"):
        keys = [set(_flat(tomllib.loads((folder / f"{stem}.{language}.toml").read_text("utf-8")))) for stem in STEMS]
        assert all(one & other == set() for one, other in combinations(keys, 2))


@pytest.mark.parametrize("rule", REMEDIES)
def test_every_rule_of_the_quarantine_is_told_with_its_remedy_in_both_languages(rule):
    assert EN.text(f"remedy.{rule}") == REMEDIES[rule]
    assert JA.text(f"rule.{rule}") != EN.text(f"rule.{rule}") == rule
    assert not JA.text(f"remedy.{rule}").isascii()


def _notes_in_the_code() -> dict[str, set[str]]:
    """Every `Note("key", {"number": …})` of the forecast, and one per flag of the gamma-gamma model."""
    found = {f"values_{flag}": set() for flag in gamma_gamma.FLAGS if flag}
    for path in Path(gamma_gamma.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Note":
                key, *numbers = call.args
                if isinstance(key, ast.Constant):
                    found[key.value] = {name.value for each in numbers for name in each.keys}
    return found


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_every_note_of_a_forecast_is_told_with_its_numbers(words):
    told = {key.split(".")[1] for key in words.texts if key.startswith("forecast_note.")}
    notes = _notes_in_the_code()
    assert told == set(notes)
    for key, numbers in notes.items():
        assert words.has(f"forecast_note.{key}.part")
        asked = {name for _, name, _, _ in string.Formatter().parse(words.texts[f"forecast_note.{key}.text"]) if name}
        assert asked == numbers


def test_only_what_stays_below_ten_is_counted_in_tsu():
    counted = {name for text in Wording.of("ja").texts.values() for name in re.findall(r"\{(\w+):count\}つ", text)}
    assert counted == {"quiet_months"}, "of six; a house has thirty product groups, and 30つ is no Japanese"
