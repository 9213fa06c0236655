from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crm_platform.alerts import simulate_campaign
from crm_platform.clients import Channel, Client, Settings
from crm_platform.diagnosis import Diagnosis, Finding
from crm_platform.diagnosis.finding import Exhibit
from crm_platform.diagnosis.shopping_alert import QUESTIONS, AlertInputs, alert_diagnosis
from crm_platform.reports.sections import title_of
from crm_platform.reports.wording import Wording
from crm_platform_tests.diagnosis.planted_alerts import (
    alert_inputs,
    planted_alerts,
    planted_backtest,
    planted_campaign,
    planted_falls,
    planted_groups,
    planted_months,
)

CHEAP, DEAR = Settings(alert_unit_cost_jpy=100), Settings(alert_unit_cost_jpy=2_000)


def of(inputs: AlertInputs, key: str) -> Finding:
    question = next(each for each in QUESTIONS if each.__name__ == key)
    answer = question(inputs)
    assert answer is not None
    return answer


def shown(finding: Finding, key: str) -> Exhibit:
    return next(exhibit for exhibit in finding.exhibits if exhibit.key == key)


def client(settings: Settings, *channels: Channel) -> Client:
    return Client("planted", "試験商店", settings=settings, channels_given=channels)


def bought(change: float) -> dict[str, Any]:
    """Alerts whose expected sales are those of the last six months, changed."""
    alerts = planted_alerts(400)
    return {"lapse_alerts": alerts.assign(expected_sales_jpy=alerts["sales_6m_jpy"] * (1 + change))}


def sure_buyers() -> dict[str, Any]:
    """Customers of whom hardly anyone buys unasked: small lifts show."""
    inputs = alert_inputs(1500)
    return {"alerted": 1500, "forecasts": inputs.forecasts.assign(retention_power_rate=0.02)}


@pytest.mark.parametrize(
    ("key", "healthy", "issue", "undetermined"),
    [
        ("alert_whom", {"alerted": 0}, {}, {"upper": alert_inputs().upper.assign(lapse_risk=0.9)}),
        ("alert_no_action", bought(0.01), bought(-0.01), None),
        ("alert_before_after", {"client": client(DEAR)}, {}, {"falls": planted_falls(fallen=7)}),
        ("alert_simulation", {"client": client(CHEAP)}, {"client": client(DEAR)}, None),
        ("alert_test_design", sure_buyers(), {}, {"test_groups": planted_groups(planted_alerts(400), treated=400)}),
        ("alert_track_record", {}, {"backtest": planted_backtest(0.2)}, {"backtest": planted_backtest(0.5, 29)}),
        ("alert_months", {}, {"alert_months": planted_months(-4)}, {"alert_months": planted_months().tail(12)}),
        ("alert_months", {}, {"alert_months": planted_months(4, dormancy=0.031)}, None),
        (
            "alert_campaigns",
            {"campaigns": (planted_campaign(0.04, 0.01),)},
            {"campaigns": (planted_campaign(-0.04, 0.01),)},
            {"campaigns": (planted_campaign(0.04, 0.03),)},
        ),
    ],
)
def test_each_planted_case_flips_its_verdict(
    key: str, healthy: dict[str, Any], issue: dict[str, Any], undetermined: dict[str, Any] | None
) -> None:
    assert of(alert_inputs(**healthy), key).verdict == "healthy"
    assert of(alert_inputs(**issue), key).verdict == "issue"
    if undetermined is not None:
        assert of(alert_inputs(**undetermined), key).verdict == "undetermined"


def test_every_question_is_asked_in_order_and_the_answers_survive_json() -> None:
    found = alert_diagnosis(alert_inputs(campaigns=(planted_campaign(),)))
    assert [finding.key for finding in found.findings] == [question.__name__ for question in QUESTIONS]
    text = json.dumps(found.to_json(), allow_nan=False)
    assert json.dumps(Diagnosis.from_json(json.loads(text)).to_json()) == text
    assert (found.report, found.forecast_notes[0]["about"]) == ("alert", "measurement_note")


