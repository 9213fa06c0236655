from __future__ import annotations

import datetime as dt
import json

import pandas as pd
import pytest

from crm_platform.alerts import track_record
from crm_platform.alerts.looking_back.track_record import last_whole_term, quarters_back
from crm_platform.clients import Settings
from crm_platform_tests.oracles.came_true import assert_came_true
from crm_platform_tests.oracles.known_histories import cdnow, days_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

AS_OF = dt.date(2022, 12, 31)


@pytest.mark.parametrize(
    ("as_of", "origin"),
    [
        ("2022-12-31", "2022-06-30"),
        ("2022-12-30", "2022-05-31"),  # December is not over, so that its term is not
        ("2023-02-28", "2022-08-31"),
        ("2024-02-29", "2023-08-31"),
        ("2024-02-28", "2023-07-31"),
        ("2022-06-30", "2021-12-31"),
    ],
)
def test_the_last_whole_term_is_over_and_follows_a_month_s_end(as_of: str, origin: str) -> None:
    term = last_whole_term(dt.date.fromisoformat(as_of))
    assert quarters_back(term, 1) == [dt.date.fromisoformat(origin)]
    assert term.valid_to <= dt.date.fromisoformat(as_of)


def test_former_days_are_ends_of_months_a_quarter_apart() -> None:
    days = quarters_back(last_whole_term(AS_OF), 4)
    assert [day.isoformat() for day in days] == ["2022-06-30", "2022-03-31", "2021-12-31", "2021-09-30"]


def test_each_former_day_tells_what_became_of_its_alerts_class_by_class() -> None:
    purchases = simulate_buyers(1_000, seed=11)
    heard: list[dt.date] = []
    found = track_record(days_of(purchases), AS_OF, Settings(value_classes=4, alert_targets=30), 2, heard.append)
    assert found is not None
    assert [day.isoformat() for day in heard] == [one["as_of"] for one in found["origins"]]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for one in found["origins"]:
        lapse, by_class = one["lapse"], one["lapse"]["by_class"]
        assert [row["value_class"] for row in one["classes"]] == [row["value_class"] for row in by_class]
        assert len(by_class) == 4
        assert lapse["alerted"] == 30
        for counted in ("candidates", "alerted"):
            assert sum(row[counted] for row in by_class) == lapse[counted]
        fallen = sum(row["alerted"] * (row["alerted_fall_rate"] or 0) for row in by_class)
        assert fallen == pytest.approx(lapse["alerted"] * lapse["alerted_fall_rate"])
        sold = [row["mean_actual_jpy"] for row in one["classes"]]
        assert one["class_inversions"] == 0
        assert sold == sorted(sold, reverse=True)


def test_a_year_of_history_is_enough_and_ten_months_are_not() -> None:
    purchases = simulate_buyers(100, seed=2)
    year = purchases[purchases["purchased_on"] > pd.Timestamp("2021-12-31")]
    assert track_record(days_of(year), AS_OF, Settings(), 1) is not None
    assert track_record(days_of(year), dt.date(2022, 10, 31), Settings(), 3) is None


@pytest.mark.real_data
def test_real_customers_are_ordered_classed_and_alerted_as_they_went_on_to_buy() -> None:
    found = track_record(days_of(cdnow()), dt.date(1998, 6, 30), Settings(), 1)
    assert found is not None
    assert_came_true(found["origins"])
