from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_platform.alerts import split_test_and_control
from crm_platform.refusals import Refused
from crm_platform.tables.analyses import LAPSE_ALERTS


def _alerts(rows: int, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    sales = (draw.pareto(1.5, rows) * 20_000 + 5_000).astype(np.int64)
    risk = draw.random(rows)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:06d}" for number in range(rows)],
            "lapse_risk": risk,
            "gap_days": 30,
            "cycle_days": 30.0,
            "days_beyond_cycle": 0.0,
            "sales_6m_jpy": sales,
            "expected_sales_jpy": sales * 0.5,
            "expected_loss_jpy": risk * sales,
            "reason": "falling_level",
        }
    )


def _groups(alerts: pd.DataFrame, seed: int = 7, **sizes: int) -> pd.Series:
    table = split_test_and_control(alerts, seed, **sizes)
    assert LAPSE_ALERTS.faults(table) == []
    return table.to_pandas().set_index("customer_id")["test_group"]


def test_fourteen_thousand_alerts_give_two_groups_of_seven_thousand():
    assert _groups(_alerts(14_000)).value_counts().to_dict() == {"treated": 7_000, "control": 7_000}


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 100, 101])
def test_groups_are_equal_and_an_odd_one_is_treated(rows):
    counts = _groups(_alerts(rows)).value_counts()
    assert counts.get("treated", 0) == rows - rows // 2
    assert counts.get("control", 0) == rows // 2


def test_groups_are_balanced_on_value_and_risk():
    alerts = _alerts(2_000).set_index("customer_id")
    group = _groups(alerts.reset_index())
    for column in ("lapse_risk", "sales_6m_jpy"):
        treated, control = (np.sort(alerts.loc[group.index[group == name], column]) for name in ("treated", "control"))
        assert np.log(treated).mean() == pytest.approx(np.log(control).mean(), rel=0.02)


def test_same_seed_gives_the_same_groups_whatever_the_order_and_another_seed_others():
    alerts = _alerts(500)
    first = _groups(alerts)
    assert first.equals(_groups(alerts.sample(frac=1, random_state=3)))
    assert 0.3 < (first != _groups(alerts, seed=8)).mean() < 0.7


def test_over_many_seeds_every_customer_is_treated_about_half_the_time():
    alerts = _alerts(41)
    share = sum((_groups(alerts, seed=seed) == "treated").astype(float) for seed in range(100)) / 100
    assert share.between(0.3, 0.85).all()  # the odd one shares its turn with two others, two of three treated


def test_set_sizes_take_the_largest_expected_losses():
    alerts = _alerts(100)
    group = _groups(alerts, treated=30, control=10)
    assert group.value_counts().to_dict() == {"treated": 30, "control": 10}
    assert set(group.index) == set(alerts.nlargest(40, "expected_loss_jpy")["customer_id"])


def test_sizes_beyond_the_alerts_are_refused_with_a_remedy():
    with pytest.raises(Refused, match=r"only 100 are alerted.*smaller groups"):
        split_test_and_control(_alerts(100), 1, treated=60, control=60)
    with pytest.raises(Refused, match="only one test group has a size"):
        split_test_and_control(_alerts(100), 1, treated=60)
