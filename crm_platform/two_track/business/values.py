"""What each customer is worth on both tracks (定期＋都度のLTV, 000:39-47, R35).

The LTV has a subscription and a one-off part, and the two add to it to the yen for every customer. Bulk sales
(まとめ売り) are bought by a discount and are no one-off sales (000:41-43, R24): they stand beside it, and LTV +
bulk = 売上.
"""

from __future__ import annotations

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.tables import Fault
from crm_platform.two_track.turns import customer_states

SUBSCRIPTION, ONE_OFF, BULK = "subscription_sales_jpy", "one_off_sales_jpy", "bulk_sales_jpy"


def two_track_values(
    customer_months: ibis.Table, forecasts: ibis.Table, subscriptions: ibis.Table, *, is_inferred: bool
) -> ibis.Table:
    """TWO_TRACK_VALUES: one row per customer of `forecasts`, that is everyone known at the as-of date.

    Args:
        customer_months: CUSTOMER_MONTHS of all months up to the as-of date.
        forecasts: FORECASTS at that date. Its one-off part holds bulk sales, too; they are taken out by the customer's
            own share of bulk in both, or by everyone's where the customer has bought neither.
        subscriptions: SUBSCRIPTIONS at that date.
        is_inferred: too few one-off buyers for a model of the client's own: no one-off sales are foreseen (R36).
    """
    known = forecasts.left_join(past_sales(customer_months), "customer_id", rname="{name}_past")
    known = known.left_join(customer_states(subscriptions), "customer_id", rname="{name}_state")
    past = {name: known[name].fill_null(0) for name in (SUBSCRIPTION, ONE_OFF, BULK)}
    foreseen = _foreseen(known, past, is_inferred)
    both = past[SUBSCRIPTION] + past[ONE_OFF]
    ltv = both + foreseen[f"foreseen_{SUBSCRIPTION}"] + foreseen[f"foreseen_{ONE_OFF}"].fill_null(0)
    return known.select(
        "customer_id",
        **past,
        **foreseen,
        subscription_state=known.subscription_state.fill_null("never"),
        has_bought_one_off=known.one_off_orders.fill_null(0) > 0,
        two_track_sales_jpy=both,
        sales_jpy=known.sales_jpy.fill_null(0),
        two_track_ltv_jpy=ltv,
    )


def conservation_faults(values: pa.Table, customer_months: ibis.Table) -> list[Fault]:
    """A fault per rule that TWO_TRACK_VALUES breaks: parts that do not add up for a customer, or yen that got lost."""
    parts = {
        "two_track_sales_jpy": pc.add(values[SUBSCRIPTION], values[ONE_OFF]),
        "sales_jpy": pc.add(values["two_track_sales_jpy"], values[BULK]),
        "two_track_ltv_jpy": pc.add(
            values["two_track_sales_jpy"],
            pc.add(values[f"foreseen_{SUBSCRIPTION}"], pc.fill_null(values[f"foreseen_{ONE_OFF}"], 0)),
        ),
    }
    faults = []
    for name, added in parts.items():
        wrong = values["customer_id"].filter(pc.not_equal(values[name], added)).to_pylist()
        if wrong:
            faults.append(Fault(name, "is the sum of its parts", len(wrong), tuple(wrong[:3])))
    sums = customer_months.agg(jpy=customer_months.sales_jpy.cast("float64").sum().cast("int64")).to_pyarrow()
    sold, held = sums["jpy"][0].as_py() or 0, pc.sum(values["sales_jpy"]).as_py() or 0
    if sold != held:
        faults.append(Fault("sales_jpy", "sums to the order lines", 1, (f"{held} instead of {sold}",)))
    return faults


def past_sales(customer_months: ibis.Table) -> ibis.Table:
    """Per customer: 売上 in all and of each kind, and one-off orders, over the given months."""
    names = ("sales_jpy", SUBSCRIPTION, ONE_OFF, BULK, "one_off_orders")
    return customer_months.group_by("customer_id").agg(
        **{name: customer_months[name].cast("float64").sum().cast("int64") for name in names}
    )


def _foreseen(known: ibis.Table, past: dict[str, ibis.Value], is_inferred: bool) -> dict[str, ibis.Value]:
    """The six months to come in whole yen, part by part, so that the parts add up."""
    nothing = ibis.null("int64")
    one_off, bulk = (ibis.greatest(past[name], 0).cast("float64") for name in (ONE_OFF, BULK))
    everyone = bulk.sum().over() / (one_off.sum().over() + bulk.sum().over()).nullif(0)
    bulk_share = (bulk / (one_off + bulk).nullif(0)).fill_null(everyone).fill_null(0.0)
    rest = known.expected_one_off_sales_jpy.round().cast("int64")
    of_bulk = (known.expected_one_off_sales_jpy * bulk_share).round().cast("int64")
    return {
        f"foreseen_{SUBSCRIPTION}": known.expected_subscription_sales_jpy.round().cast("int64"),
        f"foreseen_{ONE_OFF}": nothing if is_inferred else rest - of_bulk,
        f"foreseen_{BULK}": nothing if is_inferred else of_bulk,
    }
