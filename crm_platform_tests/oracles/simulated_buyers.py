"""Purchases drawn from a known Pareto/NBD and gamma-gamma process: a client whose truth is planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

START = pd.Timestamp("2020-01-01")


@dataclass(frozen=True)
class Truth:
    r: float = 0.8
    alpha: float = 60.0
    s: float = 0.9
    beta: float = 300.0
    p: float = 6.0
    q: float = 4.0
    gamma: float = 4_000.0


def simulate_buyers(customers: int, seed: int, truth: Truth | None = None, days: int = 1_100) -> pd.DataFrame:
    """`customer_id, purchased_on, sales_jpy` of customers who come evenly over the first `days - 370` days."""
    truth = truth or Truth()
    draw = np.random.default_rng(seed)
    first = draw.integers(0, days - 370, customers)
    rate = draw.gamma(truth.r, 1 / truth.alpha, customers)
    lifetime = draw.exponential(1 / draw.gamma(truth.s, 1 / truth.beta, customers))
    active = np.minimum(lifetime, days - first)
    repeats = draw.poisson(rate * active)
    who = np.concatenate([np.arange(customers), np.repeat(np.arange(customers), repeats)])
    when = np.concatenate([first, np.repeat(first, repeats) + draw.random(repeats.sum()) * np.repeat(active, repeats)])
    price_rate = draw.gamma(truth.q, 1 / truth.gamma, customers)
    lines = pd.DataFrame(
        {
            "customer_id": np.char.add("C", np.char.zfill(who.astype(str), 6)),
            "purchased_on": START + pd.to_timedelta(np.floor(when), unit="D"),
            "sales_jpy": np.maximum(draw.gamma(truth.p, 1 / price_rate[who]), 1).round().astype("int64"),
        }
    )
    return lines.groupby(["customer_id", "purchased_on"], as_index=False)["sales_jpy"].sum()


def regular_buyer(customer_id: str, cycle_days: int, purchases: int, last_on: str, sales_jpy: int) -> pd.DataFrame:
    """A customer who bought every `cycle_days` for the same amount, last on `last_on`."""
    days = pd.Timestamp(last_on) - pd.to_timedelta(np.arange(purchases) * cycle_days, unit="D")
    return pd.DataFrame({"customer_id": customer_id, "purchased_on": days, "sales_jpy": sales_jpy})
