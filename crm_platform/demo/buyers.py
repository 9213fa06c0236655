"""What kind of buyer each customer is: the known process behind the orders (継続力・購買力 are read off it)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_platform.demo.arrivals import ONE_OFF, SUBSCRIPTION, TRIAL, Arrivals, decline_day, is_declining
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.contracts import NEVER, Contracts
from crm_platform.demo.draws import Real, Whole, pick, pick_per_row, stream
from crm_platform.demo.house import COURSES, FAMILY_MAIN

KINDS = ("one_time", "subscriber", "occasional", "regular", "wholesale")
ONE_TIME, SUBSCRIBER, OCCASIONAL, REGULAR, WHOLESALE = range(5)

# Chance of each kind by entry (rows: trial, subscription, one-off; columns: KINDS), before the medium's quality.
_KIND_SHARES = np.array(
    [
        [0.000, 0.220, 0.080, 0.025, 0.000],
        [0.000, 1.000, 0.000, 0.000, 0.000],
        [0.000, 0.060, 0.240, 0.075, 0.006],
    ]
)
_FIRST_WAIT_DAYS = {TRIAL: (6, 35), ONE_OFF: (20, 60)}  # from the first order to the start of a contract (定期引上げ)


@dataclass(frozen=True)
class Buyers:
    """One element per customer. Rates are per day; `lifetime_days` is how long one-off buying lasts.

    `one_off_rate` and `dropout_rate` are those of a Pareto/NBD customer (Schmittlein et al. 1987); a regular buyer
    (実質定期, R109) has `own_interval_days` instead of a rate. Both are 0 where they do not apply.
    """

    kind: Whole
    one_off_rate: Real
    dropout_rate: Real
    lifetime_days: Real
    own_interval_days: Real
    contract_wait_days: Whole


def decide(arrivals: Arrivals, seed: int) -> Buyers:
    """Draw each customer's kind from its entry and its medium's quality, then its own rates."""
    rng = stream(seed, "buyers")
    count = len(arrivals.day)
    kind = _kinds(rng, arrivals)
    rate, dropout = np.zeros(count), np.zeros(count)
    occasional, regular, wholesale = kind == OCCASIONAL, kind == REGULAR, kind == WHOLESALE
    rate[occasional] = rng.gamma(1.4, 1 / (1.4 * 55), occasional.sum())
    dropout[occasional] = rng.gamma(1.3, 1 / (1.3 * 260), occasional.sum())
    rate[wholesale] = rng.gamma(4.0, 1 / (4.0 * 30), wholesale.sum())
    dropout[wholesale] = rng.gamma(4.0, 1 / (4.0 * 900), wholesale.sum())
    dropout[regular] = rng.gamma(3.0, 1 / (3.0 * 600), regular.sum())
    dropout /= arrivals.quality
    interval = np.clip(rng.lognormal(np.log(42), 0.38, count), 18, 130)
    waits = np.array([_FIRST_WAIT_DAYS.get(entry, (0, 1)) for entry in (TRIAL, SUBSCRIPTION, ONE_OFF)])[arrivals.entry]
    lifetime = rng.exponential(1.0, count) / np.where(dropout > 0, dropout, np.inf)
    return Buyers(
        kind=kind,
        one_off_rate=rate,
        dropout_rate=dropout,
        lifetime_days=lifetime,
        own_interval_days=np.where(regular, interval, 0.0),
        contract_wait_days=rng.integers(waits[:, 0], waits[:, 1]),
    )


def _kinds(rng: np.random.Generator, arrivals: Arrivals) -> Whole:
    shares = _KIND_SHARES[arrivals.entry]
    free = (arrivals.entry != SUBSCRIPTION)[:, None]
    shares = np.where(free, shares * np.minimum(arrivals.quality, 2.2)[:, None], shares)
    shares[:, ONE_TIME] = np.maximum(1 - shares.sum(axis=1), 0)
    return pick_per_row(rng, shares)


def contracts_of(arrivals: Arrivals, buyers: Buyers, calendar: Calendar, seed: int) -> Contracts:
    """The contracts that subscribers take up by the last day, in the order of the customers."""
    rng = stream(seed, "contracts")
    first_day = arrivals.day + buyers.contract_wait_days
    customer = np.flatnonzero((buyers.kind == SUBSCRIBER) & (first_day <= calendar.last_day)).astype(np.int64)
    shares = np.array([course.share for course in COURSES])
    return Contracts(
        customer=customer,
        first_day=first_day[customer],
        product=FAMILY_MAIN[arrivals.family[customer]],
        course=pick(rng, shares, len(customer)),
        frailty=rng.gamma(4.0, 1 / 4.0, len(customer)) / arrivals.quality[customer],
        orders_before=(arrivals.entry[customer] != SUBSCRIPTION).astype(np.int64),
        declines_on=np.where(is_declining(arrivals.sex[customer]), decline_day(calendar), NEVER),
    )
