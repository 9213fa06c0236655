from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm_platform.demo import make_demo
from crm_platform_tests.end_to_end.installation import Installation


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("backtest")
    installation = Installation.at(folder / "data")
    installation.deliver(make_demo(customers=80, months=13), folder / "files")
    return installation


def test_a_backtest_needs_no_analysis_before_it_and_the_same_again_gives_the_same_bytes(
    installation: Installation, tmp_path: Path
) -> None:
    answer = installation.run("backtest", "--client", "demo", "--origins", "3")
    assert answer.code == 0, answer.err
    (file,) = (installation.data / "backtests" / "demo").glob("*.json")
    found = json.loads(file.read_text("utf-8"))
    assert (found["client"], found["month"]) == ("demo", file.stem)
    (only,) = found["origins"]
    assert "3 asked for" in answer.out
    assert only["as_of"] in answer.out
    assert {"ours", "rfm", "recency", "past_sales", "recent_level"} == set(only["methods"])
    assert len(only["classes"]) == len(only["lapse"]["by_class"])
    for words in ("Gini", "bias", "above p90", "alerted", "natural", str(file)):
        assert words in answer.out
    assert f"{only['methods']['ours']['gini']:.3f}" in answer.out
    elsewhere = tmp_path / "new" / "found.json"
    again = installation.run("backtest", "--client", "demo", "--origins", "3", "--out", elsewhere)
    assert again.code == 0, again.err
    assert elsewhere.read_bytes() == file.read_bytes()


def test_a_history_too_short_is_refused_with_the_months_it_needs(installation: Installation) -> None:
    months = installation.platform.lake.months("demo", "customer_days")
    answer = installation.run("backtest", "--client", "demo", "--month", str(months[9]))
    assert answer.code == 1
    assert "too short" in answer.err
    assert "12 whole months" in answer.err
    assert "has 10" in answer.err


@pytest.mark.parametrize(("month", "code"), [("2019-01", 1), ("June", 2)])
def test_a_month_without_data_or_that_is_none_is_refused(month: str, code: int, installation: Installation) -> None:
    assert installation.run("backtest", "--client", "demo", "--month", month).code == code
