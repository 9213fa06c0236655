"""The season of the year: how sales of already known customers in a month compare with the yearly average (季節指数).

A shop that grows sells more each month, and a new cohort buys most at once; neither is a season. So monthly sales are
first explained by who was there and for how long — cohort × months since the first purchase × month, the chain of
multiplicative age, cohort and period effects of actuaries (Mack 1993; Holford 1983) — and only the effect of the month
is looked at. A season is what of it returns every year beside a straight trend: months of the year are held against
the rest by an F test, and shrunk by 1 − 1/F (James & Stein 1961). Nothing after the as-of date is read.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import ibis
import numpy as np
import numpy.typing as npt
from scipy.stats import f as f_distribution

from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

MINIMUM_MONTHS = 24
CHANCE = 0.1  # a season that noise would show more often than this is not believed
CAPPED_SHARE = 0.99  # of customers' months: the largest hundredth count as much as the next, lest one wholesaler rule
FULL_WEIGHT_BUYERS = 200  # a month with so many known buyers has half the weight of one with countless
MONTHS_OF_AGE = 12  # told apart one by one; later ages by the year
ROUNDS = 60  # of fitting the three effects in turn; the fit moves by less than 1 % of its error after about 30


@dataclass(frozen=True)
class Season:
    """`months` are twelve factors, January first, with mean 1; all 1 where the history does not support a season."""

    months: tuple[float, ...]
    supported: bool
    first_on: dt.date | None
    notes: tuple[Note, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        first_on = self.first_on.isoformat() if self.first_on else None
        return {
            **dataclasses.asdict(self),
            "months": list(self.months),
            "first_on": first_on,
            "notes": notes_to_json(self.notes),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Season:
        """Read what `to_json` wrote."""
        first_on = dt.date.fromisoformat(value["first_on"]) if value["first_on"] else None
        return cls(tuple(value["months"]), value["supported"], first_on, notes_from_json(value["notes"]))


def fit_season(days: ibis.Table, as_of: dt.date) -> Season:
    """The season that `days` (CUSTOMER_DAYS) up to `as_of` support; `notes` says so where there is none.

    Only whole calendar months count. Two years of them are asked for, the test passed at one in ten.
    """
    known = days.filter(days.day <= as_of)
    first_on = known.day.min().to_pyarrow().as_py()
    if first_on is None:
        return _none(None, Note("no_season_no_day"))
    end = (as_of + dt.timedelta(days=1)).replace(day=1)  # the first day that is in no whole month
    count = (end.year - first_on.year) * 12 + end.month - first_on.month - (first_on.day > 1)
    if count < MINIMUM_MONTHS:
        return _none(first_on, Note("no_season_short", {"months": max(count, 0), "fewest": MINIMUM_MONTHS}))
    cells = _cells(known.filter(known.day < end), first_on)
    effects = _effects_of_months(cells) / _lengths(first_on, len(cells.buyers))  # per day: February is no bad month
    calendar = (first_on.month - 1 + np.arange(len(effects))) % 12
    return _judged(_returning(effects, calendar, cells.buyers), first_on)


def season_factor(season: Season, after: dt.date, horizon_days: int) -> float:
    """Mean factor of the `horizon_days` after `after`, each day counting alike; 1 is the yearly average."""
    return float(_of_days(season, after, np.arange(1, horizon_days + 1)).mean())


def season_shift(season: Season, as_of: dt.date, horizon_days: int) -> float:
    """By how much a forecast made at `as_of` should be too low, for season's sake, as a factor of sales to come.

    The coming term's factor over the root of the recent past's: a forecast follows the recent level about half-way.
    """
    ago = np.arange(4 * horizon_days)
    weight = 0.5 ** (ago / horizon_days)
    past = float((_of_days(season, as_of, -ago) * weight).sum() / weight.sum())
    return season_factor(season, as_of, horizon_days) / float(np.sqrt(past))


# --- inside -----------------------------------------------------------------------------------------------------------


class _Cells(NamedTuple):
    """Cohorts (months of first purchase) × months: capped sales, customers per cohort, returning buyers per month."""

    sales: Reals
    customers: Reals
    buyers: Reals


class _Returning(NamedTuple):
    """Logarithms of the twelve months' effects, and how much they explain beside chance."""

    log_months: Reals
    ratio: float  # F
    chance: float  # that noise alone gives as much


def _none(first_on: dt.date | None, reason: Note) -> Season:
    return Season((1.0,) * 12, False, first_on, (reason,))


