"""Which former use a quote follows, and whether the data came since as they had come for it (R13)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm_platform.orchestration.assets.quotes import last_delivered_on, same_spec_since
from crm_platform.periods import Month
from crm_platform.projects import DeliveryRecord

DELIVERED = dt.date(2025, 1, 20)


def receipt(day: str, *columns: str, table: str = "order_lines") -> dict[str, Any]:
    """What a receipt tells of a delivery of one file with these columns."""
    kinds = [[name, "text"] for name in columns]
    specification = {"columns": kinds, "delimiter": "\t", "encoding": "utf-8", "codes": {}}
    return {
        "examined_on": day,
        "files": [{"table": table, "spec_fingerprint": str(kinds), "specification": specification}],
    }


FIRST = receipt("2024-12-01", "受注番号", "受注日")
SAME, OTHER = receipt("2025-02-01", "受注番号", "受注日"), receipt("2025-03-01", "受注番号", "受注日", "備考")


def test_the_former_use_is_the_last_delivery_up_to_the_day_and_never_the_months_own() -> None:
    months = {Month(2025, 1): dt.date(2025, 2, 20), Month(2024, 12): DELIVERED, Month(2025, 2): dt.date(2025, 2, 28)}
    records = [DeliveryRecord.of(month, day, ("分析担当",), (), "a", "b") for month, day in months.items()]
    assert last_delivered_on(records, dt.date(2025, 2, 28)) == dt.date(2025, 2, 28)
    assert last_delivered_on(records, dt.date(2025, 2, 27)) == dt.date(2025, 2, 20)
    assert last_delivered_on(records, dt.date(2025, 2, 28), before=Month(2025, 2)) == dt.date(2025, 2, 20)
    assert last_delivered_on(records, DELIVERED - dt.timedelta(days=1)) is None


@pytest.mark.parametrize(
    ("receipts", "same"),
    [
        ([FIRST], None),
        ([FIRST, SAME], True),
        ([FIRST, OTHER], False),
        ([FIRST, OTHER, {**OTHER, "examined_on": "2025-04-01"}], False),  # as the one before, not as the former use's
        ([FIRST, {**OTHER, "examined_on": "2025-01-20"}, OTHER], True),  # changed in time for the former use
        (
            [FIRST, receipt("2025-02-01", "媒体コード", table="media")],
            True,
        ),  # a new table changes nothing of the others
        ([{**FIRST, "examined_on": "2025-02-01"}], None),  # a day recorded later than the work was done
    ],
)
def test_the_specification_is_held_against_the_former_use_not_against_the_delivery_before(
    receipts: list[dict[str, Any]], same: bool | None
) -> None:
    assert same_spec_since(receipts, DELIVERED) is same
