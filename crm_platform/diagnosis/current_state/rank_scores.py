"""How well two orders of the same customers ranked the sales that followed, and how sure their difference is (R65)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_platform.diagnosis.estimates import Estimate

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """Normalised Ginis of both orders, their difference with its error, and what the chosen of each bought."""

    customers: int
    rank_gini: float
    segments_gini: float
    lead: Estimate  # of the rank over the segments; below 0 the segments order better
    top_rank_customers: int
    top_rank_sales_jpy: int
    as_many_by_segment_jpy: int


def scores_of(places: Wholes, classes: Wholes, sales_jpy: Reals) -> Scores | None:
    """Both orders over the same customers; None where there is nobody, or all bought the same.

    Args:
        places: of the client's rank, 0 the highest.
        classes: of the segments, the lowest number the highest (`cut_alike`).
        sales_jpy: 売上 since, in yen; credits beyond it count as 0.
    """
    actual = np.maximum(sales_jpy, 0.0)
    exact = np.unique(actual, return_inverse=True)[1].astype(np.int64)
    best, of_best = _concentration(exact, actual) if len(actual) else (0.0, actual)
    if best <= 0:
        return None
    (by_rank, of_rank), (by_class, of_class) = (_concentration(-order, actual) for order in (places, classes))
    lead = (by_rank - by_class) / best
    moved = (of_rank - of_class - lead * of_best) / best
    people = len(actual)
    error = math.sqrt(float((moved**2).sum()) / people / max(people - 1, 1))
    top = places == 0
    return Scores(
        customers=people,
        rank_gini=by_rank / best,
        segments_gini=by_class / best,
        lead=Estimate(lead, error),
        top_rank_customers=int(top.sum()),
        top_rank_sales_jpy=round(float(actual[top].sum())),
        as_many_by_segment_jpy=round(_sales_of_the_best(classes, actual, int(top.sum()))),
    )


def cut_alike(places: Wholes, classes: Wholes, expected_jpy: Reals) -> Wholes:
    """The segments' order of the same customers in as many ranks of the same sizes, 0 the highest.

    A rank of few steps is not blamed for being coarse: what counts is whom it puts where. Within a value class the
    customer who is expected to buy more comes first.
    """
    cut = np.empty_like(places)
    cut[np.lexsort((-expected_jpy, classes))] = np.sort(places)
    return cut


def _concentration(score: Wholes, actual: Reals) -> tuple[float, Reals]:
    """Mean of (rank share − ½) · sales, ranks by `score` with ties at their mean; and how each customer moves it.

    The mean is one over pairs of customers, ¼ · (aᵢ − aⱼ) · sign(sᵢ − sⱼ) · 2; a customer's influence is twice the mean
    over its own pairs, less twice the whole.
    """
    people = len(actual)
    values, inverse = np.unique(score, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(values))
    amounts = np.bincount(inverse, weights=actual, minlength=len(values))
    below = np.cumsum(counts) - counts
    share = (below + counts / 2) / people - 0.5
    sold_below = np.cumsum(amounts) - amounts
    sold_above = amounts.sum() - sold_below - amounts
    whole = float((share * amounts).sum()) / people
    influence = share[inverse] * actual + ((sold_above - sold_below) / (2 * people))[inverse] - 2 * whole
    return whole, influence


def _sales_of_the_best(classes: Wholes, actual: Reals, people: int) -> float:
    """What as many customers of the highest classes bought; the class at the boundary counts pro rata."""
    counts, amounts = np.bincount(classes), np.bincount(classes, weights=actual)
    taken = np.clip(people - (np.cumsum(counts) - counts), 0, counts)
    return float((amounts * np.divide(taken, counts, out=np.zeros(len(counts)), where=counts > 0)).sum())
