"""What was planted, and how large it came out in the drawn data: for those who look for it in the deliveries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.arrivals import in_broken_cohort, in_declined_group, is_declining
from crm_platform.demo.contracts import NEVER, STOP
from crm_platform.demo.drawn import Drawn
from crm_platform.demo.draws import Flags
from crm_platform.demo.house import (
    BROKEN_COHORT_FACTOR,
    BROKEN_COHORT_FROM_MONTHS,
    BROKEN_COHORT_MONTHS,
    CANCELLED_RATE,
    DECLINED_FACTOR,
    DECLINED_FROM_MONTHS,
    DECLINED_SEX,
    DECLINED_STOP_FACTOR,
    FALLING_CATEGORY,
    LAPSE_POINT_HAZARD,
    LAPSE_POINT_ORDER,
    PLANTED_PAIR,
    PRODUCTS,
    RETURNED_RATE,
    RISING_CATEGORY,
    SEASON,
    STOP_HAZARD,
)
from crm_platform.demo.masters import CLIENT_RANKS, RANK_BLIND_TO
from crm_platform.demo.placements import WORST_CHANNEL
from crm_platform.demo.plant_sizes import (
    broken_cohort_retention_rate,
    client_rank_gini,
    declined_repeat_rate,
    lapse_point_excess_rate,
    pair_lift,
    slope_jpy_per_year,
    worst_channel_f2_rate,
)

_SECOND_WITHIN_DAYS = 180
_RECENT_DAYS = 182
_YEAR_MONTHS = 12


def planted_facts(drawn: Drawn) -> dict[str, Any]:
    """Every plant with its numbers; counts, rates and yen are those of the drawn order lines as known on the last day.

    A repeat rate is the share of customers who bought on a second day within 180 days of their arrival, of those who
    arrived at least as long before the last day; None where nobody did. `size` is the plant in the measure of the
    question that looks for it (`plant_sizes`), named in `size_is`.
    """
    return {
        "stop_hazard_after_delivery": [float(hazard) for hazard in STOP_HAZARD],
        "season_index_by_month": [float(index) for index in SEASON],
        "cancelled_order_rate": CANCELLED_RATE,
        "returned_order_rate": RETURNED_RATE,
        "products_bought_together": [PRODUCTS[position].product_id for position in PLANTED_PAIR],
        "pair": _pair(drawn),
        "lapse_point": _lapse_point(drawn),
        "client_rank": _client_rank(drawn),
        "series": _series(drawn),
        **_groups_of_arrivals(drawn),
    }


def _sized(size_is: str, size: float | None) -> dict[str, Any]:
    return {"size_is": size_is, "size": None if size is None else round(size, 6)}


def _pair(drawn: Drawn) -> dict[str, Any]:
    """Standing orders with each product of the pair and with both."""
    lines = drawn.tables["order_lines"]
    first, second = (PRODUCTS[position].product_id for position in PLANTED_PAIR)
    standing = lines.filter(pc.greater(lines["sales_jpy"], 0))
    holders = [standing.filter(pc.equal(standing["product_id"], name))["order_id"].unique() for name in (first, second)]
    both = pc.sum(pc.is_in(holders[0], holders[1])).as_py() or 0
    return {"first_orders": len(holders[0]), "second_orders": len(holders[1]), "orders_of_both": both,
            **_sized("lift_of_a_day_12m", pair_lift(drawn))}  # fmt: skip


def _lapse_point(drawn: Drawn) -> dict[str, Any]:
    """Subscribers who had their n-th order by subscription, and who stopped after it, around the lapse point."""
    before, deliveries, events = drawn.contracts.orders_before, drawn.history.deliveries, drawn.history.events
    order_no = deliveries.number + before[deliveries.contract]
    stop = events.event == STOP
    stopped_after = (events.after_delivery + before[events.contract])[stop]
    orders = range(1, 2 * LAPSE_POINT_ORDER)
    reached, stopped = ([int((values == n).sum()) for n in orders] for values in (order_no, stopped_after))
    return {
        "order": LAPSE_POINT_ORDER,
        "hazard": LAPSE_POINT_HAZARD,
        "subscribers_by_order": reached,
        "stopped_by_order": stopped,
        **_sized("never_back_above_neighbours_rate", lapse_point_excess_rate(drawn)),
    }


def _client_rank(drawn: Drawn) -> dict[str, Any]:
    """The tenth who bought most in the last six months, and how many of them the house ranks C or D."""
    customers = drawn.tables["customers"]
    sales_jpy = drawn.sales_since_jpy(drawn.calendar.last_day - _RECENT_DAYS)
    best = np.argsort(-sales_jpy, kind="stable")[: max(customers.num_rows // 10, 1)]
    ranks = np.asarray(customers["client_rank"].to_pandas())[best]
    missed = best[np.isin(ranks, CLIENT_RANKS[:2])]
    return {
        "blind_to": RANK_BLIND_TO,
        "best_customers": len(best),
        "best_sales_6m_jpy": int(sales_jpy[best].sum()),
        "missed_customers": len(missed),
        "missed_sales_6m_jpy": int(sales_jpy[missed].sum()),
        **_sized("rank_gini_6m", client_rank_gini(drawn)),
    }


def _series(drawn: Drawn) -> dict[str, Any]:
    """売上 of the rising and of the falling product group in each year of the demo, the last one maybe not whole."""
    lines, calendar = drawn.tables["order_lines"], drawn.calendar
    names = pa.array([product.product_id for product in PRODUCTS])
    position = np.asarray(pc.index_in(lines["product_id"], names))
    months = [calendar.day_of(calendar.first_month.plus(n)) for n in range(0, calendar.months, _YEAR_MONTHS)]
    year = np.searchsorted(months, drawn.day, side="right") - 1
    sales_jpy = drawn.sales_jpy
    found = {}
    for name, category in (("rising", RISING_CATEGORY), ("falling", FALLING_CATEGORY)):
        inside = np.array([product.category == category for product in PRODUCTS])[position]
        yearly = [int(sales_jpy[inside & (year == number)].sum()) for number in range(len(months))]
        size = _sized("slope_jpy_per_year", slope_jpy_per_year(drawn, inside))
        found[name] = {"category": category, "sales_jpy_by_year": yearly, **size}
    return found


def _groups_of_arrivals(drawn: Drawn) -> dict[str, Any]:
    """The declined group, the worst channel and the broken cohort: size, and repeat rate beside all others'."""
    arrivals, calendar = drawn.arrivals, drawn.calendar
    first_month = calendar.first_month
    worst = drawn.channel == WORST_CHANNEL
    declined = in_declined_group(arrivals.day, arrivals.sex, calendar)
    before = is_declining(arrivals.sex) & ~declined
    broken = in_broken_cohort(arrivals.day, calendar)
    repeats = _repeated(drawn)
    mature = arrivals.day <= calendar.last_day - _SECOND_WITHIN_DAYS

    def beside(group: Flags, others: Flags, others_name: str) -> dict[str, Any]:
        return {
            "customers": int(group.sum()),
            "repeat_rate": _rate(repeats[group & mature]),
            f"repeat_rate_{others_name}": _rate(repeats[others & mature]),
        }

    return {
        "declined_group": {
            "sex": DECLINED_SEX,
            "from_month": str(first_month.plus(DECLINED_FROM_MONTHS)),
            "quality_factor": DECLINED_FACTOR,
            "stop_hazard_factor": DECLINED_STOP_FACTOR,
            **beside(declined, before, "before"),
            **_sized("half_year_repeat_rate", declined_repeat_rate(drawn)),
        },
        "worst_channel": {
            "channel": WORST_CHANNEL,
            **beside(worst, ~worst, "others"),
            **_sized("f2_rate_12m", worst_channel_f2_rate(drawn)),
        },
        "broken_cohort": {
            "first_month": str(first_month.plus(BROKEN_COHORT_FROM_MONTHS)),
            "last_month": str(first_month.plus(BROKEN_COHORT_FROM_MONTHS + BROKEN_COHORT_MONTHS - 1)),
            "quality_factor": BROKEN_COHORT_FACTOR,
            **beside(broken, ~broken, "others"),
            **_sized("retention_rate_6m", broken_cohort_retention_rate(drawn)),
        },
    }


def _repeated(drawn: Drawn) -> Flags:
    """Whether each customer bought on a second day within 180 days of the arrival."""
    bought = drawn.purchase_days
    second = np.full(len(drawn.arrivals.day), NEVER, dtype=np.int64)
    second[bought.customer[bought.number == 2]] = bought.day[bought.number == 2]
    return np.asarray(second <= drawn.arrivals.day + _SECOND_WITHIN_DAYS, dtype=np.bool_)


def _rate(flags: Flags) -> float | None:
    return round(float(flags.mean()), 6) if len(flags) else None
