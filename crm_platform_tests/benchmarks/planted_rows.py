"""Order lines with bad rows planted among them, one of ten kinds each, and where they lie."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Line = list[bytes]


@dataclass(frozen=True, order=True)
class Planted:
    """A bad row: its line in the file (the header is line 1), the column and the rule that it breaks."""

    row_number: int
    column: str
    rule: str


WHOLE_ROW = "(whole row)"
_KINDS: dict[tuple[str, str], Callable[[bytes], bytes]] = {
    ("媒体コード", "unreadable_bytes"): lambda value: value + b"\x81",
    ("受注日時", "not_a_date"): lambda _: b"2025/02/30 10:00",
    ("単価", "not_a_number"): lambda value: value + b"x",
    ("数量", "zero_quantity"): lambda _: b"0",
    ("顧客番号", "unknown_customer"): lambda _: b"C9999999",
    ("商品番号", "unknown_product"): lambda _: b"XX-999",
    ("値引", "discount_above_amount"): lambda _: b"99999999",
    (WHOLE_ROW, "quotation"): lambda value: b'"' + value,
}
RULES = sorted([*(rule for _, rule in _KINDS), "field_count", "duplicate_key"])


def plant(lines: Sequence[bytes], count: int, seed: int) -> tuple[list[bytes], list[Planted]]:
    """`lines` of an order file (cp932, tabs, header first) with `count` bad rows, as many of each kind as can be."""
    headers = lines[0].rstrip().decode("cp932").split("\t")
    rows = sorted(random.Random(seed).sample(range(2, len(lines), 2), count))  # so that the line before each is sound
    kinds = [*_KINDS, (WHOLE_ROW, "field_count"), ("明細番号", "duplicate_key")]
    planted, spoilt = [], list(lines)
    for number, position in enumerate(rows):
        column, rule = kinds[number % len(kinds)]
        fields = lines[position].rstrip(b"\r\n").split(b"\t")
        if rule == "field_count":
            fields.pop()
        elif rule == "duplicate_key":
            fields[:2] = lines[position - 1].split(b"\t")[:2]
        else:
            at = 0 if column == WHOLE_ROW else headers.index(column)
            fields[at] = _KINDS[column, rule](fields[at])
        spoilt[position] = b"\t".join(fields) + b"\r\n"
        planted.append(Planted(position + 1, column, rule))
    return spoilt, planted
