"""定期, 都度 and まとめ売り add up to the whole."""

from __future__ import annotations

import ibis
import pytest

from crm_platform.facts import one_off_sales_at_share_jpy, order_kinds


def months(*rows: tuple[str, str, int, int, int]) -> ibis.Table:
    """(month, kind, ordered, sales, discount) as the columns of product_months that are read here."""
    names = ("month", "order_kind", "ordered_jpy", "sales_jpy", "discount_jpy")
    table = ibis.memtable([{**dict(zip(names, row, strict=True)), "lines": 1} for row in rows])
    return table.mutate(month=table.month.cast("date"))


HISTORY = (
    ("2024-03-01", "subscription", 900, 900, 100),
    ("2024-04-01", "subscription", 6_000, 5_000, 0),
    ("2024-08-01", "one_off", 3_000, 3_000, 0),
    ("2025-03-01", "bulk", 700, 700, 300),
    ("2025-04-01", "one_off", 50, 50, 0),
)


def test_every_yen_is_of_exactly_one_kind() -> None:
    kinds = order_kinds(months(*HISTORY)).to_pylist()
    assert [row["order_kind"] for row in kinds] == ["bulk", "one_off", "subscription"]
    assert sum(row["sales_jpy"] for row in kinds) == sum(row[3] for row in HISTORY)
    assert sum(row["ordered_jpy"] for row in kinds) == sum(row[2] for row in HISTORY)


def test_bulk_sales_stand_alone_with_their_discount_and_take_no_part_in_the_shares() -> None:
    bulk, one_off, subscription = order_kinds(months(*HISTORY)).to_pylist()
    assert (bulk["discount_rate"], bulk["sales_share_rate"]) == (0.3, None)
    assert one_off["sales_share_rate"] == pytest.approx(3_050 / 8_950)
    assert one_off["sales_share_rate"] + subscription["sales_share_rate"] == pytest.approx(1)


def test_a_client_without_sales_has_no_rate_and_no_failure() -> None:
    (row,) = order_kinds(months(("2025-01-01", "one_off", 500, 0, 0))).to_pylist()
    assert (row["discount_rate"], row["sales_share_rate"]) == (None, None)


def test_a_tenth_of_two_billion_yen_sold_one_by_one_is_two_hundred_million() -> None:
    assert one_off_sales_at_share_jpy(2_000_000_000, 0.10) == 200_000_000
    with pytest.raises(ValueError, match="share"):
        one_off_sales_at_share_jpy(2_000_000_000, 1.1)
