"""What a report says beside its numbers: how sure a course is, how many months a year has, what a chart can show."""

import dataclasses
import json
import re

import pytest

from crm_platform.diagnosis.finding import Exhibit, Finding
from crm_platform.reports import Wording, diagnosis_report, theme
from crm_platform.reports.assembly import words_for
from crm_platform.reports.exhibits import chart_spec, data_columns, is_drawable
from crm_platform.reports.sections import short_measure
from crm_platform_tests.reports import invented

LANGUAGES = pytest.mark.parametrize("language", ["ja", "en"])
UNSURE = {"ja": "判定の線には届かず横ばい", "en": "too little to be called a trend: level"}


def course_of(language: str, low: float, high: float) -> str:
    """What the first section says of a level course with this interval."""
    diagnosis = invented.diagnosis()
    trend = dataclasses.replace(
        invented.TREND, direction="level", slope_per_year=(low + high) / 2, slope_low=low, slope_high=high
    )
    told: tuple[Finding, ...] = (dataclasses.replace(diagnosis.findings[0], trend=trend), *diagnosis.findings[1:])
    report = diagnosis_report(dataclasses.replace(diagnosis, findings=told), language, invented.wording(language))
    sections = [section for chapter in report.chapters for section in chapter.sections]
    (course,) = [
        fact
        for section in sections
        if section.key == diagnosis.findings[0].key
        for fact in section.facts
        if "2025" in fact
    ]
    return course


@LANGUAGES
@pytest.mark.parametrize(("low", "high"), [(-0.028, -0.003), (0.003, 0.028)])
def test_a_course_called_level_although_its_range_leaves_0_out_says_why(language: str, low: float, high: float) -> None:
    assert course_of(language, low, high).endswith(UNSURE[language])


@LANGUAGES
def test_a_course_called_level_whose_range_holds_0_says_no_more(language: str) -> None:
    assert UNSURE[language] not in course_of(language, -0.01, 0.02)


@pytest.mark.parametrize("kind", ["diagnosis", "alert", "portfolio", "two_track"])
def test_every_report_tells_once_that_a_verdict_asks_for_more_than_the_printed_range(kind: str) -> None:
    for language, said in (
        ("ja", ("95%", "標準誤差3つ分", "横ばい")),
        ("en", ("95%", "three standard errors", "level")),
    ):
        reading = Wording.of(language).of_report(kind).text("appendix.reading_text")  # type: ignore[arg-type]
        assert all(word in reading for word in said), (kind, language)


@pytest.mark.parametrize("kind", ["line", "bar", "stacked_bar", "stacked_area", "heatmap"])
def test_nothing_but_zeros_is_a_table_and_no_chart(kind: str) -> None:
    rows = tuple({"x": f"2025-0{n}", "y": 0, "s": "甲"} for n in range(1, 7))
    flat = Exhibit("a", kind, rows, x="x", y="y", series="s")  # type: ignore[arg-type]
    assert not is_drawable(flat)
    assert is_drawable(dataclasses.replace(flat, rows=(*rows, {"x": "2025-07", "y": 3, "s": "甲"})))


@pytest.mark.parametrize("kind", ["line", "stacked_bar", "stacked_area"])
def test_a_course_or_stack_of_one_place_is_a_table_since_it_compares_nothing(kind: str) -> None:
    rows = tuple({"x": "2025-06", "y": value, "s": name} for name, value in (("既存客", 557), ("新規客", 132)))
    single = Exhibit("a", kind, rows, x="x", y="y", series="s")  # type: ignore[arg-type]
    assert not is_drawable(single)
    assert is_drawable(dataclasses.replace(single, rows=(*rows, {"x": "2025-12", "y": 600, "s": "既存客"})))


@pytest.mark.parametrize(("language", "month"), [("ja", "2025年6月"), ("en", "Jun 2025")])
def test_months_down_the_side_of_a_heatmap_read_like_the_months_of_any_other_chart(language: str, month: str) -> None:
    rows = tuple({"x": n, "y": 0.1 * n, "s": "2025-06"} for n in range(3))
    cells = Exhibit("a", "heatmap", rows, x="x", y="y", x_unit="count", y_unit="rate", series="s", series_unit="month")
    words = Wording.of(language)
    assert ("s", "month") in data_columns(cells)
    assert words.in_table("2025-06", "month") == month
    drawn = json.dumps(chart_spec(cells, words), ensure_ascii=False)
    assert '"2025/6"' in drawn and '"2025-06"' not in drawn


