import copy
import datetime as dt
import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from string import Formatter

import ibis
import pytest
from ibis import _

import crm_platform.reports.wording as wording_package
from crm_platform.diagnosis import Diagnosis, Finding
from crm_platform.diagnosis.diagnose import QUESTIONS, diagnose
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month
from crm_platform.reports.wording import Wording
from crm_platform.reports.wording.wording import STEMS
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders, sound_backtest

AS_OF = dt.date(2023, 12, 31)
MEDIA = {"M0": ("WEB", 300_000), "M1": ("TV", 30_000_000), "M2": ("紙", 200_000)}
GROUPS = {"P1": "サプリ", "P2": "サプリ", "P3": "化粧品", "P4": "雑貨"}
VERDICTS = ("healthy", "issue", "undetermined")


def house(months: int, *, shrinking: bool = False, backtest: Mapping[str, object] | None = None) -> DiagnosisInputs:
    orders = random_orders(250, months, seed=3, shrinking=shrinking)
    as_of = dt.date(2020, 1, 1).replace(year=2020 + months // 12, month=1 + months % 12) - dt.timedelta(1)
    found = planted_inputs(orders, as_of, media=MEDIA, products=GROUPS, alerts=True, backtest=backtest, ranks=True)
    return replace(found, products=found.products.mutate(brand=ibis.ifelse(_.product_id < "P3", "甲", "乙")))


@pytest.fixture(scope="module")
def diagnoses() -> dict[str, Diagnosis]:
    good = sound_backtest()
    worse = copy.deepcopy(good)
    worse["origins"][0]["methods"]["rfm"]["gini"] = 0.9
    return {
        "growing": diagnose(house(48, backtest=good)),
        "shrinking": diagnose(house(48, shrinking=True, backtest=worse)),
        "short": diagnose(house(14)),
        "one order": diagnose(planted_inputs([Order("a", dt.date(2023, 12, 24))], AS_OF)),
        "one cancelled order": diagnose(planted_inputs([Order("a", dt.date(2023, 12, 24), status="cancelled")], AS_OF)),
        "a month still running": diagnose(planted_inputs([Order("a", dt.date(2023, 12, 2))], dt.date(2023, 12, 2))),
    }


def test_the_same_inputs_give_the_same_bytes(diagnoses: dict[str, Diagnosis]) -> None:
    again = diagnose(house(48, backtest=sound_backtest()))
    assert json.dumps(again.to_json()) == json.dumps(diagnoses["growing"].to_json())


def test_months_between_others_of_which_no_order_was_delivered_are_told_in_both_languages() -> None:
    orders = random_orders(250, 30, seed=3)
    missing = (dt.date(2021, 3, 1), dt.date(2021, 9, 1))
    as_of = dt.date(2022, 6, 30)
    without = [one for one in orders if one.day.replace(day=1) not in missing]
    told = diagnose(planted_inputs(without, as_of, first_month=Month(2019, 12), products=GROUPS, media=MEDIA))
    (note,) = (one for one in told.forecast_notes if one.get("about") == "data_note")
    assert note == {
        "about": "data_note",
        "key": "months_without_orders",
        "months": 2,
        "first": "2021-03",
        "last": "2021-09",
    }
    text = {one: Wording.of(one).filled("data_note.months_without_orders.text", note) for one in ("ja", "en")}
    assert "：2021年3月〜2021年9月のうち2ヶ月。" in text["ja"]
    assert ": 2 of those from Mar 2021 to Sep 2021." in text["en"]
    whole = diagnose(planted_inputs(orders, as_of, first_month=Month(2019, 12), products=GROUPS, media=MEDIA))
    assert not [one for one in whole.forecast_notes if one.get("about") == "data_note"]


def test_a_diagnosis_survives_json(diagnoses: dict[str, Diagnosis]) -> None:
    for diagnosis in diagnoses.values():
        text = json.dumps(diagnosis.to_json(), allow_nan=False)
        assert json.dumps(Diagnosis.from_json(json.loads(text)).to_json()) == text


def test_a_house_that_answers_every_question_is_asked_each_once(diagnoses: dict[str, Diagnosis]) -> None:
    keys = [finding.key for finding in diagnoses["growing"].findings]
    assert keys == [question.__name__ for question in QUESTIONS]


def test_growth_and_its_mirror_get_opposite_verdicts_on_sales(diagnoses: dict[str, Diagnosis]) -> None:
    for key in ("sales_trend", "sales_bridge"):
        assert (of(diagnoses["growing"], key).verdict == "issue", of(diagnoses["shrinking"], key).verdict) == (
            False,
            "issue",
        )


def test_a_house_with_one_order_has_no_determined_trend(diagnoses: dict[str, Diagnosis]) -> None:
    diagnosis = diagnoses["one order"]
    assert of(diagnosis, "sales_bridge").verdict == "undetermined"
    assert of(diagnosis, "f2_conversion").verdict == "undetermined"
    assert not {"media_efficiency", "alerts", "product_pairs"} & {finding.key for finding in diagnosis.findings}
    assert diagnosis.headline["sales_12m_jpy"] == 1000


def test_the_headline_says_what_the_findings_say(diagnoses: dict[str, Diagnosis]) -> None:
    diagnosis = diagnoses["growing"]
    assert diagnosis.headline["f2_rate"] == of(diagnosis, "f2_conversion").numbers["f2_rate"]
    assert diagnosis.headline["issues"] == sum(finding.verdict == "issue" for finding in diagnosis.findings)
    assert diagnosis.method["is_short_of_five_years"] == "@answer.yes"


def test_a_yen_effect_belongs_to_an_issue_and_is_above_nothing(diagnoses: dict[str, Diagnosis]) -> None:
    for diagnosis in diagnoses.values():
        for finding in diagnosis.findings:
            if finding.yen_effect_jpy is not None:
                assert finding.yen_effect_jpy > 0
                assert finding.verdict == "issue" or finding.key == "alerts"


def test_a_verdict_is_on_a_measured_number_and_an_issue_says_what_to_do(diagnoses: dict[str, Diagnosis]) -> None:
    for diagnosis in diagnoses.values():
        for finding in diagnosis.findings:
            assert finding.verdict == "undetermined" or finding.measured is not None
            assert finding.verdict != "issue" or finding.action is not None


# --- wording ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_finding_can_be_said_in_every_verdict_that_it_takes(
    diagnoses: dict[str, Diagnosis], language: str
) -> None:
    words = Wording.of(language)
    for diagnosis in diagnoses.values():
        for finding in diagnosis.findings:
            assert words.text(f"{finding.key}.name")
            for text in (f"title.{finding.verdict}", f"comment.{finding.verdict}"):
                assert words.filled(f"{finding.key}.{text}", finding.numbers)
            if finding.threshold is not None:
                words.filled(f"{finding.key}.threshold", {**finding.numbers, "threshold": finding.threshold})
            action = f"{finding.key}.action.{finding.verdict}"
            assert finding.verdict != "issue" or words.has(action)
            if words.has(action):
                words.filled(action, finding.numbers)
            said(words, finding)


