"""The score of every customer in a plain list of orders: what each is expected to do in the days to come."""

from __future__ import annotations

import datetime as dt
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform.forecast import fit_forecast, forecast_buyers
from crm_platform.refusals import Refused
from crm_platform.scoring.customer_days import ScoredDays, days_before
from crm_platform.scoring.order_columns import COLUMNS, Delivered, Orders, Source, typed_orders

SCORES = ("customer_id", "p_active", "expected_orders", "expected_sales", "sales_p10", "sales_p90", "lapse_risk")
LONGEST_HORIZON_DAYS = 3_650
_AMOUNTS = {"expected_sales": "expected_sales_jpy", "sales_p10": "sales_p10_jpy", "sales_p90": "sales_p90_jpy"}


def score_customers(orders: pd.DataFrame, as_of: dt.date, horizon_days: int) -> pd.DataFrame:
    """What each customer is expected to do in the `horizon_days` that begin with the day `as_of`.

    Only orders dated before `as_of` are read: the as-of day is the first day of the horizon, not the last day known.

    Args:
        orders: `customer_id` (text or whole numbers), `ordered_on` (dates or texts), `amount` (any one currency; a
            return is below 0). Several rows per order or day are added up; other columns and the order of rows do not
            matter.
        as_of: the first day of the horizon.
        horizon_days: how many days to look ahead, 1 to 3,650.

    Returns:
        One row per customer with an order or return before `as_of`, in order of `customer_id`, with
        `p_active` (probability that the customer has not stopped for good), `expected_orders` (days with a purchase),
        `expected_sales` (returns deducted), `sales_p10` and `sales_p90` (in eight of ten cases the sales lie between
        them), `lapse_risk` (probability of buying less than half of what the customer bought in as many days before
        `as_of`, or nothing where that was nothing). Amounts are in the currency of the orders. Nothing is missing or
        below 0. Who has returned but never bought is expected to buy nothing.

    Raises:
        Refused: a column is missing, a row cannot be relied on, or no order is dated before `as_of`.

    Example:
        Two customers bought monthly, one of them has been silent since March; a third bought once.

        >>> import datetime as dt
        >>> import pandas as pd
        >>> orders = pd.DataFrame(
        ...     {
        ...         "customer_id": ["0001"] * 6 + ["0002"] * 3 + ["0003"],
        ...         "ordered_on": [f"2025-{month:02}-10" for month in (1, 2, 3, 4, 5, 6, 1, 2, 3, 6)],
        ...         "amount": [3_000] * 9 + [12_000],
        ...     }
        ... )
        >>> scores = score_customers(orders, as_of=dt.date(2025, 7, 1), horizon_days=182)
        >>> scores["customer_id"].tolist()
        ['0001', '0002', '0003']
        >>> steady, silent = scores.loc[0], scores.loc[1]
        >>> bool(steady["p_active"] > silent["p_active"] and steady["lapse_risk"] < silent["lapse_risk"])
        True
    """
    return score_orders(orders_of(orders), as_of, horizon_days)


def score_orders(orders: Orders, as_of: dt.date, horizon_days: int) -> pd.DataFrame:
    """The same of orders that were read already."""
    as_of = _checked(orders, as_of, horizon_days)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")  # 12, with pandas 3 and duckdb 2
        scored = days_before(orders, as_of)
        model = fit_forecast(scored.days, as_of - dt.timedelta(days=1), int(horizon_days))
        bought = forecast_buyers(scored.days, model)
    scores = _of_all(scored, bought)
    return scores.sort_values("customer_id", kind="stable").reset_index(drop=True)


def orders_of(frame: pd.DataFrame) -> Orders:
    """The orders in a frame; Refused where a column is missing or a row cannot be relied on."""
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise Refused(f"the orders have no column {', '.join(missing)}.", f"Name their columns {', '.join(COLUMNS)}.")
    columns: dict[str, Delivered] = {}
    for name in COLUMNS:
        try:
            column = pa.array(frame[name], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise Refused(
                f"the values are of several kinds: {error}.", "Give all the same type.", column=name
            ) from error
        columns[name] = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    return typed_orders(columns, Source(None, lambda row: frame.index[row]))


# --- inside -----------------------------------------------------------------------------------------------------------


def _checked(orders: Orders, as_of: dt.date, horizon_days: int) -> dt.date:
    """`as_of` as a plain date; Refused where there is nothing to score or no horizon."""
    as_of = as_of.date() if isinstance(as_of, dt.datetime) else as_of
    if not 1 <= horizon_days <= LONGEST_HORIZON_DAYS:
        raise Refused(f"the horizon is {horizon_days} days.", f"Ask for 1 to {LONGEST_HORIZON_DAYS:,} days.")
    if not len(orders.ordered_on):
        raise Refused("there are no orders.", "Give at least one.")
    first = orders.ordered_on.min().astype(dt.date)
    if as_of <= first:
        raise Refused(
            f"no order is dated before the as-of day {as_of}; the first is of {first}.",
            "Choose a later as-of day: only orders before it are read.",
        )
    return as_of


def _of_all(scored: ScoredDays, bought: pd.DataFrame) -> pd.DataFrame:
    """The scores of every customer known, under their own names and in their own currency."""
    count = len(scored.customer_ids)
    place = bought["customer_id"].astype("int64").to_numpy()
    columns = {name: np.zeros(count) for name in SCORES[1:]}
    columns["lapse_risk"] += 1.0  # who never bought buys nothing
    for name, values in columns.items():
        values[place] = bought[_AMOUNTS.get(name, name)].to_numpy(dtype=np.float64)
    for name in _AMOUNTS:
        columns[name] *= scored.unit
    return pd.DataFrame({"customer_id": scored.customer_ids.to_pandas(), **columns})
