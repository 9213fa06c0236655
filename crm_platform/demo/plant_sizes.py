"""How large each plant is in the measure of the question that looks for it, counted from the drawn order lines.

Nothing here is the diagnosis's own code: what both say of one house must agree, and what the same house says with many
more customers must lie in the diagnosis's interval. A size is None where the house is too young or small to have it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.arrivals import SUBSCRIPTION, in_broken_cohort, is_declining
from crm_platform.demo.drawn import Drawn
from crm_platform.demo.draws import Flags, Real, Whole
from crm_platform.demo.house import LAPSE_POINT_ORDER, PLANTED_PAIR, PRODUCTS
from crm_platform.demo.masters import CLIENT_RANKS
from crm_platform.demo.placements import WORST_CHANNEL

_SECOND_WITHIN_DAYS = 180
_SILENT_DAYS = 240
_RETENTION_MONTHS = 6
_HALF_YEAR_MONTHS, _YEAR_MONTHS, _MOST_YEARS = 6, 12, 5


def pair_lift(drawn: Drawn) -> float | None:
    """How many times as often as by chance a day's purchases hold both, in the last twelve months."""
    lines = drawn.tables["order_lines"]
    position = np.asarray(pc.index_in(lines["product_id"], pa.array([product.product_id for product in PRODUCTS])))
    is_gift = np.array([product.is_gift for product in PRODUCTS])
    stands = np.isin(np.asarray(lines["status"].to_pandas()), ("ordered", "shipped")) & ~is_gift[position]
    inside = stands & (drawn.day >= _first_day(drawn, _YEAR_MONTHS))
    baskets = drawn.customer * (drawn.calendar.last_day + 1) + drawn.day
    first, second = (np.unique(baskets[inside & (position == product)]) for product in PLANTED_PAIR)
    both = len(np.intersect1d(first, second))
    return both * len(np.unique(baskets[inside])) / (len(first) * len(second)) if both else None


def worst_channel_f2_rate(drawn: Drawn) -> float | None:
    """F2 within 180 days of those whom the worst channel brought in the last year of months that have them behind."""
    bought, calendar = drawn.purchase_days, drawn.calendar
    first, second = _day_of_purchase(drawn, 1), _day_of_purchase(drawn, 2)
    month = _month_of(drawn, first)
    settled = int(_month_of(drawn, np.array([calendar.last_day - _SECOND_WITHIN_DAYS + 1]))[0]) - 1
    inside = (first <= bought.day.max(initial=0)) & (month <= settled) & (month > settled - _YEAR_MONTHS)
    chosen = inside & (drawn.channel == WORST_CHANNEL)
    return _share(second[chosen] - first[chosen] <= _SECOND_WITHIN_DAYS)


def broken_cohort_retention_rate(drawn: Drawn) -> float | None:
    """Of the broken cohort, the mean share of the six months after the first purchase in which a customer bought."""
    bought, first = drawn.purchase_days, _day_of_purchase(drawn, 1)
    members = in_broken_cohort(first, drawn.calendar)
    last_month = int(_month_of(drawn, np.array([drawn.calendar.last_day]))[0])
    month = _month_of(drawn, first)
    if not members.any() or month[members].max() + _RETENTION_MONTHS > last_month:
        return None
    age = _month_of(drawn, bought.day) - month[bought.customer]
    counted = members[bought.customer] & (age >= 1) & (age <= _RETENTION_MONTHS)
    months = np.unique(bought.customer[counted] * (_RETENTION_MONTHS + 1) + age[counted])
    return len(months) / (int(members.sum()) * _RETENTION_MONTHS)


def lapse_point_excess_rate(drawn: Drawn) -> float | None:
    """Of those who began with a subscription, the share who never came back after the lapse point's purchase.

    Less the mean of the same share after the purchases before and after it; of purchases 240 days ago or more.
    """
    bought, last_day = drawn.purchase_days, drawn.calendar.last_day
    counted = (drawn.arrivals.entry == SUBSCRIPTION)[bought.customer] & (bought.day <= last_day - _SILENT_DAYS)
    before, at, after = (
        _share(bought.is_last[counted & (bought.number == LAPSE_POINT_ORDER + step)]) for step in (-1, 0, 1)
    )
    return None if before is None or at is None or after is None else at - (before + after) / 2


def declined_repeat_rate(drawn: Drawn) -> float | None:
    """Of the declining sex's buyers of the half-year before last, who bought in the last one."""
    bought, members = drawn.purchase_days, is_declining(drawn.arrivals.sex)
    last, former = (_first_day(drawn, months) for months in (_HALF_YEAR_MONTHS, 2 * _HALF_YEAR_MONTHS))
    now, then = (np.zeros(len(members), dtype=np.bool_) for _ in range(2))
    now[bought.customer[bought.day >= last]] = True
    then[bought.customer[(bought.day >= former) & (bought.day < last)]] = True
    return _share(now[then & members])


def client_rank_gini(drawn: Drawn) -> float | None:
    """How well today's rank orders the last half-year's sales of those who had bought by then; 1 orders them all."""
    since = _first_day(drawn, _HALF_YEAR_MONTHS)
    known = _day_of_purchase(drawn, 1) < since
    sales_jpy = drawn.sales_since_jpy(since - 1)[known]
    ranks = np.asarray(drawn.tables["customers"]["client_rank"].to_pandas())[known]
    place = np.array([CLIENT_RANKS.index(rank) for rank in ranks], dtype=np.int64)
    best = _concentration(np.unique(sales_jpy, return_inverse=True)[1], sales_jpy) if known.any() else 0.0
    return _concentration(place, sales_jpy) / best if best > 0 else None


def slope_jpy_per_year(drawn: Drawn, inside: Flags) -> float | None:
    """The yearly rise of the least-squares line through 売上 of the whole years up to the last day, five at most."""
    years = min(drawn.calendar.months // _YEAR_MONTHS, _MOST_YEARS)
    if years < 2:
        return None
    starts = [_first_day(drawn, _YEAR_MONTHS * back) for back in range(years, 0, -1)]
    year = np.searchsorted(starts, drawn.day, side="right") - 1
    yearly = [float(drawn.sales_jpy[inside & (year == number)].sum()) for number in range(years)]
    return float(np.polynomial.polynomial.polyfit(np.arange(years), yearly, 1)[1])


def _first_day(drawn: Drawn, months: int) -> int:
    """The first day of the last so many months; may lie before the first."""
    return drawn.calendar.day_of(drawn.calendar.last_month.plus(1 - months))


def _day_of_purchase(drawn: Drawn, number: int) -> Whole:
    """The day of each customer's n-th purchase; far beyond the last day where there is none."""
    bought = drawn.purchase_days
    found = np.full(len(drawn.arrivals.day), 2 * drawn.calendar.last_day + _SECOND_WITHIN_DAYS + 2, dtype=np.int64)
    chosen = bought.number == number
    found[bought.customer[chosen]] = bought.day[chosen]
    return found


def _month_of(drawn: Drawn, day: Whole) -> Whole:
    """The calendar month of each day as a count."""
    days = (day + drawn.calendar.epoch_offset_days).astype("datetime64[D]")
    return days.astype("datetime64[M]").astype(np.int64)


def _concentration(order: Whole, sales_jpy: Real) -> float:
    """Mean of (rank share − ½) · sales, the lowest first and ties at their mean."""
    counts = np.bincount(order)
    share = (np.cumsum(counts) - counts / 2) / len(order) - 0.5
    return float((share[order] * sales_jpy).mean())


def _share(flags: Flags) -> float | None:
    return float(flags.mean()) if len(flags) else None
