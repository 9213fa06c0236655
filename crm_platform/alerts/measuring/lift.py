"""What treated customers did beyond the control group, with a 95 % interval: plain, and adjusted for their past (R85).

Both groups were drawn at random, so the plain difference is right on average. The adjusted one takes out what the past
already foretold, which leaves less chance in it; it never uses anything that happened after the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

Reals: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

LEVEL = 0.95
CUSTOMERS_PER_COVARIATE = 20  # in the smaller group; fewer, and the errors of a regression are not to be trusted
FEWEST_FOR_ONE_COVARIATE = 20
_NEARLY_DEPENDENT = 1e-4  # what is left of a covariate's spread beside the others
LARGEST_LEVERAGE = 0.5  # of one customer on a coefficient: beyond it the errors of a regression explode


@dataclass(frozen=True)
class Estimate:
    """Treated minus control, per customer. Both ends are null where too few customers differ to tell."""

    lift: float
    low: float | None
    high: float | None
    standard_error: float | None
    method: str  # newcombe, welch, lin, cuped

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Arm:
    """One group's regression on the centred covariates: its first coefficient is its mean at everyone's mean past."""

    rows: npt.NDArray[np.intp]
    design: Reals  # a row per customer: 1, covariates
    solved: Reals  # `solved @ outcome` are the coefficients
    leverage: Reals


@dataclass(frozen=True)
class Adjustment:
    """How outcomes of these customers are adjusted: both groups' regressions, or none and only one covariate (CUPED).

    `used` and `dropped` name covariates; `reason` says why there is no regression: `few_customers`, `collinear`, or
    `outlier` (one customer whose past stands so far apart that a coefficient would be his alone).
    """

    arms: tuple[Arm, Arm] | None  # treated, control
    covariance_of_means: Reals  # of the covariates' means over all customers
    used: tuple[str, ...]
    dropped: tuple[str, ...]
    reason: str | None


def plain_lift(outcome: Reals, is_treated: Flags, *, is_rate: bool) -> Estimate:
    """Difference of two shares (Newcombe 1998, method 10) or of two means (Welch 1947), with its 95 % interval."""
    treated, control = outcome[is_treated], outcome[~is_treated]
    return _newcombe(treated, control) if is_rate else _welch(treated, control, "welch")


def fit_adjustment(covariates: Sequence[tuple[str, Reals]], is_treated: Flags) -> Adjustment:
    """The regressions of both groups on what was known at the start (Lin 2013), made once for all outcomes.

    Args:
        covariates: name and a finite value per customer; earlier ones are preferred where they say the same.
        is_treated: the group of each customer.
    """
    names = [name for name, _ in covariates]
    values = (
        np.column_stack([_standardised(each) for _, each in covariates]) if names else np.empty((len(is_treated), 0))
    )
    smaller = min(int(is_treated.sum()), int((~is_treated).sum()))
    told = _independent(values)
    most = smaller // CUSTOMERS_PER_COVARIATE
    used = told[:most]
    dropped = tuple(name for place, name in enumerate(names) if place not in used)
    if not used:
        return Adjustment(None, np.empty((0, 0)), (), dropped, "few_customers" if told else "collinear")
    chosen = values[:, used] - values[:, used].mean(axis=0)
    arms = [_arm(chosen, np.flatnonzero(group)) for group in (is_treated, ~is_treated)]
    if arms[0] is None or arms[1] is None:
        return Adjustment(None, np.empty((0, 0)), (), tuple(names), "collinear")
    if max(float(arm.leverage.max()) for arm in arms if arm) >= LARGEST_LEVERAGE:
        return Adjustment(None, np.empty((0, 0)), (), tuple(names), "outlier")
    covariance = chosen.T @ chosen / (len(chosen) - 1) / len(chosen)
    return Adjustment((arms[0], arms[1]), covariance, tuple(names[place] for place in used), dropped, None)


def adjusted_lift(
    outcome: Reals, is_treated: Flags, adjustment: Adjustment, earlier: Reals, *, is_rate: bool
) -> Estimate:
    """The lift by Lin's regression; by CUPED with the one covariate `earlier` where there is none; else the plain one.

    The errors are HC3, widened by what another draw of customers would change (Negi & Wooldridge 2021), so that it
    answers for customers like these, as the plain one does.
    """
    plain = plain_lift(outcome, is_treated, is_rate=is_rate)
    if plain.standard_error is None or not all(np.ptp(outcome[group]) > 0 for group in (is_treated, ~is_treated)):
        return plain
    if adjustment.arms is None:
        found = _cuped(outcome, is_treated, earlier)
    else:
        found = _lin(outcome, adjustment.arms, adjustment.covariance_of_means)
    if found is None or found.low is None or found.high is None:
        return plain
    bound = 1.0 if is_rate else np.inf
    return Estimate(found.lift, max(found.low, -bound), min(found.high, bound), found.standard_error, found.method)


# --- plain ------------------------------------------------------------------------------------------------------------


def _newcombe(treated: Reals, control: Reals) -> Estimate:
    """Hybrid score interval from Wilson's of each share: sound at 0 and 1, and for small groups."""
    shares, sizes = (treated.mean(), control.mean()), (len(treated), len(control))
    (low_1, high_1), (low_0, high_0) = (wilson(p, n) for p, n in zip(shares, sizes, strict=True))
    lift = float(shares[0] - shares[1])
    below = float(np.hypot(shares[0] - low_1, high_0 - shares[1]))
    above = float(np.hypot(high_1 - shares[0], shares[1] - low_0))
    error = float(np.sqrt(sum(p * (1 - p) / n for p, n in zip(shares, sizes, strict=True))))
    return Estimate(lift, lift - below, lift + above, error, "newcombe")


