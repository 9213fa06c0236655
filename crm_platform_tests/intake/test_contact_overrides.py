"""What operators set for a customer's next contact, and what came of contacts: delivered like any other table."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from crm_platform.intake import DeliveredFile, accept_delivery, merge_deliveries, read_admitted, read_inbox
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import TODAY, client_with, delivery, file_of, line

HEADERS = ["顧客番号", "使用日数", "次回連絡日", "保留期限"]
CONTACT_HEADERS = ["顧客番号", "施策コード", "コンタクト日", "チャネル", "結果"]


def overrides(*rows: list[str]) -> DeliveredFile:
    return file_of("次回連絡指定.tsv", [HEADERS, *rows])


def contacts(*outcomes: str) -> DeliveredFile:
    rows = [["C0000001", "call", f"2025/05/{day:02}", "電話", outcome] for day, outcome in enumerate(outcomes, 1)]
    return file_of("コンタクト履歴.tsv", [CONTACT_HEADERS, *rows])


def test_what_operators_set_comes_as_a_table_and_a_later_delivery_replaces_or_lifts_it(tmp_path: Path) -> None:
    first = overrides(["C0000001", "45", "", ""], ["C0000002", "", "2025年7月1日", "2025/06/01"])
    accept_delivery(tmp_path, client_with(), [*delivery([line()]), first], today=TODAY)
    accept_delivery(
        tmp_path, client_with(), [*delivery([line("A9")]), overrides(["C0000001", "", "", ""])], today=TODAY
    )
    found = merge_deliveries(read_admitted(tmp_path, client_with()))["contact_overrides"].to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("C0000001", None, None, None),
        ("C0000002", None, dt.date(2025, 7, 1), dt.date(2025, 6, 1)),
    ]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (["C0000001", "0", "", ""], "below_minimum"),
        (["C0000001", "", "soon", ""], "not_a_date"),
        (["C0000001", "", "", "2999-01-01"], "implausible_date"),
        (["C9999999", "30", "", ""], "unknown_customer"),
        (["C0000002", "30", "", ""], "duplicate_key"),
    ],
)
def test_a_bad_override_is_quarantined_by_name_and_counted_in_the_receipt(
    row: list[str], rule: str, tmp_path: Path
) -> None:
    files = [*delivery([line()]), overrides(["C0000002", "", "2025-07-01", ""], row)]
    tolerant = client_with({"admission": {"tolerated_bad_row_rate": 0.5}})
    receipt = accept_delivery(tmp_path, tolerant, files, today=TODAY).receipt
    account = receipt["accounts"]["contact_overrides"]
    assert (account["admitted"], account["quarantined"], account["quarantined_by_rule"]) == (1, 1, {rule: 1})


def test_outcomes_are_understood_in_the_words_of_the_trade_and_others_are_asked_for(tmp_path: Path) -> None:
    files = [*delivery([line()]), contacts("送付", "お断り", "不在", "", "declined")]
    accept_delivery(tmp_path, client_with(), files, today=TODAY)
    [admitted] = read_admitted(tmp_path, client_with())
    assert admitted.tables["contacts"]["outcome"].to_pylist() == ["sent", "declined", "no_answer", None, "declined"]
    with pytest.raises(Refused, match=r"no meaning is known for '42'.*sent, declined, no_answer, other"):
        accept_delivery(tmp_path, client_with(), [*delivery([line("A9")]), contacts("42")], today=TODAY)


@pytest.mark.parametrize("has_digests", [True, False])
def test_a_delivery_that_was_stored_before_there_were_overrides_has_none(tmp_path: Path, *, has_digests: bool) -> None:
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    (stored.folder / "admitted" / "contact_overrides.parquet").unlink()
    digests = stored.folder / "SHA256SUMS"
    if has_digests:
        with pytest.raises(Refused, match=r"contact_overrides\.parquet: this file of the inbox is missing"):
            stored.load()
        kept = [row for row in digests.read_bytes().splitlines(keepends=True) if b"contact_overrides" not in row]
        digests.write_bytes(b"".join(kept))
    else:
        digests.unlink()
    assert stored.load().tables["contact_overrides"].num_rows == 0
