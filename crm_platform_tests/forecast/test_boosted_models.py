from __future__ import annotations

import json
import warnings
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import boosted_tweedie, boosted_two_stage, trees
from crm_platform.forecast.boosted_tweedie import fit_boosted_tweedie
from crm_platform.forecast.boosted_two_stage import fit_boosted_two_stage, probability_of_purchase
from crm_platform_tests.forecast.boosted_customers import HORIZON_DAYS, in_other_money, origins

FITS = {
    "tweedie": (boosted_tweedie, partial(fit_boosted_tweedie, horizon_days=HORIZON_DAYS)),
    "two stages": (boosted_two_stage, partial(fit_boosted_two_stage, horizon_days=HORIZON_DAYS)),
}
each_model = pytest.mark.parametrize("name", FITS)


@lru_cache(maxsize=4)
def _fitted(name: str) -> Any:
    earlier, _ = origins()
    return FITS[name][1](earlier.features, earlier.sales_jpy)


def _module(name: str) -> ModuleType:
    return FITS[name][0]


@each_model
def test_customers_who_began_with_a_gift_are_known_to_come_back_seldom(name):
    """The planted truth: a pace of 0.001 a day against 0.04, which one purchase cannot tell but its product can."""
    _, later = origins()
    foreseen = _module(name).expected_sales(_fitted(name), later.features)
    gift = (later.features["first_product_id"] == "gift").to_numpy()
    once = (later.features["purchase_days"] == 1).to_numpy()  # no rhythm yet
    assert foreseen[gift & once].mean() < 0.5 * foreseen[~gift & once].mean()
    assert foreseen[~gift].sum() == pytest.approx(later.sales_jpy[~gift].sum(), rel=0.25)


@each_model
def test_total_of_the_customers_learned_from_is_kept(name):
    earlier, _ = origins()
    foreseen = _module(name).expected_sales(_fitted(name), earlier.features)
    assert (foreseen > 0).all()
    assert foreseen.sum() == pytest.approx(earlier.sales_jpy.sum(), rel=1e-9)


