"""The two-track report: its first page answers what a marketing director asks, its lists are exactly the table."""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import Any

import pyarrow as pa
import pytest

from crm_platform.diagnosis.finding import Diagnosis, Finding, Measured
from crm_platform.refusals import Refused
from crm_platform.reports import Report, Wording, stop_warnings_csv, targets_csv, two_track_report
from crm_platform.reports.html_front import front_html
from crm_platform.reports.left_out import given_and_left_out
from crm_platform.tables.three_s import STOP_SIGNS
from crm_platform.two_track.left_out import LeftOut
from crm_platform_tests.reports import invented

JA, EN = Wording.of("ja"), Wording.of("en")
OWN: dict[str, Any] = {
    "subscribers": 6_912,
    "continuing_customers": 1_234,
    "stopped_customers": 5_678,
    "targets": 321,
    "targets_continuing": 111,
    "targets_stopped": 210,
    "targets_manifest": 300,
    "targets_latent": 21,
    "expected_buyers": 88,
    "expected_one_off_jpy": 2_345_678,
    "expected_low_jpy": 1_900_000,
    "expected_high_jpy": 2_900_000,
    "offer_1": "<青汁>",
    "offer_1_customers": 200,
    "offer_2": "茶",
    "offer_2_customers": 121,
    "offer_3": None,
    "offer_3_customers": None,
    "one_off_share_rate": 0.083,
    "one_off_12m_jpy": 166_000_000,
    "pillar_rate": 0.1,
    "reached_rate": None,
    "pillar_jpy": 200_000_000,
    "cautious_jpy": 150_000_000,
    "standard_jpy": 180_000_000,
    "standard_low_jpy": 170_000_000,
    "standard_high_jpy": 191_000_000,
    "standard_share_rate": 0.091,
    "cases": None,
    "status": "own_data",
    "buyers_on_file": 900,
    "least_buyers": 50,
}
INFERRED = {
    **OWN,
    "status": "inferred",
    "buyers_on_file": 7,
    "cases": 3,
    "targets": 0,
    "expected_buyers": None,
    "expected_one_off_jpy": None,
    "expected_low_jpy": None,
    "expected_high_jpy": None,
    "offer_1": None,
    "offer_2": None,
}


def diagnosis(headline: dict[str, Any]) -> Diagnosis:
    """Two findings, in the chapters of the business and of the contact dates."""
    findings = tuple(
        Finding(
            f"invented_{key}",
            chapter,
            "healthy",
            {"rate": 0.4, "sales": 1_284_000_000, "name": "茶"},
            measured=Measured(0.4, "rate", 0.38, 0.42),
            sources=("subscriptions",),
        )
        for key, chapter in (("media", "contact_dates"), ("f2", "business"))
    )
    told = {"two_track_least_buyers": 50, "subscription_silent_cycles": 2, "contact_lead_days": 7}
    return Diagnosis("試験商店", "2025-06", "2025-06-30", "2020-07", headline, findings, told, report="two_track")


def reported(headline: dict[str, Any], language: str = "ja") -> Report:
    return two_track_report(diagnosis(headline), language, invented.wording(language))


def answers(headline: dict[str, Any], language: str = "ja") -> list[str]:
    front = reported(headline, language).front
    assert front is not None
    return [each.answer for each in front.answers]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_first_page_says_who_how_many_how_much_what_to_offer_and_whether_it_is_a_business(language: str) -> None:
    who, how_much, offer, business = answers(OWN, language)
    front = reported(OWN, language).front
    assert front is not None
    assert [
        part for part in ("6,912", "321", "235万円" if language == "ja" else "¥2.35M") if part not in front.conclusion
    ] == []
    assert [number for number in ("1,234", "5,678", "321", "111", "210", "300", "21") if number not in who] == []
    yen = Wording.of(language).formatted
    assert [
        part for part in ("88", *(yen(jpy, "yen") for jpy in (2_345_678, 1_900_000, 2_900_000))) if part not in how_much
    ] == []
    assert [word for word in ("<青汁>", "200", "茶", "121") if word not in offer] == []
    told = (166_000_000, 200_000_000, 150_000_000, 180_000_000, 170_000_000, 191_000_000)
    assert [jpy for jpy in told if yen(jpy, "yen") not in business] == []
    assert "8.3%" in business
    assert "—" not in who + how_much + offer + business


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_is_inferred_says_so_names_its_source_and_promises_no_sales_of_anybody(language: str) -> None:
    who, business = answers(INFERRED, language)
    inferred, cases = ("推論", "3社") if language == "ja" else ("inferred", "3 other clients")
    assert inferred in who
    assert [word for word in ("7", "50") if word not in who] == []
    assert cases in business


def test_a_client_of_whom_nothing_is_told_has_a_report_without_answers() -> None:
    nothing = reported(dict.fromkeys(OWN))
    assert nothing.front is not None
    assert nothing.front.answers == ()
    bare = two_track_report(dataclasses.replace(diagnosis({}), findings=()), "ja")
    assert (bare.front, bare.chapters) == (None, ())


def test_chapters_stand_in_the_order_of_the_report_and_the_cover_counts_subscribers_targets_and_their_sales() -> None:
    report = reported(OWN)
    assert [chapter.name for chapter in report.chapters] == ["都度販売の事業化の可能性", "次にいつ連絡するか"]
    assert [tile.value for tile in report.summary.tiles] == ["1,234人", "5,678人", "321人", "235万円"]
    assert [tile.value for tile in reported(INFERRED).summary.tiles][-1] == "8.3%"
    with pytest.raises(ValueError, match="portfolio"):
        two_track_report(dataclasses.replace(diagnosis(OWN), report="portfolio"), "ja", invented.wording("ja"))