def test_a_diagnosis_stored_before_reports_had_a_kind_is_a_diagnosis() -> None:
    stored = alert_diagnosis(alert_inputs(0)).to_json()
    del stored["report"]
    assert Diagnosis.from_json(stored).report == "diagnosis"


def test_the_order_of_rows_does_not_matter() -> None:
    inputs = alert_inputs()
    turned = replace(
        inputs,
        lapse_alerts=inputs.lapse_alerts.iloc[::-1],
        test_groups=inputs.test_groups.sample(frac=1, random_state=1),
        segments=inputs.segments.iloc[::-1],
        alert_months=inputs.alert_months.iloc[::-1],
    )
    assert json.dumps(alert_diagnosis(turned).to_json()) == json.dumps(alert_diagnosis(inputs).to_json())


def test_counts_equal_the_tables_and_every_exhibit_adds_up_to_them() -> None:
    inputs = alert_inputs()
    whom, waiting, design = (of(inputs, key) for key in ("alert_whom", "alert_no_action", "alert_test_design"))
    for exhibit in (shown(whom, "classes"), shown(whom, "reasons"), shown(waiting, "days_left")):
        assert sum(int(row["customers"] or 0) for row in exhibit.rows) == len(inputs.lapse_alerts)
    groups = inputs.test_groups["test_group"].value_counts()
    assert (design.numbers["treated_customers"], design.numbers["control_customers"]) == (
        groups["treated"],
        groups["control"],
    )
    assert design.numbers["alerted_customers"] == len(inputs.lapse_alerts)  # more than the test holds
    assert sum(int(row["customers"] or 0) for row in shown(design, "groups").rows) == len(inputs.test_groups)
    assert sum(float(row["loss_jpy"] or 0) for row in shown(waiting, "loss_left").rows) == pytest.approx(
        waiting.yen_effect_jpy, abs=3
    )


def test_false_alarms_are_what_the_risk_leaves() -> None:
    numbers = of(alert_inputs(), "alert_whom").numbers
    assert int(numbers["false_alarms"] or 0) + int(numbers["expected_falls"] or 0) == numbers["alerted_customers"]
    assert numbers["false_alarms"] == round(400 * (1 - float(numbers["mean_risk_rate"] or 0)))


def test_before_and_after_are_the_means_over_all_fallen_peers_with_size_and_interval() -> None:
    falls = planted_falls()
    peers = falls["peers"]["peers"]
    peers[0] |= {"fallen": 180, "before_jpy": 10_000.0, "after_jpy": 1_000.0}
    peers[1] |= {"fallen": 0, "before_jpy": None, "after_jpy": None}
    finding = of(alert_inputs(falls=falls), "alert_before_after")
    # 180 at 10,000 and twice 60 at 70,000; after the fall 1,000 and 11,000.
    assert finding.numbers["peer_before_jpy"] == pytest.approx((180 * 10_000 + 120 * 70_000) / 300)
    assert finding.numbers["peer_after_jpy"] == pytest.approx((180 * 1_000 + 120 * 11_000) / 300)
    table = shown(finding, "peers").rows
    assert [row["fallen"] for row in table] == [180, 60, 60]
    assert all({"after_low_jpy", "after_high_jpy"} <= set(row) for row in table)


def test_profit_is_told_of_those_alone_whose_costs_are_known() -> None:
    alerts = planted_alerts(400)
    everyone = of(alert_inputs(), "alert_no_action").numbers
    assert everyone["expected_profit_jpy"] == pytest.approx(0.6 * float(everyone["expected_sales_jpy"] or 0), abs=1)
    assert everyone["expected_profit_loss_jpy"] == pytest.approx(0.6 * float(everyone["expected_loss_jpy"] or 0), abs=1)
    half = alerts.assign(expected_profit_jpy=alerts["expected_profit_jpy"].where(alerts.index < 100))
    some = of(alert_inputs(lapse_alerts=half), "alert_no_action").numbers
    assert (some["profit_customers"], some["profit_coverage"]) == (100, "@profit_coverage.part")
    unknown = of(alert_inputs(lapse_alerts=alerts.assign(expected_profit_jpy=float("nan"))), "alert_no_action").numbers
    assert (unknown["expected_profit_jpy"], unknown["profit_coverage"]) == (None, "@profit_coverage.none")


