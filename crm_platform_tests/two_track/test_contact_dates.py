from __future__ import annotations

import datetime as dt

import pandas as pd

from crm_platform.tables.analyses import CONTACT_DATES
from crm_platform.tables.delivered import PRODUCTS
from crm_platform.two_track import next_contact_dates
from crm_platform_tests.oracles.known_histories import history_of

PRODUCT_ROWS = pd.DataFrame(
    {
        "product_id": ["THIRTY", "SIXTY", "GIFT", "UNKNOWN"],
        "supply_days": [30, 60, 7, None],
        "is_gift": [False, None, True, False],
    }
)


def _history(**purchases: list[str]) -> pd.DataFrame:
    rows = [(customer, day) for customer, days in purchases.items() for day in days]
    frame = pd.DataFrame(rows, columns=["customer_id", "purchased_on"]).assign(sales_jpy=1_000)
    return history_of(frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"])), "2025-06-30")


def _contacts(*delivered: tuple[str, str, str, int], lead_days: int = 7, **purchases: list[str]) -> dict[str, tuple]:
    products = PRODUCTS.from_columns(
        {
            name: pd.array(PRODUCT_ROWS[name].tolist(), dtype=kind)
            for name, kind in (("product_id", "str"), ("supply_days", "Int64"), ("is_gift", "boolean"))
        }
    ).to_pandas()
    lines = pd.DataFrame(delivered, columns=["customer_id", "product_id", "last_delivered_on", "last_quantity"])
    lines["last_delivered_on"] = pd.to_datetime(lines["last_delivered_on"]).dt.date
    table = next_contact_dates(lines, products, _history(**purchases), lead_days)
    assert CONTACT_DATES.faults(table) == []
    return {
        row["customer_id"]: (row["next_contact_on"], row["product_id"], row["supply_days"], row["reason"])
        for row in table.to_pylist()
    }


def test_contact_is_last_delivery_plus_units_times_supply_minus_lead():
    found = _contacts(("A", "THIRTY", "2025-06-10", 2), A=["2025-06-09"])
    assert found == {"A": (dt.date(2025, 8, 2), "THIRTY", 60, "product_master")}


def test_the_latest_delivery_decides_and_of_one_day_what_runs_out_first():
    found = _contacts(
        ("A", "THIRTY", "2025-06-10", 1),
        ("A", "SIXTY", "2025-06-20", 1),
        ("B", "THIRTY", "2025-06-20", 3),
        ("B", "SIXTY", "2025-06-20", 1),
        A=["2025-06-20"],
        B=["2025-06-20"],
    )
    assert found["A"][1:3] == ("SIXTY", 60)
    assert found["B"][1:3] == ("SIXTY", 60)


def test_a_give_away_decides_nothing():
    found = _contacts(("A", "THIRTY", "2025-06-10", 1), ("A", "GIFT", "2025-06-25", 1), A=["2025-06-10"])
    assert found["A"][1] == "THIRTY"


def test_without_days_of_supply_the_own_cycle_decides():
    found = _contacts(("A", "UNKNOWN", "2025-06-01", 1), A=["2025-04-02", "2025-05-02", "2025-06-01"])
    assert found == {"A": (dt.date(2025, 6, 24), "UNKNOWN", 30, "own_cycle")}


def test_who_has_neither_supply_nor_cycle_has_no_row():
    assert _contacts(("A", "UNKNOWN", "2025-06-01", 1), A=["2025-06-01"]) == {}


def test_an_overdue_contact_is_kept():
    assert _contacts(("A", "THIRTY", "2024-01-01", 1), A=["2024-01-01"])["A"][0] == dt.date(2024, 1, 24)


def test_a_longer_lead_brings_every_contact_forward_by_as_much():
    delivered = ("A", "THIRTY", "2025-06-10", 1), ("B", "SIXTY", "2025-06-12", 1)
    days = {"A": ["2025-06-10"], "B": ["2025-06-12"]}
    late, early = _contacts(*delivered, lead_days=3, **days), _contacts(*delivered, lead_days=10, **days)
    assert all(late[customer][0] - early[customer][0] == dt.timedelta(days=7) for customer in days)


def test_a_client_without_products_or_deliveries_gets_an_empty_table():
    assert _contacts(A=["2025-06-01"]) == {}
