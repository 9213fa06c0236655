"""What other clients' subscribers buy one-off: reference cases for a client with too few such buyers (他社事例, R36).

A client that opted in (`[two_track] share_parameters`) gives four rounded rates, three traits and about how many
subscribers stand behind them: no row, no name and no amount of money can be put in. A case is comparable where it sells
a kind of goods that the client sells, too, its cycle is at most twice as long or half as long, and its price level is
at most one band away. At least three comparable cases are asked for, from which no single one can be read.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import nct, norm

from crm_platform.clients.two_track_settings import KINDS_OF_GOODS, TwoTrackSettings
from crm_platform.diagnosis.estimates import mean
from crm_platform.refusals import Refused
from crm_platform.tables.targets import SUBSCRIPTION_STATES as STATES
from crm_platform.two_track.business.subscriber_year import SubscriberYear

LEAST_CASES = 3  # a mean and a spread do not tell three others apart
LEAST_SUBSCRIBERS = 1_000  # of each state behind a case
LEAST_BUYERS = 50  # of each state
PRICE_BANDS_JPY = (2_000, 4_000, 8_000, 16_000)  # between which a subscription order lies: a band, no amount
MOST_CYCLE_FACTOR, MOST_BANDS_AWAY = 2.0, 1
_RATES = ("continuing_rate", "stopped_rate")
_SPENDING = ("continuing_orders_worth", "stopped_orders_worth")
_SURE = 0.95


@dataclass(frozen=True)
class ReferenceCase:
    """What a client shares.

    `<state>_rate`: share of subscribers who buy one-off in a year; `<state>_orders_worth`: what such a buyer spends on
    it in the year, in subscription orders.

    Raises:
        ValueError: anything but numbers in their bounds and kinds of KINDS_OF_GOODS.
    """

    kinds_of_goods: tuple[str, ...]
    cycle_days: float
    price_band: int
    continuing_rate: float
    stopped_rate: float
    continuing_orders_worth: float
    stopped_orders_worth: float
    subscribers: int

    def __post_init__(self) -> None:
        """Refuse what is no such number: a text, a list of rows, a name; round what is."""
        if not self.kinds_of_goods or any(kind not in KINDS_OF_GOODS for kind in self.kinds_of_goods):
            raise ValueError("the kinds of goods must be of the fixed list")
        if type(self.price_band) is not int or not 0 <= self.price_band <= len(PRICE_BANDS_JPY):
            raise ValueError("the price band must be a whole number in its bounds")
        object.__setattr__(self, "kinds_of_goods", tuple(sorted(set(self.kinds_of_goods))))
        for name in ("cycle_days", *_RATES, *_SPENDING, "subscribers"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
                raise ValueError(f"the parameter {name} must be a finite number above 0")
            if name in _RATES and value >= 1:
                raise ValueError(f"the parameter {name} must be below 1")
            object.__setattr__(self, name, _rounded(value, 2 if name in (*_RATES, *_SPENDING) else 1))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**dataclasses.asdict(self), "kinds_of_goods": list(self.kinds_of_goods)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ReferenceCase:
        """Read what `to_json` wrote; ValueError where there is anything else in it."""
        if set(value) != {field.name for field in dataclasses.fields(cls)}:
            raise ValueError("a reference case holds the numbers of ReferenceCase and nothing else")
        return cls(**{**value, "kinds_of_goods": tuple(value["kinds_of_goods"])})


@dataclass(frozen=True)
class Reference:
    """What comparable cases together say: mean rates, and the logarithms of one-off sales of a year.

    `rates` are geometric means of both `_rate` and both `_orders_worth`; the median of three would be one client's own.
    """

    cases: int
    rates: Mapping[str, float]
    log_sales_mean: float
    log_sales_spread: float

    def sales_jpy(self, share: float) -> tuple[float, float, float]:
        """One-off sales of a year that `share` of such clients would not reach, with its 95 % interval.

        The interval is exact for normal logarithms: (x̄ − ξ) √n / s has a noncentral t distribution.
        """
        z, n = float(norm.ppf(share)), self.cases
        error = self.log_sales_spread / math.sqrt(n)
        low, high = (
            self.log_sales_mean - float(nct.ppf(end, n - 1, -z * math.sqrt(n))) * error
            for end in ((1 + _SURE) / 2, (1 - _SURE) / 2)
        )
        middle = self.log_sales_mean + z * self.log_sales_spread
        return math.exp(middle), math.exp(low), math.exp(high)


def price_band(subscription_order_jpy: float) -> int:
    """The price level of a client as a band, 0 the lowest."""
    return bisect(PRICE_BANDS_JPY, subscription_order_jpy)


def lent_case(year: SubscriberYear | None, settings: TwoTrackSettings) -> ReferenceCase | None:
    """What a client with this year may lend; None where it does not share or stands on too little itself.

    Nor does a client lend whose files give its subscriptions no sales: what it sells has no order to be measured in.
    """
    if year is None or not settings.share_parameters or not settings.kinds_of_goods or year.subscription_order_jpy <= 0:
        return None
    numbers: dict[str, float] = {}
    for state in STATES:
        cells = year.of_state(state)
        seen, buyers = sum(cell.subscribers for cell in cells), sum(cell.buyers for cell in cells)
        spent = mean(sum(cell.sales_jpy for cell in cells), sum(cell.squares for cell in cells), buyers)
        if seen < LEAST_SUBSCRIBERS or buyers < LEAST_BUYERS or buyers >= seen or spent is None or spent.value <= 0:
            return None
        numbers[f"{state}_rate"] = buyers / seen
        numbers[f"{state}_orders_worth"] = spent.value / year.subscription_order_jpy
    return ReferenceCase(
        kinds_of_goods=settings.kinds_of_goods,
        cycle_days=year.cycle_days,
        price_band=price_band(year.subscription_order_jpy),
        subscribers=sum(cell.subscribers for cell in year.cells),
        **numbers,
    )


def is_comparable(case: ReferenceCase, year: SubscriberYear, settings: TwoTrackSettings) -> bool:
    """Whether a case sells a kind of goods of the client's, in a like cycle and at a like price level."""
    factor = max(case.cycle_days / year.cycle_days, year.cycle_days / case.cycle_days)
    bands = abs(case.price_band - price_band(year.subscription_order_jpy))
    return (
        bool(set(case.kinds_of_goods) & set(settings.kinds_of_goods))
        and factor <= MOST_CYCLE_FACTOR
        and bands <= MOST_BANDS_AWAY
    )


