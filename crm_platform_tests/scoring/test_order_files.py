from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_platform.refusals import Refused
from crm_platform.scoring import Orders, read_orders, write_scores
from crm_platform_tests.scoring.orders import made_up_orders

ORDERS = made_up_orders(30).assign(note="青汁, 2個入").rename(columns={"note": "商品"})
ORDERS["customer_id"] = ORDERS["customer_id"].str.removeprefix("C")  # digits with leading zeros


def text(delimiter: str = ",", encoding: str = "utf-8", end: str = "\n") -> bytes:
    return ORDERS.to_csv(index=False, sep=delimiter, date_format="%Y-%m-%d", lineterminator=end).encode(encoding)


def parquet(orders: pd.DataFrame = ORDERS, **options: object) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(orders, preserve_index=False), content, **options)
    return content.getvalue()


def workbook() -> bytes:
    content = io.BytesIO()
    ORDERS.assign(ordered_on=ORDERS["ordered_on"].dt.strftime("%Y-%m-%d")).to_excel(
        content, index=False, engine="xlsxwriter"
    )
    return content.getvalue()


FILES = {
    "orders.csv": text(),
    "orders.tsv": text("\t"),
    "semicolon.csv": text(";"),
    "windows.csv": text(encoding="cp932", end="\r\n"),
    "old_unix.csv": text(encoding="euc_jp"),
    "marked.csv": text(encoding="utf-8-sig"),
    "utf_16.txt": text("\t", encoding="utf-16"),
    "packed.csv.gz": gzip.compress(text()),
    "packed without saying so.csv": gzip.compress(text("\t")),
    "orders.parquet": parquet(),
    "dates.parquet": parquet(ORDERS.assign(ordered_on=ORDERS["ordered_on"].dt.date)),
    "categories.parquet": parquet(
        ORDERS.assign(customer_id=ORDERS["customer_id"].astype("category")), row_group_size=50
    ),
    "parquet that does not say so.dat": parquet(),
    "orders.xlsx": workbook(),
    "headers.csv": text().replace(b"customer_id", b" Customer_ID", 1).replace(b"amount", b"AMOUNT ", 1),
}


def read(folder: Path, name: str, content: bytes) -> Orders:
    (folder / name).write_bytes(content)
    return read_orders(folder / name)


@pytest.mark.parametrize("name", FILES)
def test_every_way_to_write_the_orders_reads_the_same(tmp_path, name):
    found = read(tmp_path, name, FILES[name])
    ids = np.array(found.customer_ids.to_pylist(), object)
    assert ids[found.customer].tolist() == ORDERS["customer_id"].tolist()
    assert ids.tolist() == sorted(set(ids))
    assert found.ordered_on.astype("datetime64[s]").tolist() == ORDERS["ordered_on"].astype("datetime64[s]").tolist()
    assert found.amount == pytest.approx(ORDERS["amount"].to_numpy(), rel=1e-12)


def test_whole_numbers_in_parquet_stay_numbers_and_decimals_are_amounts(tmp_path):
    amounts = pa.array(ORDERS["amount"].round(2).astype(str)).cast(pa.decimal128(12, 2))
    table = pa.table(
        {"amount": amounts, "customer_id": ORDERS["customer_id"].astype(int), "ordered_on": ORDERS["ordered_on"]}
    )
    content = io.BytesIO()
    pq.write_table(table, content)
    found = read(tmp_path, "orders.parquet", content.getvalue())
    assert found.customer_ids.type == pa.int64()
    assert found.amount == pytest.approx(ORDERS["amount"].to_numpy())


HEADER = "customer_id,ordered_on,amount\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("o.csv", HEADER + "1,2024-01-01,5\n2,2024-02-30,5\n3,soon,5\n", "ordered_on: row 3: '2024-02-30' is no date"),
        ("o.csv", HEADER + "1,2024-01-01,5\n\n2,2024-02-03,five\n", "o.csv, column amount: row 4: 'five' is no amount"),
        ("o.csv", HEADER + '"1\n2",2024-01-01,5\n2,2024-02-03,nan\n', "row 4: 'nan' is no amount"),
        ("o.csv", HEADER + "1,2024-01-01,5\n ,2024-02-03,5\n", "column customer_id: row 3: '' names no customer"),
        ("o.csv", HEADER + "1,2024-01-01,5\n2,2024-02-03\n", "row 3: (2 fields in place of 3)"),
        ("o.csv", HEADER + '1,2024-01-01,5\n2,"2024-02-03,5\n', "row 3"),
        ("o.csv", HEADER, "header but no rows"),
        ("o.csv", "", "empty"),
        ("o.csv", "1,2024-01-01,5\n2,2024-02-03,5\n", "the first line holds values"),
        ("o.csv", "customer,ordered_on,amount\n1,2024-01-01,5\n", "no column customer_id; it has customer, ord"),
        ("o.parquet", parquet()[:-20], "Parquet file is damaged"),
        ("o.parquet", parquet(ORDERS.drop(columns="ordered_on")), "no column ordered_on"),
        ("o.parquet", parquet(ORDERS.head(0)), "no rows"),
        ("o.parquet", parquet(ORDERS.assign(amount=ORDERS["amount"].where(ORDERS.index != 4))), "row 5: ''"),
        ("o.csv.gz", gzip.compress(text())[:-9], "cannot be unpacked"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_relied_on_is_refused_with_its_name_line_and_column(tmp_path, name, content, told):
    with pytest.raises(Refused) as refusal:
        read(tmp_path, name, content if isinstance(content, bytes) else content.encode())
    assert told in str(refusal.value)
    assert str(refusal.value).startswith(name)


@pytest.mark.parametrize("name", ["scores.csv", "scores.tsv.gz", "scores.parquet"])
def test_scores_read_back_as_they_were_and_come_to_the_same_bytes(tmp_path, name):
    scores = pd.DataFrame({"customer_id": ["0007", '12", the "best"', "ä\n"], "expected_sales": [0.1, 1 / 3, 1e-300]})
    write_scores(scores, tmp_path / name)
    if name.endswith("parquet"):
        found = pd.read_parquet(tmp_path / name)
    else:
        delimiter = "\t" if "tsv" in name else ","
        found = pd.read_csv(tmp_path / name, sep=delimiter, dtype={"customer_id": str})
    pd.testing.assert_frame_equal(found, scores, rtol=1e-15)
    first = (tmp_path / name).read_bytes()
    write_scores(scores, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [name]
