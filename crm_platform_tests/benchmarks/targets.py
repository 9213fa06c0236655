"""`python -m crm_platform_tests.benchmarks.targets`: do the targets for one-off purchases capture what comes (R32)?

Made-up clients of many seeds, each known half a year before its end: the subscribers are ordered by the one-off sales
(都度) expected of them, and what the first fifth captured stands beside recency, RFM and the past year's one-off sales
of as many customers. `--months` shortens the history, `--without-events` delivers no event of a subscription,
`--drift 0.05` lets all prices rise by 5 % a year. A sum is calibrated where its bias is within `CALIBRATED` of 1: how
many of the sums would be, were each off by nothing but the luck of its customers, is printed beside how many are.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from crm_platform.periods import Term
from crm_platform.two_track.targets import fit_one_off_forecast, outcome_at
from crm_platform_tests.oracles.known_subscribers import subscribers_of_demo, with_drifting_prices

CALIBRATED = 0.05
_YARDSTICKS = ("recency", "rfm", "past_one_off")


def main() -> None:
    """A line for each seed, and the means of all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=101)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=60)
    parser.add_argument("--without-events", action="store_true")
    parser.add_argument("--drift", type=float, default=0.0, help="of all prices, as a rate per year")
    asked = parser.parse_args()
    columns = ["seed", "subscribers", "buyers", "captured", *(f"/ {name}" for name in _YARDSTICKS)]
    print("".join(f"{name:>15}" for name in [*columns, "bias", "± error", "buyers' bias", "> p90", "of those > 0"]))
    found = []
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        found.append(judged(asked.customers, seed, asked.months, asked.drift, with_events=not asked.without_events))
        print(told(str(seed), found[-1]), flush=True)
    print(told("mean", {name: float(np.mean([one[name] for one in found])) for name in found[0]}))
    print("least leads: " + ", ".join(f"{name} {min(one[name] for one in found):.2f}" for name in _YARDSTICKS))
    print(calibration_told([one["bias"] for one in found], [one["bias_error"] for one in found]))


def judged(customers: int, seed: int, months: int, drift: float, *, with_events: bool) -> dict[str, float]:
    """What became of the list made half a year before the end of a made-up client."""
    demo, known = subscribers_of_demo(customers, seed, months, with_events=with_events)
    as_of = demo.first_month.plus(months - 7).last_day
    known = with_drifting_prices(known, as_of, drift)
    model = fit_one_off_forecast(known, as_of, Term.after(as_of).days)
    if model is None:
        raise SystemExit(f"seed {seed}: no subscriber of {customers:,} customers bought one-off; ask for more.")
    return _figures(outcome_at(known, model))


def told(name: str, figures: dict[str, float]) -> str:
    """A row of the table."""
    counts = "".join(f"{figures[count]:15,.0f}" for count in ("subscribers", "buyers"))
    rest = "".join(f"{value:15.3f}" for key, value in figures.items() if key not in ("subscribers", "buyers"))
    return f"{name:>15}{counts}{rest}"


def calibration_told(biases: Sequence[float], errors: Sequence[float]) -> str:
    """Mean bias with its error over the seeds, how many sums are calibrated, and how many luck alone would leave so."""
    spread = float(np.std(biases, ddof=1)) if len(biases) > 1 else errors[0]
    inside = sum(abs(bias - 1) <= CALIBRATED for bias in biases)
    by_luck = sum(math.erf(CALIBRATED / error / math.sqrt(2)) for error in errors)
    return (
        f"bias {np.mean(biases):.3f} ± {spread / math.sqrt(len(biases)):.3f}, within {CALIBRATED} of 1 in {inside} of "
        f"{len(biases)} seeds; sums off by the luck of their customers only would be in {by_luck:.1f}"
    )


def _figures(outcome: dict[str, Any]) -> dict[str, float]:
    coverage = outcome["coverage"]
    return {
        "subscribers": outcome["subscribers"],
        "buyers": outcome["buyers"],
        "captured": outcome["captured"]["ours"],
        **{name: outcome["leads"][name] for name in _YARDSTICKS},
        **{name: outcome[name] for name in ("bias", "bias_error", "buyers_bias")},
        "above_p90": coverage["above_p90_rate"],
        "above_p90_of_those": coverage["above_p90_of_those_rate"],
    }


if __name__ == "__main__":
    main()