@LANGUAGES
def test_texts_of_the_last_twelve_months_name_as_many_as_there_are(language: str) -> None:
    twelve, nine = Wording.of(language), Wording.of(language).of_history(9)
    told = [key for key, text in twelve.texts.items() if "{year_months:count}" in text]
    measures = {key for key in told if key.endswith(".measure")}
    assert {"purchasing_power.measure", "value_segments.measure", "cpm_portfolio.measure"} <= measures
    assert {"kpi.sales_12m_jpy.label", "columns.sales_12m_jpy"} <= set(told)
    for key in (*measures, "kpi.sales_12m_jpy.label", "columns.sales_12m_jpy"):
        assert re.search(r"\b12\b|12ヶ月", twelve.text(key)), key
        assert re.search(r"\b9\b|9ヶ月", nine.text(key)) and "12" not in nine.text(key), key
    assert Wording.of(language).of_history(60).year_months == 12
    assert short_measure("cpm_portfolio", nine)


@LANGUAGES
def test_a_report_of_a_young_history_speaks_of_its_own_months(language: str) -> None:
    young = dataclasses.replace(invented.of_one_finding(), first_month="2024-10")
    label = words_for(young, language).text("kpi.sales_12m_jpy.label")
    assert "9" in label and "12" not in label
    grown = dataclasses.replace(young, first_month="2020-07")
    assert "12" in words_for(grown, language).text("kpi.sales_12m_jpy.label")


@LANGUAGES
def test_no_healthy_title_says_of_a_change_that_may_be_a_fall_that_the_number_holds(language: str) -> None:
    held = {"ja": "保たれている", "en": ("it holds", "they hold")}[language]
    for key, text in Wording.of(language).texts.items():
        if key.endswith(".title.healthy") and re.search(r":(points|change|yen_change)\}", text):
            assert not text.endswith(held), key


@LANGUAGES
def test_the_bar_in_rust_is_the_issue_that_the_title_names_although_another_moves_more_yen(language: str) -> None:
    words, diagnosis = invented.wording(language), invented.diagnosis()
    ours = sorted((f for f in diagnosis.findings if f.yen_effect_jpy), key=lambda f: -(f.yen_effect_jpy or 0))
    largest, *others = ours
    told: tuple[Finding, ...] = (
        dataclasses.replace(largest, verdict="undetermined"),
        *(dataclasses.replace(finding, verdict="issue") for finding in others),
    )
    summary = diagnosis_report(dataclasses.replace(diagnosis, findings=told), language, words).summary
    name = words.text(f"{others[0].key}.name")
    assert name in summary.title and summary.picture is not None
    bars = [row for data in summary.picture.spec["datasets"].values() for row in data if "colour" in row]
    assert {row["x"] for row in bars if row["colour"] == theme.RUST} == {name}
    assert bars[0]["x"] == words.text(f"{largest.key}.name")


@LANGUAGES
def test_a_sum_over_a_rounded_count_of_customers_is_not_told_as_that_of_so_many(language: str) -> None:
    """1.45 customers kept are told as 1, and what they bring is not what one brings."""
    comment = Wording.of(language).texts["alert_simulation.comment.healthy"]
    (told,) = [part for part in re.split(r"(?<=。)|(?<=\.) ", comment) if "{ltv_increment_jpy:yen}" in part]
    assert "{retained_customers:count}" not in told
    assert re.search(r"(約|about ){retained_customers:count}", comment)


@LANGUAGES
def test_a_line_names_the_rate_that_it_is_a_line_of(language: str) -> None:
    words = Wording.of(language)
    line = words.filled("buyer_kinds.threshold", {"threshold": 0.301})
    assert {"ja": "2回目購入率", "en": "same rate"}[language] in line
    assert "2回目購入率" in Wording.of("ja").text("buyer_kinds.measure")


@LANGUAGES
def test_the_book_of_kpis_says_why_it_can_differ_from_a_chapter_on_one_of_them(language: str) -> None:
    note = Wording.of(language).texts["kpi_book.exhibits.rates.note"]
    assert {"ja": "F2転換率", "en": "F2 rate"}[language] in note


@LANGUAGES
def test_classes_of_today_are_dated_by_the_as_of_date_since_a_month_may_not_be_over(language: str) -> None:
    assert "last_month" not in Wording.of(language).texts["segment_stability.exhibits.moved.note"]


@LANGUAGES
def test_no_text_that_counts_the_months_of_a_history_says_twelve_beside_them(language: str) -> None:
    for key, text in Wording.of(language).texts.items():
        if "{year_months:count}" in text:
            assert not re.search(r"\b12 months|(?<!前の)12ヶ月", text), key


@LANGUAGES
def test_monthly_sales_are_not_titled_by_a_mean_that_a_young_history_has_not(language: str) -> None:
    assert not re.search("平均|mean|twelve", Wording.of(language).texts["sales_trend.exhibits.monthly.title"])


@LANGUAGES
def test_proposed_days_of_silence_say_which_purchases_a_short_history_reads(language: str) -> None:
    note = Wording.of(language).texts["dormancy.exhibits.thresholds.note"]
    assert {"ja": "履歴が2年に満たなければ", "en": "history is under two years"}[language] in note