@each_model
def test_best_fifth_buys_more_than_the_best_by_past_sales(name):
    _, later = origins()
    foreseen = _module(name).expected_sales(_fitted(name), later.features)
    past = later.features["standing_sales_jpy"].to_numpy()
    held = [later.sales_jpy[np.argsort(-score)][: len(score) // 5].sum() for score in (foreseen, past)]
    assert held[0] > 1.05 * held[1]


@each_model
def test_forecast_does_not_rise_with_silence_alone(name):
    _, later = origins()
    model, features = _fitted(name), later.features.iloc[:300]
    shown = boosted_tweedie.matrix(model.design, features)
    silent = shown.copy()
    silent[:, model.design.names.index("gap_days")] += np.float32(0.5)
    texts = [model.trees] if name == "tweedie" else [model.buying, model.spending]
    for text in texts:
        before, after = trees.read(text, shown), trees.read(text, silent)
        assert (after <= before * (1 + 1e-9)).all()


@each_model
def test_same_bytes_whatever_the_order_of_rows(name):
    earlier, _ = origins()
    order = np.random.default_rng(5).permutation(len(earlier.features))
    shuffled = FITS[name][1](earlier.features.iloc[order], earlier.sales_jpy[order])
    assert json.dumps(shuffled.to_json()) == json.dumps(_fitted(name).to_json())


@each_model
def test_amounts_times_hundred_give_forecasts_times_hundred(name):
    earlier, later = origins()
    dear = FITS[name][1](in_other_money(earlier.features, 100), earlier.sales_jpy * 100)
    foreseen = _module(name).expected_sales(dear, in_other_money(later.features, 100))
    assert foreseen == pytest.approx(100 * _module(name).expected_sales(_fitted(name), later.features), rel=1e-6)


@each_model
def test_model_survives_json_to_the_last_bit(name):
    _, later = origins()
    model = _fitted(name)
    read = type(model).from_json(json.loads(json.dumps(model.to_json())))
    assert read == model
    module = _module(name)
    assert np.array_equal(module.expected_sales(read, later.features), module.expected_sales(model, later.features))


@each_model
def test_rows_without_weight_are_as_if_they_were_not_there(name):
    earlier, _ = origins()
    counted = np.arange(len(earlier.features)) % 2 == 0
    sales = np.where(counted, earlier.sales_jpy, 1e9)
    weighed = FITS[name][1](earlier.features, sales, weights=counted.astype(float))
    assert weighed.customers == counted.sum()
    assert weighed.unit_jpy < 1e6


@each_model
def test_one_huge_sale_does_not_decide_what_others_are_worth(name):
    earlier, later = origins()
    sales = earlier.sales_jpy.copy()
    sales[np.argmax(sales)] *= 1000
    foreseen = _module(name).expected_sales(FITS[name][1](earlier.features, sales), later.features)
    plain = _module(name).expected_sales(_fitted(name), later.features)
    assert foreseen / foreseen.mean() == pytest.approx(plain / plain.mean(), rel=0.02)


@each_model
def test_an_expert_who_knows_the_future_is_believed(name):
    earlier, later = origins()
    told = [pd.DataFrame({"sales_jpy": origin.sales_jpy}) for origin in (earlier, later)]
    model = FITS[name][1](earlier.features, earlier.sales_jpy, experts=told[0])
    foreseen = _module(name).expected_sales(model, later.features, told[1])
    assert np.corrcoef(foreseen, later.sales_jpy)[0, 1] > 0.9


def test_probability_of_purchase_is_honest_and_spending_follows_it():
    _, later = origins()
    model = _fitted("two stages")
    probability = probability_of_purchase(model, later.features)
    assert ((probability > 0) & (probability < 1)).all()
    bought = later.sales_jpy > 0
    for low, high in ((0, 0.2), (0.2, 0.6), (0.6, 1)):
        group = (probability >= low) & (probability < high)
        assert bought[group].mean() == pytest.approx(probability[group].mean(), abs=0.1)


def test_where_everybody_bought_the_probability_is_one():
    earlier, later = origins()
    model = fit_boosted_two_stage(earlier.features, earlier.sales_jpy + 1, horizon_days=HORIZON_DAYS)
    assert model.buying is None
    assert (probability_of_purchase(model, later.features) == 1).all()


@each_model
@pytest.mark.parametrize("rows", [40, 200])
def test_few_customers_teach_without_a_warning(name, rows, capfd):
    earlier, later = origins()
    order = np.argsort(-earlier.sales_jpy, kind="stable")[:rows]  # buyers first, so that there are enough
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = FITS[name][1](earlier.features.iloc[order], earlier.sales_jpy[order])
        foreseen = _module(name).expected_sales(model, later.features)
    assert np.isfinite(foreseen).all()
    assert (foreseen > 0).all()
    assert capfd.readouterr() == ("", "")


@each_model
def test_nobody_to_forecast_is_an_empty_forecast(name):
    _, later = origins()
    assert len(_module(name).expected_sales(_fitted(name), later.features.iloc[:0])) == 0


@each_model
@pytest.mark.parametrize("wrong", ["empty", "one row", "nothing sold", "no number", "negative", "too short", "weights"])
def test_what_cannot_teach_is_refused(name, wrong):
    earlier, _ = origins()
    features, sales, weights = earlier.features, earlier.sales_jpy.copy(), np.ones(len(earlier.features))
    if wrong in ("empty", "one row"):
        features, sales, weights = (part[: int(wrong == "one row")] for part in (features, sales, weights))
    elif wrong == "nothing sold":
        sales[:] = 0
    elif wrong == "too short":
        sales = sales[1:]
    elif wrong == "weights":
        weights[:] = 0
    else:
        sales[3] = np.nan if wrong == "no number" else -1
    with pytest.raises(ValueError):
        FITS[name][1](features, sales, weights=weights)


def test_two_stages_need_enough_who_bought():
    earlier, _ = origins()
    sales = np.where(np.arange(len(earlier.features)) < 39, 1000.0, 0.0)
    with pytest.raises(ValueError, match="at least 40 who bought, not 39"):
        fit_boosted_two_stage(earlier.features, sales, horizon_days=HORIZON_DAYS)
