from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from pathlib import Path

import dagster as dg
import pytest
from docx import Document

from crm_platform.demo import Demo
from crm_platform.orchestration.assets.outbox_index import outbox_index
from crm_platform.orchestration.assets.reports import deliverables
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.partitions import partition_key
from crm_platform.periods import Month
from crm_platform.reports import Wording
from crm_platform_tests.browser.chromium import open_page
from crm_platform_tests.end_to_end.conftest import deliver_history
from crm_platform_tests.end_to_end.installation import Installation

FORMER, MONTH = "2022-05", "2022-06"
DELIVERABLES = {
    *(
        f"acceptance/data_docs/{page}.html"
        for page in (
            "index",
            "months",
            "months_expectations",
            "gaps",
            "gaps_expectations",
            "delivery",
            "delivery_expectations",
        )
    ),
    "acceptance/delivery_judgement.csv",
    "acceptance/order_kinds.csv",
    "acceptance/quarantine.csv",
    "acceptance/receipts.json",
    "acceptance/subscription_repairs.csv",
    "acceptance/test_totals.csv",
    "letter/monthly_letter.html",
    "letter/monthly_letter.pdf",
    "manifest.json",
    "portfolio/contact_dates.csv",
    "portfolio/cpm_classes.csv",
    "portfolio/cross_sell.csv",
    "portfolio/dormant_customers.csv",
    "portfolio/portfolio_report.html",
    "portfolio/portfolio_report.pdf",
    "portfolio/regular_buyers.csv",
    "preview/counts.csv",
    "preview/preview_report.html",
    "preview/preview_report.pdf",
    "proposals/alert_test_plan.docx",
    "proposals/alert_test_plan.pdf",
    "proposals/internal_approval.docx",
    "proposals/internal_approval.pdf",
    "quote.json",
    "second_opinion/customer_powers.csv",
    "second_opinion/diagnosis_report.html",
    "second_opinion/diagnosis_report.pdf",
    "second_opinion/missed_by_client_rank.csv",
    "second_opinion/segments.csv",
    "shopping_alert/alert_customers.csv",
    "shopping_alert/alert_reasons.csv",
    "shopping_alert/alert_report.html",
    "shopping_alert/alert_report.pdf",
    "shopping_alert/contact_list_dm.csv",
    "shopping_alert/test_groups.csv",
    "two_track/stop_warnings.csv",
    "two_track/targets.csv",
    "two_track/two_track_report.html",
    "two_track/two_track_report.pdf",
}


def test_every_deliverable_is_there_under_its_name(onboarded: Installation) -> None:
    assert set(onboarded.outbox("demo", MONTH)) == DELIVERABLES


def test_the_manifest_lists_every_file_with_its_digest_and_rows(onboarded: Installation, customers: list[str]) -> None:
    files = onboarded.outbox("demo", MONTH)
    listed = json.loads(files["manifest.json"])
    assert {path: entry["sha256"] for path, entry in listed["files"].items()} == {
        path: hashlib.sha256(content).hexdigest() for path, content in files.items() if path != "manifest.json"
    }
    assert listed["files"]["second_opinion/segments.csv"]["rows"] == len(customers)
    assert (listed["first_month"], listed["last_month"]) == ("2020-07", MONTH)


def test_every_customer_is_in_exactly_one_segment_and_one_cpm_class(
    onboarded: Installation, customers: list[str]
) -> None:
    for path in ("second_opinion/segments.csv", "portfolio/cpm_classes.csv"):
        assert [row["顧客番号"] for row in onboarded.rows("demo", MONTH, path)] == customers, path
    assert list(onboarded.rows("demo", MONTH, "second_opinion/segments.csv")[0]) == ["顧客番号", "セグメント"]
    assert list(onboarded.rows("demo", MONTH, "portfolio/cpm_classes.csv")[0]) == [
        "顧客番号",
        "CPM区分",
        "フォロー施策",
    ]


def test_alerted_customers_are_exactly_those_of_the_two_equal_groups(onboarded: Installation) -> None:
    alerted = {row["顧客番号"] for row in onboarded.rows("demo", MONTH, "shopping_alert/alert_customers.csv")}
    groups = onboarded.rows("demo", MONTH, "shopping_alert/test_groups.csv")
    sizes = {name: sum(row["グループ"] == name for row in groups) for name in ("①", "②")}
    assert alerted == {row["顧客番号"] for row in groups}
    assert len(groups) == len(alerted) == sum(sizes.values()) > 0
    assert 0 <= sizes["①"] - sizes["②"] <= 1
    contacted = {row["顧客番号"] for row in onboarded.rows("demo", MONTH, "shopping_alert/contact_list_dm.csv")}
    assert contacted == {row["顧客番号"] for row in groups if row["グループ"] == "①"}


