"""Exports of systems that no preset knows: a list of Excel with a title, totals, dates of eras and discounts with △."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import pytest

from crm_platform.intake import DeliveredFile
from crm_platform.intake.drafting.adoption import head_of
from crm_platform.intake.drafting.drafting import draft_mapping
from crm_platform.refusals import Refused
from crm_platform_tests.intake.containers import as_workbook
from crm_platform_tests.intake.deliveries import client_with, examine
from crm_platform_tests.intake.proposal_counts import TODAY

HEADERS = ["受注No", "受注日", "受注時刻", "会員コード", "受注区分", "品番", "数量", "単価(税抜)", "値引額", "受注状態"]
ORDERS = [
    [
        f"J{n}",
        f"令和7年5月{n}日",
        f"{n - 9}:10",
        f"{n % 3:06d}",
        "TS"[n % 2],
        "00101",
        1,
        "3,980",
        "△500" if n % 2 else "0",
        state,
    ]
    for n, state in zip(range(10, 28), "121229312122231221", strict=True)
]
TOTAL = ["合計", "", "", "", "", "", len(ORDERS), "", "", ""]
DECIDED = {
    "status": {"1": "ordered", "2": "shipped", "3": "returned", "9": "cancelled"},
    "order_kind": {"T": "subscription", "S": "one_off"},
}


def listed(*above: Sequence[object]) -> DeliveredFile:
    return as_workbook("受注.xlsx", [*above, HEADERS, *ORDERS, TOTAL])


def test_a_line_of_totals_does_not_turn_unknown_states_and_kinds_into_constants() -> None:
    draft = draft_mapping([listed()], today=TODAY)
    lines = tomllib.loads(draft.mapping_text(""))["tables"]["order_lines"]
    assert (lines["columns"]["status"], lines["columns"]["order_kind"]) == ("受注状態", "受注区分")
    assert {item.split(":")[0] for item in draft.to_decide} == {
        "status '1'", "status '2'", "status '3'", "status '9'", "order_kind 'S'", "order_kind 'T'",
    }  # fmt: skip


def test_a_draft_whose_codes_a_person_decides_admits_every_line_with_its_discount() -> None:
    said = tomllib.loads(draft_mapping([listed()], today=TODAY).mapping_text(""))
    said["tables"]["order_lines"]["codes"] = DECIDED
    found = examine([listed()], client_with(said))
    assert found.receipt["accounts"]["order_lines"]["set_aside"] == {"guest": 1}
    table = found.tables["order_lines"]
    assert table.num_rows == len(ORDERS)
    assert sum(table["discount_jpy"].to_pylist()) == 500 * sum(row[8] == "△500" for row in ORDERS)


def test_a_day_and_a_time_that_are_both_empty_leave_the_rows_below_in_their_place() -> None:
    said = tomllib.loads(draft_mapping([listed()], today=TODAY).mapping_text(""))
    said["tables"]["order_lines"]["codes"] = DECIDED
    found = examine([as_workbook("受注.xlsx", [HEADERS, *ORDERS[:9], TOTAL, *ORDERS[9:]])], client_with(said))
    days = dict(
        zip(*(found.tables["order_lines"][name].to_pylist() for name in ("order_id", "ordered_at")), strict=True)
    )
    assert [days[row[0]].day for row in ORDERS] == list(range(10, 28))


def test_a_title_above_the_headers_is_told_as_such() -> None:
    with pytest.raises(Refused, match="names 1 of 10 columns; is it a title") as refusal:
        draft_mapping([listed(["受注一覧表"])], today=TODAY)
    assert (refusal.value.file, refusal.value.row) == ("受注.xlsx", 1)
    assert "above the headers" in refusal.value.remedy


def test_a_file_that_lacks_one_needed_column_is_told_which() -> None:
    said = tomllib.loads(draft_mapping([listed()], today=TODAY).mapping_text(""))
    said["tables"]["order_lines"]["codes"] = DECIDED
    del said["tables"]["order_lines"]["file"]
    without = [row[:6] + row[7:] for row in (HEADERS, *ORDERS)]
    with pytest.raises(Refused, match="for order_lines it lacks '数量'"):
        examine([as_workbook("無題.xlsx", without)], client_with(said))


@pytest.mark.parametrize("rate", [0, "-1", float("nan"), -1e9, True])
def test_a_factor_below_zero_is_a_number_of_a_plausible_size(rate: object) -> None:
    column = {"discount_jpy": {"column": "値引額", "times": rate}}
    with pytest.raises(Refused, match="not a rate"):
        examine([listed()], client_with({"tables": {"order_lines": {"columns": column}}}))


def test_a_draft_of_a_client_that_has_one_says_what_is_to_decide_once() -> None:
    own = 'name = "見本"\n# our own remark\n'
    first = draft_mapping([listed()], today=TODAY).mapping_text(own)
    second = draft_mapping([listed()], today=TODAY).mapping_text(head_of(first, "acme.toml"))
    assert second.split() == first.split()
    assert "# our own remark" in second
