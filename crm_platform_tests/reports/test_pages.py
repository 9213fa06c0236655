import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.diagnosis.diagnose import diagnose
from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding, Measured
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.reports import MissingWordingError, diagnosis_report, write_html, write_pdf
from crm_platform.reports.actions import action_of
from crm_platform.reports.glyphs import width_of
from crm_platform.reports.grids import column_widths
from crm_platform.reports.pages import Grid, Picture
from crm_platform.reports.sections import title_of
from crm_platform.reports.side_by_side import halves, in_pairs, lone_half
from crm_platform_tests.diagnosis.planted import planted_inputs, random_orders
from crm_platform_tests.reports import invented

JA = invented.wording("ja")


def _one(finding: Finding) -> Diagnosis:
    return dataclasses.replace(invented.diagnosis(), findings=(finding,))


def test_every_finding_has_a_section_in_the_order_of_the_chapters(report):
    sections = [section for chapter in report.chapters for section in chapter.sections]
    assert len(sections) == len(invented.diagnosis().findings)
    assert [section.number for section in sections][:4] == ["1-1", "1-2", "1-3", "2-1"]
    assert len({section.anchor for section in sections}) == len(sections)


def test_the_number_in_a_title_is_the_number_of_its_chart():
    finding = next(finding for finding in invented.diagnosis().findings if finding.key == "invented_f2")
    for rate in (0.4, 0.1234):
        rows = ({"order": 1, "hazard": rate},)
        exhibit = dataclasses.replace(finding.exhibits[0], rows=rows)
        changed = dataclasses.replace(finding, numbers={**finding.numbers, "rate": rate}, exhibits=(exhibit,))
        section = diagnosis_report(_one(changed), "ja", JA).chapters[0].sections[0]
        picture = section.exhibits[0]
        written = f"{rate:.1%}"
        assert written in section.title
        assert isinstance(picture, Picture)
        assert picture.data.rows == (("1", written),)
        assert written in str(picture.spec)


def test_actions_are_sorted_by_yen_effect_and_only_issues_have_one(japanese_report):
    table = japanese_report.actions.table
    assert [row[0] for row in table.rows] == ["f2", "portfolio", "classes", "lapse", "products"]
    assert [row[5] for row in table.rows] == ["1.20億円", "6,600万円", "4,100万円", "2,300万円", "900万円"]


def test_every_action_says_whom_how_many_through_which_channel_and_what_it_should_bring(japanese_report):
    name, _, channel, customers, expected, _ = japanese_report.actions.table.rows[0]
    assert (name, channel, customers, expected) == ("f2", "DM・電話", "617", "1,200万円")
    section = next(s for chapter in japanese_report.chapters for s in chapter.sections if s.name == "f2")
    assert section.action_facts.startswith("対象 ")
    assert section.action_facts.endswith("617人／手段 DM・電話／期待効果 6ヶ月で1,200万円")


def test_beneath_an_action_stands_only_what_its_sentence_does_not_say():
    finding = next(finding for finding in invented.diagnosis().findings if finding.key == "invented_f2")
    says = {
        "617人に電話で案内する": "手段 DM・電話／期待効果 6ヶ月で1,200万円",
        "617人にDM・電話で案内する（6ヶ月で1,200万円）": "",
        "1,617人に案内し、11,200万円を": "対象 F2の対象 617人／手段 DM・電話／期待効果 6ヶ月で1,200万円",
    }
    for sentence, facts in says.items():
        words = JA.with_texts({"invented_f2": {"action": {"issue": sentence}}})
        told = dataclasses.replace(finding, action=dataclasses.replace(finding.action, segment="F2の対象"))
        assert diagnosis_report(_one(told), "ja", words).chapters[0].sections[0].action_facts == facts


def test_a_report_that_can_judge_little_says_so_and_praises_nothing():
    open_ones = tuple(
        dataclasses.replace(each, verdict="undetermined" if place else "healthy", yen_effect_jpy=None)
        for place, each in enumerate(invented.diagnosis().findings)
    )
    report = diagnosis_report(dataclasses.replace(invented.diagnosis(), findings=open_ones), "ja", JA)
    assert report.front.conclusion == "2025年6月末の診断：課題はなく、1項目が健全、10項目は判定不能"
    assert report.summary.comment.evidence.startswith(
        "健全は1項目で、10項目はデータの月数か人数が足りず判定できません。"
    )


