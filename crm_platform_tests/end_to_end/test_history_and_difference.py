"""What was delivered in two parts, a history and a difference (R11), is what it would be delivered at once."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.demo import Demo
from crm_platform.forecast.season import Season, season_shift
from crm_platform.orchestration.event_log import open_instance
from crm_platform.orchestration.runs import bring_facts_up_to_date
from crm_platform.periods import Term
from crm_platform.tables import TABLES
from crm_platform_tests.end_to_end.conftest import AFTER, MONTH, MONTHS
from crm_platform_tests.end_to_end.installation import Answer, Installation

FACTS = ("order_lines", "customer_months", "customer_product_months", "product_months", "media_months")


@pytest.fixture(scope="module")
def refreshed(
    data_as_onboarded: Path, demo: Demo, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installation, Answer]:
    """The onboarded client after the difference of a month later, and what `refresh` said."""
    folder = tmp_path_factory.mktemp("difference")
    shutil.copytree(data_as_onboarded, folder / "data")
    installation = Installation(folder / "data")
    installation.deliver(demo, folder / "files", first=MONTH, last=AFTER)
    (folder / "status before.txt").write_text(installation.run("status", "--client", "demo").out, "utf-8")
    answer = installation.run("refresh", "--client", "demo")
    assert answer.code == 0, answer.err
    return installation, answer


def test_the_accounts_agree_with_the_known_truth_to_the_yen(refreshed: tuple[Installation, Answer], demo: Demo) -> None:
    totals = refreshed[0].rows("demo", str(AFTER), "acceptance/test_totals.csv")
    found = {row["月"]: (int(row["受注金額"]), int(row["売上"]), int(row["明細行数"])) for row in totals}
    truth = demo.truth.to_json()["months"]
    assert found == {month["month"]: (month["ordered_jpy"], month["sales_jpy"], month["lines"]) for month in truth}


def test_the_facts_are_those_of_the_whole_and_months_that_did_not_change_are_kept(
    refreshed: tuple[Installation, Answer], data_as_onboarded: Path, demo: Demo, tmp_path: Path
) -> None:
    whole = Installation.at(tmp_path / "data")
    whole.deliver(demo, tmp_path / "files")
    with dg.DagsterInstance.ephemeral() as instance:
        bring_facts_up_to_date(whole.platform, "demo", None, instance, lambda _: None)
    for table in FACTS:
        assert refreshed[0].digests("demo", table) == whole.digests("demo", table), table
    known_before = Installation(data_as_onboarded).digests("demo", "order_lines")[str(MONTH)]
    assert refreshed[0].digests("demo", "order_lines")[str(MONTH)] != known_before
    kept = int(re.search(r"│ order_lines +│ \d+ +│ (\d+)", refreshed[1].out)[1])  # type: ignore[index]
    assert kept >= MONTHS - 3
    assert re.search(r"│ customer_months +│ \d+ +│ \d+ +│ order_lines changed", refreshed[1].out)


def test_the_book_holds_and_who_came_since_is_new(
    refreshed: tuple[Installation, Answer], data_as_onboarded: Path
) -> None:
    before, after = (
        {
            row["顧客番号"]: row["セグメント"]
            for row in installation.rows("demo", str(month), "second_opinion/segments.csv")
        }
        for installation, month in ((Installation(data_as_onboarded), MONTH), (refreshed[0], AFTER))
    )
    assert {customer: after[customer] for customer in before} == before
    assert {after[customer] for customer in after.keys() - before.keys()} == {"期間内新規"}


def test_inside_a_term_the_models_are_those_of_its_first_month_and_the_season_is_the_months_own(
    refreshed: tuple[Installation, Answer], data_as_onboarded: Path
) -> None:
    learned, held = (
        installation.document("demo", "forecast_model", str(month))
        for installation, month in ((Installation(data_as_onboarded), MONTH), (refreshed[0], AFTER))
    )
    for part in ("experts", "blend", "intervals", "falls", "origins", "horizon_days"):
        assert held[part] == learned[part], part
    assert (learned["as_of"], held["as_of"]) == (str(MONTH.last_day), str(AFTER.last_day))
    assert {"key": "held", "day": str(MONTH.last_day)} in held["notes"]
    first, later = (
        season_shift(Season.from_json(learned["season"]), month.last_day, learned["horizon_days"])
        for month in (MONTH, AFTER)
    )
    longer = Term.after(AFTER.last_day).days / learned["horizon_days"]
    assert held["calibration"]["level"] == pytest.approx(learned["calibration"]["level"] * later / first * longer)
    assert refreshed[0].document("demo", "backtest", str(AFTER)) == refreshed[0].document(
        "demo", "backtest", str(MONTH)
    )


def test_inside_a_term_the_book_that_would_have_been_issued_before_it_holds_as_one_that_was(
    refreshed: tuple[Installation, Answer],
) -> None:
    books = refreshed[0].digests("demo", "former_book")
    assert books[str(AFTER)] == books[str(MONTH)]
    lake = refreshed[0].platform.lake
    book, former = (
        lake.read("demo", TABLES[name], AFTER).to_pandas().set_index("customer_id")
        for name in ("former_book", "former_segments")
    )
    assert len(former)
    assert not former["was_issued"].any()
    assert (former["value_class"] == book["value_class"].reindex(former.index)).all()


def test_status_tells_what_is_due_and_why_and_afterwards_that_all_is_current(
    refreshed: tuple[Installation, Answer],
) -> None:
    installation = refreshed[0]
    before = (installation.data.parent / "status before.txt").read_text("utf-8")
    assert re.search(r"│ demo +│ delivered ", before)
    assert re.search(rf"│ order_lines +│ {MONTH} to {AFTER}: 2 +│ deliveries changed", before)
    assert re.search(r"│ diagnosis +│ \S+ +│ never made", before)
    after = installation.run("status", "--client", "demo").out
    assert re.search(rf"│ demo +│ current +│ {AFTER.last_day} +│ {AFTER} ", after) and "nothing is due" in after


def test_a_backfill_keeps_what_is_finished_and_refuses_months_that_run_backwards(
    refreshed: tuple[Installation, Answer],
) -> None:
    installation = refreshed[0]
    again = installation.run("backfill", "--client", "demo", "--from", str(AFTER), "--to", str(AFTER))
    assert (again.code, again.out.strip()) == (0, f"demo {AFTER}: everything is current")
    backwards = installation.run("backfill", "--client", "demo", "--from", str(AFTER), "--to", str(MONTH))
    assert backwards.code == 1 and f"{AFTER} comes after {MONTH}" in backwards.err
    assert installation.run("backfill").code == installation.run("backfill", "--all", "--client", "demo").code == 1


def test_each_step_logs_what_it_made_of_which_client_and_months_for_machines_to_read(
    refreshed: tuple[Installation, Answer],
) -> None:
    with open_instance(refreshed[0].data / "dagster_home") as instance:
        run = next(run for run in instance.get_runs() if run.job_name == "analyse_month")
        said = [
            json.loads(entry.user_message) for entry in instance.all_logs(run.run_id) if entry.user_message[:1] == "{"
        ]
    of_diagnosis = next(line for line in said if line["table"] == "diagnosis")
    told = [of_diagnosis[name] for name in ("client", "months", "made", "kept", "refused")]
    assert told == ["demo", [str(AFTER), str(AFTER)], 1, 0, 0]
    assert of_diagnosis["why"] and of_diagnosis["seconds"] > 0 and of_diagnosis["peak_mib"] > 100
