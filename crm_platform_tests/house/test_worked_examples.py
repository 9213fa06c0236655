"""The worked examples of docs/methods/, computed anew: a page that says otherwise than the code fails here."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_platform.alerts.campaigns.power import (
    sizes_for_lift_in_buyers,
    smallest_lift_in_buyers,
    smallest_lift_in_sales,
)
from crm_platform.alerts.campaigns.strata import strata_of
from crm_platform.alerts.measuring.lift import plain_lift
from crm_platform.diagnosis.estimates import Estimate, difference, proportion
from crm_platform.diagnosis.integrated.factors import YearOfSales, factor_steps
from crm_platform.diagnosis.products.pairs import log_lift
from crm_platform.diagnosis.verdicts import verdict_on_change
from crm_platform.forecast import (
    gamma_gamma,
    mbg_cnbd_k,
    mbg_nbd,
    metrics,
    ordering_pace,
    own_cycle,
    pareto_nbd,
    weighted_level,
)
from crm_platform.forecast.blend import Blend, blended
from crm_platform.forecast.calibration import Calibration, calibrated, calibrated_rate
from crm_platform.forecast.gamma_gamma import GammaGamma
from crm_platform.forecast.intervals import fit_intervals, interval
from crm_platform.forecast.mbg_cnbd_k import MBGCNBDk
from crm_platform.forecast.mbg_nbd import MBGNBD
from crm_platform.forecast.ordering_pace import OrderingPace
from crm_platform.forecast.pareto_nbd import ParetoNBD
from crm_platform.forecast.prior import ClientParameters, pool
from crm_platform.forecast.profit import margin_rates
from crm_platform.forecast.season import Season, season_factor, season_shift
from crm_platform.forecast.spending import Spending, kept_share
from crm_platform.forecast.weighted_level import WeightedLevel
from crm_platform.segments.buyer_kinds import buyer_kinds
from crm_platform.segments.cpm import CpmThresholds, cpm_class
from crm_platform.segments.value_classes import value_classes
from crm_platform_tests.oracles.simulated_buyers import Truth

FOLDER = Path(__file__).parents[2] / "docs" / "methods"
TRUTH = Truth()  # the example shop
PARETO = ParetoNBD(TRUTH.r, TRUTH.alpha, TRUTH.s, TRUTH.beta, 0.0, 0, True)
MBG = MBGNBD(TRUTH.r, TRUTH.alpha, 0.8, 3.0, 0.0, 0, True)
VALUES = GammaGamma(TRUTH.p, TRUTH.q, TRUTH.gamma, 0.0, 0, True)
LATELY, LONG_AGO = (4, 480, 500), (4, 300, 500)  # five purchases in 500 days, the last 20 or 200 days ago


def _of(function, model, *values: float) -> float:
    """What a model's function says of one customer; a horizon of 184 days follows the customer's numbers."""
    return float(function(model, *(np.array([float(value)]) for value in values[:3]), *values[3:])[0])


def _yen(amount: float) -> str:
    return f"¥{amount:,.0f}"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _of_purchases() -> list[tuple[str, str]]:
    told = []
    for customer in (LATELY, LONG_AGO):
        bought = _of(pareto_nbd.expected_purchases, PARETO, *customer, 184)
        alive, some = (
            _of(pareto_nbd.p_alive, PARETO, *customer),
            _of(pareto_nbd.probability_of_purchase, PARETO, *customer, 184),
        )
        told += [
            ("pareto-nbd", text) for text in (_percent(alive), _percent(some), f"{bought:.2f}", _yen(8000 * bought))
        ]
        told += [
            ("boosted-two-stage", _percent(some)),
            ("purchases", _percent(some)),
            ("purchases", _yen(8000 * bought)),
        ]
        told += [("purchases", f"{-math.log(chance):.2f} points"[:4]) for chance in (some, 1 - some)]
        stays = _of(mbg_nbd.expected_purchases, MBG, *customer, 184)
        told += [("mbg-nbd", f"{stays:.2f}"), ("mbg-nbd", _yen(8000 * stays))]
    told += [("mbg-nbd", _percent(_of(mbg_nbd.p_alive, MBG, 0, 0, age))) for age in (20, 500)]
    for k in (1, 4):
        regular = MBGCNBDk(k, 2.0, 60 / k, 0.8, 3.0, 0.0, 0, True, False)
        told += [("mbg-cnbd-k", _percent(_of(mbg_cnbd_k.p_alive, regular, 10, 300, 300 + gap))) for gap in (45, 90)]
        told.append(("mbg-cnbd-k", _yen(8000 * _of(mbg_cnbd_k.expected_purchases, regular, 10, 300, 390, 184))))
    told += [("alerts", _percent(_of(pareto_nbd.p_alive, PARETO, *who))) for who in ((23, 690, 750), (5, 600, 660))]
    return told


def _of_amounts() -> list[tuple[str, str]]:
    told = [("gamma-gamma", _yen(VALUES.mean_value)), ("README", _yen(VALUES.mean_value))]
    for purchases, mean in ((1, 20_000), (5, 20_000), (20, 20_000), (1, 3_000)):
        told.append(("gamma-gamma", _yen(_of(gamma_gamma.expected_value, VALUES, purchases, mean))))
    value = _of(gamma_gamma.expected_value, VALUES, 5, 6_000)
    pace = OrderingPace(TRUTH.r, TRUTH.alpha, 0)
    orders = float(ordering_pace.orders_when_buying(pace, np.array([5.0]), np.array([500.0]), 184)[0])
    retention = _of(pareto_nbd.probability_of_purchase, PARETO, *LATELY, 184)
    told += [("ordering-pace", text) for text in (f"{orders:.2f}", _yen(value), _yen(value * orders))]
    told.append(("ordering-pace", _yen(value * orders * retention)))
    shop = Spending(PARETO, VALUES, credit_rate=0.05, mean_gross_jpy=20_000.0)
    own = pd.DataFrame({"purchase_days": [5.0], "standing_sales_jpy": [30_000.0], "returned_jpy": [6_000.0]})
    kept = float(kept_share(shop, own)[0])
    sales = _of(pareto_nbd.expected_purchases, PARETO, *LATELY, 184) * value * kept
    told += [("spending", text) for text in (_yen(value), _percent(kept), _yen(sales))]
    sold = pd.DataFrame({"customer_id": ["A", "B"], "product_id": ["P", "Q"], "quantity": [10, 1]})
    sold = ibis.memtable(sold.assign(standing_sales_jpy=[30_000, 10_000]))
    costs = ibis.memtable(pd.DataFrame({"product_id": ["P", "Q"], "cost_jpy": [1_200.0, 8_000.0]}))
    margin = float(margin_rates(sold, costs).to_pandas()["margin_rate"][0])
    return [*told, ("profit", _percent(margin)), ("profit", _yen(sales)), ("profit", _yen(sales * margin))]


def _of_levels() -> list[tuple[str, str]]:
    weights = 0.5 ** (np.array([0, 90, 200, 400]) / 184)
    assert np.round(100 * weights).tolist() == [100, 71, 47, 22]
    level = 8_000 * weights.sum()
    told = [(page, text) for page in ("yardsticks", "weighted-level") for text in ("100, 71, 47 and 22 %", _yen(level))]
    smoothed = WeightedLevel(184, "term", 2.0, 1.0, {}, ())
    customer = pd.DataFrame({"level_term_jpy": [level], "age_days": [400.0]})
    going_on = float(weighted_level.expected_sales(smoothed, customer)[0])
    told += [("weighted-level", _yen(going_on)), ("weighted-level", f"taken for {184 * level / going_on:.0f}")]
    blend = Blend({"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 1.0, "b": 0.9, "c": 1.2})
    foreseen = {"a": np.array([10_000.0]), "b": np.array([14_000.0]), "c": np.array([6_000.0])}
    shop = Season((0.95,) * 11 + (1.55,), True, None, ())
    june, december = dt.date(2025, 6, 30), dt.date(2025, 12, 31)
    told += [("season", f"factor {season_factor(shop, june, 184):.2f}"), ("season", "0.95")]
    told += [("season", f"raised by {season_shift(shop, june, 184) - 1:.1%}".replace("%", " %"))]
    told += [("season", _yen(7_438 * season_shift(shop, day, 184))) for day in (june, december)]
    told += [("season", f"lowered by {1 - season_shift(shop, december, 184):.1%}".replace("%", " %"))]
    bent = Calibration(1.0, 0.1, 1.1, 5_000.0, 4_500.0, 0.9, 3, ())
    told += [("calibration", _yen(amount)) for amount in calibrated(bent, np.array([1_000.0, 5_000.0, 20_000.0]))]
    told.append(("calibration", _percent(float(calibrated_rate(bent, np.array([0.4]))[0]))))
    return [*told, ("blend", _yen(float(blended(blend, foreseen)[0])))]


def _of_judgements() -> list[tuple[str, str]]:
    foreseen = np.array([40_000.0, 20_000, 15_000, 10_000, 5_000, 4_000, 3_000, 2_000, 500, 500])
    came = np.array([50_000.0, 0, 30_000, 0, 10_000, 0, 6_000, 0, 4_000, 0])
    told = [
        ("backtest", f"normalised Gini of {metrics.normalised_gini(foreseen, came):.2f}"),
        ("backtest", f"held {_percent(metrics.top_share(foreseen, came, 0.1) or 0)}"),
        ("backtest", f"bias {metrics.bias(foreseen, came):.2f}"),
        ("backtest", f"off by {_percent(metrics.decile_error(foreseen, came) or 0)}"),
    ]
    expected = np.array([90_000.0, 40_000, 22_500, 10_000, 6_400, 2_500, 2_500, 1_600, 900, 400])
    assert value_classes(expected, 4).tolist() == [1, 2, 3, 3, 4, 4, 4, 4, 4, 4]
    stages = cpm_class([3] * 3, [100, 210, 100], [75_000, 75_000, 60_000], [30] * 3, CpmThresholds(70_000))
    assert stages.tolist() == ["trend_active", "premium_active", "steady_active"]
    assert buyer_kinds(_buyers()).tolist()[:4] == ["stalled", "big_ticket", "frequent_small", "returned"]
    bought = np.concatenate([np.arange(1_000) < 310, np.arange(1_000) < 270]).astype(np.float64)
    lift = plain_lift(bought, np.arange(2_000) < 1_000, is_rate=True)
    told.append(
        ("measurement", f"{100 * lift.lift:.1f} points, between {100 * lift.low:.1f} and {100 * lift.high:.1f}")
    )
    assumed = fit_intervals([], Calibration(1.0, 0.1, 1.0, 1.0, 1.0, 1.0, 0, ()), np.array([0.68, 0.98, 0.04]))
    ends = interval(assumed, np.array([11_193.0, 20_000, 400]), np.array([0.68, 0.98, 0.04]))
    assert (ends[0][0], ends[0][2], ends[1][2]) == (0, 0, 0)
    told += [("intervals", _yen(end)) for end in (ends[1][0], ends[0][1], ends[1][1])]
    clients = [ClientParameters(0.8, alpha, 0.9, 300.0, 6.0, 4.0, 0.5, 5_000) for alpha in (60.0, 72.0, 96.0)]
    prior = pool(clients)
    told.append(("prior", f"every {math.exp(-prior.pace_means[1]):.0f} days"))
    return [*told, ("prior", f"a factor of {math.exp(prior.pace_spreads[1]):.1f}")]


def _of_test_groups() -> list[tuple[str, str]]:
    two = pd.DataFrame({"customer_id": ["A", "B"], "lapse_risk": 0.6, "sales_6m_jpy": 30_000, "value_class": 2})
    (stratum,) = set(strata_of(two, two))
    lift, each = smallest_lift_in_buyers(7_000, 7_000, 1 / 3), sizes_for_lift_in_buyers(0.05, 0.3)
    assert lift is not None
    told = [f"stratum {stratum}", f"lift of {100 * lift:.1f} points", f"needs {each[0]:,} each"]
    told += [_yen(smallest_lift_in_sales(7_000, 7_000, 30_000, rho=rho) or 0) for rho in (0, 0.6)]
    return [("test-groups", text) for text in told]


def _of_cycles() -> list[tuple[str, str]]:
    rhythm = {"cycle_days": [30.0, 120.0], "cycle_sd_days": [6.0, 24.0], "purchase_days": [24, 6], "gap_days": [60, 60]}
    two, typical = pd.DataFrame(rhythm), own_cycle.OwnCycle(60.0, 0.8)
    told = [f"{days:.0f} days" for days in own_cycle.cycle_days(typical, two)]
    return [("own-cycle", text) for text in (*told, *map(_percent, own_cycle.overdue_rate(typical, two)))]


def _of_verdicts() -> list[tuple[str, str]]:
    """F2 rates of 40 % and 44 % of so many new customers each."""

    def compared(people: int) -> tuple[Estimate, str]:
        now, before = proportion(0.40 * people, people), proportion(0.44 * people, people)
        assert now is not None
        assert before is not None
        change = difference(now, before)
        return change, verdict_on_change(change, before.value)

    (small, healthy), (large, issue), (_, open_one) = compared(1_000), compared(4_000), compared(60)
    assert (healthy, issue, open_one) == ("healthy", "issue", "undetermined")
    told = [f"± {100 * small.error:.2f}", f"{300 * small.error:.1f} points", f"{300 * large.error:.1f} points"]
    return [("verdicts", text) for text in (*told, _yen(4_000 * 0.04 * 6_000))]


def _of_sales() -> list[tuple[str, str]]:
    steps = factor_steps(YearOfSales(1_000, 3_000, 9_000_000, 100_000), YearOfSales(1_200, 3_360, 9_408_000, 150_000))
    told = [("sales-bridge", f"¥{abs(amount):,}") for amount in (sum(steps.values()), *steps.values())]
    baskets = {"both": 100, "baskets": 10_000, "first": 500, "second": 800}
    names = list(baskets)  # one basket each: a product of two counts is the smaller one
    products = {f"{a}_{b}": min(baskets[a], baskets[b]) for a in names for b in names}
    products |= {"first_second": 100, "second_first": 100}
    lift = log_lift({**baskets, **products})
    told.append(("bought-together", f"{math.exp(lift.value):.2f}, between {math.exp(lift.low):.2f} and"))
    return [*told, ("bought-together", f"and {math.exp(lift.high):.2f} at 95 %")]


def _buyers() -> pd.DataFrame:
    """The four of the page about kinds of buyer, among customers of ¥6,000."""
    value, days, gap = [15_000, 15_000, 4_000, 5_000], [1, 2, 5, 3], [365, 30, 30, 30]
    buyers = pd.DataFrame({"purchase_days": [*days, *[1] * 5], "gap_days": [*gap, *[30] * 5]})
    returned_on = [None, None, None, pd.Timestamp("2025-05-31"), *[None] * 5]
    sales = buyers["purchase_days"] * [*value, *[6_000] * 5]
    return buyers.assign(
        customer_id=list("ABCDEFGHI"), as_of=pd.Timestamp("2025-06-30"), returned_on=returned_on, sales_jpy=sales
    )


@pytest.mark.parametrize(
    "examples",
    [_of_purchases, _of_amounts, _of_levels, _of_judgements, _of_test_groups, _of_cycles, _of_verdicts, _of_sales],
)
def test_worked_examples_are_what_the_code_says(examples) -> None:
    said = {page.stem: " ".join(page.read_text("utf-8").split()) for page in FOLDER.glob("*.md")}
    assert [(page, text) for page, text in examples() if text not in said[page]] == []