def test_nobody_is_asked_to_do_something_with_no_customer():
    finding = next(finding for finding in invented.diagnosis().findings if finding.key == "invented_f2")
    empty = dataclasses.replace(finding, action=dataclasses.replace(finding.action, customers=0, expected_jpy=0))
    report = diagnosis_report(_one(empty), "ja", JA)
    assert (report.chapters[0].sections[0].action, report.actions.table) == ("", None)


def test_a_number_stands_in_its_own_unit_and_under_its_short_name():
    finding = next(finding for finding in invented.diagnosis().findings if finding.measured and finding.trend)
    own = {"measure": "客数（買った人）", "measured_in": "customers", "course": "人数"}
    counted = dataclasses.replace(
        finding,
        measured=Measured(1234, "count", 1200, 1300),
        trend=dataclasses.replace(finding.trend, unit="count", slope_per_year=10, slope_low=5, slope_high=15),
    )
    section = diagnosis_report(_one(counted), "ja", JA.with_texts({finding.key: own})).chapters[0].sections[0]
    assert (section.measure, section.figure) == ("客数", "1,234人")
    assert section.facts[0] == "客数（買った人） 1,234人（ばらつきの幅 1,200人〜1,300人）"
    assert "の人数の推移は年+10人（幅 +5人〜+15人）で" in section.facts[1]


def test_the_first_page_alone_tells_verdicts_issues_by_yen_and_what_to_do_first(japanese_report):
    front = japanese_report.front
    assert front.conclusion == "2025年6月末の診断：5項目が課題、5項目は健全、1項目は判定不能"
    assert front.counts == (("healthy", "健全", "5"), ("issue", "課題", "5"), ("undetermined", "判定不能", "1"))
    assert [point.worth for point in front.issues][:2] == ["6ヶ月で1.20億円", "6ヶ月で6,600万円"]
    assert front.first_facts.endswith("期待効果 6ヶ月で1,200万円")
    assert [bool(point.action) for point in front.issues] == [False, True, True, True, True]  # the first stands above
    assert set(front.healthy.split("、")) == {
        f"{name}の割合 40.0%" for name in ("retention", "concentration", "bridge", "balance", "trend")
    }
    assert (front.further_issues, front.undetermined) == ("", "mediaの割合 40.0%")


def test_beneath_each_title_stand_the_number_with_its_interval_and_its_course(japanese_report):
    facts = japanese_report.chapters[0].sections[0].facts
    assert facts[0] == "retentionの割合 40.0%（ばらつきの幅 38.0%〜42.0%）"
    assert facts[1] == "2021年6月〜2025年6月の推移は年−0.8ポイント（幅 −1.2ポイント〜−0.3ポイント）で下降傾向"


def test_the_lineage_names_tables_their_months_and_the_deliveries_of_that_time():
    deliveries = [
        Delivered("0001-a", "2020-07-04", "2025-05-31", ("order_lines.tsv",)),
        Delivered("0002-b", "2025-06-01", "2025-07-15", ("order_lines.tsv",)),
        Delivered("0003-c", "2025-07-01", "2025-08-31", ("order_lines.tsv",)),
    ]
    report = diagnosis_report(invented.diagnosis(), "ja", JA, deliveries)
    assert report.chapters[0].sections[0].lineage == (
        "customer_months：2020年7月〜2025年6月",
        "forecasts：2025年6月末",
        "もとの納品：0001-a（2020-07-04〜2025-05-31）、0002-b（2025-06-01〜2025-07-15）",
    )
    assert "customer_months：2020年7月〜2025年6月" in write_html(report).decode()


def test_the_summary_names_the_largest_issue_and_shows_four_figures_with_their_change(japanese_report):
    summary = japanese_report.summary
    assert summary.title == "影響が最も大きい課題は「f2」、6ヶ月で1.20億円"
    assert [tile.value for tile in summary.tiles] == ["13.1億円", "29,144人", "41.8%", "6.90億円"]
    assert [(tile.direction, tile.change) for tile in summary.tiles[:2]] == [("up", "+1.7%"), ("down", "−2.3%")]


def test_the_threshold_stands_beside_the_verdict(japanese_report):
    section = japanese_report.chapters[0].sections[0]
    assert (section.verdict_label, section.threshold) == ("健全", "50.0% 以上")


def test_characters_that_cannot_be_shown_are_counted_in_the_appendix(japanese_report):
    emoji = str(invented.diagnosis().to_json()).count("👍")
    assert japanese_report.replaced_characters == emoji
    assert (f"{emoji}文字") in [row[1] for row in japanese_report.appendix.method.rows]