def test_the_alert_report_counts_the_rows_of_its_files(onboarded: Installation) -> None:
    told = onboarded.document("demo", "alert_diagnosis", MONTH)
    numbers = {finding["key"]: finding["numbers"] for finding in told["findings"]}
    alerted, reasons, groups = (
        onboarded.rows("demo", MONTH, f"shopping_alert/{name}.csv")
        for name in ("alert_customers", "alert_reasons", "test_groups")
    )
    assert numbers["alert_whom"]["alerted_customers"] == len(alerted) == len(reasons)
    assert [row["顧客番号"] for row in reasons] == [row["顧客番号"] for row in alerted]
    for name, sign in (("treated", "①"), ("control", "②")):
        counted = sum(row["グループ"] == sign for row in groups)
        assert numbers["alert_test_design"][f"{name}_customers"] == counted
    html = onboarded.outbox("demo", MONTH)["shopping_alert/alert_report.html"].decode().replace("<wbr>", "")
    assert f"{len(alerted):,}人に、買わなくなる兆候がある" in html


def test_the_letter_has_two_pages_and_counts_the_rows_of_the_lists_that_it_names(onboarded: Installation) -> None:
    files, told = onboarded.outbox("demo", MONTH), onboarded.document("demo", "monthly_letter", MONTH)
    assert len(re.findall(rb"/Type\s*/Page\b", files["letter/monthly_letter.pdf"])) == 2
    whole = {"alerted", "dormant", "targets", "regular"}  # of the others the letter counts a part
    listed = {
        one["key"]: (one["customers"], len(onboarded.rows("demo", MONTH, one["file"]))) for one in told["contacts"]
    }
    assert len(listed) == 7
    assert {key: counts for key, counts in listed.items() if key in whole and counts[0] != counts[1]} == {}
    treated = [row for row in onboarded.rows("demo", MONTH, "shopping_alert/test_groups.csv") if row["グループ"] == "①"]
    assert listed["treated"][0] == len(treated)


def test_the_report_has_pages_charts_and_no_outside_reference(onboarded: Installation) -> None:
    files = onboarded.outbox("demo", MONTH)
    pdf, html = files["second_opinion/diagnosis_report.pdf"], files["second_opinion/diagnosis_report.html"].decode()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 8
    assert html.count("<svg") >= 6
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html)


def test_no_former_forecast_ranks_worse_than_rfm_or_recency(onboarded: Installation) -> None:
    found = onboarded.document("demo", "backtest", MONTH)
    assert [one["as_of"] for one in found["origins"]] == ["2021-12-31", "2021-09-30"]
    for methods in (found["mean"]["methods"], *(one["methods"] for one in found["origins"])):
        assert methods["ours"]["gini"] > methods["rfm"]["gini"]
        assert methods["ours"]["gini"] > methods["recency"]["gini"]


def test_the_quote_on_the_command_line_is_the_one_among_the_deliverables(
    onboarded: Installation, customers: list[str]
) -> None:
    quoted = onboarded.run("quote", "--client", "demo", "--service", "all", "--on", "2022-06-30", "--json")
    assert quoted.out.encode() == onboarded.outbox("demo", MONTH)["quote.json"]
    document = json.loads(quoted.out)
    months = onboarded.rows("demo", MONTH, "acceptance/test_totals.csv")
    year = [int(row["受注金額"]) for row in months if "2021-04" <= row["月"] <= "2022-03"]
    assert document["basis"]["ordered_jpy"] == sum(year) > 0
    assert document["basis"]["customers"] == len(customers)
    assert [one["total_jpy"] for one in document["quotes"]] == [480_000, 278_000, 278_000]
    shown = onboarded.run("quote", "--client", "demo", "--service", "shopping_alert", "--on", "2022-06-30").out
    assert all(text in shown for text in ("478,000", "−200,000", "278,000", "200,000円を割り引いた特別料金", "税別"))
    assert onboarded.run("quote", "--client", "demo", "--service", "fortune").code == 1


def test_running_again_recomputes_nothing_and_touches_no_file(onboarded: Installation) -> None:
    before = onboarded.everything()
    for command in ("onboard", "refresh"):
        answer = onboarded.run(command, "--client", "demo")
        assert answer.code == 0, answer.err
        assert "nothing recomputed" in answer.out
    assert onboarded.everything() == before


