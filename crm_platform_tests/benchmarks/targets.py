"""`python -m crm_platform_tests.benchmarks.targets`: do the targets for one-off purchases capture what comes (R32)?

Made-up clients of many seeds, each known half a year before its end: the subscribers are ordered by the one-off sales
(都度) expected of them, and what the first fifth captured stands beside recency, RFM and the past year's one-off sales
of as many customers. `--months` shortens the history, `--without-events` delivers no event of a subscription.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from crm_platform.periods import Term
from crm_platform.two_track.targets import fit_one_off_forecast, outcome_at
from crm_platform_tests.oracles.known_subscribers import subscribers_of_demo

FIRST_SEED = 101
_YARDSTICKS = ("recency", "rfm", "past_one_off")


def main() -> None:
    """A line for each seed, and the means of all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=60)
    parser.add_argument("--without-events", action="store_true")
    asked = parser.parse_args()
    columns = ["seed", "subscribers", "buyers", "captured", *(f"/ {name}" for name in _YARDSTICKS)]
    print("".join(f"{name:>15}" for name in [*columns, "bias", "± error", "buyers' bias", "> p90", "of those > 0"]))
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + asked.seeds):
        found.append(judged(asked.customers, seed, asked.months, with_events=not asked.without_events))
        print(told(str(seed), found[-1]), flush=True)
    print(told("mean", {name: float(np.mean([one[name] for one in found])) for name in found[0]}))
    print("least leads: " + ", ".join(f"{name} {min(one[name] for one in found):.2f}" for name in _YARDSTICKS))


def judged(customers: int, seed: int, months: int, *, with_events: bool) -> dict[str, float]:
    """What became of the list made half a year before the end of a made-up client."""
    demo, known = subscribers_of_demo(customers, seed, months, with_events=with_events)
    as_of = demo.first_month.plus(months - 7).last_day
    model = fit_one_off_forecast(known, as_of, Term.after(as_of).days)
    if model is None:
        raise SystemExit(f"seed {seed}: no subscriber of {customers:,} customers bought one-off; ask for more.")
    return _figures(outcome_at(known, model))


def told(name: str, figures: dict[str, float]) -> str:
    """A row of the table."""
    counts = "".join(f"{figures[count]:15,.0f}" for count in ("subscribers", "buyers"))
    rest = "".join(f"{value:15.3f}" for key, value in figures.items() if key not in ("subscribers", "buyers"))
    return f"{name:>15}{counts}{rest}"


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