def test_what_took_over_in_the_forecast_is_told_in_the_appendix():
    notes = ({"key": "few_repeaters", "repeaters": 12, "fewest": 50}, {"key": "no_trees", "fewest": 200})
    told = dataclasses.replace(invented.diagnosis(), forecast_notes=notes)
    assert Diagnosis.from_json(told.to_json()).forecast_notes == notes
    report = diagnosis_report(told, "ja", JA)
    assert [row[0] for row in report.appendix.notes.rows] == ["購入の間隔", "決定木"]
    assert "12人で、50人に足りません" in report.appendix.notes.rows[0][1]
    assert report.appendix.tables[0] == report.appendix.notes
    assert "12人で、50人に足りません" in write_html(report).decode()
    assert diagnosis_report(invented.diagnosis(), "ja", JA).appendix.notes is None


def test_a_finding_without_wording_is_an_error_that_names_the_key():
    finding = Finding("unheard_of", "existing_customers", "issue", {})
    with pytest.raises(MissingWordingError, match=r"unheard_of\.name"):
        diagnosis_report(_one(finding), "ja")


def test_long_tables_say_how_many_rows_they_leave_out():
    rows = tuple({"class": "甲", "customers": n, "share": 0.1, "ltv": 1, "cycle": 1} for n in range(55))
    finding = next(finding for finding in invented.diagnosis().findings if finding.key == "invented_classes")
    table = dataclasses.replace(finding.exhibits[1], rows=rows)
    changed = dataclasses.replace(finding, exhibits=(table,))
    grid = diagnosis_report(_one(changed), "ja", JA).chapters[0].sections[0].exhibits[0]
    assert isinstance(grid, Grid)
    assert (len(grid.rows), grid.remark) == (40, "ほか15件は省略しました。")


def test_a_lorenz_curve_and_a_plain_bar_share_their_rows_with_what_needs_little_width():
    square = Exhibit("a", "lorenz", ({"x": 0.2, "y": 0.8},), x="x", y="y")
    bar = Exhibit("b", "bar", ({"x": 1, "y": 0.8},), x="x", y="y")
    assert halves((square, bar, bar)) == [True, True, False]
    assert halves((square, dataclasses.replace(bar, series="x"))) == [True, False]
    assert halves((bar, square)) == [True, True]
    table = Exhibit("c", "table", ({"x": 1},), columns=(("x", "count"),))
    assert halves((bar, table, bar), narrow={1}) == [True, True, False]
    assert halves((bar, table)) == [False, False]
    assert halves((table, table), narrow={0, 1}) == [True, True]


def test_a_last_small_chart_leaves_half_its_row_to_a_short_comment():
    bar = Exhibit("a", "bar", tuple({"x": n, "y": n} for n in range(6)), x="x", y="y")
    wide = dataclasses.replace(bar, rows=tuple({"x": n, "y": n} for n in range(12)))
    table = Exhibit("b", "table", ({"x": 1},), columns=(("x", "count"),))
    assert halves((table, bar), is_comment_short=True) == [False, True]
    assert halves((table, bar)) == halves((table, wide), is_comment_short=True) == [False, False]
    assert halves((wide, bar, bar), is_comment_short=True) == [True, True, False], "no room beside a pair"


def test_the_width_of_a_column_counts_the_gaps_that_a_page_sets_between_digits_and_kanji():
    grid = Grid("months", "", "", ("月",), (("2011年11月",),), (False,))
    assert column_widths(grid) == [pytest.approx(10 + width_of("2011年11月", 8.4) + 3 * 8.4 / 4)]


def test_the_comment_joins_the_first_exhibit_of_half_the_width_that_has_no_neighbour():
    assert lone_half([False, True, False, True]) == 1
    assert lone_half([True, True, False, True]) == 3
    assert lone_half([True, True, True]) == 2
    assert lone_half([True, True, False]) is lone_half([False]) is lone_half([]) is None


@given(st.lists(st.sampled_from(["small", "wide", "table"]), max_size=8))
def test_small_charts_come_together_and_no_exhibit_is_lost(kinds):
    small = ({"x": 1, "y": 0.8},)
    made = {
        "small": lambda key: Exhibit(key, "bar", small, x="x", y="y"),
        "wide": lambda key: Exhibit(key, "bar", tuple({"x": n, "y": 1} for n in range(20)), x="x", y="y"),
        "table": lambda key: Exhibit(key, "table", small, columns=(("x", "count"),)),
    }
    exhibits = [made[kind](f"{place}-{kind}") for place, kind in enumerate(kinds)]
    found = [exhibit.key for exhibit in in_pairs(exhibits)]
    assert sorted(found) == sorted(exhibit.key for exhibit in exhibits)
    places = [place for place, key in enumerate(found) if key.endswith("small")]
    assert all(second == first + 1 for first, second in zip(places[::2], places[1::2], strict=False))
    for kind in made:
        assert [key for key in found if key.endswith(kind)] == [e.key for e in exhibits if e.key.endswith(kind)]