def test_the_same_delivery_again_adds_nothing(onboarded: Installation, demo: Demo, tmp_path: Path) -> None:
    before = onboarded.everything()
    deliver_history(onboarded, demo, tmp_path / "again")
    assert onboarded.everything() == before


def test_lost_or_damaged_deliverables_are_made_again_byte_for_byte(onboarded: Installation) -> None:
    before = onboarded.everything()
    folder = onboarded.data / "outbox" / "demo" / MONTH
    (folder / "second_opinion" / "segments.csv").unlink()
    (folder / "second_opinion" / "diagnosis_report.pdf").write_bytes(b"damaged")
    (folder.parent / "index.html").unlink()
    answer = onboarded.run("refresh", "--client", "demo")
    assert "2 table-months recomputed" in answer.out, answer.err
    assert onboarded.everything() == before


def test_the_index_links_every_deliverable_and_knows_what_each_is_for(onboarded: Installation) -> None:
    page = (onboarded.data / "outbox" / "demo" / "index.html").read_text("utf-8").split("<body>")[1]
    linked = set(re.findall(rf'href="{MONTH}/([^"]+)"', page))
    assert linked == {path for path in DELIVERABLES if "data_docs" not in path} | {"acceptance/data_docs/index.html"}
    assert Wording.of("ja").text("client_index.other") not in page.replace("<wbr>", "")


def test_a_lost_index_or_a_month_that_came_or_went_asks_for_the_index_alone(onboarded: Installation) -> None:
    def stale() -> list[str]:
        at = ClientData(onboarded.platform, onboarded.platform.catalogue.load("demo")).at(Month.parse(MONTH))
        return [asset.recipe.name for asset in (deliverables, outbox_index) if not asset.recipe.is_current(at)]

    folder = onboarded.data / "outbox" / "demo"
    page = (folder / "index.html").read_bytes()
    assert stale() == []
    for content in (b"damaged", None):
        (folder / "index.html").write_bytes(content) if content else (folder / "index.html").unlink()
        assert stale() == ["outbox_index"]
    (folder / "index.html").write_bytes(page)
    (folder / FORMER).mkdir()
    shutil.copy(folder / MONTH / "manifest.json", folder / FORMER)
    assert stale() == ["outbox_index"]
    shutil.rmtree(folder / FORMER)
    assert stale() == []


def test_the_proposals_hold_the_numbers_of_the_quote_and_of_the_test_groups(onboarded: Installation) -> None:
    files = onboarded.outbox("demo", MONTH)
    fees = {one["service"]: one["total_jpy"] for one in json.loads(files["quote.json"])["quotes"]}
    groups = onboarded.rows("demo", MONTH, "shopping_alert/test_groups.csv")
    plan, approval = (
        [cell.text for table in Document(io.BytesIO(files[f"proposals/{name}.docx"])).tables for cell in table._cells]
        for name in ("alert_test_plan", "internal_approval")
    )
    assert f"¥{fees['shopping_alert']:,}" in plan
    assert f"¥{fees['second_opinion']:,}" in approval
    for sign in ("①", "②"):
        assert plan[plan.index(sign) + 2] == f"{sum(row['グループ'] == sign for row in groups):,}人"


def test_a_lost_fact_and_a_damaged_forecast_are_made_again_and_nothing_else(onboarded: Installation) -> None:
    before = onboarded.everything()
    stored_file(onboarded, "customer_months", "2020-09").unlink()
    stored_file(onboarded, "forecasts", MONTH).write_bytes(b"damaged")
    answer = onboarded.run("refresh", "--client", "demo")
    assert "2 table-months recomputed" in answer.out, answer.err
    assert onboarded.everything() == before


def test_a_damaged_book_is_never_issued_anew_in_silence(onboarded: Installation) -> None:
    before = onboarded.everything()
    book, segments = stored_file(onboarded, "segment_book", MONTH), stored_file(onboarded, "segments", MONTH)
    content = book.read_bytes()
    book.write_bytes(b"damaged")
    segments.unlink()
    answer = onboarded.run("refresh", "--client", "demo")
    assert (answer.code, "Traceback" in answer.err) == (1, False)
    assert str(book) in answer.err
    assert "Restore it from the backup" in answer.err
    assert book.read_bytes() == b"damaged"
    book.write_bytes(content)
    assert "1 table-months recomputed" in onboarded.run("refresh", "--client", "demo").out
    assert onboarded.everything() == before


def test_the_customers_of_two_made_up_histories_are_never_mixed(onboarded: Installation) -> None:
    before = onboarded.everything()
    answer = onboarded.run("demo", "--customers", "40")
    assert (answer.code, "another history" in answer.err) == (1, True)
    assert onboarded.everything() == before


