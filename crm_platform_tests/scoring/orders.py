"""Plain lists of orders, as an analyst has them: made up, and the two real data sets."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from crm_platform_tests.oracles.known_histories import cdnow, online_retail
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

AS_OF = dt.date(2022, 6, 30)


def made_up_orders(customers: int = 300, seed: int = 7) -> pd.DataFrame:
    """`customer_id, ordered_on, amount` of three years, in cents, with a few returns; by chance in no order."""
    bought = simulate_buyers(customers, seed)
    draw = np.random.default_rng(seed)
    orders = pd.DataFrame(
        {
            "customer_id": bought["customer_id"],
            "ordered_on": bought["purchased_on"],
            "amount": bought["sales_jpy"] / 100,
        }
    )
    returned = orders.sample(frac=0.05, random_state=seed)
    later = returned["ordered_on"] + pd.to_timedelta(draw.integers(1, 20, len(returned)), unit="D")
    returned = returned.assign(ordered_on=later, amount=-returned["amount"])
    return pd.concat([orders, returned]).sample(frac=1, random_state=seed).reset_index(drop=True)


def cdnow_orders() -> pd.DataFrame:
    """CDNOW in dollars."""
    days = cdnow()
    return pd.DataFrame(
        {"customer_id": days["customer_id"], "ordered_on": days["purchased_on"], "amount": days["sales_jpy"] / 100}
    )


def online_retail_orders() -> pd.DataFrame:
    """Online Retail II, a row for what was bought on a day and one for what was returned."""
    days = online_retail()
    columns = {"customer_id": days["customer_id"], "ordered_on": days["purchased_on"]}
    bought, returned = (
        pd.DataFrame({**columns, "amount": sign * days[name]})
        for sign, name in ((1, "sales_jpy"), (-1, "returned_jpy"))
    )
    orders = pd.concat([bought, returned])
    return orders[orders["amount"] != 0].reset_index(drop=True)
