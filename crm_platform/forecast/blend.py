"""Several forecasts as one: the mean of different forecasts nearly always beats the best of them (Clemen 1989).

Weights come from the client's own earlier origins. Many weightings rank customers equally well, and the best of them
by a hair is the best by luck; so all those within `AS_GOOD` of the best Gini are averaged, which draws towards equal
weights wherever the past cannot tell.

Only the order and the spread of a forecast enter: each is brought to the total of the `ANCHOR`. Its parameters at an
origin are fitted on what was known then; only the kind of its purchase model was chosen by what came, while the other
forecasts have the very level of what came. What the anchor's total is worth, calibration learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

ANCHOR = "spending"
AS_GOOD = 0.003  # of normalised Gini: less than one origin's result differs from the next by chance
STEPS = 6  # weights are tried in sixths


@dataclass(frozen=True)
class Blend:
    """Per forecast its weight, all adding up to 1, and what it is multiplied with to come to the anchor's total."""

    weights: Mapping[str, float]
    scales: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Blend:
        """Read what `to_json` wrote."""
        return cls(dict(value["weights"]), dict(value["scales"]))


def fit_blend(past: Sequence[Mapping[str, Reals]], actual: Sequence[Reals], present: Mapping[str, Reals]) -> Blend:
    """Weights from earlier origins, scales from the present.

    Args:
        past: at each earlier origin, name → what was foreseen of each customer without knowing what came.
        actual: at each of them, the sales that came, at least 0.
        present: name → what is foreseen of each customer now, with the same names; `ANCHOR` among them.

    Returns:
        The blend; equal weights where there is no origin at which something was bought.
    """
    names = sorted(present)
    told = [
        (np.column_stack([_at_total_of_anchor(origin, name) for name in names]), sales)
        for origin, sales in zip(past, actual, strict=True)
        if sales.sum() > 0
    ]
    scales = {name: _scale(present, name) for name in names}
    if not told:
        return Blend(dict.fromkeys(names, 1 / len(names)), scales)
    tried = [np.array(steps) / STEPS for steps in product(range(STEPS + 1), repeat=len(names)) if sum(steps) == STEPS]
    ginis = np.array([np.mean([_gini(columns @ weights, sales) for columns, sales in told]) for weights in tried])
    good = [weights for weights, gini in zip(tried, ginis, strict=True) if gini >= ginis.max() - AS_GOOD]
    chosen = np.mean(good, axis=0)
    return Blend({name: float(weight) for name, weight in zip(names, chosen, strict=True)}, scales)


def blended(blend: Blend, forecasts: Mapping[str, Reals]) -> Reals:
    """The weighted sum of forecasts made with the present's models."""
    total: Reals = np.sum(
        [forecasts[name] * (weight * blend.scales[name]) for name, weight in blend.weights.items()], 0
    )
    return total


def blended_then(blend: Blend, forecasts: Mapping[str, Reals]) -> Reals:
    """The same at an earlier origin, all of whose customers are given."""
    total: Reals = np.sum([_at_total_of_anchor(forecasts, name) * share for name, share in blend.weights.items()], 0)
    return total


def _at_total_of_anchor(forecasts: Mapping[str, Reals], name: str) -> Reals:
    return forecasts[name] * _scale(forecasts, name)


def _scale(forecasts: Mapping[str, Reals], name: str) -> float:
    """1 where the forecast is 0 throughout."""
    total = float(forecasts[name].sum())
    return float(forecasts[ANCHOR].sum()) / total if total > 0 else 1.0


def _gini(score: Reals, sales: Reals) -> float:
    """Normalised Gini: the area between the curve of sales by score and the diagonal, over the perfect order's."""
    best = _area(np.sort(sales)[::-1])
    return _area(sales[np.argsort(-score, kind="stable")]) / best if best > 0 else 0.0


def _area(sales: Reals) -> float:
    return float(np.cumsum(sales).mean() / sales.sum() - 0.5)