def stored_file(installation: Installation, table: str, month: str) -> Path:
    (path,) = (installation.data / "lake" / "demo" / table).glob(f"{month}.*.parquet")
    return path


@pytest.mark.needs_program("chromium", "chromium")
def test_the_html_report_opens_offline_and_breaks_none_of_its_own_rules(
    onboarded: Installation, tmp_path: Path
) -> None:
    report = onboarded.data / "outbox" / "demo" / MONTH / "second_opinion" / "diagnosis_report.html"
    seen = open_page(report.as_uri(), tmp_path / "profile", milliseconds=2000)
    assert "default-src 'none'" in seen.dom
    assert seen.dom.count("<svg") >= 6
    assert seen.console == ""


@pytest.mark.parametrize(
    "table",
    [
        "customer_months",
        "customer_history",
        "forecasts",
        "segments",
        "cpm_classes",
        "lapse_alerts",
        "test_groups",
        "backtest",
    ],
)
def test_the_ui_has_a_picture_of_the_latest_month(table: str, onboarded: Installation) -> None:
    key = str(partition_key("demo", Month.parse(MONTH)))
    with dg.DagsterInstance.from_config(str(onboarded.data / "dagster_home")) as instance:
        filters = dg.AssetRecordsFilter(asset_key=dg.AssetKey(table), asset_partitions=[key])
        (record,) = instance.fetch_materializations(filters, limit=1).records
    assert record.asset_materialization is not None
    assert "data:image/png;base64," in str(record.asset_materialization.metadata["picture"].value)


def test_an_alert_on_demand_says_what_the_month_says_and_any_other_day_or_number(
    onboarded: Installation, tmp_path: Path
) -> None:
    published = onboarded.outbox("demo", MONTH)
    answer = onboarded.run("alert", "--client", "demo", "--out", tmp_path / "now")
    assert answer.code == 0, answer.err
    for path in (tmp_path / "now").iterdir():
        assert path.read_bytes() == published[f"shopping_alert/{path.name}"], path.name
    earlier = ("alert", "--client", "demo", "--as-of", "2022-05-16", "--targets", "7")
    made = onboarded.run(*earlier).out
    assert "as of 2022-05-16: 7 customers alerted" in made
    learned = [text.partition("learned as of ")[2][:10] for text in (answer.out, made)]
    assert learned == ["2022-06-30", "2022-05-16"]
    lists = sorted((onboarded.data / "alerts" / "demo" / "2022-05-16").iterdir())
    assert len((lists[0]).read_text("utf-8-sig").splitlines()) == 1 + 7
    assert [path.name for path in lists] == sorted(path.name for path in (tmp_path / "now").iterdir())
    for arguments, code in ((("--as-of", "2032-05-16"), 1), (("--treated", "5"), 2), (("--targets", "0"), 2)):
        assert onboarded.run("alert", "--client", "demo", *arguments).code == code


def test_a_campaign_is_begun_with_the_published_groups_and_listed(onboarded: Installation) -> None:
    asked = ("--client", "demo")
    assert "no campaign was begun yet" in onboarded.run("campaigns", "list", *asked).out
    before = onboarded.everything()
    for arguments, code, problem in (
        (("--month", FORMER, "--on", "2022-06-07"), 1, f"no test groups for {FORMER}"),
        (("--month", MONTH, "--on", "2022-06-30"), 1, "as of 2022-06-30. Choose a day from 2022-07-01 to 2022-12-31"),
        (("--month", "soon", "--on", "2022-07-05"), 2, "'soon' is not a month"),
        (("--month", MONTH, "--on", "soon"), 2, "soon"),
    ):
        answer = onboarded.run("campaigns", "start", *asked, *arguments)
        assert (answer.code, problem in answer.err) == (code, True)
    assert onboarded.everything() == before

    start = ("campaigns", "start", *asked, "--month", MONTH, "--on", "2022-07-05")
    treated, control = (
        sum(row["グループ"] == sign for row in onboarded.rows("demo", MONTH, "shopping_alert/test_groups.csv"))
        for sign in ("①", "②")
    )
    told = f"alert-2022-06: 2022-07-05 to 2023-01-04, {treated} treated (dm {treated}), {control} control"
    assert told in onboarded.run(*start).out
    assert f"{told}: to come on 2022-06-30" in onboarded.run("campaigns", "list", *asked).out
    assert onboarded.digests("demo", "campaign_groups")[MONTH] == onboarded.digests("demo", "test_groups")[MONTH]
    again = onboarded.run(*start)
    assert (again.code, "A campaign is begun once" in again.err) == (1, True)
