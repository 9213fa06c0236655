import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.diagnosis.current_state.action_rule import POWER_ACTIONS
from crm_platform.refusals import Refused
from crm_platform.reports import Wording, customer_powers_csv
from crm_platform.reports.csv_cells import csv_file
from crm_platform.tables.analyses import BUYER_KINDS

JA, EN = Wording.of("ja"), Wording.of("en")
FORESEEN = ["期待売上（6ヶ月）", "予測区間の下端（80%）", "予測区間の上端（80%）"]


def _customers(*numbers: str) -> pa.Table:
    rows = range(len(numbers))
    return pa.table(
        {
            "customer_id": pa.array(numbers, pa.string()),
            "retention_level": pa.array([1 + row % 5 for row in rows], pa.int64()),
            "purchasing_level": pa.array([1 + row % 3 for row in rows], pa.int64()),
            "profit_level": pa.array([1 + row % 2 for row in rows], pa.int64()),
            "buyer_kind": pa.array([BUYER_KINDS[row % len(BUYER_KINDS)] for row in rows], pa.string()),
            "action": pa.array([POWER_ACTIONS[row % len(POWER_ACTIONS)] for row in rows], pa.string()),
            "expected_sales_jpy": pa.array([1234.5 + row for row in rows], pa.float64()),
            "sales_p10_jpy": pa.array([0.0 for _ in rows], pa.float64()),
            "sales_p90_jpy": pa.array([9876.4 for _ in rows], pa.float64()),
        }
    )


def _read(content: bytes, encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))


def test_every_customer_is_a_row_in_order_with_levels_kind_and_offer_in_the_clients_language():
    content = customer_powers_csv(_customers("c2", "c1"), JA)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\r\n")
    assert _read(content) == [
        ["顧客番号", "継続力", "購買力", "収益力", "買い方", "施策", *FORESEEN],
        ["c1", "B", "B", "B", "1回高額で停滞", "追加購入（まとめ買い・ついで買い）", "1236", "0", "9876"],
        ["c2", "A", "A", "A", "数年ぶり", "追加購入（関連商品・上位品）", "1234", "0", "9876"],
    ]
    headers = ["customer_id", "retention_power", "purchasing_power", "profitability", "buyer_kind", "action"]
    foreseen = ["expected_sales", "sales_p10", "sales_p90"]
    assert _read(customer_powers_csv(_customers("c1"), EN))[0] == [*headers, *foreseen]


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), min_size=1, max_size=8, unique=True))
@settings(max_examples=20, deadline=None)
def test_any_customer_number_is_guarded_and_quoted_as_in_every_other_file(numbers):
    known = csv_file(("customer_id",), [(number,) for number in sorted(numbers)], EN, "utf-8-sig")
    written = customer_powers_csv(_customers(*numbers), EN)
    assert [row[:1] for row in _read(written)] == _read(known)


def test_a_customer_with_two_rows_is_an_error():
    with pytest.raises(ValueError, match="more than one row"):
        customer_powers_csv(_customers("c1", "c1"), JA)


def test_a_character_that_the_encoding_lacks_is_refused_with_its_row():
    assert _read(customer_powers_csv(_customers("高1"), JA, "cp932"), "cp932")[1][0] == "高1"
    with pytest.raises(Refused, match="U\\+1F600") as refused:
        customer_powers_csv(_customers("a", "😀"), JA, "cp932")
    assert "row 3" in str(refused.value)
