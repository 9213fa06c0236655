from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest

from crm_platform.refusals import Refused
from crm_platform.scoring.campaign_files import measure_files
from crm_platform_tests.end_to_end.installation import Answer, Installation

ORDERS = """customer_id,ordered_on,amount
0001,2025-03-01,100.50
0001,2025-07-10,80.25
0002,2025-04-01,60
0003,2025-05-01,90
0003,2025-08-01,50.50
0003,2025-08-09,-10.50
0004,2025-06-01,10
0009,2025-09-30,5
"""
GROUPS = "顧客番号,グループ\n0001,①\n0002,①\n0003,②\n0004,②\nnever,②\n"
CONTACTS = (
    "customer_id\tcontacted_on\tunit_cost\n0001\t2025/07/02\t1.50\n0003\t2025/07/02\t0.25\nnobody\t2025/07/02\t1\n"
)
START = dt.date(2025, 7, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.csv").write_text(ORDERS, "utf-8")
    (tmp_path / "summer.csv").write_text(GROUPS, "cp932")
    (tmp_path / "contacts.tsv").write_text(CONTACTS, "utf-8")
    return tmp_path


def command(folder: Path, *changed: str) -> Answer:
    words = {
        "--groups": folder / "summer.csv",
        "--orders": folder / "orders.csv",
        "--started-on": "2025-07-01",
        "--days": "92",
    }
    words.update(zip(changed[::2], changed[1::2], strict=True))
    return Installation(folder / "data").run("measure-campaign", *(each for pair in words.items() for each in pair))


def test_plain_files_are_measured_in_the_currency_of_the_orders(folder: Path) -> None:
    found = measure_files(folder / "summer.csv", folder / "orders.csv", START, 92, contacts=folder / "contacts.tsv")
    sales, retained = found.lifts["sales"], found.lifts["retained"]
    assert (found.campaign_id, found.as_of, found.days_observed) == ("summer", dt.date(2025, 9, 30), 92)
    assert (sales.treated_mean, sales.control_mean) == (pytest.approx(80.25 / 2), pytest.approx(40 / 3))
    assert (retained.treated_mean, retained.control_mean) == (0.5, 0)  # 0003 kept 40 of 90
    assert found.worth.cost_jpy == pytest.approx(2.75)
    account = found.contact_account
    assert (account.treated_contacted, account.control_contacted, account.unknown_customers) == (1, 1, 1)


def test_customers_named_by_whole_numbers_in_parquet_are_the_same_ones(folder: Path) -> None:
    orders = pd.read_csv(folder / "orders.csv")
    orders.to_parquet(folder / "orders.parquet")
    groups = pd.DataFrame({"customer_id": [1, 2, 3, 4, 77], "group": ["treated", "treated", *["control"] * 3]})
    groups.to_parquet(folder / "summer.parquet")
    found = measure_files(folder / "summer.parquet", folder / "orders.parquet", START, 92)
    plain = measure_files(folder / "summer.csv", folder / "orders.csv", START, 92)
    assert json.dumps(found.to_json()) == json.dumps(plain.to_json())


def test_the_command_prints_both_groups_beside_each_other_and_writes_all_figures(folder: Path) -> None:
    answer = command(folder, "--out", str(folder / "result.json"), "--as-of", "2025-08-31", "--unit-cost", "2")
    assert answer.code == 0, answer.err
    for said in (
        "summer: 2 treated, 3 control",
        "interim: 62 of 92 days known",
        "recovery",
        "cost 4, assumed",
        "note:",
    ):
        assert said in answer.out
    told = json.loads((folder / "result.json").read_text("utf-8"))
    assert (told["is_interim"], told["cost_jpy"], told["lifts"]["buyers"]["control_mean"]) == (
        True,
        4,
        pytest.approx(1 / 3),
    )


@pytest.mark.parametrize(
    ("changed", "code", "told"),
    [
        (("--as-of", "2025-06-30"), 1, "orders are known only up to 2025-06-30"),
        (("--days", "0"), 1, "the window is 0 days long"),
        (("--days", "99999999999"), 1, "at most 3,660"),
        (("--unit-cost", "inf"), 1, "the cost of a contact is inf"),
        (("--groups", "nowhere.csv"), 1, "nowhere.csv: No such file"),
        (("--client", "demo"), 2, "--campaign"),
        (("--as-of", "2025-01-31"), 1, "no order is dated up to 2025-01-31"),
    ],
)
def test_what_cannot_be_measured_is_said_and_nothing_is_written(
    changed: tuple[str, ...], code: int, told: str, folder: Path
) -> None:
    answer = command(folder, *changed, "--out", str(folder / "result.json"))
    assert (answer.code, told in answer.err) == (code, True), answer.err
    assert not (folder / "result.json").exists()


@pytest.mark.parametrize("name", ["summer.csv", "orders.csv"])
def test_figures_are_never_written_over_the_files_they_are_made_of(name: str, folder: Path) -> None:
    before = (folder / name).read_bytes()
    answer = command(folder, "--out", str(folder / name))
    assert (answer.code, (folder / name).read_bytes()) == (1, before)
    assert "would write over it" in answer.err


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("summer.csv", "customer_id,group\n1,①\n2,③\n", "row 3: '③' names no group"),
        ("summer.csv", "customer_id,group\n1,①\n,②\n", "row 3: '' names no customer"),
        ("summer.csv", "customer_id,name\n1,①\n", "has no column group"),
        (
            "contacts.tsv",
            "customer_id\tcontacted_on\n1\tsoon\n",
            "contacts.tsv, column contacted_on: row 2: 'soon' is no",
        ),
        (
            "contacts.tsv",
            "customer_id\tcontacted_on\tunit_cost\n1\t2025-07-02\t-5\n",
            "column unit_cost: row 2: '-5' is",
        ),
    ],
)
def test_a_row_that_cannot_be_relied_on_is_named(file: str, text: str, told: str, folder: Path) -> None:
    (folder / file).write_text(text, "utf-8")
    with pytest.raises(Refused) as refused:
        measure_files(folder / "summer.csv", folder / "orders.csv", START, 92, contacts=folder / "contacts.tsv")
    assert told in str(refused.value)


def test_an_empty_cost_is_one_that_is_not_known_in_any_kind_of_file(folder: Path) -> None:
    priced = measure_files(folder / "summer.csv", folder / "orders.csv", START, 62, contacts=folder / "contacts.tsv")
    text = CONTACTS.replace("\t1.50\n", "\t\n")
    (folder / "contacts.tsv").write_text(text, "utf-8")
    pd.DataFrame(
        {
            "customer_id": ["0001", "0003", "nobody"],
            "contacted_on": [dt.date(2025, 7, 2)] * 3,
            "unit_cost": [None, 0.25, 1.0],
        }
    ).to_parquet(folder / "contacts.parquet")
    for name in ("contacts.tsv", "contacts.parquet"):
        found = measure_files(folder / "summer.csv", folder / "orders.csv", START, 62, contacts=folder / name)
        assert (found.to_json()["contacts"], found.worth.cost_jpy) == (priced.to_json()["contacts"], None)
        assert "cost_unknown" in [note.key for note in found.notes]
    known = measure_files(
        folder / "summer.csv", folder / "orders.csv", START, 62, contacts=folder / "contacts.tsv", unit_cost=1.5
    )
    assert known.worth.cost_jpy == priced.worth.cost_jpy
