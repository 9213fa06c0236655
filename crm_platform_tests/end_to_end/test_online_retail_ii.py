"""A real client: a British gift retailer, December 2009 to 9 December 2011."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from crm_platform.diagnosis.integrated.factors import FACTORS
from crm_platform.diagnosis.integrated.sales_bridge import STEPS
from crm_platform.periods import Month
from crm_platform.tables import TABLES
from crm_platform.tables.portfolio import NOT_YET_KNOWN
from crm_platform_tests.end_to_end.installation import REAL_DATA, Installation
from crm_platform_tests.oracles.came_true import assert_came_true

FILE = REAL_DATA / "online_retail_ii" / "online_retail_ii.csv.gz"
CLIENT, MONTH = "online-retail-ii", "2011-12"
SUBSCRIBED = ("subscriptions", "known_subscription_events", "one_off_candidates", "targets")
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not FILE.exists(), reason=f"the real data set is not there: {FILE.name}"),
]


@pytest.fixture(scope="module")
def onboarded(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    installation = Installation.at(tmp_path_factory.mktemp("online_retail") / "data")
    delivered = installation.run("deliver", "--client", CLIENT, FILE)
    assert delivered.code == 0, delivered.err
    answer = installation.run("onboard", "--client", CLIENT)
    assert answer.code == 0, answer.err
    return installation


@pytest.fixture(scope="module")
def account(onboarded: Installation) -> dict[str, Any]:
    (receipt,) = json.loads(onboarded.outbox(CLIENT, MONTH)["acceptance/receipts.json"])
    found: dict[str, Any] = receipt["accounts"]["order_lines"]
    return found


def test_each_of_its_5942_customers_is_in_exactly_one_segment(onboarded: Installation) -> None:
    for path in ("second_opinion/segments.csv", "portfolio/cpm_classes.csv"):
        customers = [row["customer_id"] for row in onboarded.rows(CLIENT, MONTH, path)]
        assert len(customers) == len(set(customers)) == 5942, path


def test_its_rows_are_admitted_quarantined_or_set_aside_by_a_named_rule(account: dict[str, Any]) -> None:
    assert account["delivered"] == 1_044_847
    assert account["set_aside"]["no_customer_id"] == 235_287
    assert account["delivered"] == account["admitted"] + account["quarantined"] + sum(account["set_aside"].values())


def test_its_money_closes_likewise(account: dict[str, Any]) -> None:
    money = account["amount_jpy"]
    assert money["delivered"] == money["admitted"] + money["quarantined"] + sum(money["set_aside"].values())


def test_the_admitted_money_reaches_the_facts_to_the_yen(onboarded: Installation, account: dict[str, Any]) -> None:
    totals = onboarded.rows(CLIENT, MONTH, "acceptance/test_totals.csv")
    assert sum(int(row["sales_jpy"]) for row in totals) == account["amount_jpy"]["admitted"]


def test_its_last_month_is_known_as_of_the_last_day_with_data(onboarded: Installation) -> None:
    assert onboarded.document(CLIENT, "diagnosis", MONTH)["as_of"] == "2011-12-09"


def test_its_former_forecasts_and_alerts_came_true_better_than_the_yardsticks(onboarded: Installation) -> None:
    origins = onboarded.document(CLIENT, "backtest", MONTH)["origins"]
    assert [(one["as_of"], one["until"]) for one in origins] == [
        ("2011-05-31", "2011-11-30"),  # December is not over
        ("2011-02-28", "2011-08-30"),
    ]
    assert_came_true(origins)


def test_every_year_is_taken_apart_to_the_penny_and_every_table_of_moves_closes(onboarded: Installation) -> None:
    findings = {
        finding["key"]: finding
        for name in ("diagnosis", "portfolio_diagnosis")
        for finding in onboarded.document(CLIENT, name, MONTH)["findings"]
    }
    sales = {row["month"]: int(row["sales_jpy"]) for row in onboarded.rows(CLIENT, MONTH, "acceptance/test_totals.csv")}
    former, latest = sorted(sales)[:12], sorted(sales)[12:24]
    bridge = findings["sales_bridge"]["numbers"]
    assert bridge["before_jpy"] == sum(sales[month] for month in former)
    assert bridge["now_jpy"] == sum(sales[month] for month in latest)
    for prefix, parts in (("", STEPS), ("factor_", FACTORS)):
        assert sum(bridge[f"{prefix}{part}_jpy"] for part in parts) == bridge["now_jpy"] - bridge["before_jpy"]

    for row in exhibit(findings["profit_class_moves"], "customers"):
        assert row["opening"] + row["joined"] - row["left"] == row["customers"]
    for row in exhibit(findings["cpm_moves"], "accounts"):
        assert row["opening"] + row["came"] - row["left"] == row["closing"]

    moves, classes = (
        onboarded.platform.lake.read(CLIENT, TABLES[name], Month.parse(MONTH)).to_pylist()
        for name in ("cpm_moves", "cpm_classes")
    )
    closing: Counter[str] = Counter()
    for month in sorted({row["month"] for row in moves}):
        of_month = [row for row in moves if row["month"] == month]
        opening = counted(of_month, "former_class")
        assert opening - Counter({NOT_YET_KNOWN: opening[NOT_YET_KNOWN]}) == closing
        closing = counted(of_month, "cpm_class")
    assert closing == Counter(row["cpm_class"] for row in classes)
    assert closing.total() == 5942


def exhibit(finding: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The rows of an exhibit."""
    found: list[dict[str, Any]] = next(one["rows"] for one in finding["exhibits"] if one["key"] == key)
    return found


def counted(moves: list[dict[str, Any]], column: str) -> Counter[str]:
    """Customers by the class in `column`."""
    found: Counter[str] = Counter()
    for row in moves:
        found[row[column]] += row["customers"]
    return found


def test_without_a_subscription_the_portfolio_tells_whom_to_contact_when(onboarded: Installation) -> None:
    findings = onboarded.document(CLIENT, "portfolio_diagnosis", MONTH)["findings"]
    told = next(finding["numbers"] for finding in findings if finding["key"] == "contact_dates")
    listed = onboarded.rows(CLIENT, MONTH, "portfolio/contact_dates.csv")
    assert told["dated_customers"] + told["lapsed_customers"] == len(listed) > 1_000
    assert told["subscribers_customers"] is None
    assert len({row["customer_id"] for row in listed}) == len(listed)


def test_without_a_subscription_two_tracks_are_left_out_and_the_manifest_says_why(onboarded: Installation) -> None:
    files = onboarded.outbox(CLIENT, MONTH)
    left_out = json.loads(files["manifest.json"])["left_out"]
    assert list(left_out) == ["two_track/"]
    assert {(why["reason"], "subscription" in why["sentence"]) for why in left_out.values()} == {
        ("no_subscriptions", True)
    }
    assert [path for path in files if path.startswith(tuple(left_out))] == []
    tables = {name: onboarded.platform.lake.read(CLIENT, TABLES[name], Month.parse(MONTH)) for name in SUBSCRIBED}
    assert {name: rows.num_rows for name, rows in tables.items()} == dict.fromkeys(SUBSCRIBED, 0)
    asked = ("explain", "--client", CLIENT, "--month", MONTH)
    assert "two_track" not in onboarded.run(*asked).out
    refused = onboarded.run(*asked, "--report", "two_track")
    assert (refused.code, "no order belongs to a subscription" in refused.err.replace("\n", " ")) == (1, True)