def test_the_bridge_of_the_summary_closes() -> None:
    head: Any = alert_diagnosis(alert_inputs()).headline
    moved = head["sales_6m_jpy"] - head["expected_loss_jpy"] + head["other_change_jpy"]
    assert moved == head["expected_sales_jpy"]


def test_the_simulation_is_that_of_the_seed_with_the_clients_own_numbers() -> None:
    alerts = planted_alerts(400).assign(sales_6m_jpy=20_000, fallen_sales_jpy=10_000.0)
    inputs = alert_inputs(lapse_alerts=alerts, test_groups=planted_groups(alerts, treated=400), order_value_jpy=10_000)
    numbers = of(inputs, "alert_simulation").numbers
    seed = simulate_campaign(400, 0.05, 10_000, 100, 20_000, 10_000)
    assert (numbers["retained_customers"], numbers["sales_jpy"], numbers["cost_jpy"]) == (20, 200_000, 40_000)
    assert numbers["ltv_increment_jpy"] == seed.ltv_increment_jpy == 200_000
    assert numbers["break_even_rate"] == 0.01
    by_channel = replace(
        inputs,
        client=client(CHEAP, Channel("dm", 100, 0.5), Channel("outbound", 500, 0.5)),
        test_groups=inputs.test_groups.assign(channel=["dm", "outbound"] * 200),
    )
    assert of(by_channel, "alert_simulation").numbers["cost_jpy"] == 400 * 300


def test_without_a_campaign_the_report_says_how_to_begin_one_and_with_two_the_latest_is_judged() -> None:
    nothing = of(alert_inputs(), "alert_campaigns")
    assert nothing.key == "alert_no_campaign"
    assert (nothing.verdict, nothing.exhibits, nothing.numbers["client_id"]) == ("undetermined", (), "planted")
    later = {**planted_campaign(-0.04, campaign="@later"), "started_on": "2025-03-01"}
    finding = of(alert_inputs(campaigns=(later, planted_campaign())), "alert_campaigns")
    assert (finding.verdict, finding.numbers["campaign"], finding.numbers["campaigns"]) == ("issue", "＠later", 2)
    assert [row["outcome"] for row in shown(finding, "rates").rows] == [
        "@campaign_outcome.buyers",
        "@campaign_outcome.retained",
    ] * 2
    assert all(row["control_mean"] == 0.5 for row in shown(finding, "rates").rows)  # natural recovery beside the lift


def test_a_month_without_groups_does_not_say_how_to_begin_a_campaign_with_them() -> None:
    told = [
        Wording.of(language).known_sentences("alert_no_campaign.comment.undetermined", finding.numbers)
        for language in ("ja", "en")
        for finding in (of(alert_inputs(), "alert_campaigns"), of(alert_inputs(0), "alert_campaigns"))
    ]
    assert ["campaigns start" in each for each in told] == [True, False, True, False]
    assert "—" not in "".join(told)


def test_contacts_before_the_fall_are_told_apart_from_those_after_it() -> None:
    finding = of(alert_inputs(campaigns=(planted_campaign(0.04),)), "alert_campaigns")
    assert finding.numbers["before_points"] == pytest.approx((0.06 + 0.04) / 2)
    assert finding.numbers["after_points"] == 0
    spans = [row["days_to_fall"] for row in shown(finding, "response").rows]
    assert spans == ["@days_to_fall.31_60", "@days_to_fall.0_30", "@days_to_fall.after_30"]


def test_the_dormancy_rate_told_of_the_quarter_is_the_end_of_the_line_and_not_the_year() -> None:
    months = planted_months()
    months.loc[months.index[-3:], "dormancy_rate"] = [0.05, 0.06, 0.07]
    finding = of(alert_inputs(alert_months=months), "alert_months")
    assert finding.numbers["dormancy_rate_quarter"] == shown(finding, "dormancy").rows[-1]["dormancy_rate"]
    assert finding.numbers["dormancy_rate_quarter"] == pytest.approx(0.06)
    assert finding.numbers["dormancy_rate"] == pytest.approx(0.0375)


