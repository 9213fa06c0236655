"""What a diagnosis must find: a plant, the question that looks for it, the names it must give, and the true size.

A true size is the mean of the finding's own number over houses of 100,000 customers, where chance has all but gone; yen
are for each customer who came. `python -m crm_platform_tests.benchmarks.diagnosis --sizes` computes them anew. One such
house is not enough for the bad medium, which has 5,000 new customers a year there, known to ± 0.8 points: its size is
that of the drawn process itself (`f2_of_the_bad_channel`), over all customers who ever came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.current_state.client_rank import client_rank
from crm_platform.diagnosis.existing_customers.lapse_points import lapse_points
from crm_platform.diagnosis.existing_customers.stagnant_groups import stagnant_groups
from crm_platform.diagnosis.finding import Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.integrated.sales_trend import sales_trend
from crm_platform.diagnosis.new_customers.cohort_break import cohort_break
from crm_platform.diagnosis.new_customers.media_quality import media_quality
from crm_platform.diagnosis.products.product_pairs import product_pairs
from crm_platform.diagnosis.products.product_series import product_series
from crm_platform_tests.oracles.house_tables import CANCELLED_RATE
from crm_platform_tests.oracles.houses import (
    BAD_CHANNEL,
    CHANNELS,
    FALLING_GROUP,
    LAPSE_ORDER,
    PAIR,
    RISING_GROUP,
    STAGNANT_CHANNEL,
    Clock,
    Plants,
    draw_orders,
    draw_people,
)

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Size:
    """A number of a finding with its 95 % interval."""

    value: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= truth <= self.high


@dataclass(frozen=True)
class PlantedTruth:
    """A plant and its mirror; `names` are the numbers by which the finding says what it found.

    `verdict` is that of the plant, `mirrored` that of its mirror, None where the verdict is on something else. Each is
    of a house of so many `customers`.
    """

    question: Callable[[DiagnosisInputs], Finding | None]
    plants: Mapping[str, Any]
    mirror: Mapping[str, Any]
    names: Numbers
    true_size: float
    customers: int = 5000
    verdict: Verdict | None = "issue"
    mirrored: Verdict | None = "healthy"

    def found(self, finding: Finding | None) -> bool:
        """Whether the finding names the plant, first of its kind; a channel may go by the name of its placement."""
        return finding is not None and all(
            str(finding.numbers[name]).startswith(str(value)) for name, value in self.names.items()
        )


def size_of(finding: Finding) -> Size:
    """The measured number; the lift of a pair, whose verdict is on another number."""
    numbers, measured = finding.numbers, finding.measured
    if finding.key == "product_pairs":
        return Size(*(float(numbers[name] or 0) for name in ("best_lift", "best_low", "best_high")))
    if measured is None or measured.low is None or measured.high is None:
        raise ValueError(f"{finding.key} has measured nothing")
    return Size(measured.value, measured.low, measured.high)


PLANTED: Mapping[str, PlantedTruth] = {
    "pair": PlantedTruth(
        product_pairs,
        {"pair_rate": 0.4},
        {"pair_rate": 0.0},
        {"best_first": PAIR[0], "best_second": PAIR[1]},
        true_size=2.455,
        verdict=None,
        mirrored=None,
    ),
    "bad medium": PlantedTruth(
        media_quality,
        {"bad_quality": 0.25},
        {"bad_quality": 1.6},
        {"medium": BAD_CHANNEL},
        true_size=0.087,
        mirrored=None,  # beside a better medium the others are worse
    ),
    "broken cohort": PlantedTruth(
        cohort_break, {"cohort_quality": 0.25}, {"cohort_quality": 1.6}, {"quarter": "2024-09"}, true_size=0.0243
    ),
    "lapse point": PlantedTruth(
        lapse_points, {"lapse_rate": 0.3}, {"lapse_rate": -1.0}, {"point_purchase": LAPSE_ORDER}, true_size=0.187
    ),
    "stagnant group": PlantedTruth(
        stagnant_groups,
        {"stagnant_quality": 0.35},
        {"stagnant_quality": 1.7},
        {"group": STAGNANT_CHANNEL},
        customers=20_000,
        true_size=0.265,
    ),
    "blind rank": PlantedTruth(client_rank, {"rank_is_blind": True}, {}, {}, true_size=0.0128),
    "falling and rising series": PlantedTruth(
        product_series,
        {"falling": 0.55, "rising": 1 / 0.55},
        {"falling": 1 / 0.55, "rising": 0.55},
        {"told": FALLING_GROUP, "rising": RISING_GROUP},
        true_size=-1039.0,
        mirrored=None,  # the other group falls then
    ),
    "falling sales": PlantedTruth(
        sales_trend, {"arrivals_growth": 0.75}, {"arrivals_growth": 1 / 0.75}, {}, true_size=2095.0
    ),
}


def f2_of_the_bad_channel(seed: int, customers: int) -> float:
    """F2 within 180 days of everyone whom the bad channel ever brought, counted from the drawn orders alone."""
    planted, clock = Plants(**PLANTED["bad medium"].plants), Clock(60)
    rng = np.random.default_rng([seed, 7])
    people = draw_people(rng, customers, clock, planted)
    orders = draw_orders(rng, people, clock, planted)
    stands = rng.random(len(orders.customer)) >= CANCELLED_RATE
    who, day = orders.customer[stands], orders.day[stands]
    firsts = np.flatnonzero(np.append(True, who[1:] != who[:-1]))
    seconds = np.minimum(firsts + 1, len(who) - 1)
    again = (who[seconds] == who[firsts]) & (seconds > firsts) & (day[seconds] - day[firsts] <= 180)
    return float(again[people.channel[who[firsts]] == CHANNELS.index(BAD_CHANNEL)].mean())
