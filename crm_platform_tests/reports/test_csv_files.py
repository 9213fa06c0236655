import csv
import datetime as dt
import io
import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.intake.judging.expectations import EXPECTATIONS
from crm_platform.refusals import Refused
from crm_platform.reports import Wording
from crm_platform.reports.acceptance import delivery_judgement_csv
from crm_platform.reports.csv_cells import guarded
from crm_platform.reports.csv_files import (
    alert_customers_csv,
    alert_reasons_csv,
    contact_dates_csv,
    contact_lists_csv,
    cpm_classes_csv,
    cross_sell_csv,
    missed_by_client_rank_csv,
    segments_csv,
    test_groups_csv,
)
from crm_platform.reports.file_names import safe_names
from crm_platform.tables.alerts import LAPSE_REASONS
from crm_platform.tables.analyses import CPM_CLASS_NAMES

test_groups_csv.__test__ = False  # its name is the deliverable's, it is no test
JA, EN = Wording.of("ja"), Wording.of("en")


def _read(content: bytes, encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))


def _segments(*rows: tuple[str, int | None, bool]) -> pa.Table:
    customers, classes, new = zip(*rows, strict=True)
    return pa.table({"customer_id": customers, "value_class": pa.array(classes, pa.int64()), "is_new_in_term": new})


def test_segments_are_two_columns_with_one_row_per_customer_in_order():
    content = segments_csv(_segments(("c3", 10, False), ("c1", 1, False), ("c2", None, True)), JA)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == 4
    assert _read(content) == [
        ["顧客番号", "セグメント"],
        ["c1", "S1 VIP客"],
        ["c2", "期間内新規"],
        ["c3", "S10 休眠客"],
    ]


def test_whom_the_clients_rank_misses_is_a_list_of_customer_numbers_alone():
    assert _read(missed_by_client_rank_csv(["c2", "c1"], JA)) == [["顧客番号"], ["c1"], ["c2"]]


def test_a_customer_with_two_segments_is_an_error():
    with pytest.raises(ValueError, match="c1"):
        segments_csv(_segments(("c1", 1, False), ("c1", 2, False)), JA)


def test_alerted_customers_and_their_groups_are_the_same_customers():
    alerts = pa.table({"customer_id": ["b", "a"], "test_group": ["control", "treated"]})
    assert _read(alert_customers_csv(alerts, JA)) == [["顧客番号"], ["a"], ["b"]]
    assert _read(test_groups_csv(alerts, JA)) == [["顧客番号", "グループ"], ["a", "①"], ["b", "②"]]


def test_every_treated_customer_is_on_the_list_of_one_channel_and_no_control_on_any():
    groups = pa.table({"customer_id": ["c", "a", "b", "d"], "channel": ["dm", "電話", None, "dm"]})
    lists = contact_lists_csv(groups, ["dm", "メール", "電話"], JA)
    assert {name: [row[0] for row in _read(content)] for name, content in lists.items()} == {
        "contact_list_dm.csv": ["顧客番号", "c", "d"],
        "contact_list_メール.csv": ["顧客番号"],
        "contact_list_電話.csv": ["顧客番号", "a"],
    }


def test_a_hostile_channel_names_a_file_inside_the_folder():
    (name,) = contact_lists_csv(pa.table({"customer_id": ["a"], "channel": ["../../etc/x"]}), [], EN)
    assert re.fullmatch(r"contact_list_etc_x-[0-9a-f]{16}\.csv", name)


@given(st.lists(st.text(min_size=1, max_size=60) | st.sampled_from(["DM", "dm", "Dm", "ﬁ", "fi", "."]), unique=True))
def test_no_two_channels_share_a_file_and_none_leaves_the_folder(channels):
    names = safe_names(channels)
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names}) == len(channels)
    assert all(re.fullmatch(r"[\w-]+", name) and len(f"contact_list_{name}.csv".encode()) < 255 for name in names)
    again = safe_names([name for name in names if re.search(r"-[0-9a-f]{16}$", name)])
    assert not {*again} & {*names}  # nobody can take another channel's file by its changed name


def _alert(customer: str, **changes: object) -> dict[str, object]:
    figures = {"cycle_days": 30.4, "gap_days": 55, "days_beyond_cycle": 24.6, "lapse_risk": 0.62}
    money = {
        "sales_6m_jpy": 42_000,
        "fallen_sales_jpy": 4200.5,
        "expected_sales_jpy": 18_000.0,
        "expected_loss_jpy": 9e3,
    }
    told = {"customer_id": customer, "reason": "beyond_own_cycle", "falls_on": dt.date(2025, 8, 1), **figures, **money}
    return {**told, **changes}


