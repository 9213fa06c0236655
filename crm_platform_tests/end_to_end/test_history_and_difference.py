"""What was delivered in two parts, a history and a difference (R11), is what it would be delivered at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.demo import Demo
from crm_platform.orchestration.runs import bring_facts_up_to_date
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
