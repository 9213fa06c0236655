from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from crm_platform.scoring import SCORES, score_customers
from crm_platform_tests.end_to_end.installation import PROJECT, Answer, Installation
from crm_platform_tests.scoring.orders import AS_OF, made_up_orders

ORDERS = made_up_orders(60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ORDERS.to_csv(tmp_path / "orders.csv", index=False, date_format="%Y-%m-%d")
    return tmp_path


def score(folder: Path, *changed: str | Path, orders: str = "orders.csv", out: str = "scores.csv") -> Answer:
    words = ["--orders", folder / orders, "--as-of", "2022-06-30", "--horizon-days", "182", "--out", folder / out]
    return Installation(folder / "data").run("score", *words, *changed)


def test_a_file_of_orders_becomes_the_scores_that_the_function_gives(folder):
    answer = score(folder)
    assert answer.code == 0, answer.err
    found = pd.read_csv(folder / "scores.csv", dtype={"customer_id": str})
    pd.testing.assert_frame_equal(found, score_customers(ORDERS, AS_OF, 182), check_exact=True, check_dtype=False)
    assert "customers with orders before 2022-06-30 scored" in answer.out
    assert sorted(path.name for path in folder.iterdir()) == ["orders.csv", "scores.csv"]  # no client, no instance


def test_every_way_in_and_out_gives_the_same_scores(folder):
    ORDERS.to_parquet(folder / "orders.parquet")
    (folder / "orders.tsv").write_bytes(ORDERS.to_csv(sep="\t", index=False, date_format="%Y/%m/%d").encode("cp932"))
    assert score(folder, orders="orders.parquet", out="scores.parquet").code == 0
    assert score(folder, orders="orders.tsv", out="scores.tsv.gz").code == 0
    from_parquet = pd.read_parquet(folder / "scores.parquet")
    from_text = pd.read_csv(folder / "scores.tsv.gz", sep="\t")
    assert list(from_parquet.columns) == list(SCORES)
    pd.testing.assert_frame_equal(from_parquet, from_text, check_exact=True, check_dtype=False)


@pytest.mark.parametrize(
    ("changed", "code", "told"),
    [
        (["--as-of", "2019-01-01"], 1, "no order is dated before the as-of day 2019-01-01; the first is of 20"),
        (["--horizon-days", "0"], 1, "the horizon is 0 days"),
        (["--out", "nowhere/scores.csv"], 1, "there is no folder nowhere"),
        (["--out", "scores.doc"], 1, "Let its name end in .csv"),
        (["--orders", "missing.csv"], 1, "missing.csv: No such file"),
        (["--as-of", "30/06/2022"], 2, "--as-of"),
        (["--horizon-days", "half a year"], 2, "--horizon-days"),
        (["--customers", "5"], 2, "No such option"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(folder, changed, code, told):
    answer = score(folder, *changed)
    assert answer.code == code
    assert told in answer.err
    assert [path.name for path in folder.iterdir()] == ["orders.csv"]


def test_a_bad_row_is_refused_by_file_line_and_column_and_the_former_scores_stay(folder):
    (folder / "scores.csv").write_text("former", "utf-8")
    lines = (folder / "orders.csv").read_text("utf-8").splitlines()
    lines[6] = "C000001,2021-13-01,5"
    (folder / "orders.csv").write_text("\n".join(lines), "utf-8")
    answer = score(folder)
    assert answer.code == 1
    assert "orders.csv, column ordered_on: row 7: '2021-13-01' is no date." in answer.err
    assert (folder / "scores.csv").read_text("utf-8") == "former"


@pytest.mark.parametrize(
    "value", ["髙橋花子", "090-1234-9999", "hanako@example.jp", "タカハシ ハナコ", "Hanako Takahashi"]
)
def test_a_person_where_an_amount_belongs_is_named_by_line_and_not_shown(folder, value):
    lines = (folder / "orders.csv").read_text("utf-8").splitlines()
    lines[6] = f"C000001,2021-12-01,{value}"
    (folder / "orders.csv").write_text("\n".join(lines), "utf-8")
    answer = score(folder)
    assert answer.code == 1
    assert f"column amount: row 7: a text of {len(value)} characters that is not shown is no amount" in answer.err
    assert value not in answer.err


@pytest.mark.parametrize("way", ["orders.csv", "../{name}/orders.csv", "link.csv"])
def test_the_orders_are_never_written_over_with_their_scores(folder, way):
    (folder / "link.csv").symlink_to(folder / "orders.csv")
    before = (folder / "orders.csv").read_bytes()
    answer = score(folder, out=way.format(name=folder.name))
    assert (answer.code, (folder / "orders.csv").read_bytes()) == (1, before)
    assert "the command reads this file and would write over it. Name another." in answer.err


def test_the_example_of_the_document_comes_out_as_it_says(tmp_path, monkeypatch):
    document = (PROJECT / "docs" / "scoring.md").read_text("utf-8")
    orders, command, scores = re.findall(r"```\w*\n(.*?)```", document, flags=re.DOTALL)[:3]
    monkeypatch.chdir(tmp_path)
    Path("orders.csv").write_text(orders, "utf-8")
    program, *arguments = shlex.split(command.replace("\\\n", " "))
    assert program == ".venv/bin/crm-platform"
    assert Installation(tmp_path / "data").run(*arguments).code == 0
    found = pd.read_csv("scores.csv", dtype={"customer_id": str}).round(2)
    told = pd.read_csv(pd.io.common.StringIO(scores), sep=r"\s+", dtype={"customer_id": str})
    pd.testing.assert_frame_equal(found, told, check_dtype=False, atol=0.011)