def _cells(known: ibis.Table, first_on: dt.date) -> _Cells:
    month = (known.day.year() - first_on.year) * 12 + known.day.month() - first_on.month
    net = (known.standing_sales_jpy - known.returned_jpy).cast("float64")
    bought = known.mutate(month=month.cast("int64"), net_jpy=net, buys=known.standing_sales_jpy > 0)
    monthly = bought.group_by("customer_id", "month").agg(net_jpy=bought.net_jpy.sum(), buys=bought.buys.any())
    monthly = monthly.filter(monthly.buys & (monthly.net_jpy > 0))
    monthly = monthly.mutate(cohort=monthly.month.min().over(ibis.window(group_by="customer_id")))
    # A whole number, so that sums are the same to the bit whatever the order of rows.
    cap = round(monthly.net_jpy.quantile(CAPPED_SHARE).to_pyarrow().as_py() or 0)
    capped = monthly.mutate(net_jpy=ibis.least(monthly.net_jpy, ibis.literal(float(cap))))
    frame = capped.group_by("cohort", "month").agg(sales=capped.net_jpy.sum(), buyers=capped.count()).to_pandas()
    size = int(frame["month"].max()) + 1 if len(frame) else 1
    sales, buyers = np.zeros((size, size)), np.zeros((size, size))
    at = frame["cohort"].to_numpy(dtype=np.int64), frame["month"].to_numpy(dtype=np.int64)
    sales[at], buyers[at] = frame["sales"].to_numpy(dtype=np.float64), frame["buyers"].to_numpy(dtype=np.float64)
    unit = sales.sum() or 1.0
    return _Cells(sales / unit, buyers.diagonal().copy(), np.triu(buyers, 1).sum(axis=0))


def _effects_of_months(cells: _Cells) -> Reals:
    """Sales per customer in each month, had all cohorts and ages been alike; 0 where no known customer bought."""
    sales, customers, _ = cells
    age = np.arange(len(customers))[None, :] - np.arange(len(customers))[:, None]
    kind = np.maximum(np.where(age <= MONTHS_OF_AGE, age, MONTHS_OF_AGE + np.ceil((age - MONTHS_OF_AGE) / 12)), 0)
    kind = kind.astype(np.int64)
    there = ((age >= 1) & (customers[:, None] > 0)).astype(np.float64)
    known = sales * there
    exposed = customers[:, None] * there
    by_cohort, by_month = np.ones((len(customers), 1)), np.ones((1, len(customers)))
    for _ in range(ROUNDS):
        expected = exposed * by_cohort * by_month
        by_age = _ratio(_sums(kind, known), _sums(kind, expected))[kind]
        by_month = _ratio(known.sum(axis=0), (exposed * by_cohort * by_age).sum(axis=0))[None, :]
        by_cohort = _ratio(known.sum(axis=1), (exposed * by_month * by_age).sum(axis=1))[:, None]
    effects: Reals = by_month[0]
    return effects


def _lengths(first_on: dt.date, count: int) -> Reals:
    """Days of each of the `count` months from that of `first_on` on."""
    starts = np.datetime64(first_on, "M") + np.arange(count + 1)
    return np.diff(starts.astype("datetime64[D]")).astype(np.float64)


def _returning(effects: Reals, calendar: Wholes, buyers: Reals) -> _Returning | None:
    """Months of the year and a straight trend in the logarithm of `effects`, against the trend alone."""
    told = (effects > 0) & (buyers > 0)
    months, year = calendar[told], np.arange(len(effects))[told] / 12
    freedom = int(told.sum()) - 13
    if len(np.unique(months)) < 12 or freedom < 8:
        return None
    weight = np.sqrt(buyers[told] / (buyers[told] + FULL_WEIGHT_BUYERS))
    logs = np.log(effects[told]) * weight
    of_month = (months[:, None] == np.arange(12)).astype(np.float64)
    _, without = _least_squares(np.column_stack([np.ones(len(year)), year]), logs, weight)
    slopes, rest = _least_squares(np.column_stack([of_month, year]), logs, weight)
    ratio = ((without - rest) / 11) / max(rest / freedom, 1e-12)
    return _Returning(slopes[:12] - slopes[:12].mean(), ratio, float(f_distribution.sf(ratio, 11, freedom)))


def _judged(returning: _Returning | None, first_on: dt.date) -> Season:
    if returning is None:
        return _none(first_on, Note("no_season_few_buyers"))
    if returning.chance > CHANCE:
        return _none(first_on, Note("no_season_chance", {"chance": returning.chance}))
    factors = np.exp(returning.log_months * (1 - 1 / returning.ratio))
    factors /= factors.mean()
    months = tuple(float(value) for value in factors)
    note = Note("season", {"lowest": min(months), "highest": max(months), "f_ratio": returning.ratio})
    return Season(months, True, first_on, (note,))


def _of_days(season: Season, start: dt.date, offsets: Wholes) -> Reals:
    days = np.datetime64(start, "D") + offsets
    month: Reals = np.asarray(season.months)[days.astype("datetime64[M]").astype(np.int64) % 12]
    return month


def _least_squares(columns: Reals, logs: Reals, weight: Reals) -> tuple[Reals, float]:
    weighted = columns * weight[:, None]
    slopes: Reals = np.linalg.lstsq(weighted, logs, rcond=None)[0].astype(np.float64)
    return slopes, float(((logs - weighted @ slopes) ** 2).sum())


def _sums(kind: Wholes, values: Reals) -> Reals:
    return np.bincount(kind.ravel(), values.ravel()).astype(np.float64)


def _ratio(numerator: Reals, denominator: Reals) -> Reals:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
