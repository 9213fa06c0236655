"""Bad rows planted in a delivery, each known by its line, column and kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_BROKEN_CP932 = b"\x81\xad"  # a lead byte with a trail byte that cp932 does not assign


@dataclass(frozen=True)
class PlantedFault:
    """A bad row: `line_number` counts the header as 1; `column` is empty where the row as a whole is at fault."""

    file: str
    line_number: int
    column: str
    kind: str


def _with(fields: list[bytes], position: int, value: bytes) -> list[bytes]:
    return [*fields[:position], value, *fields[position + 1 :]]


_KINDS: tuple[tuple[str, str, Callable[[list[bytes], int], list[bytes]]], ...] = (
    ("bad_date", "受注日時", lambda fields, at: _with(fields, at, b"2024/02/30 10:00")),
    ("year_2999", "受注日時", lambda fields, at: _with(fields, at, b"2999/12/31 10:00")),
    ("unknown_customer", "顧客番号", lambda fields, at: _with(fields, at, b"C9999999")),
    ("unknown_product", "商品番号", lambda fields, at: _with(fields, at, b"ZZ-999")),
    ("non_numeric_quantity", "数量", lambda fields, at: _with(fields, at, "二個".encode("cp932"))),
    ("broken_bytes", "定期コース", lambda fields, at: _with(fields, at, _BROKEN_CP932)),
    ("wrong_field_count", "", lambda fields, _: fields[:-1]),
    ("duplicate_key", "注文番号", lambda fields, _: fields),
)


def planted_faults(file: str, rows: int, faults: int) -> tuple[PlantedFault, ...]:
    """Where `faults` bad rows lie among `rows` good ones: evenly spread, the kinds in turn."""
    return tuple(
        PlantedFault(file, _good_rows_before(number, rows, faults) + number + 2, column, kind)
        for number in range(faults)
        for kind, column, _ in [_KINDS[number % len(_KINDS)]]
    )


def plant(rows: Sequence[bytes], first_row: int, all_rows: int, faults: int, header: Sequence[str]) -> list[bytes]:
    """`rows` (of which the first is row `first_row` of `all_rows`) with the bad rows that belong after each.

    A bad row copies the row before it, under an order number of its own unless it is to repeat the key.
    """
    wanted: dict[int, list[int]] = {}
    for number in range(faults):
        wanted.setdefault(_good_rows_before(number, all_rows, faults) - 1 - first_row, []).append(number)
    if not any(0 <= after < len(rows) for after in wanted):
        return list(rows)
    planted: list[bytes] = []
    for position, row in enumerate(rows):
        planted.append(row)
        planted.extend(_bad_row(row, number, header) for number in wanted.get(position, ()))
    return planted


def _good_rows_before(number: int, rows: int, faults: int) -> int:
    """How many good rows stand before the bad row with this number, counted from 0; at least one."""
    return max(1, (number + 1) * rows // (faults + 1))


def _bad_row(row: bytes, number: int, header: Sequence[str]) -> bytes:
    kind, column, spoil = _KINDS[number % len(_KINDS)]
    fields = row.split(b"\t")
    if kind != "duplicate_key":
        fields = _with(fields, header.index("注文番号"), b"X%08d" % (number + 1))
    return b"\t".join(spoil(fields, header.index(column) if column else 0))
