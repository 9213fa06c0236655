"""`crm-platform simulate-campaign`: the seed's numbers, a client's own, and what is no plan at all (R86, R87)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from crm_platform.demo import make_demo
from crm_platform.lake import MadeFrom
from crm_platform.tables.alerts import LAPSE_ALERTS
from crm_platform.tables.analyses import CUSTOMER_HISTORY
from crm_platform_tests.end_to_end.installation import Installation

SEED = {
    "--targets": "7000",
    "--response-rate": "0.05",
    "--average-order-jpy": "10000",
    "--unit-cost-jpy": "100",
    "--ltv-lapsed-jpy": "10000",
    "--ltv-retained-jpy": "20000",
}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path / "data")


def words(**options: str) -> list[str]:
    """The seed's options, some of them otherwise."""
    changed = {**SEED, **{f"--{name.replace('_', '-')}": value for name, value in options.items()}}
    return ["simulate-campaign", *(word for pair in changed.items() for word in pair)]


def test_the_seeds_campaign_is_printed_to_the_yen_and_its_ltv_apart_from_it(installation: Installation) -> None:
    """Seed 003:133-135 and 003:142-145."""
    answer = installation.run(*words())
    assert answer.code == 0, answer.err
    itself, after = answer.out.split("施策実施後の成果")
    for told in ("350", "¥3,500,000", "¥700,000", "¥2,800,000", "¥2,000", "1 %"):
        assert f"│ {told} " in itself, told
    for told in ("¥10,000", "¥3,500,000", "¥7,000,000", "0.5 %"):
        assert f"│ {told} " in after, told
    assert "粗利" not in answer.out


def test_the_same_as_json_whether_the_rate_is_a_share_or_in_percent_and_as_a_file(
    installation: Installation, tmp_path: Path
) -> None:
    answers = [installation.run(*words(response_rate=rate), "--json") for rate in ("0.05", "5%", " 5 % ")]
    found = [json.loads(answer.out) for answer in answers]
    assert found[0] == found[1] == found[2]
    assert (found[0]["retained_customers"], found[0]["sales_jpy"], found[0]["cost_jpy"]) == (350, 3_500_000, 700_000)
    assert (found[0]["ltv_delta_jpy"], found[0]["ltv_increment_jpy"]) == (10_000, 3_500_000)
    assert found[0]["inputs"]["targets"] == {"value": 7_000, "from": "given"}
    assert installation.run(*words(gross_margin_rate="60%"), "--out", tmp_path / "plan.json").code == 0
    with_margin = json.loads((tmp_path / "plan.json").read_text())
    assert with_margin["profit_minus_cost_jpy"] == 1_400_000
    assert with_margin["profit_break_even_response_rate"] == pytest.approx(100 / 6_000)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (words(response_rate="5"), 1, "not a share from 0 to 1. Write 0.05 or 5%"),
        (words(response_rate="nan"), 1, "not a share"),
        (words(gross_margin_rate="much"), 1, "--gross-margin-rate is 'much'"),
        (words(targets="-1"), 2, "targets"),
        (words(unit_cost_jpy="ten"), 2, "unit-cost-jpy"),
        (words()[:-2], 2, "--ltv-retained-jpy"),
        ([*words(), "--month", "2025-06"], 2, "--client"),
        ([*words()[:-2], "--client", "nobody"], 1, "there is no client 'nobody'"),
    ],
)
def test_what_is_no_plan_is_refused_in_words_and_leaves_no_file(
    arguments: list[str], code: int, said: str, installation: Installation, tmp_path: Path
) -> None:
    answer = installation.run(*arguments, "--out", tmp_path / "plan.json")
    assert answer.code == code
    assert said in " ".join(answer.err.replace("│", " ").split())
    assert not (tmp_path / "plan.json").exists()


def test_what_is_not_given_comes_from_the_clients_alerted_customers(installation: Installation, tmp_path: Path) -> None:
    demo = make_demo(customers=5, months=2)
    installation.deliver(demo, tmp_path / "files")
    zeros = {column.name: [0] * 3 for column in CUSTOMER_HISTORY.columns if str(column.type) in ("int64", "double")}
    zeros |= {"sales_12m_jpy": [60_000, 30_000, 999_999], "purchase_days_12m": [6, 4, 1]}
    days = dict.fromkeys(("as_of", "registered_on"), [demo.last_month.last_day] * 3)
    named = {"customer_id": ["A", "B", "NOT"], **days}
    history = CUSTOMER_HISTORY.from_columns({**zeros, **named})
    alerts = LAPSE_ALERTS.from_columns(
        {
            **{column.name: np.zeros(2) for column in LAPSE_ALERTS.columns if str(column.type) == "double"},
            "customer_id": ["A", "B"],
            "gap_days": [90, 40],
            "sales_6m_jpy": [24_000, 16_000],
            "fallen_sales_jpy": [9_000.0, 4_000.0],
            "reason": ["likely_stopped", "falling_level"],
        }
    )
    for table, rows in ((CUSTOMER_HISTORY, history), (LAPSE_ALERTS, alerts)):
        installation.platform.lake.write("demo", table, demo.last_month, rows, MadeFrom())
    answer = installation.run("simulate-campaign", "--client", "demo", "--response-rate", "50%", "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert {name: known["value"] for name, known in found["inputs"].items()} == {
        "targets": 2,
        "response_rate": 0.5,
        "average_order_jpy": 9_000,
        "unit_cost_jpy": 100,
        "ltv_lapsed_jpy": 6_500,
        "ltv_retained_jpy": 20_000,
    }
    assert found["inputs"]["response_rate"]["from"] == "given"
    assert f"alerted at {demo.last_month.last_day}" in found["inputs"]["ltv_lapsed_jpy"]["from"]
    assert (found["sales_jpy"], found["ltv_increment_jpy"]) == (9_000, 13_500)