def wilson(share: float, customers: int) -> tuple[float, float]:
    """Wilson's (1927) 95 % interval of a share."""
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    middle = (share + z**2 / (2 * customers)) / (1 + z**2 / customers)
    half = z * float(np.sqrt(share * (1 - share) / customers + (z / (2 * customers)) ** 2)) / (1 + z**2 / customers)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _welch(treated: Reals, control: Reals, method: str) -> Estimate:
    lift = float(treated.mean() - control.mean())
    if min(len(treated), len(control)) < 2 or not (np.ptp(treated) > 0 or np.ptp(control) > 0):
        return Estimate(lift, None, None, None, method)
    parts = np.array([treated.var(ddof=1) / len(treated), control.var(ddof=1) / len(control)])
    error = float(np.sqrt(parts.sum()))
    return _around(lift, error, _freedom(parts, np.array([len(treated) - 1.0, len(control) - 1.0])), method)


def _freedom(parts: Reals, of_each: Reals) -> float:
    """Degrees of freedom of a sum of variances (Satterthwaite 1946): near those of the group that it comes from."""
    shares = parts / parts.sum() if parts.any() else np.full(len(parts), 1 / len(parts))
    return float(1 / (shares**2 / of_each).sum())


def _around(lift: float, error: float, freedom: float, method: str) -> Estimate:
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    return Estimate(lift, lift - half, lift + half, error, method)


# --- adjusted ---------------------------------------------------------------------------------------------------------


def _standardised(values: Reals) -> Reals:
    """Mean 0 and spread 1, so that no unit matters; 0 where all are alike."""
    centred = values - values.mean()
    spread = np.sqrt((centred**2).mean())
    scaled: Reals = centred / spread if spread > 1e-12 * (1 + np.abs(values).max()) else np.zeros_like(centred)
    return scaled


def _independent(values: Reals) -> list[int]:
    """The columns that say something beside those before them."""
    kept: list[int] = []
    basis = np.empty((len(values), 0))
    for place in range(values.shape[1]):
        column = values[:, place]
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > _NEARLY_DEPENDENT * np.sqrt(len(values)):
            kept.append(place)
            basis = np.column_stack([basis, rest / size])
    return kept


def _arm(centred: Reals, rows: npt.NDArray[np.intp]) -> Arm | None:
    """The regression of one group; None where its covariates depend on each other."""
    design = np.column_stack([np.ones(len(rows)), centred[rows]])
    gram = design.T @ design / len(rows)
    if np.linalg.cond(gram) > _NEARLY_DEPENDENT**-2:
        return None
    solved = np.linalg.solve(gram, design.T) / len(rows)  # outcome → coefficients
    leverage = np.einsum("ij,ji->i", design, solved)
    return Arm(rows, design, solved, leverage)


def _lin(outcome: Reals, arms: tuple[Arm, Arm], covariance_of_means: Reals) -> Estimate:
    levels, variances, slopes = [], [], []
    for arm in arms:
        own = outcome[arm.rows]
        coefficients = arm.solved @ own
        residual = (own - arm.design @ coefficients) / (1 - arm.leverage)
        levels.append(float(coefficients[0]))
        variances.append(float(arm.solved[0] ** 2 @ residual**2))
        slopes.append(coefficients[1:])
    apart = slopes[0] - slopes[1]
    parts = np.array([*variances, apart @ covariance_of_means @ apart])
    of_each = [len(arm.rows) - arm.design.shape[1] for arm in arms]
    freedom = _freedom(parts, np.array([*of_each, len(outcome) - 1.0]))
    return _around(levels[0] - levels[1], float(np.sqrt(parts.sum())), freedom, "lin")


def _cuped(outcome: Reals, is_treated: Flags, earlier: Reals) -> Estimate | None:
    """Deng, Xu, Kohavi & Walker (2013): the outcome less what one earlier figure foretold, by one slope for both."""
    if min(is_treated.sum(), (~is_treated).sum()) < FEWEST_FOR_ONE_COVARIATE:
        return None
    own, past = outcome.copy(), _standardised(earlier)
    everyone = past.copy()
    for group in (is_treated, ~is_treated):
        own[group] -= own[group].mean()
        past[group] -= past[group].mean()
    spread = float(past @ past)
    if spread < _NEARLY_DEPENDENT * len(past):
        return None
    adjusted = outcome - float(own @ past) / spread * everyone
    return _welch(adjusted[is_treated], adjusted[~is_treated], "cuped")
