"""Is the test large enough? The smallest lift that two groups can show, and the groups that a wanted lift needs (R84).

Two-sided at 5 %, with power 80 %: a true lift of this size is found in four campaigns of five. Normal approximation.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.stats import norm

SIGNIFICANCE = 0.05  # two-sided
POWER = 0.8
_NO_LIFT = 1e-9  # at 0 nothing is needed to show nothing, which is no answer


def smallest_lift_in_buyers(
    treated: int, control: int, control_rate: float, *, significance: float = SIGNIFICANCE, power: float = POWER
) -> float | None:
    """The smallest difference in the share of buyers (0.02 is 2 points) that groups of these sizes can show.

    Fleiss 1981, chapter 3: pooled variance under no difference, each group's own under the difference.

    Args:
        treated: size of group ①.
        control: size of group ②.
        control_rate: share of the control group that will buy without a contact (natural recovery, 自然回復).
        significance: chance to see a lift where there is none, both directions together.
        power: chance to see the lift where it is there.

    Returns:
        None where a group is empty, or not even a rate of 1 among the treated would show.

    Raises:
        ValueError: `control_rate` is not between 0 and 1.
    """
    _check_rate(control_rate)
    if min(treated, control) <= 0:
        return None

    def excess(lift: float) -> float:
        share = treated / (treated + control)
        needed = _needed_in_all(control_rate, lift, share, significance, power)
        return lift**2 * (treated + control) - needed

    largest = 1 - control_rate
    if largest <= _NO_LIFT or excess(largest) < 0:
        return None
    return float(brentq(excess, _NO_LIFT, largest, xtol=1e-12))


def sizes_for_lift_in_buyers(
    lift: float,
    control_rate: float,
    *,
    treated_share: float = 0.5,
    significance: float = SIGNIFICANCE,
    power: float = POWER,
) -> tuple[int, int]:
    """How many to treat and to leave alone, so that a lift of so many points (0.02) shows; see above.

    Raises:
        ValueError: the rates or the share are not between 0 and 1, or the lift is not above 0.
    """
    _check_rate(control_rate)
    _check_share(treated_share)
    if not 0 < lift <= 1 - control_rate + _NO_LIFT:
        raise ValueError(f"a lift of {lift} on a rate of {control_rate} is none, or passes 1")
    return _split(_needed_in_all(control_rate, lift, treated_share, significance, power) / lift**2, treated_share)


def smallest_lift_in_sales(
    treated: int,
    control: int,
    spread_jpy: float,
    *,
    rho: float = 0.0,
    significance: float = SIGNIFICANCE,
    power: float = POWER,
) -> float | None:
    """The smallest difference in sales per customer, in yen, that groups of these sizes can show.

    `spread_jpy` is the standard deviation of customers' sales in the term, `rho` their correlation with earlier sales,
    by which the measurement adjusts: the spread left is √(1 − rho²) of it (CUPED, Deng et al. 2013). None where a group
    is empty. ValueError for a negative spread or a rho beyond −1 to 1.
    """
    left_jpy = _spread_left(spread_jpy, rho)
    if min(treated, control) <= 0:
        return None
    return float(_both_normals(significance, power) * left_jpy * math.sqrt(1 / treated + 1 / control))


def sizes_for_lift_in_sales(
    lift_jpy: float,
    spread_jpy: float,
    *,
    rho: float = 0.0,
    treated_share: float = 0.5,
    significance: float = SIGNIFICANCE,
    power: float = POWER,
) -> tuple[int, int]:
    """How many to treat and to leave alone, so that a lift of so many yen per customer shows; see above.

    Raises:
        ValueError: the lift is not above 0, the share not between 0 and 1, or as `smallest_lift_in_sales`.
    """
    _check_share(treated_share)
    if lift_jpy <= 0:
        raise ValueError(f"a lift must be above 0, not {lift_jpy}")
    effect = _both_normals(significance, power) * _spread_left(spread_jpy, rho) / lift_jpy
    return _split(effect**2 / (treated_share * (1 - treated_share)), treated_share)


# --- inside -----------------------------------------------------------------------------------------------------------


def _needed_in_all(rate: float, lift: float, share: float, significance: float, power: float) -> float:
    """Both groups together × lift², of which `share` is treated."""
    other, mean = rate + lift, rate + share * lift
    under_none = math.sqrt(mean * (1 - mean) / (share * (1 - share)))
    under_lift = math.sqrt(max(other * (1 - other), 0) / share + rate * (1 - rate) / (1 - share))
    return float((norm.isf(significance / 2) * under_none + norm.ppf(power) * under_lift) ** 2)


def _both_normals(significance: float, power: float) -> float:
    return float(norm.isf(significance / 2) + norm.ppf(power))


def _spread_left(spread_jpy: float, rho: float) -> float:
    if spread_jpy < 0 or not -1 <= rho <= 1:
        raise ValueError(f"a spread of {spread_jpy} or a correlation of {rho} cannot be")
    return spread_jpy * math.sqrt(1 - rho**2)


def _split(customers: float, treated_share: float) -> tuple[int, int]:
    """Whole customers of both groups, never fewer than needed."""
    treated, control = (max(math.ceil(customers * part - 1e-9), 1) for part in (treated_share, 1 - treated_share))
    return treated, control


def _check_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"a buying rate must lie between 0 and 1, not {rate}")


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise ValueError(f"the share treated must lie between 0 and 1, not {share}")