def test_each_alert_says_its_own_cycle_the_days_beyond_it_and_what_falls_also_in_cp932():
    early = _alert("a", days_beyond_cycle=-12.2, gap_days=18, reason="falling_level")
    stopped = _alert("=c", reason="likely_stopped", falls_on=None)
    alerts = pa.Table.from_pylist([_alert("b"), early, stopped])
    header, danger, falling, beyond = _read(alert_reasons_csv(alerts, JA, "cp932"), "cp932")
    assert header[:4] == ["顧客番号", "理由", "購入周期", "経過日数"]
    assert beyond[0] == "b"
    assert all(part in beyond[1] for part in ("30日", "55日", "25日超えています", "42,000円", "62.0%"))
    assert all(part in falling[1] for part in ("12日あります", "42,000円", "18,000円"))
    assert beyond[2:] == ["30", "55", "25", "42000", "4200", "18000", "0.6200", "9000", "2025-08-01"]
    assert falling[4] == "-12"
    assert (danger[0], danger[-1]) == ("'=c", "")
    english = _read(alert_reasons_csv(alerts, EN))
    assert [name for name in english[0] if not name.isascii()] == []
    assert "25 days beyond the cycle" in english[3][1]


@pytest.mark.parametrize(
    ("words", "estimated", "claimed"),
    [(JA, r"購入周期の目安30日", "本人の"), (EN, r"cycle (of )?about 30 days", r"\bown\b")],
)
@pytest.mark.parametrize("reason", LAPSE_REASONS)
def test_a_cycle_is_told_as_an_estimate_since_who_bought_once_has_none_of_their_own(words, estimated, claimed, reason):
    (_, row) = _read(alert_reasons_csv(pa.Table.from_pylist([_alert("once", reason=reason)]), words))
    assert re.search(estimated, row[1])
    assert not re.search(claimed, row[1] + words.text(f"alert_reason.{reason}"))


def test_every_cpm_class_has_its_name_and_its_action():
    classes = pa.table({"customer_id": list(CPM_CLASS_NAMES), "cpm_class": list(CPM_CLASS_NAMES)})
    rows = _read(cpm_classes_csv(classes, JA))
    assert rows[0] == ["顧客番号", "CPM区分", "フォロー施策"]
    assert len({tuple(row[1:]) for row in rows[1:]}) == 10


def test_a_group_to_offer_is_guarded_and_its_reason_tells_the_group_the_people_and_the_rate():
    offer = {"customer_id": ["a"], "product_group": ["=茶"], "because_group": ["菓子"], "alike_customers": [375]}
    (header, row), (_, english) = (
        _read(cross_sell_csv(pa.table({**offer, "expected_rate": [0.1333]}), words)) for words in (JA, EN)
    )
    assert header == ["顧客番号", "推奨商品群", "理由"]
    assert row[:2] == ["a", "'=茶"]
    for reason in (row[2], english[2]):
        assert all(part in reason for part in ("菓子", "375", "13.3%"))


def test_contact_dates_are_iso_days_with_a_reason():
    dates = pa.table({"customer_id": ["a"], "next_contact_on": [dt.date(2025, 7, 3)], "reason": ["own_cycle"]})
    header, row = _read(contact_dates_csv(dates, EN))
    assert header == ["customer_id", "next_contact_on", "reason"]
    assert row[:2] == ["a", "2025-07-03"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_a_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(start):
    table = pa.table({"customer_id": [f"{start}cmd|' /C calc'!A0"], "test_group": ["treated"]})
    assert _read(test_groups_csv(table, JA))[1][0] == f"'{start}cmd|' /C calc'!A0"


@given(st.text(alphabet="0123456789ABCabc-_", min_size=1).filter(lambda text: text[0] != "-"))
def test_an_ordinary_customer_number_is_never_changed(text):
    assert guarded(text) == text


def test_cp932_is_written_on_request_and_what_it_lacks_is_refused_with_its_row():
    rows = _segments(("c1", 1, False), ("髙", 2, False))
    assert _read(segments_csv(rows, JA, "cp932"), "cp932")[2][0] == "髙"
    with pytest.raises(Refused, match=r"row 3.*20BB7"):
        segments_csv(_segments(("c1", 1, False), ("𠮷", 2, False)), JA, "cp932")


@pytest.mark.parametrize("wording", [JA, EN])
def test_the_judgement_of_a_delivery_has_every_bound_in_cp932_too(wording):
    expectations = [
        {"name": one.name, "status": "met", "observed": 1.0, "bound": one.bound, "cases": []} for one in EXPECTATIONS
    ]
    _, *judged = _read(delivery_judgement_csv(expectations, wording, "cp932"), "cp932")
    assert [bound for _, _, _, bound, *_ in judged][:6:5] == ["≦ 4", "≧ 0.95"]


def test_no_table_of_customers_still_has_its_header():
    empty = pa.table({"customer_id": pa.array([], pa.string())})
    assert _read(alert_customers_csv(empty, JA)) == [["顧客番号"]]
