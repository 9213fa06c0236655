from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace
from functools import cache
from typing import Any

import ibis
import pytest

from crm_platform import facts
from crm_platform.alerts import track_record
from crm_platform.clients import Settings
from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.accuracy.forecast_accuracy import forecast_accuracy
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform_tests.diagnosis.planted import Order, _order_lines, planted_inputs, random_orders, sound_backtest

AS_OF = dt.date(2021, 12, 31)
ORDERS = random_orders(200, 24, seed=5)


@pytest.fixture(scope="module")
def backtest() -> dict[str, Any]:
    return sound_backtest()


def judged(backtest: dict[str, Any], **changes: Any) -> Finding:
    changed = copy.deepcopy(backtest)
    errors = changed["origins"][0]["errors"]
    errors.update(gini=0.02, bias=0.01, leads=dict.fromkeys(errors["leads"], 0.01))
    errors.update(changes.pop("errors", {}))
    for name, gini in changes.pop("ginis", {}).items():
        changed["origins"][0]["methods"][name]["gini"] = gini
    changed["origins"][0].update(changes)
    finding = forecast_accuracy(replace(one_order(), backtest=changed))
    assert finding is not None
    return finding


@cache
def one_order() -> DiagnosisInputs:
    return planted_inputs([Order("a", dt.date(2021, 1, 1))], AS_OF)


def test_without_a_backtest_there_is_nothing_to_say() -> None:
    assert forecast_accuracy(one_order()) is None


@pytest.mark.parametrize("rival", ["rfm", "recency", "past_sales", "recent_level"])
def test_a_forecast_that_any_plain_ranking_beats_by_more_than_chance_is_an_issue(
    rival: str, backtest: dict[str, Any]
) -> None:
    assert judged(backtest).verdict == "healthy"
    assert judged(backtest, ginis={rival: 0.83}).verdict == "healthy"  # three errors, of one in four looked at
    beaten = judged(backtest, ginis={rival: 0.84})
    assert (beaten.verdict, beaten.numbers["fault"]) == ("issue", "@forecast_fault.order")
    assert (beaten.numbers["rival"], beaten.threshold) == (f"@forecast_method.{rival}", 0.84)


def test_classes_out_of_order_by_more_than_chance_are_an_issue(backtest: dict[str, Any]) -> None:
    classes = copy.deepcopy(backtest["origins"][0]["classes"])
    for place, row in enumerate(classes):
        row["mean_actual_jpy"] = 1000.0 * (10 - place)
    classes[1]["mean_actual_jpy"] = 10_500.0
    verdicts = [
        judged(backtest, classes=classes, errors={"class_means_jpy": [error] * len(classes)}) for error in (300.0, 50.0)
    ]
    assert [finding.verdict for finding in verdicts] == ["healthy", "issue"]
    assert verdicts[1].numbers["fault"] == "@forecast_fault.classes"


@pytest.mark.parametrize(("bias", "verdict"), [(0.88, "healthy"), (0.86, "issue"), (1.12, "healthy"), (1.14, "issue")])
def test_a_total_off_by_more_than_a_tenth_beyond_chance_is_an_issue_however_good_the_order(
    bias: float, verdict: str, backtest: dict[str, Any]
) -> None:
    finding = judged(backtest, bias=bias)
    assert finding.verdict == verdict
    assert finding.numbers["fault"] == ("@forecast_fault.total" if verdict == "issue" else None)
    actual = sum(row["customers"] * row["mean_actual_jpy"] for row in backtest["origins"][0]["classes"])
    assert finding.yen_effect_jpy == (round((abs(bias - 1) - 0.1) * actual) if verdict == "issue" else None)


def test_a_backtest_that_could_not_show_a_fault_is_no_praise(backtest: dict[str, Any]) -> None:
    assert judged(backtest, errors={"bias": 0.2}).verdict == "undetermined"
    assert judged(
        backtest, errors={"leads": dict.fromkeys(backtest["origins"][0]["errors"]["leads"], 0.1)}
    ).verdict == ("undetermined")


def test_the_exhibits_show_every_yardstick_beside_ours_and_every_class_with_its_alerts(
    backtest: dict[str, Any],
) -> None:
    finding = judged(backtest)
    shown = {exhibit.key: exhibit for exhibit in finding.exhibits}
    assert list(shown) == ["lorenz", "calibration", "deciles", "methods", "origins", "class_table"]
    methods = ["ours", "rfm", "recency", "past_sales", "recent_level"]
    assert [row["method"] for row in shown["methods"].rows] == [f"@forecast_method.{name}" for name in methods]
    assert [row["gini"] for row in shown["methods"].rows] == [0.8, 0.7, 0.5, 0.75, 0.74]
    assert [row["origin"] for row in shown["origins"].rows] == ["2021-06", "2021-03"]
    latest = backtest["origins"][0]
    assert sum(int(row["customers"] or 0) for row in shown["class_table"].rows) == latest["customers"]
    assert sum(int(row["alerted"] or 0) for row in shown["class_table"].rows) == latest["lapse"]["alerted"]
    for key in ("deciles", "calibration"):
        assert len(shown[key].rows) == len(latest["deciles"]) * (2 if key == "deciles" else 1)
    ends = [row["sales_rate"] for row in shown["lorenz"].rows if row["customers_rate"] == 1]
    assert ends == pytest.approx([1, 1, 1])


def test_the_numbers_told_are_those_of_the_latest_origin_and_of_the_mean(backtest: dict[str, Any]) -> None:
    numbers = judged(backtest).numbers
    latest = backtest["origins"][0]
    assert numbers["backtest_month"] == "2021-06"
    assert numbers["bias_rate"] == pytest.approx(-0.05)
    assert numbers["above_p90_rate"] == latest["coverage"]["above_p90_rate"]
    assert numbers["mean_gini"] == backtest["mean"]["methods"]["ours"]["gini"]
    assert numbers["moved_rate"] == backtest["stability"][0]["ours"]


def test_one_origin_has_no_stability_and_a_term_without_sales_no_verdict() -> None:
    lines = [order for order in ORDERS if order.day <= dt.date(2021, 6, 30)]
    days = facts.customer_days(facts.described_lines(ibis.memtable(_order_lines(lines))))
    found = track_record(days, AS_OF, Settings(), 1)
    finding = forecast_accuracy(replace(one_order(), backtest=found))
    assert finding is not None
    assert (finding.verdict, finding.numbers["gini"], finding.exhibits) == ("undetermined", None, ())
    assert finding.numbers["moved_rate"] is None