def test_a_month_still_running_is_not_judged() -> None:
    months = planted_months()
    months.loc[months.index[-1], ["is_complete", "upper_closing"]] = [False, 1]
    assert of(alert_inputs(alert_months=months), "alert_months").numbers["month"] == "2025-05"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_groups_too_small_to_show_any_lift_are_said_to_be_so_without_a_number(language: str) -> None:
    alerts = planted_alerts(12)
    inputs = alert_inputs(12)
    few = replace(inputs, forecasts=inputs.forecasts.assign(retention_power_rate=0.9))
    finding = of(few, "alert_test_design")
    assert len(alerts) == 12
    assert (finding.verdict, finding.numbers["smallest_lift_points"]) == ("issue", None)
    assert "—" not in title_of(finding, Wording.of(language))


def test_a_risk_that_reads_like_the_natural_fall_is_not_said_to_be_above_it() -> None:
    inputs = alert_inputs()
    alike = replace(
        inputs,
        lapse_alerts=inputs.lapse_alerts.assign(lapse_risk=0.9994),
        upper=inputs.upper.assign(lapse_risk=0.9990),
    )
    assert of(alike, "alert_whom").verdict == "undetermined"


def test_what_the_fallers_lose_and_what_the_others_change_add_up_to_what_is_foreseen() -> None:
    finding = of(alert_inputs(**bought(-0.2)), "alert_no_action")
    numbers: dict[str, Any] = dict(finding.numbers)
    assert (
        numbers["sales_6m_jpy"] - numbers["expected_loss_jpy"] + numbers["other_change_jpy"]
        == numbers["expected_sales_jpy"]
    )
    for language in ("ja", "en"):
        words = Wording.of(language)
        told = words.known_sentences("alert_no_action.comment.issue", numbers)
        assert words.formatted(numbers["other_change_jpy"], "yen_change") in told


def test_the_response_from_which_dear_goods_pay_is_never_told_as_nothing() -> None:
    finding = of(replace(alert_inputs(), order_value_jpy=5_000_000), "alert_simulation")
    words = Wording.of("ja")
    assert words.formatted(finding.numbers["break_even_rate"], "rate") == "0.1%"
    assert finding.threshold == finding.numbers["break_even_rate"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_weak_season_ahead_is_told_beside_the_loss_and_no_season_is_not(language: str) -> None:
    words = Wording.of(language)
    told = [
        words.known_sentences("alert_no_action.comment.issue", of(inputs, "alert_no_action").numbers)
        for inputs in (alert_inputs(weak_season_rate=0.354), alert_inputs())
    ]
    assert ["35.4%" in each for each in told] == [True, False]


def test_the_year_tells_no_cost_of_keeping_while_a_campaign_of_it_is_not_sure() -> None:
    months = planted_months()
    sure, doubtful = months.index[-3], months.index[-2]
    columns = ["contacts", "contact_cost_jpy", "retained_customers", "cost_per_retained_jpy"]
    months.loc[sure, columns] = [100, 10_000, 4.0, 2_500.0]
    told = of(alert_inputs(alert_months=months), "alert_months").numbers
    assert (told["retained_12m"], told["cost_per_retained_jpy"]) == (4.0, 2_500.0)
    months.loc[doubtful, columns] = [100, 5_000, 0.4, np.nan]
    told = of(alert_inputs(alert_months=months), "alert_months").numbers
    assert (told["retained_12m"], told["cost_per_retained_jpy"]) == (None, None)


@pytest.mark.parametrize(("language", "post"), [("ja", "DM"), ("en", "post")])
def test_a_channel_that_the_platform_knows_by_its_code_has_a_word_and_another_stands_as_the_client_writes_it(
    language: str, post: str
) -> None:
    (groups,) = of(alert_inputs(), "alert_test_design").exhibits
    shown = [Wording.of(language).word(row["channel"]) for row in groups.rows if row["channel"]]
    assert shown == [post, "outbound"]
