"""How former alerts came true, beside the natural fall of the same group (R80)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crm_platform.forecast import modelled_fall

Reals = np.ndarray[Any, np.dtype[np.float64]]


def measure_alerts(candidates_then: pd.DataFrame, alerts_then: pd.DataFrame, actual_sales: pd.Series) -> dict[str, Any]:
    """What became of the candidates of a former alert.

    Args:
        candidates_then: what `lapse_candidates` returned then.
        alerts_then: the alerted among them (`customer_id`).
        actual_sales: customer_id → 売上 in the six months since.

    Returns:
        JSON: candidates, alerted, natural_fall_rate (of all candidates), alerted_fall_rate, other_fall_rate,
        expected_fall_rate (mean risk then), false_alarm_rate (the alerted among those who did not fall), auc (chance
        that a fallen customer had the higher risk), first_tenth_fall_rate (of the tenth with the highest risk), and
        `signs`: the last two by each sign alone. Null where there is nobody to count.
    """
    fallen = has_fallen(candidates_then, actual_sales)
    alerted = candidates_then["customer_id"].isin(alerts_then["customer_id"]).to_numpy()
    risk = candidates_then["lapse_risk"].to_numpy(dtype=np.float64)
    return {
        "candidates": len(candidates_then),
        "alerted": int(alerted.sum()),
        "natural_fall_rate": _mean(fallen),
        "alerted_fall_rate": _mean(fallen[alerted]),
        "other_fall_rate": _mean(fallen[~alerted]),
        "expected_fall_rate": _mean(risk),
        "false_alarm_rate": _mean(alerted[~fallen]),
        **_told_apart(risk, fallen),
        "signs": {name: _told_apart(sign, fallen) for name, sign in single_signs(candidates_then).items()},
    }


def single_signs(candidates: pd.DataFrame) -> dict[str, Reals]:
    """Signs without a model of falls, the higher the likelier a fall: what the alert's risk is held against.

    Silence (recency), silence ÷ own cycle (overdue ratio), 1 − P(active), recent ÷ expected sales.
    """
    gap, cycle, active, recent, expected = (
        candidates[name].to_numpy(dtype=np.float64)
        for name in ("gap_days", "cycle_days", "p_active", "sales_6m_jpy", "expected_sales_jpy")
    )
    return {
        "recency": gap,
        "overdue_ratio": gap / np.maximum(cycle, 1e-9),
        "not_active": 1 - active,
        "recent_to_expected": recent / np.maximum(expected, 1e-9),
    }


def has_fallen(candidates_then: pd.DataFrame, actual_sales: pd.Series) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each candidate bought less than half of the level then."""
    actual = actual_sales.reindex(candidates_then["customer_id"]).fillna(0).clip(lower=0).to_numpy(dtype=np.float64)
    level = candidates_then["sales_6m_jpy"].to_numpy(dtype=np.float64)
    return modelled_fall.has_fallen(level, actual)


def area_under_curve(
    score: np.ndarray[Any, np.dtype[np.float64]], happened: np.ndarray[Any, np.dtype[np.bool_]]
) -> float | None:
    """Chance that one to whom it happened had a higher score than one to whom it did not; ties count half."""
    yes, no = int(happened.sum()), int((~happened).sum())
    if yes == 0 or no == 0:
        return None
    ranks = pd.Series(score).rank(method="average").to_numpy(dtype=np.float64)
    return float((ranks[happened].sum() - yes * (yes + 1) / 2) / (yes * no))


def _told_apart(score: Reals, fallen: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, float | None]:
    """How well a score tells who fell; ties in the order of the rows, which is that of the expected loss."""
    first = np.argsort(-score, kind="stable")[: int(np.ceil(len(score) / 10))]
    return {"auc": area_under_curve(score, fallen), "first_tenth_fall_rate": _mean(fallen[first])}


def _mean(values: np.ndarray[Any, np.dtype[Any]]) -> float | None:
    return float(values.mean()) if len(values) else None