def test_one_effect_alone_is_told_and_not_drawn():
    finding = next(finding for finding in invented.diagnosis().findings if finding.yen_effect_jpy)
    other = next(f for f in invented.diagnosis().findings if f.yen_effect_jpy and f.key != finding.key)
    assert diagnosis_report(_one(finding), "ja", JA).summary.picture is None
    both = dataclasses.replace(invented.diagnosis(), findings=(finding, other))
    picture = diagnosis_report(both, "ja", JA).summary.picture
    assert picture is not None
    assert len(picture.data.rows) == 2


@pytest.mark.parametrize(
    ("language", "exhibits"), [("ja", ()), ("en", (Exhibit("media", "scatter", (), x="cpo", y="ltv"),))]
)
def test_a_client_of_whom_nothing_is_known_still_gets_a_report(language, exhibits):
    report = diagnosis_report(invented.of_one_finding(exhibits), language, invented.wording(language))
    assert write_pdf(report).startswith(b"%PDF")
    assert "—" in report.chapters[0].sections[0].title
    assert report.summary.comment.claim == report.wording.text("report.no_findings")
    assert write_html(report).startswith(b"<!doctype html>")


def test_a_diagnosis_without_findings_says_so():
    empty = dataclasses.replace(invented.of_one_finding(), findings=())
    report = diagnosis_report(empty, "ja", JA)
    assert report.summary.comment.claim == JA.text("report.no_findings")
    assert write_pdf(report).startswith(b"%PDF")


def test_the_overview_lists_verdict_figure_course_and_effect_of_every_finding(japanese_report):
    overview = japanese_report.summary.overview
    assert overview is not None
    assert overview.rows[0] == ("1-1", "retention", "○ 健全", "retentionの割合", "40.0%", "下降傾向", "—")
    assert [row[2] for row in overview.rows].count("▲ 課題") == 5


def test_a_real_diagnosis_has_all_its_words_in_both_languages_and_becomes_a_report():
    findings = planted_inputs(random_orders(120, 30, seed=3), dt.date(2022, 6, 30), alerts=True)
    diagnosis = diagnose(findings)
    for language in ("ja", "en"):
        report = diagnosis_report(diagnosis, language)
        shown = [section for chapter in report.chapters for section in chapter.sections]
        assert len(shown) == len(diagnosis.findings)
        assert len(list(report.pictures)) >= 6


def test_a_title_without_its_number_is_the_one_for_data_that_do_not_give_it():
    told, unknown = "構成比{share:rate}は未定", "{n:count}人では未定"
    words = JA.with_texts({"purchasing_power": {"title": {"undetermined": told, "unknown": unknown}}})
    finding = Finding("purchasing_power", "current_state", "undetermined", {"share": None, "n": 2})
    assert title_of(finding, words) == "2人では未定"
    assert title_of(dataclasses.replace(finding, numbers={"share": 0.5, "n": 2}), words) == "構成比50.0%は未定"


@pytest.mark.parametrize(("unit", "told"), [("jpy", "¥0〜¥300"), ("count", "0〜300")])
def test_the_interval_of_an_amount_does_not_begin_below_nothing(unit, told):
    finding = next(one for one in invented.diagnosis().findings if one.measured)
    changed = dataclasses.replace(finding, measured=Measured(100, unit, low=-100, high=300))
    section = diagnosis_report(_one(changed), "ja", JA).chapters[0].sections[0]
    assert told in section.facts[0]


def test_a_share_reaches_no_further_than_the_whole_and_what_is_no_share_does():
    finding = next(finding for finding in invented.diagnosis().findings if finding.key == "invented_f2")
    told = []
    for value in (0.978, 1.2):
        measured = Measured(value, "rate", value - 0.02, value + 0.03)
        changed = _one(dataclasses.replace(finding, measured=measured))
        told.append(diagnosis_report(changed, "ja", JA).chapters[0].sections[0].facts[0])
    assert "95.8%〜100.0%" in told[0]
    assert "118.0%〜123.0%" in told[1]


def test_an_action_that_would_bring_nothing_is_not_recommended():
    finding = next(each for each in invented.diagnosis().findings if each.action and action_of(each, JA))
    worthless = dataclasses.replace(finding, action=dataclasses.replace(finding.action, expected_jpy=0))
    assert action_of(worthless, JA) == ""
