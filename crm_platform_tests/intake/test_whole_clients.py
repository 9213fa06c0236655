"""The two clients of the catalogue: the made-up one with planted faults, and Online Retail II."""

import datetime as dt
from pathlib import Path

import pytest

from crm_platform.clients import Catalogue
from crm_platform.demo import make_demo, write_delivery
from crm_platform.intake import (
    DeliveredFile,
    examine_delivery,
    merge_deliveries,
    read_files,
    refuse_beyond_tolerance,
)

ROOT = Path(__file__).parents[2]
CATALOGUE = Catalogue(ROOT / "data" / "clients")
ONLINE_RETAIL = ROOT / "../shared/data/online_retail_ii/online_retail_ii.csv.gz"


def test_the_demo_delivery_is_admitted_whole_and_its_months_are_the_truth(tmp_path):
    demo = make_demo(customers=200)
    client = CATALOGUE.load("demo")
    files = read_files(write_delivery(demo, tmp_path))
    admitted = examine_delivery(client, files, delivery_id="0001-x", today=dt.date(2025, 7, 1))
    refuse_beyond_tolerance(admitted, client)
    assert admitted.receipt["special_format"] is True
    assert admitted.receipt["processing"] is False
    lines = demo.tables["order_lines"]
    assert admitted.tables["order_lines"]["sales_jpy"].to_numpy().sum() == lines["sales_jpy"].to_numpy().sum()
    assert admitted.tables["order_lines"]["ordered_jpy"].to_numpy().sum() == lines["ordered_jpy"].to_numpy().sum()


def test_every_planted_fault_is_found_in_its_row_and_no_other_row_is(tmp_path):
    demo = make_demo(customers=200, faults=24)
    files = read_files(write_delivery(demo, tmp_path))
    admitted = examine_delivery(CATALOGUE.load("demo"), files, delivery_id="0001-x", today=dt.date(2025, 7, 1))
    found = {(row["file_name"], row["row_number"]) for row in admitted.tables["quarantined_rows"].to_pylist()}
    assert found == {(fault.file, fault.line_number) for fault in demo.truth.faults}


@pytest.fixture(scope="module")
def retail():
    if not ONLINE_RETAIL.exists():
        pytest.skip(f"the real data set is not there: {ONLINE_RETAIL}")
    client = CATALOGUE.load("online-retail-ii")
    file = DeliveredFile(ONLINE_RETAIL.name, ONLINE_RETAIL.read_bytes())
    admitted = examine_delivery(client, [file], delivery_id="0001-x", today=dt.date(2026, 1, 1))
    refuse_beyond_tolerance(admitted, client)
    return admitted


@pytest.mark.real_data
def test_every_row_of_online_retail_is_accounted_for(retail):
    account = retail.receipt["accounts"]["order_lines"]
    assert account["delivered"] == 1_044_847
    assert account["quarantined"] == 0
    assert account["set_aside"]["no_customer_id"] == 235_287
    assert account["delivered"] == account["admitted"] + sum(account["set_aside"].values())
    assert account["admitted"] == retail.tables["order_lines"].num_rows


@pytest.mark.real_data
def test_every_yen_of_online_retail_is_accounted_for(retail):
    account = retail.receipt["accounts"]["order_lines"]
    money = account["amount_jpy"]
    assert account["rows_with_unreadable_amount"] == 0
    assert money["delivered"] == money["admitted"] + sum(money["set_aside"].values())
    assert money["admitted"] == retail.tables["order_lines"]["sales_jpy"].to_numpy().sum()
    assert sum(month["sales_jpy"] for month in retail.receipt["months"]) == money["admitted"]


@pytest.mark.real_data
def test_every_identified_customer_of_online_retail_is_kept(retail):
    assert retail.tables["customers"].num_rows == 5_942
    assert retail.receipt["data_to"] == "2011-12-09"
    assert merge_deliveries([retail])["order_lines"].num_rows == retail.tables["order_lines"].num_rows