def test_the_first_page_holds_the_answers_and_a_name_of_the_clients_is_no_markup() -> None:
    report = reported(OWN)
    assert report.front is not None
    page = front_html(report.front, report.wording.text)
    assert "「&lt;青汁&gt;」（200人）" in page
    assert "<dt>事業になるか</dt>" in page


# --- lists ------------------------------------------------------------------------------------------------------------


def listed(*rows: tuple[str, str, str, str | None, float | None]) -> pa.Table:
    columns = dict(
        zip(("customer_id", "subscription_state", "need", "product_group"), zip(*rows, strict=True), strict=False)
    )
    sales = pa.array([row[4] for row in rows], pa.float64())
    return pa.table({"rank": range(1, len(rows) + 1), **columns, "expected_sales_jpy": sales})


FOUR = listed(
    ("c9", "continuing", "manifest", "青汁", 1_234.5),
    ("=c1", "stopped", "latent", "=1+1", 99.4),
    ("c3", "stopped", "manifest", None, None),
    ("c2", "continuing", "latent", "茶, 緑", 0.4),
)


def read(content: bytes, encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_targets_are_five_columns_one_row_each_the_best_first_and_no_formula(encoding: str) -> None:
    shuffled = FOUR.take([2, 0, 3, 1])
    assert read(targets_csv(shuffled, JA, encoding), encoding) == [
        ["顧客番号", "定期状態", "ニーズ", "推奨商品群", "期待売上"],
        ["c9", "継続中", "顕在", "青汁", "1234"],
        ["'=c1", "解約", "潜在", "'=1+1", "99"],
        ["c3", "解約", "顕在", "", ""],
        ["c2", "継続中", "潜在", "茶, 緑", "0"],
    ]


def test_targets_are_english_for_an_english_client_and_a_header_alone_where_there_are_none() -> None:
    header, first, second, *_ = read(targets_csv(FOUR, EN))
    assert header == ["customer_id", "subscription_state", "need", "recommended_group", "expected_sales"]
    assert (first[1:3], second[1:3]) == (["continuing", "manifest"], ["cancelled", "latent"])
    assert len(read(targets_csv(FOUR.slice(0, 0), JA))) == 1


def test_a_target_with_two_rows_is_an_error_and_what_cp932_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one row"):
        targets_csv(pa.concat_tables([FOUR, FOUR]), JA)
    with pytest.raises(Refused, match="20BB7"):
        targets_csv(listed(("c1", "stopped", "latent", "𠮷野", 1.0)), JA, "cp932")


def test_only_warned_subscriptions_are_listed_those_with_most_at_stake_first_and_each_says_why() -> None:
    rows = pa.table(
        {
            "subscription_id": ["s1", "s2", "=s3", "s4"],
            "customer_id": ["c1", "c2", "c3", "c4"],
            "cycle_no": [3, 2, 12, 1],
            "risk": [0.5, 0.61234, 0.4, 0.1],
            "base_rate": [0.2, 0.2, 0.05, 0.3],
            "reason": [STOP_SIGNS[0], STOP_SIGNS[1], STOP_SIGNS[0], None],
            "expected_sales_at_risk_jpy": [900, 12_000, 900, 50_000],
            "is_warned": [True, True, True, False],
        }
    )
    header, *listed_rows = read(stop_warnings_csv(rows, JA))
    assert header[:4] == ["顧客番号", "定期番号", "お届け回数", "解約の確率"]
    assert [row[:5] for row in listed_rows] == [
        ["c2", "s2", "2", "0.6123", "0.2000"],
        ["c3", "'=s3", "12", "0.4000", "0.0500"],
        ["c1", "s1", "3", "0.5000", "0.2000"],
    ]
    assert [row[6] for row in listed_rows] == ["12000", "900", "900"]
    assert listed_rows[1][5] == listed_rows[2][5] != listed_rows[0][5]
    english = read(stop_warnings_csv(rows, EN))
    assert "".join(english[0]).isascii()
    assert [sign for sign in STOP_SIGNS for words in (JA, EN) if not words.has(f"stop_sign.{sign}")] == []
    assert {len(row) for row in english} == {7}


# --- what is left out -------------------------------------------------------------------------------------------------

FILES = {
    "two_track/targets.csv": b"t",
    "two_track/two_track_report.pdf": b"r",
    "portfolio/contact_dates.csv": b"d",
    "portfolio/cpm_classes.csv": b"c",
}


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_without_a_subscription_two_tracks_are_left_out_and_why_is_said(words: Wording) -> None:
    given, left_out = given_and_left_out(FILES, LeftOut("no_subscriptions", {}), words)
    assert list(given) == ["portfolio/contact_dates.csv", "portfolio/cpm_classes.csv"]
    assert list(left_out) == ["two_track/"]
    assert {why["reason"] for why in left_out.values()} == {"no_subscriptions"}
    assert ("定期" in left_out["two_track/"]["sentence"]) == (words is JA)


def test_without_a_case_only_two_tracks_are_left_out_and_with_one_nothing() -> None:
    why = LeftOut("no_comparable_case", {"buyers_on_file": 7, "least_buyers": 50}, "Set use_reference_cases = true.")
    given, left_out = given_and_left_out(FILES, why, JA)
    assert list(given) == ["portfolio/contact_dates.csv", "portfolio/cpm_classes.csv"]
    assert list(left_out) == ["two_track/"]
    assert [part for part in ("7人", "50人") if part not in left_out["two_track/"]["sentence"]] == []
    assert left_out["two_track/"]["notice"] == why.notice
    assert given_and_left_out(FILES, None, JA) == (FILES, {})
