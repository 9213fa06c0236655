"""Which purchase model a client's customers follow: each is fitted at earlier origins and held against what came.

The score of who buys at all is strictly proper (Gneiting & Raftery 2007). That of the counts is not, because counts are
first brought to the actual total: it judges how purchases are shared out, blind to how many there are in all. The
Pareto/NBD is kept unless another way of modelling beats it beyond chance and ranks customers no worse at every origin
looked at; so a choice by luck is rare.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.metrics import normalised_gini
from crm_platform.forecast.origins import Origin, reals
from crm_platform.forecast.purchase_models import KINDS, ask, fit_by_name, repeaters

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Way = tuple[str, ...]  # one model for everyone; or one for one-off buyers and one for subscribers

REPEATERS_TO_CHOOSE = 200  # of each group of customers, for a model to be chosen for it
PLAIN: Way = ("pareto_nbd",)


def choose(past: Sequence[Origin]) -> tuple[Way, dict[str, float]]:
    """The way of modelling, and the mean loss per customer of each that was compared; the Pareto/NBD without origins.

    Origins with too few repeaters say nothing. Two are looked at, the latest and one half a term before: one may be
    odd, and older ones tell of customers who are gone.
    """
    usable = [origin for origin in past if repeaters(origin.features) >= REPEATERS_TO_CHOOSE]
    if not usable:
        return PLAIN, {}
    half_before = usable[0].as_of - dt.timedelta(days=usable[0].horizon_days // 2)
    earlier = [origin for origin in usable if origin.as_of <= half_before]
    trials = [_trial(origin) for origin in (usable[0], *earlier[:1])]
    ways = [way for way in trials[0].losses if all(way in trial.losses for trial in trials)]
    scores = {way: float(np.mean([trial.losses[way].mean() for trial in trials])) for way in ways}
    better = [way for way in ways if all(_beats_the_plain(trial, way) for trial in trials)]
    return min([PLAIN, *better], key=lambda way: scores[way]), {" + ".join(way): scores[way] for way in ways}


def is_subscriber(features: pd.DataFrame) -> Flags:
    """Whether the customer's last purchase was one of a subscription (定期)."""
    since_subscription = np.nan_to_num(reals(features, "subscription_gap_days"), nan=np.inf)
    flags: Flags = (reals(features, "subscription_days") > 0) & (since_subscription <= reals(features, "gap_days"))
    return flags


def buyers_in_order(features: pd.DataFrame) -> pd.DataFrame:
    """Customers with a purchase, in order of their numbers."""
    return features[features["purchase_days"] > 0].sort_values("customer_id", kind="stable")


class _Foretold(NamedTuple):
    expected: Reals
    chance: Reals


@dataclass(frozen=True, eq=False)
class _Trial:
    """Per way of modelling at one origin: each customer's loss, and how well customers were ranked."""

    losses: Mapping[Way, Reals]
    rankings: Mapping[Way, float]


def _trial(origin: Origin) -> _Trial:
    """Every model for everyone; and where both groups are large enough, every pair of models for them."""
    buyers, counts = origin.features, reals(origin.came, "purchase_days")
    subscribers = is_subscriber(buyers)
    everyone = np.ones(len(buyers), dtype=bool)
    foretold: dict[Way, _Foretold] = {(name,): _foretell(name, origin, everyone) for name in KINDS}
    groups = (~subscribers, subscribers)
    if min(repeaters(buyers[group]) for group in groups) >= REPEATERS_TO_CHOOSE:
        of_group = [{name: _foretell(name, origin, group) for name in KINDS} for group in groups]
        for one_off, subscription in itertools.product(KINDS, repeat=2):
            both = zip(of_group[0][one_off], of_group[1][subscription], strict=True)
            foretold[one_off, subscription] = _Foretold(*(one + other for one, other in both))
    rankings = {way: normalised_gini(each.expected, counts) or 0.0 for way, each in foretold.items()}
    return _Trial({way: _losses(each, counts) for way, each in foretold.items()}, rankings)


def _foretell(name: str, origin: Origin, group: Flags) -> _Foretold:
    """Fitted on the group as known then, told for the group; zeros for the others."""
    buyers = origin.features[group]
    model = fit_by_name(name, buyers_in_order(buyers))
    foretold = _Foretold(np.zeros(len(group)), np.zeros(len(group)))
    foretold.expected[group] = ask("expected_purchases", model, buyers, origin.horizon_days)
    foretold.chance[group] = ask("probability_of_purchase", model, buyers, origin.horizon_days)
    return foretold


def _losses(foretold: _Foretold, counts: Reals) -> Reals:
    """The logarithmic scores of buying at all and of the counts, as Poisson's, brought to the actual total.

    The total moves with the season and is calibrated elsewhere; what tells models apart is who buys.
    """
    chance = np.clip(foretold.chance, 1e-6, 1 - 1e-6)
    buying = -np.where(counts > 0, np.log(chance), np.log1p(-chance))
    expected = np.maximum(foretold.expected, 1e-6)
    expected = expected * (max(counts.sum(), 1) / expected.sum())
    losses: Reals = buying + expected - counts * np.log(expected)
    return losses


def _beats_the_plain(trial: _Trial, way: Way) -> bool:
    """Foretold better by more than the standard error of the difference, and ranked no worse."""
    gain = trial.losses[PLAIN] - trial.losses[way]
    error = float(gain.std() / np.sqrt(len(gain)))
    return float(gain.mean()) > error and trial.rankings[way] >= trial.rankings[PLAIN]
