"""Between which ends the one-off sales of many subscribers together will lie (合計の幅).

The 10th and 90th percentiles of subscribers do not add up to those of their sum. A sum is off for two reasons: the
level of the whole forecast, learned from own earlier origins (`calibration.level_sd`), and the luck of the buyers,
which the latest backtest shows and which shrinks with the root of their number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

LEAST_BUYERS = 10  # expected: the luck of fewer is of another shape
_STEPS = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True)
class SumError:
    """`level_sd` is the error of the logarithm of the level; `luck_of_one` that of one buyer: √n of them less √n."""

    level_sd: float
    luck_of_one: float

    @classmethod
    def of(cls, model: Mapping[str, Any] | None, backtest: Mapping[str, Any] | None) -> Self | None:
        """From the JSON of the model and of its backtest; None where either cannot tell."""
        latest = backtest["origins"][0] if backtest else {}
        if not model or not latest.get("bias") or latest.get("bias_error") is None:
            return None
        luck = latest["bias_error"] / latest["bias"]
        return cls(model["calibration"]["level_sd"], luck * math.sqrt(latest["buyers"]))

    def ends_jpy(self, expected_jpy: float, buyers: float) -> tuple[float, float] | None:
        """The 10th and 90th percentile of a sum of `expected_jpy` by so many `buyers` expected; None of too few.

        Lognormal with the expected sum as its mean.
        """
        if buyers < LEAST_BUYERS:
            return None
        sd = math.hypot(self.level_sd, self.luck_of_one / math.sqrt(buyers))
        low, high = (expected_jpy * math.exp(step * sd - sd**2 / 2) for step in (-_STEPS, _STEPS))
        return low, high
