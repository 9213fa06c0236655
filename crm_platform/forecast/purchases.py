"""How often customers will buy, and whether they still do: which purchase model for whom.

The models differ in how customers stop (Pareto/NBD: at any time; MBG/NBD: after a purchase) and in the rhythm of their
purchases (MBG/CNBD-k: regular). Which one a client's customers follow is not known beforehand, so it is chosen on
earlier origins (`purchase_choice`). Subscribers (定期), whose purchases follow a calendar, get a model of their own
where that foretold better.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json
from crm_platform.forecast.origins import Origin, reals
from crm_platform.forecast.pareto_nbd import ParetoNBD, fit_pareto_nbd
from crm_platform.forecast.prior import Prior
from crm_platform.forecast.purchase_choice import PLAIN, Way, buyers_in_order, choose, is_subscriber
from crm_platform.forecast.purchase_models import (
    PRINTED_NAMES,
    PurchaseModel,
    Question,
    ask,
    fit_by_name,
    histories_of,
    model_from_json,
    model_to_json,
    name_of,
    repeaters,
)

Reals = npt.NDArray[np.float64]

MINIMUM_REPEATERS = 50  # below this the parameters are assumed, or leaned on other clients', not fitted
ENOUGH_REPEATERS = 10 * MINIMUM_REPEATERS  # from here on other clients are left out: the client's own data say it all


@dataclass(frozen=True)
class Purchases:
    """The chosen models; times in days. `pareto` describes all customers, whatever was chosen (alerts read it).

    `one_off_buyers` and `subscribers` are the same model where customers are not told apart. `scores` holds, per way of
    modelling that was compared, the mean loss per customer at the earlier origins: the lower, the better foretold.
    """

    pareto: ParetoNBD
    one_off_buyers: PurchaseModel
    subscribers: PurchaseModel
    scores: Mapping[str, float]
    notes: tuple[Note, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "pareto": dataclasses.asdict(self.pareto),
            "one_off_buyers": model_to_json(self.one_off_buyers),
            "subscribers": model_to_json(self.subscribers),
            "scores": dict(self.scores),
            "notes": notes_to_json(self.notes),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Purchases:
        """Read what `to_json` wrote."""
        return cls(
            ParetoNBD(**value["pareto"]),
            model_from_json(value["one_off_buyers"]),
            model_from_json(value["subscribers"]),
            dict(value["scores"]),
            notes_from_json(value["notes"]),
        )


def fit_purchases(
    features_now: pd.DataFrame, past: Sequence[Origin], horizon_days: float, *, prior: Prior | None = None
) -> Purchases:
    """Choose on earlier origins, then fit on what is known now.

    Args:
        features_now: customers as `origins.describe` gives them; those without a purchase are left out.
        past: earlier origins of the same client, the latest first; those of another term are left out.
        horizon_days: the term for which the models are chosen.
        prior: parameters of other clients; read where fewer than `ENOUGH_REPEATERS` customers bought twice.
    """
    buyers = buyers_in_order(features_now)
    pareto, notes = _fit_pareto(buyers, prior)
    if repeaters(buyers) < MINIMUM_REPEATERS:
        return Purchases(pareto, pareto, pareto, {}, tuple(notes))
    way, scores = choose([origin for origin in past if origin.horizon_days == horizon_days])
    if not scores:
        notes.append(Note("model_unchosen"))
    models = [pareto] if way == PLAIN else _fit_way(way, buyers, notes)
    return Purchases(pareto, models[0], models[-1], scores, tuple(notes))


def refit_purchases(model: Purchases, features_then: pd.DataFrame) -> Purchases:
    """The models that were chosen in `model`, fitted on customers as known at another day."""
    buyers = buyers_in_order(features_then)
    pareto, notes = _fit_pareto(buyers, None)
    alike = model.subscribers == model.one_off_buyers
    way = tuple(name_of(each) for each in (model.one_off_buyers, model.subscribers)[: 1 if alike else 2])
    plain = way == PLAIN or repeaters(buyers) < MINIMUM_REPEATERS
    models: list[PurchaseModel] = [pareto] if plain else _fit_way(way, buyers, notes)
    return Purchases(pareto, models[0], models[-1], {}, tuple(notes))


def p_active(model: Purchases, features: pd.DataFrame) -> Reals:
    """Probability that the customer has not stopped for good, from 0 to 1; 0 where nothing was ever bought."""
    return _ask("p_alive", model, features)


def expected_purchases(model: Purchases, features: pd.DataFrame, horizon_days: float) -> Reals:
    """Expected purchase days in the `horizon_days` after the as-of date, at least 0."""
    return _ask("expected_purchases", model, features, horizon_days)


def probability_of_purchase(model: Purchases, features: pd.DataFrame, horizon_days: float) -> Reals:
    """継続力: probability of at least one purchase day in the `horizon_days`, from 0 to `p_active`."""
    return _ask("probability_of_purchase", model, features, horizon_days)


# --- inside -----------------------------------------------------------------------------------------------------------


def _ask(question: Question, model: Purchases, features: pd.DataFrame, *horizon_days: float) -> Reals:
    bought = reals(features, "purchase_days") > 0
    apart = is_subscriber(features) if model.subscribers != model.one_off_buyers else np.zeros(len(features), bool)
    answer = np.zeros(len(features))
    for chosen, rows in ((model.one_off_buyers, bought & ~apart), (model.subscribers, bought & apart)):
        answer[rows] = ask(question, chosen, features[rows], *horizon_days)
    return answer


def _fit_pareto(buyers: pd.DataFrame, prior: Prior | None) -> tuple[ParetoNBD, list[Note]]:
    count = repeaters(buyers)
    histories = histories_of(buyers)
    x, _, age = histories
    if prior is not None and count < ENOUGH_REPEATERS:
        note = Note("leans_on_others", {"repeaters": count, "clients": prior.clients})
        if age.sum() > 0:
            return fit_pareto_nbd(*histories, belief=prior.of_purchases), [note]
        r, alpha, s, beta = prior.of_purchases.centre()
        return ParetoNBD(r, alpha, s, beta, 0.0, 0, converged=False), [note]
    if count >= MINIMUM_REPEATERS:
        fitted = fit_pareto_nbd(*histories)
        return fitted, [] if fitted.converged else [_stopped(fitted)]
    # Exponential rates around the client's mean pace, with one more purchase in one more year; half stop within a year.
    mean_gap = (float(age.sum()) + 365.0) / (float(x.sum()) + 1.0)
    note = Note("few_repeaters", {"repeaters": count, "fewest": MINIMUM_REPEATERS})
    return ParetoNBD(1.0, mean_gap, 1.0, 365.0, 0.0, 0, converged=False), [note]


def _fit_way(way: Way, buyers: pd.DataFrame, notes: list[Note]) -> list[PurchaseModel]:
    """The chosen models on what is known now; what is to be told of them is added to `notes`."""
    subscribers = is_subscriber(buyers)
    groups = [buyers] if len(way) == 1 else [buyers[~subscribers], buyers[subscribers]]
    if min(repeaters(group) for group in groups) < MINIMUM_REPEATERS:
        notes.append(Note("one_model_for_all"))
        way, groups = way[:1], [buyers]
    models = [fit_by_name(name, group) for name, group in zip(way, groups, strict=True)]
    notes += [_stopped(model) for model in models if not model.converged]
    return models


def _stopped(model: PurchaseModel) -> Note:
    return Note("search_stopped", {"model": PRINTED_NAMES[name_of(model)]})
