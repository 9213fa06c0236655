"""How former warnings came true: made of what was known then, beside the share of all and beside plain lists (R33)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from crm_platform.forecast import metrics
from crm_platform.two_track.three_s.life_table import Reals
from crm_platform.two_track.three_s.stop_risk import StopRisk, fit_stop_risk
from crm_platform.two_track.three_s.stop_warnings import Lessons

TESTED_MONTHS = 6  # the last month ends whose outcome is known
FIRST_SHARES = {"first_tenth": 0.1, "first_fifth": 0.2}
YOUNG_CYCLES = 2  # the plain list: everyone who had one or two deliveries
_KNOWN_SHARE = 0.95  # of the subscriptions of a month end, before it is tested
_DIGITS = 10


def backtest_warnings(lessons: Lessons, as_of: dt.date) -> dict[str, Any] | None:
    """The warnings of up to TESTED_MONTHS former month ends by the model that the first of them could have made.

    Returns:
        Plain JSON: see `_outcome`; None where history is too short for a model before these months.
    """
    rows = lessons.month_ends
    known = rows[pd.to_datetime(rows["known_on"]) <= pd.Timestamp(as_of)]
    share = known.groupby("day").size() / rows.groupby("day").size()
    days = sorted(share.index[share >= _KNOWN_SHARE])[-TESTED_MONTHS:]
    if not days:
        return None
    model = fit_stop_risk(lessons.deliveries, pd.Timestamp(days[0]).date())
    return None if model is None else _outcome(model, known[known["day"].isin(days)])


def _outcome(model: StopRisk, tested: pd.DataFrame) -> dict[str, Any]:
    """What became of those seen: rows are a subscription at a month end, so the same one may be there six times.

    `base_rate`: share of all that stopped; `warned`, `precision`, `warned_base_rate` (what their cycles stop by),
    `captured`: share of the stops among the warned; `young_*`: the same of everyone of the first two cycles, and
    `same_size_precision` of as many with the highest risk; `captured_by`: share of the stops among the first tenth and
    fifth by risk, and by the youngest first; `bias`: stops foretold ÷ stops, with error; `deciles`: foretold and came.
    """
    said = model.read(tested)
    risk, happened = said["risk"].to_numpy(), tested["stopped"].to_numpy(dtype=np.float64)
    warned = said["is_warned"].to_numpy(dtype=bool)
    young = tested["cycle_no"].to_numpy() <= YOUNG_CYCLES
    order = np.lexsort((tested["subscription_id"].to_numpy(dtype=str), -risk))
    youth = -tested["cycle_no"].to_numpy(dtype=np.float64)
    return {
        "as_of": model.as_of.isoformat(),
        "last_as_of": pd.Timestamp(max(tested["day"])).date().isoformat(),
        "rows": len(tested),
        "subscriptions": int(tested["subscription_id"].nunique()),
        "stops": int(happened.sum()),
        "base_rate": _rounded(happened.mean()),
        "warned": int(warned.sum()),
        "warned_subscriptions": int(tested["subscription_id"][warned].nunique()),
        "precision": _share(happened, warned),
        "precision_error": _clustered_error(happened, warned, tested["subscription_id"]),
        "warned_base_rate": _rounded(said["base_rate"][warned].mean()) if warned.any() else None,
        "captured": _rounded(happened[warned].sum() / happened.sum()) if happened.any() else None,
        "young": int(young.sum()),
        "young_precision": _share(happened, young),
        "same_size_precision": _share(happened, order[: int(young.sum())]),
        "captured_by": {
            name: {"ours": _top(risk, happened, share), "youngest": _top(youth, happened, share)}
            for name, share in FIRST_SHARES.items()
        },
        "bias": _rounded(metrics.bias(risk, happened)),
        "bias_error": _rounded(metrics.bias_error(risk, happened)),
        "deciles": _deciles(risk, happened, order),
        "proven": list(model.proven),
        "leading": model.leading,
    }


def _deciles(risk: Reals, happened: Reals, order: np.ndarray) -> list[dict[str, Any]]:
    """Tenths by risk, the highest first: foretold and observed share."""
    parts = [part for part in np.array_split(order, 10) if len(part)]
    return [
        {"tenth": number, "foretold": _rounded(risk[part].mean()), "came": _rounded(happened[part].mean())}
        for number, part in enumerate(parts, start=1)
    ]


def _clustered_error(happened: Reals, chosen: np.ndarray, people: pd.Series) -> float | None:
    """The standard error of the share among the chosen, where a subscription is chosen in several months."""
    if chosen.sum() < 2:
        return None
    frame = pd.DataFrame({"who": people[chosen].to_numpy(), "off": happened[chosen] - happened[chosen].mean()})
    sums = frame.groupby("who", sort=True)["off"].sum().to_numpy()
    return _rounded(float(np.sqrt((sums**2).sum()) / chosen.sum()))


def _share(happened: Reals, chosen: np.ndarray) -> float | None:
    return _rounded(happened[chosen].mean()) if len(happened[chosen]) else None


def _top(score: Reals, happened: Reals, share: float) -> float | None:
    return _rounded(metrics.top_share(score, happened, share))


def _rounded(value: float | None) -> float | None:
    """In ten digits: those after them are the noise of sums in another order."""
    return None if value is None else float(f"{value:.{_DIGITS}g}")
