"""How long a unit of a product lasts (使用日数): what the master says, beside what repeat purchases tell (R107)."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.tables.contact_dates import PRODUCT_SUPPLY

SURE_ERRORS = 3.0  # so many standard errors off, the repeats contradict the master
_MEDIAN_ERROR_PER_QUARTILE_RANGE = 0.9291  # standard error of a median is this × (Q3 − Q1) ÷ √n: 1.2533 ÷ 1.3490
_PAIR = ["customer_id", "product_id"]
_GAP = {"customer_id": "string", "product_id": "string", "gap_days": "int64", "units": "int64"}


def product_supply(
    product_months: ibis.Table,
    subscription_deliveries: ibis.Table,
    products: ibis.Table,
    *,
    longest_gap_days: int,
    least_repeats: int,
) -> pa.Table:
    """PRODUCT_SUPPLY: median and quartiles of gap ÷ units over the repeats of each product, beside the master's days.

    Args:
        product_months: CUSTOMER_PRODUCT_MONTHS up to the day (standing lines only).
        subscription_deliveries: SUBSCRIPTION_DELIVERIES of the same months.
        products: PRODUCTS.
        longest_gap_days: beyond it the customer had left and came back, which says nothing of the product.
        least_repeats: repeats below which nothing is learned of a product.
    """
    repeats = repeat_gaps(product_months, subscription_deliveries, longest_gap_days)
    learned = _quartiles(repeats, least_repeats)
    supply = products.filter(~_.is_gift.fill_null(False)).select("product_id", master_days=_.supply_days)
    gifts = products.filter(_.is_gift.fill_null(False))
    rows = supply.outer_join(learned.anti_join(gifts, "product_id"), "product_id")
    rows = rows.mutate(product_id=ibis.coalesce(_.product_id, _.product_id_right))
    rows = rows.filter(_.master_days.notnull() | _.learned_repeats.notnull())
    return PRODUCT_SUPPLY.cast(_judged(rows).select(*PRODUCT_SUPPLY.names).to_pyarrow())


def repeat_gaps(product_months: ibis.Table, subscription_deliveries: ibis.Table, longest_gap_days: int) -> ibis.Table:
    """A row per repeat: product_id, customer_id, unit_days (gap to the next ÷ units of the former, whole days).

    What a subscription delivers to a customer is told by its own deliveries, so that a course or a term plan of three
    units every 90 days counts as it runs; all else by the days on which the customer bought the product.
    """
    delivered = subscription_deliveries.filter(_.stands & (_.quantity > 0))
    bought = product_months.anti_join(delivered.select(*_PAIR).distinct(), _PAIR)
    told = (_between_months(bought), _within_months(bought), _between_deliveries(delivered))
    gaps = ibis.union(*(part.cast(_GAP) for part in told))
    known = gaps.filter((_.gap_days > 0) & (_.gap_days <= longest_gap_days))
    unit_days = (known.gap_days / known.units).round().cast("int64")
    return known.select("product_id", "customer_id", unit_days=ibis.greatest(unit_days, 1))


def _between_months(bought: ibis.Table) -> ibis.Table:
    """From the last purchase of a month to the first of the customer's next month with the product."""
    in_order = ibis.window(group_by=_PAIR, order_by="month")
    following = bought.mutate(next_on=_.first_purchased_on.lead(1).over(in_order)).filter(_.next_on.notnull())
    gap_days = following.next_on.delta(following.last_purchased_on, unit="day").cast("int64")
    return following.select(*_PAIR, gap_days=gap_days, units=following.last_quantity)


def _within_months(bought: ibis.Table) -> ibis.Table:
    """From the first to the last purchase of a month; the last one's units are not used up by then."""
    several = bought.filter((_.last_purchased_on > _.first_purchased_on) & (_.quantity > _.last_quantity))
    gap_days = several.last_purchased_on.delta(several.first_purchased_on, unit="day").cast("int64")
    return several.select(*_PAIR, gap_days=gap_days, units=several.quantity - several.last_quantity)


def _between_deliveries(delivered: ibis.Table) -> ibis.Table:
    """From a delivery of a subscription to its next of the same product."""
    in_order = ibis.window(group_by="subscription_id", order_by=[delivered.ordered_on, delivered.order_id])
    following = delivered.mutate(
        next_on=delivered.ordered_on.lead(1).over(in_order), next_product_id=delivered.product_id.lead(1).over(in_order)
    ).filter(_.next_product_id == _.product_id)
    gap_days = following.next_on.delta(following.ordered_on, unit="day").cast("int64")
    return following.select(*_PAIR, gap_days=gap_days, units=following.quantity)


def _quartiles(repeats: ibis.Table, least_repeats: int) -> ibis.Table:
    """Per product the quartiles of `unit_days`: the smallest value that such a share of the repeats does not exceed.

    Null below `least_repeats`.
    """
    counts = repeats.group_by("product_id", "unit_days").agg(number=_.count())
    upwards = ibis.window(group_by="product_id", order_by="unit_days", preceding=None, following=0)
    placed = counts.mutate(
        reached=_.number.sum().over(upwards), total=_.number.sum().over(ibis.window(group_by="product_id"))
    )
    shares = {"learned_low_days": 0.25, "learned_days": 0.5, "learned_high_days": 0.75}
    quartiles = placed.group_by("product_id").agg(
        learned_repeats=_.number.sum(),
        **{
            name: placed.unit_days.min(where=(placed.reached >= placed.total * share) & (placed.total >= least_repeats))
            for name, share in shares.items()
        },
    )
    people = repeats.group_by("product_id").agg(learned_customers=_.customer_id.nunique())
    return quartiles.inner_join(people, "product_id")


def _judged(rows: ibis.Table) -> ibis.Table:
    """`rows` with the days in force, and whether the repeats contradict the master.

    They do where the master lies outside the quartiles and further from the median than chance among as many customers.
    """
    error = (
        (rows.learned_high_days - rows.learned_low_days)
        * _MEDIAN_ERROR_PER_QUARTILE_RANGE
        / rows.learned_customers.cast("float64").sqrt()
    )
    off_days = (rows.master_days - rows.learned_days).abs()
    is_outside = ~rows.master_days.between(rows.learned_low_days, rows.learned_high_days)
    return rows.mutate(
        repeats=rows.learned_repeats.fill_null(0),
        customers=rows.learned_customers.fill_null(0),
        supply_days=ibis.coalesce(rows.master_days, rows.learned_days),
        supply_source=ibis.cases(
            (rows.master_days.notnull(), "product_master"), (rows.learned_days.notnull(), "learned")
        ),
        contradicts_master=(is_outside & (off_days > SURE_ERRORS * error)).fill_null(False),
    )
