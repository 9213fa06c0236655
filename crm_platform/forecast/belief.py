"""What is held of a model's parameters before its data are seen, and the penalty for departing from it.

The largest likelihood × belief (maximum a posteriori; Gelman et al. 2013, "Bayesian Data Analysis", chapter 4) leans on
the belief where data are few and forgets it as they grow: the belief counts once, each customer once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LogBelief:
    """Independent normal beliefs about logarithms of quantities that are products of powers of the parameters.

    `powers` has a row per quantity and a column per parameter: (1, -1) stands for the first over the second. What is
    known well should be a quantity of its own, the mean pace r/α rather than α.
    """

    means: tuple[float, ...]
    spreads: tuple[float, ...]
    powers: tuple[tuple[float, ...], ...]

    def penalty(self, log_parameters: Reals) -> tuple[float, Reals]:
        """−log density without its constant, and its slopes by the logarithms of the parameters."""
        powers = np.array(self.powers)
        deviations = ((powers * log_parameters).sum(axis=1) - self.means) / np.array(self.spreads)
        slopes: Reals = (powers * (deviations / self.spreads)[:, None]).sum(axis=0)
        return float((deviations**2).sum() / 2), slopes

    def centre(self) -> tuple[float, ...]:
        """The parameters believed likeliest before any data."""
        return tuple(float(value) for value in np.exp(np.linalg.solve(np.array(self.powers), np.array(self.means))))
