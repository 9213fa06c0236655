import copy
import datetime as dt
from dataclasses import replace

import pytest

from crm_platform.diagnosis.forecast_accuracy import forecast_accuracy
from crm_platform.diagnosis.products import product_groups, product_pairs
from crm_platform.forecast import backtest
from crm_platform.periods import Month
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders

AS_OF = dt.date(2023, 12, 31)
BACKTEST = {
    "as_of": "2023-06-30",
    "methods": {
        "ours": {"gini": 0.8, "top_decile_share": 0.5},
        "rfm": {"gini": 0.7, "top_decile_share": 0.4},
        "recency": {"gini": 0.5, "top_decile_share": 0.3},
        "past_sales": {"gini": 0.75, "top_decile_share": 0.45},
    },
    "bias": 0.95,
    "classes": [
        {"value_class": 1, "customers": 10, "mean_expected_jpy": 900.0, "mean_actual_jpy": 1000.0},
        {"value_class": 2, "customers": 20, "mean_expected_jpy": 400.0, "mean_actual_jpy": 300.0},
    ],
}


def pairs_house() -> list[Order]:
    orders = []
    for n in range(200):
        day = dt.date(2023, 2, 1 + n % 28)
        if n < 40:
            orders += [Order(f"c{n:03d}", day, product="A"), Order(f"c{n:03d}", day, product="@B")]
        elif n < 120:
            orders += [Order(f"c{n:03d}", day, product="C"), Order(f"c{n:03d}", day, product="D")]
        else:
            orders += [Order(f"c{n:03d}", day, product="C" if n % 2 else "D")]
    return orders


def test_the_planted_pair_comes_first_with_its_lift() -> None:
    finding = product_pairs(planted_inputs(pairs_house(), AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    best = finding.exhibits[0].rows[0]
    assert {best["first_product"], best["second_product"]} == {"A", "＠B"}
    assert (best["together"], best["lift"]) == (40, 40 * 200 / (40 * 40))


def test_a_client_s_text_that_looks_like_a_wording_key_is_not_one() -> None:
    inputs = planted_inputs(pairs_house(), AS_OF, products={"A": "@cosme", "@B": "B", "C": "C", "D": "D"})
    finding = product_groups(inputs)
    assert finding is not None
    names = {row["product_group"] for row in finding.exhibits[-1].rows}
    assert names == {"＠cosme", "B", "C", "D"}


def test_the_group_that_wins_customers_but_does_not_keep_them_is_an_issue() -> None:
    orders = [Order(f"t{n:03d}", dt.date(2023, 3, 1), product="trial") for n in range(80)]
    orders += [Order(f"m{n:03d}", dt.date(2023, 3, 1), product="main") for n in range(40)]
    orders += [Order(f"m{n:03d}", dt.date(2023, 9, 1), product="main") for n in range(36)]
    finding = product_groups(planted_inputs(orders, AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    assert (finding.verdict, finding.numbers["winner"], finding.numbers["keeper"]) == ("issue", "trial", "main")
    assert finding.numbers["winner_share_rate"] == 80 / 120
    assert finding.numbers["keeper_repeat_rate"] == 0.9
    assert finding.yen_effect_jpy == round(0.3 * 80 / 2 * 1000)


def test_a_forecast_better_than_all_others_is_healthy_and_a_worse_one_an_issue() -> None:
    orders = [Order("a", dt.date(2023, 1, 1))]
    good = forecast_accuracy(planted_inputs(orders, AS_OF, backtest=BACKTEST))
    beaten = copy.deepcopy(BACKTEST)
    beaten["methods"]["rfm"]["gini"] = 0.81  # type: ignore[index]
    bad = forecast_accuracy(planted_inputs(orders, AS_OF, backtest=beaten))
    assert good is not None
    assert bad is not None
    assert (good.verdict, bad.verdict) == ("healthy", "issue")
    assert (good.numbers["rival"], bad.numbers["rival"]) == ("@forecast_method.past_sales", "@forecast_method.rfm")


def test_classes_out_of_order_are_an_issue() -> None:
    inverted = copy.deepcopy(BACKTEST)
    inverted["classes"][1]["mean_actual_jpy"] = 1001.0  # type: ignore[index]
    finding = forecast_accuracy(planted_inputs([Order("a", dt.date(2023, 1, 1))], AS_OF, backtest=inverted))
    assert finding is not None
    assert (finding.verdict, finding.numbers["inverted_classes"]) == ("issue", 1)


@pytest.mark.parametrize(("bias", "verdict"), [(0.9, "healthy"), (0.89, "issue"), (1.1, "healthy"), (1.11, "issue")])
def test_a_total_off_by_more_than_a_tenth_is_an_issue_however_good_the_order(bias: float, verdict: str) -> None:
    finding = forecast_accuracy(
        planted_inputs([Order("a", dt.date(2023, 1, 1))], AS_OF, backtest={**BACKTEST, "bias": bias})
    )
    assert finding is not None
    assert (finding.verdict, finding.numbers["fault"]) == (
        verdict,
        "@forecast_fault.total" if verdict == "issue" else None,
    )


def test_what_the_forecast_chapter_says_of_its_past_is_understood() -> None:
    inputs = planted_inputs(random_orders(200, 24, seed=5), dt.date(2021, 12, 31))
    history, forecasts = inputs.history.to_pandas(), inputs.forecasts.to_pandas()
    for actual, verdicts in (
        (history.set_index("customer_id")["sales_6m_jpy"], {"healthy", "issue"}),
        (history.set_index("customer_id")["sales_6m_jpy"] * 0, {"undetermined"}),
    ):
        outcome = backtest(history, forecasts, actual)
        finding = forecast_accuracy(replace(inputs, backtest=outcome))
        assert finding is not None
        assert finding.verdict in verdicts
        assert finding.numbers["bias_rate"] == (None if outcome["bias"] is None else outcome["bias"] - 1)
        assert finding.numbers["customers"] == len(history)
