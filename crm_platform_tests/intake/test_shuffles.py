"""What makes no difference: how files are packed and ordered, in which order lines stand, how a history is split."""

import io
import random
from itertools import pairwise

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.intake import Admitted, DeliveredFile, merge_deliveries
from crm_platform_tests.intake.containers import PACKINGS
from crm_platform_tests.intake.deliveries import CUSTOMERS, LINE_HEADERS, client_with, delivery, examine, line, masters

SETTING_ASIDE = client_with(
    {"tables": {"order_lines": {"set_aside": [{"rule": "tests", "column": "媒体コード", "matching": "^T"}]}}}
)
PACKING = st.sampled_from(sorted(PACKINGS))
STATUS = st.sampled_from(["受注", "出荷済", "キャンセル", "返品"])


def bounded(examples: int) -> settings:
    return settings(max_examples=examples, derandomize=True, deadline=None)


def parquet_of(admitted: list[Admitted]) -> dict[str, bytes]:
    """Everything that is known after these deliveries, as the bytes of Parquet files."""
    merged = merge_deliveries(admitted)
    files = {name: io.BytesIO() for name in merged if name != "quarantined_rows"}
    for name, file in files.items():
        pq.write_table(merged[name], file)
    return {name: file.getvalue() for name, file in files.items()}


ROWS = st.lists(
    st.builds(
        lambda order, number, quantity, media: line(f"A{order}", str(number), 数量=quantity, 媒体コード=media),
        st.integers(1, 5),
        st.integers(1, 3),
        st.sampled_from(["1", "2", "３", "0", "x", "", "-1", "1.5"]),
        st.sampled_from(["M01", "", "T9"]),
    ),
    min_size=1,
    max_size=12,
)


@bounded(35)
@given(ROWS, PACKING)
def test_every_row_is_admitted_quarantined_or_set_aside_however_it_is_packed(rows, packing):
    admitted = examine([*masters(), PACKINGS[packing]("order_lines", [LINE_HEADERS, *rows])], SETTING_ASIDE)
    account = admitted.receipt["accounts"]["order_lines"]
    faulty = {row["row_number"] for row in admitted.tables["quarantined_rows"].to_pylist()}
    assert account["delivered"] == len(rows)
    assert account["set_aside"] == {"tests": sum(row[-1] == "T9" for row in rows)}
    assert account["quarantined"] == len(faulty)
    assert account["admitted"] == admitted.tables["order_lines"].num_rows
    assert account["delivered"] == account["admitted"] + account["quarantined"] + account["set_aside"]["tests"]
    money = account["amount_jpy"]
    assert money["delivered"] == money["admitted"] + money["quarantined"] + money["set_aside"]["tests"]


ORDERS = st.dictionaries(
    st.integers(1, 9), st.lists(st.tuples(STATUS, st.integers(1, 9)), min_size=1, max_size=3), min_size=1, max_size=6
)


def lines_of(orders) -> list[list[str]]:
    return [
        line(f"A{order}", str(number), 状態=status, 数量=str(quantity), 受注日時=f"2025/0{1 + order % 5}/01")
        for order, lines in orders.items()
        for number, (status, quantity) in enumerate(lines, start=1)
    ]


def order_file(orders, packing="cp932 tabs", stem="order_lines") -> DeliveredFile:
    return PACKINGS[packing](stem, [LINE_HEADERS, *lines_of(orders)])


@bounded(13)
@given(ORDERS, st.lists(PACKING, min_size=3, max_size=3), st.randoms(use_true_random=False))
def test_the_order_of_files_and_lines_and_their_packing_make_no_difference(orders, packings, chosen: random.Random):
    expected = parquet_of([examine([*masters(), order_file(orders)])])
    lines = lines_of(orders)
    chosen.shuffle(lines)
    cut = chosen.randint(0, len(lines))
    parts = [part for part in (lines[:cut], lines[cut:]) if part]
    files = [PACKINGS[packings[n]](f"order_lines_{n}", [LINE_HEADERS, *part]) for n, part in enumerate(parts)]
    shuffled_customers = PACKINGS[packings[2]]("customers", [CUSTOMERS[0], *chosen.sample(CUSTOMERS[1:], 5)])
    files += [file for file in masters() if file.stem != "customers"] + [shuffled_customers]
    chosen.shuffle(files)
    assert parquet_of([examine(files)]) == expected


@bounded(13)
@given(ORDERS, st.randoms(use_true_random=False))
def test_deliveries_of_different_orders_may_arrive_in_any_order(orders, chosen: random.Random):
    expected = parquet_of([examine([*masters(), order_file(orders)])])
    single = [{order: lines} for order, lines in orders.items()]
    chosen.shuffle(single)
    admitted: list[Admitted] = []
    for number, part in enumerate(single, start=1):
        files = [order_file(part), *(masters() if number == 1 else [])]
        admitted.append(examine(files, number=number, former=tuple(admitted)))
    assert parquet_of(admitted) == expected


@bounded(18)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.lists(st.tuples(STATUS, st.integers(1, 9)), min_size=1, max_size=3)),
        min_size=1,
        max_size=12,
    ),
    st.sets(st.integers(1, 11), max_size=4),
    st.lists(PACKING, min_size=5, max_size=5),
)
def test_any_split_of_a_history_into_differences_gives_the_same_bytes(versions, cuts, packings):
    """Each version is a whole order as it was at some time: states change, lines come and go."""
    expected = parquet_of([examine(delivery(lines_of(dict(versions))))])
    bounds = [0, *sorted(cut for cut in cuts if cut < len(versions)), len(versions)]
    admitted: list[Admitted] = []
    for number, ((start, stop), packing) in enumerate(zip(pairwise(bounds), packings, strict=False), start=1):
        files = [order_file(dict(versions[start:stop]), packing), *(masters() if number == 1 else [])]
        admitted.append(examine(files, number=number, former=tuple(admitted)))
    assert parquet_of(admitted) == expected
