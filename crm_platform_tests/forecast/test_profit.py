from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd
import pytest

from crm_platform.forecast.profit import margin_rates
from crm_platform.tables.delivered import PRODUCTS
from crm_platform.tables.facts import CUSTOMER_PRODUCT_MONTHS

COSTS = {"P1": 400, "P2": 900, "UNKNOWN": None}


def _months(*bought: tuple[str, str, int, int]) -> ibis.Table:
    """Rows of customer, product, units, sales in yen."""
    frame = pd.DataFrame(bought, columns=["customer_id", "product_id", "quantity", "standing_sales_jpy"])
    frame = frame.assign(month=dt.date(2024, 1, 1), orders=1, last_quantity=frame["quantity"])
    for day in ("first_purchased_on", "last_purchased_on", "last_delivered_on"):
        frame[day] = dt.date(2024, 1, 5)
    return ibis.memtable(CUSTOMER_PRODUCT_MONTHS.from_pandas(frame))


def _rates(*bought: tuple[str, str, int, int]) -> pd.DataFrame:
    products = PRODUCTS.from_columns({"product_id": list(COSTS), "cost_jpy": list(COSTS.values())})
    return margin_rates(_months(*bought), ibis.memtable(products)).to_pandas().set_index("customer_id")


def test_a_house_of_one_margin_has_that_margin_for_everyone():
    found = _rates(("A", "P1", 1, 1000), ("B", "P1", 30, 30_000))
    assert found["margin_rate"].tolist() == pytest.approx([0.6, 0.6])
    assert found["known_share"].tolist() == [1.0, 1.0]


def test_the_own_rate_is_drawn_to_the_clients_by_the_weight_of_one_mean_customer():
    found = _rates(("A", "P1", 10, 10_000), ("B", "P2", 10, 10_000))
    assert found["margin_rate"].to_dict() == pytest.approx(
        {"A": (6_000 + 3_500) / 20_000, "B": (1_000 + 3_500) / 20_000}
    )


def test_nothing_is_said_where_the_cost_of_more_than_a_fifth_is_unknown():
    found = _rates(("A", "P1", 8, 8_000), ("A", "UNKNOWN", 1, 2_000), ("B", "P1", 8, 8_000), ("B", "NEW", 1, 2_001))
    assert found["known_share"].to_dict() == pytest.approx({"A": 0.8, "B": 8_000 / 10_001})
    assert found["margin_rate"].notna().to_dict() == {"A": True, "B": False}


def test_goods_sold_under_cost_have_a_negative_margin_and_none_is_above_one():
    found = _rates(("A", "P2", 100, 10_000), ("B", "P1", 1, 1_000))
    assert found.loc["A", "margin_rate"] < 0
    assert (found["margin_rate"] <= 1).all()


@pytest.mark.parametrize("bought", [(("A", "UNKNOWN", 1, 500),), (("A", "P1", 1, 0),)])
def test_a_client_whose_costs_or_sales_are_unknown_has_no_margin(bought):
    assert _rates(*bought)["margin_rate"].isna().all()


def test_margins_do_not_depend_on_the_currency_or_on_how_sales_are_split_over_rows():
    whole = _rates(("A", "P1", 4, 5_000), ("B", "P2", 3, 9_000))
    split = _rates(("B", "P2", 1, 2_000), ("A", "P1", 1, 1_000), ("A", "P1", 3, 4_000), ("B", "P2", 2, 7_000))
    assert split["margin_rate"].tolist() == pytest.approx(whole["margin_rate"].tolist())