def reference_of(year: SubscriberYear, settings: TwoTrackSettings, others: Sequence[ReferenceCase]) -> Reference:
    """What the comparable of **other** clients' cases say of this client's subscribers.

    Raises:
        Refused: fewer than `LEAST_CASES` are comparable: nothing can be inferred (R37).
    """
    chosen = sorted((case for case in others if is_comparable(case, year, settings)), key=repr)
    if len(chosen) < LEAST_CASES:
        raise Refused(
            f"{len(chosen)} of {len(others)} reference cases are comparable, and an inference needs {LEAST_CASES}: "
            "a kind of goods in common, at most twice or half the cycle, a price level at most one band away.",
            "Agree with the client how to proceed before a two-track report is made; check [two_track] kinds_of_goods.",
            column="two_track.kinds_of_goods",
        )
    numbers = {name: np.array([getattr(case, name) for case in chosen]) for name in (*_RATES, *_SPENDING)}
    logs = np.log(_sales_with(numbers, year))
    return Reference(
        cases=len(chosen),
        rates={name: math.exp(float(np.log(values).mean())) for name, values in numbers.items()},
        log_sales_mean=float(np.sort(logs).mean()),
        log_sales_spread=float(np.sort(logs).std(ddof=1)),
    )


def _sales_with(numbers: Mapping[str, npt.NDArray[np.float64]], year: SubscriberYear) -> npt.NDArray[np.float64]:
    """One-off sales of a year, had this client's subscribers each case's rates, in its own subscription orders."""
    orders = sum(year.now(state) * numbers[f"{state}_rate"] * numbers[f"{state}_orders_worth"] for state in STATES)
    sales: npt.NDArray[np.float64] = np.maximum(orders * year.subscription_order_jpy, 1.0)
    return sales


def _rounded(value: float, digits: int) -> float:
    rounded = float(f"{value:.{digits - 1}e}")
    return int(rounded) if type(value) is int else rounded
