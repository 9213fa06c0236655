"""The findings on the 3S: the planted worst group is named, verdicts turn with the house, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import ibis
import numpy as np
import pytest

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.tables import TABLES
from crm_platform.tables.three_s import STOP_SIGNS
from crm_platform.two_track.three_s import continuation, continuation_curves, early_warning, fit_stop_risk, three_s
from crm_platform_tests.two_track.business.shop import AS_OF, Line, inputs_of
from crm_platform_tests.two_track.business.test_business_findings import asked
from crm_platform_tests.two_track.three_s.test_early_warning import LATER, plain_rows

COURSES, PRODUCTS, MEDIA = ("毎月コース", "隔月コース"), ("P1", "P2"), {"M1": "テレビ通販", "M2": "折込チラシ"}
CYCLES, DELIVERY_JPY = range(1, 9), 4_000
FIRST_YEAR = 2021
PLAIN, RISES, FALLS = (0.10, 0.10, 0.10), (0.05, 0.05, 0.10), (0.10, 0.10, 0.05)  # stops by year
Plant = tuple[str, float]  # a course, product or medium, and by how much more of it stop in 2023


@cache
def house(yearly_rates: tuple[float, ...] = PLAIN, plant: Plant = ("", 1.0)) -> DiagnosisInputs:
    """Of each course, product and medium alike: as many after each delivery, all of whose cycles are over."""
    cells: list[dict[str, Any]] = []
    for (year, rate), month in itertools.product(enumerate(yearly_rates, FIRST_YEAR), range(1, 13)):
        for cycle_no, *kind in itertools.product(CYCLES, COURSES, PRODUCTS, MEDIA):
            more = plant[1] if plant[0] in kind and year == 2023 else 1.0
            seen = 200 - 10 * cycle_no
            stops = round(seen * rate * more)
            cells.append(
                {"month": dt.date(year, month, 1), "cycle_no": cycle_no,
                 **dict(zip(("course", "product_id", "media_id"), kind, strict=True)),
                 "deliveries": seen, "sales_jpy": seen * DELIVERY_JPY, "skips": seen // 20 + 1, "switches": 1,
                 "stops": stops, "resumes": stops // 10, "at_risk": seen, "skipped": seen // 20, "switched": 1,
                 "stopped": stops, "first_at_risk": seen, "first_stopped": stops}
            )  # fmt: skip
    months = ibis.memtable(TABLES["three_s_months"].from_columns({name: [c[name] for c in cells] for name in cells[0]}))
    states = subscriptions_now()
    named = inputs_of(
        [Line("C1", dt.date(2023, 5, 5), "subscription", DELIVERY_JPY)],
        three_s_months=months,
        three_s_design_effects={"skip": 1.2, "switch": 1.0},
        continuation_curves=continuation_curves(months, states, AS_OF),
        subscriptions=states,
    )
    products = TABLES["products"].from_columns({"product_id": list(PRODUCTS), "product_name": ["茶", "青汁"]})
    media = TABLES["media"].from_columns({"media_id": list(MEDIA), "media_name": list(MEDIA.values())})
    return replace(named, products=ibis.memtable(products), media=ibis.memtable(media))


def subscriptions_now() -> ibis.Table:
    """Half of them stopped; of those that go on, one in three has its next delivery skipped."""
    kinds = list(itertools.product(COURSES, PRODUCTS, range(1, 31)))
    continues = [n % 2 == 0 for n in range(len(kinds))]
    return ibis.memtable(
        TABLES["subscriptions"].from_columns(
            {
                "subscription_id": [f"S{n:04d}" for n in range(len(kinds))],
                "customer_id": [f"C{n:04d}" for n in range(len(kinds))],
                "course": [course for course, _product, _n in kinds],
                "product_id": [product for _course, product, _n in kinds],
                "cycle_days": [30.0] * len(kinds),
                "last_cycle_no": [1 + n % 8 for _course, _product, n in kinds],
                "state": ["continuing" if goes_on else "stopped" for goes_on in continues],
                "skipped_before_next": [goes_on and n % 6 == 0 for n, goes_on in enumerate(continues)],
            }
        )
    )


def exhibit(finding: Finding, key: str) -> tuple[Mapping[str, Any], ...]:
    (found,) = (each for each in finding.exhibits if each.key == key)
    return tuple(found.rows)


# --- 3S ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("planted", "shown"), [("隔月コース", "隔月コース"), ("P2", "青汁"), ("M2", "折込チラシ")])
def test_the_course_product_or_medium_that_was_planted_to_stop_more_is_named_in_the_clients_words(
    planted: str, shown: str
) -> None:
    numbers = asked(three_s, house(plant=(planted, 1.3))).numbers
    assert numbers["worst_group"] == shown
    assert numbers["worst_rate"] == pytest.approx(0.13, abs=0.003)
    assert numbers["worst_expected_rate"] == pytest.approx(0.115, abs=0.003)
    assert numbers["groups"] == 6


def test_where_all_stop_alike_no_group_is_named_and_the_verdict_is_healthy() -> None:
    finding = asked(three_s, house())
    assert (finding.verdict, finding.numbers["worst_group"], finding.yen_effect_jpy) == ("healthy", None, None)


def test_a_rise_of_stops_is_an_issue_and_worth_yen_and_its_mirror_healthy_and_worth_none() -> None:
    worse = three_s(house(RISES))
    better = three_s(house(FALLS))
    assert worse is not None and better is not None
    assert (worse.verdict, better.verdict) == ("issue", "healthy")
    assert worse.numbers["stop_points"] == pytest.approx(-float(str(better.numbers["stop_points"])), abs=1e-12)
    assert worse.numbers["stop_points"] == pytest.approx(0.05, abs=0.003)
    assert (worse.yen_effect_jpy or 0) > 0 and better.yen_effect_jpy is None


def test_the_counts_of_the_3s_are_those_of_the_year_and_every_course_is_in_the_groups() -> None:
    inputs = house()
    finding = asked(three_s, inputs)
    assert inputs.three_s_months is not None
    year = inputs.three_s_months.filter(inputs.three_s_months.month >= dt.date(2023, 1, 1)).to_pandas()
    counts = {row["three_s_event"]: row["three_s_count"] for row in exhibit(finding, "counts")}
    columns = {"skip": "skips", "switch": "switches", "stop": "stops", "resume": "resumes"}
    assert counts == {f"@three_s_event.{kind}": year[column].sum() for kind, column in columns.items()}
    groups = exhibit(finding, "groups")
    for of in ("course", "product", "medium"):
        mine = [row for row in groups if row["three_s_of"] == f"@three_s_of.{of}"]
        assert sum(row["three_s_at_risk"] for row in mine) == finding.numbers["at_risk"] == year["at_risk"].sum()
        assert sum(row["three_s_stops"] for row in mine) == finding.numbers["stops"]
    assert finding.concerned_customers == 20  # of 60 continuing


# --- continuation -----------------------------------------------------------------------------------------------------


def test_the_share_that_goes_on_is_the_product_of_its_deliveries_and_turns_with_the_house() -> None:
    worse = asked(continuation, house(RISES))
    better = asked(continuation, house(FALLS))
    assert (worse.verdict, better.verdict) == ("issue", "healthy")
    assert worse.numbers["kept_rate"] == pytest.approx(0.90**6, abs=0.01)
    assert worse.numbers["kept_rate_before"] == better.numbers["kept_rate"] == pytest.approx(0.95**6, abs=0.01)
    missing = float(str(worse.numbers["change_points"])) * int(str(worse.numbers["starts"])) / 2
    assert (worse.yen_effect_jpy or 0) >= round(-missing * DELIVERY_JPY) > 0
    assert better.yen_effect_jpy is None


def test_the_course_that_lasts_shortest_is_named_and_the_courses_together_are_all() -> None:
    finding = asked(continuation, house(plant=("隔月コース", 2.0)))
    assert (finding.numbers["short_course"], finding.numbers["long_course"]) == COURSES[::-1]
    rows = exhibit(finding, "lifetimes")
    for of in ("course", "product"):
        mine = [row for row in rows if row["three_s_of"] == f"@three_s_of.{of}"]
        assert len(mine) == 2
        assert sum(row["continuing_subscriptions"] for row in mine) == finding.numbers["continuing"] == 60
    low, value, high = (float(str(finding.numbers[name])) for name in ("left_low_jpy", "left_jpy", "left_high_jpy"))
    assert low < value < high
    assert value == pytest.approx(float(str(finding.numbers["left"])) * DELIVERY_JPY, abs=1)
    assert asked(continuation, house()).numbers["short_course"] is None


# --- early warning ----------------------------------------------------------------------------------------------------


@cache
def learned() -> Mapping[str, Any]:
    """From deliveries of which those after a skip stop by four times the odds."""
    model = fit_stop_risk(plain_rows(3, skip_odds=4.0), LATER)
    assert model is not None
    return model.to_json()


def warned_house(precision: float, base_rate: float, warned: int = 200) -> DiagnosisInputs:
    """400 continuing subscriptions of 300 customers, every third warned; former warnings as given."""
    numbers = np.arange(400)
    is_warned = numbers % 3 == 0
    signs = [STOP_SIGNS[n % 4] if warns else None for n, warns in enumerate(is_warned)]
    told = TABLES["stop_warnings"].from_columns(
        {
            "subscription_id": [f"S{n:04d}" for n in numbers],
            "customer_id": [f"C{n % 300:04d}" for n in numbers],
            "cycle_no": numbers % 9 + 1,
            "risk": 0.2 + numbers / 1_000,
            "base_rate": [0.1] * len(numbers),
            "reason": signs,
            "expected_sales_at_risk_jpy": 1_000 + numbers,
            "is_warned": is_warned,
        }
    )
    shares = {"ours": 0.3, "youngest": 0.1}
    past = {"as_of": "2023-01-31", "rows": 2_000, "warned": warned, "warned_subscriptions": warned, "base_rate": 0.1,
            "precision": precision, "precision_error": 0.02, "warned_base_rate": base_rate, "young_precision": 0.1,
            "same_size_precision": 0.2, "bias": 1.0, "captured_by": {"first_tenth": shares, "first_fifth": shares},
            "deciles": [{"tenth": n, "foretold": 0.1, "came": 0.1} for n in range(1, 11)]}  # fmt: skip
    stored = {"model": learned(), "backtest": past}
    return replace(house(), stop_warnings=ibis.memtable(told), stop_risk=stored)


def test_warnings_that_came_true_are_healthy_their_mirror_an_issue_and_few_or_near_ones_undetermined() -> None:
    verdicts = {
        asked(early_warning, warned_house(*given)).verdict: given
        for given in ((0.30, 0.10), (0.10, 0.30), (0.30, 0.10, 29))
    }
    assert verdicts == {"healthy": (0.30, 0.10), "issue": (0.10, 0.30), "undetermined": (0.30, 0.10, 29)}
    near = early_warning(warned_house(0.15, 0.10))
    assert near is not None and near.verdict == "undetermined"


def test_everyone_warned_and_their_yen_are_in_the_finding_once_and_the_planted_sign_leads() -> None:
    inputs = warned_house(0.30, 0.10)
    finding = asked(early_warning, inputs)
    assert inputs.stop_warnings is not None
    warned = inputs.stop_warnings.filter(inputs.stop_warnings.is_warned).to_pandas()
    reasons = exhibit(finding, "reasons")
    assert sum(row["warned_subscriptions"] for row in reasons) == finding.numbers["warned"] == len(warned) == 134
    assert sum(row["warning_at_risk_jpy"] for row in reasons) == finding.yen_effect_jpy
    assert finding.yen_effect_jpy == warned["expected_sales_at_risk_jpy"].sum()
    assert finding.concerned_customers == finding.numbers["warned_customers"] == warned["customer_id"].nunique()
    assert finding.numbers["leading_sign"] == "@stop_sign.skipped"
    assert exhibit(finding, "signs")[0]["warning_sign"] == "@stop_sign.skipped"
