from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import design as design_chapter
from crm_platform.forecast.design import Design, fit_design, matrices, matrix
from crm_platform.history import KINDS_OF_PAST
from crm_platform_tests.forecast.boosted_customers import HORIZON_DAYS, in_other_money, origins


def _design_and_column(features: pd.DataFrame, name: str) -> tuple[Design, np.ndarray]:
    design = fit_design(features, HORIZON_DAYS)
    return design, matrix(design, features)[:, design.names.index(name)]


def test_matrix_is_float32_with_a_row_per_customer_and_a_column_per_name():
    features = origins()[0].features
    design = fit_design(features, HORIZON_DAYS)
    seen = matrix(design, features)
    assert seen.dtype == np.float32
    assert seen.shape == (len(features), len(design.names))
    assert not np.isinf(seen).any()


def test_amounts_in_another_money_give_the_same_matrix():
    features = origins()[0].features
    plain, dear = (matrix(fit_design(each, HORIZON_DAYS), each) for each in (features, in_other_money(features, 100)))
    assert np.allclose(plain, dear, rtol=1e-6, equal_nan=True)


def test_longer_past_with_the_same_habits_reads_like_a_shorter_one():
    """Twice the weighted sums in twice the weighted time is the same rate; no sum of the whole past is shown."""
    features = origins()[0].features.iloc[:1].copy()
    design = fit_design(origins()[0].features, HORIZON_DAYS)
    assert not set(design.names) & {"standing_sales_jpy", "orders", "quantity", "known_days"}
    spans, rates = design_chapter.SPANS, []
    for days in (40.0, 400.0):
        features["age_days"] = days
        for span, terms in spans.items():  # one purchase of 1,000 a day, for ever
            decay = np.log(2) / (terms * HORIZON_DAYS)
            features[f"pace_{span}"] = -np.expm1(-decay * days) / decay
        rates.append(matrix(design, features)[0, [design.names.index(f"pace_rate_{span}") for span in spans]])
    assert rates[0] == pytest.approx(rates[1], rel=0.15)


def test_frequent_kinds_have_their_own_code_others_share_one_and_none_has_its_own():
    features = pd.concat([origins()[0].features] * 3, ignore_index=True)
    kinds = np.array([None, "often", "seldom"], dtype=object)[np.arange(len(features)) % 3]
    kinds[kinds == "seldom"] = np.where(np.arange((kinds == "seldom").sum()) < 49, "seldom", "sometimes")
    features["first_media_id"] = kinds
    design, codes = _design_and_column(features, "first_media_id")
    assert design.codes["first_media_id"] == ("often", "sometimes")
    by_kind = {kind: set(codes[pd.Series(kinds).fillna("none") == kind]) for kind in ("none", "often", "sometimes")}
    assert by_kind == {"none": {0.0}, "often": {2.0}, "sometimes": {3.0}}
    assert set(codes[kinds == "seldom"]) == {1.0}
    later = matrix(design, features.assign(first_media_id="never seen before"))
    assert set(later[:, design.names.index("first_media_id")]) == {1.0}


def test_at_most_twelve_kinds_are_told_apart():
    features = pd.concat([origins()[0].features] * 3, ignore_index=True)
    features["first_product_id"] = [f"P{number % 20:02d}" for number in range(len(features))]
    assert len(fit_design(features, HORIZON_DAYS).codes["first_product_id"]) == design_chapter.MOST_CODES


def test_columns_that_do_not_vary_or_repeat_another_are_left_out():
    features = origins()[0].features
    names = fit_design(features, HORIZON_DAYS).names
    assert "subscription_share" not in names  # nobody subscribes
    assert "last_order_kind" not in names
    shown = matrix(fit_design(features, HORIZON_DAYS), features)
    assert len({column.tobytes() for column in shown.T}) == len(names)


def test_design_is_the_same_whatever_the_order_of_rows():
    features = origins()[0].features
    shuffled = features.sample(frac=1, random_state=3)
    assert fit_design(features, HORIZON_DAYS) == fit_design(shuffled, HORIZON_DAYS)


def test_experts_stand_beside_the_features_and_must_be_the_same_later():
    features = origins()[0].features
    experts = pd.DataFrame({"p_active": np.linspace(0, 1, len(features)), "sales_jpy": features["level_term_jpy"] + 1})
    design = fit_design(features, HORIZON_DAYS, experts)
    assert design.experts == ("p_active", "sales_jpy")
    place = design.names.index("expert_sales_jpy")
    assert matrix(design, features, experts)[:, place] == pytest.approx(experts["sales_jpy"] / design.unit_jpy)
    for wrong in (None, experts[["p_active"]], experts.iloc[1:]):
        with pytest.raises(ValueError, match="experts"):
            matrix(design, features, wrong)


def test_directions_are_those_of_common_sense():
    features = origins()[0].features
    experts = pd.DataFrame({"p_active": np.linspace(0, 1, len(features))})
    design = fit_design(features, HORIZON_DAYS, experts)
    directions = dict(zip(design.names, design.directions, strict=True))
    assert directions["gap_days"] == -1
    assert directions["level_term"] == directions["pace_rate_half_term"] == directions["expert_p_active"] == 1
    assert directions["level_trend"] == directions["mean_purchase"] == directions["first_product_id"] == 0
    assert [design.names[place] for place in design.kinds] == [name for name in design.names if name in KINDS_OF_PAST]


def test_blocks_of_rows_are_the_whole_matrix(monkeypatch):
    features = origins()[0].features
    design = fit_design(features, HORIZON_DAYS)
    monkeypatch.setattr(design_chapter, "BLOCK_ROWS", 500)
    blocks = list(matrices(design, features))
    assert [len(block) for block in blocks] == [500, 500, len(features) - 1000]
    assert np.array_equal(np.concatenate(blocks), matrix(design, features), equal_nan=True)
    assert [len(block) for block in matrices(design, features.iloc[:0])] == [0]


def test_design_survives_json():
    features = origins()[0].features
    design = fit_design(features, HORIZON_DAYS)
    assert Design.from_json(json.loads(json.dumps(design.to_json()))) == design


@pytest.mark.parametrize("features", ["empty", "without a purchase", "all alike"])
def test_customers_that_teach_nothing_are_refused(features):
    some = origins()[0].features
    frames = {
        "empty": some.iloc[:0],
        "without a purchase": some.assign(purchase_days=0.0),
        "all alike": pd.concat([some.iloc[:1]] * 5),
    }
    with pytest.raises(ValueError):
        fit_design(frames[features], HORIZON_DAYS)