def said(words: Wording, finding: Finding) -> None:
    for exhibit in finding.exhibits:
        prefix = f"{finding.key}.exhibits.{exhibit.key}"
        for part in ("title", "note"):
            assert words.filled(f"{prefix}.{part}", finding.numbers)
        if exhibit.kind == "table":
            own = [name for name, _ in exhibit.columns if words.has(f"{prefix}.columns.{name}")]
            assert all(words.text(f"columns.{name}") for name, _ in exhibit.columns if name not in own)
        else:
            assert words.text(f"{prefix}.x")
            assert words.text(f"{prefix}.y")
            assert exhibit.series in (None, "cpm_class") or words.has(f"{prefix}.series")
        for row in exhibit.rows:
            shown = [name for name, _ in exhibit.columns] or [exhibit.x, exhibit.y, exhibit.series or exhibit.x]
            assert all(words.word(row[name]) is not None for name in shown if isinstance(row[name], str))


@pytest.mark.parametrize("language", ["ja", "en"])
def test_placeholders_are_numbers_of_the_finding_whatever_the_verdict(
    diagnoses: dict[str, Diagnosis], language: str
) -> None:
    words = Wording.of(language)
    for finding in diagnoses["growing"].findings:
        known = {*finding.numbers, "threshold", "year_months"}  # the wording itself answers the last
        for verdict in VERDICTS:
            for part in ("title", "comment", "action"):
                key = f"{finding.key}.{part}.{verdict}"
                if words.has(key):
                    assert placeholders(words.texts[key]) <= known, key


def test_both_languages_say_the_same_things_with_the_same_numbers() -> None:
    folder = Path(wording_package.__file__).parent
    for stem in STEMS:
        japanese, english = (
            flat(tomllib.loads((folder / f"{stem}.{language}.toml").read_text("utf-8"))) for language in ("ja", "en")
        )
        assert japanese.keys() == english.keys()


def test_japanese_titles_have_at_most_sixty_characters(diagnoses: dict[str, Diagnosis]) -> None:
    words = Wording.of("ja")
    for diagnosis in diagnoses.values():
        for finding in diagnosis.findings:
            title = words.filled(f"{finding.key}.title.{finding.verdict}", finding.numbers)
            assert len(title) <= 60, title


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def of(diagnosis: Diagnosis, key: str) -> Finding:
    return next(finding for finding in diagnosis.findings if finding.key == key)
