"""Small deliveries in the standard layout, made by hand for the tests of this chapter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from crm_platform.clients import Client
from crm_platform.intake import Admitted, DeliveredFile, examine_delivery

TODAY = dt.date(2025, 7, 1)
PRODUCTS = [["商品番号", "商品名", "定価"], ["SP-001", "青汁①", "3980"], ["SP-002", "㈱髙橋の石鹸～", "1200"]]
CUSTOMERS = [
    ["顧客番号", "生年", "都道府県", "登録日"],
    *[[f"C000000{n}", "1970", "東京都", "2024/01/05"] for n in range(1, 6)],
]
MEDIA = [["媒体コード", "媒体名", "媒体費"], ["M01", "折込チラシ", "500000"]]
LINE_HEADERS = [
    "注文番号",
    "明細番号",
    "顧客番号",
    "受注日時",
    "状態",
    "注文区分",
    "商品番号",
    "数量",
    "単価",
    "値引",
    "媒体コード",
]


def line(order: str = "A1", number: str = "1", **changes: str) -> list[str]:
    """A sound order line; any header may be changed by name."""
    values = [order, number, "C0000001", "2025/05/01 10:23", "出荷済", "都度", "SP-001", "2", "1000", "100", "M01"]
    return [changes.get(header, value) for header, value in zip(LINE_HEADERS, values, strict=True)]


def text_of(rows: Sequence[Sequence[str]], delimiter: str = "\t", line_end: str = "\r\n") -> str:
    """Rows as text, unquoted."""
    return "".join(delimiter.join(row) + line_end for row in rows)


def file_of(name: str, rows: Sequence[Sequence[str]], encoding: str = "cp932", delimiter: str = "\t") -> DeliveredFile:
    """Rows as a delivered file."""
    return DeliveredFile(name, text_of(rows, delimiter).encode(encoding))


def masters() -> list[DeliveredFile]:
    """The three masters."""
    return [
        file_of("products.tsv", PRODUCTS),
        file_of("customers.tsv", CUSTOMERS),
        file_of("media.tsv", MEDIA),
    ]


def delivery(lines: Sequence[Sequence[str]]) -> list[DeliveredFile]:
    """Masters and these order lines."""
    return [*masters(), file_of("order_lines.tsv", [LINE_HEADERS, *lines])]


def client_with(intake: Mapping[str, Any] | None = None) -> Client:
    """A client of the standard layout, or with these intake rules."""
    return Client("acme", "Acme", intake=intake or {})


def examine(
    files: Sequence[DeliveredFile], client: Client | None = None, number: int = 1, former: Sequence[Admitted] = ()
) -> Admitted:
    """Examine on TODAY."""
    return examine_delivery(
        client or client_with(), files, delivery_id=f"{number:04d}-000000000000", today=TODAY, former=former
    )


def faults_of(admitted: Admitted) -> list[tuple[int, str, str]]:
    """(row, column, rule) of everything quarantined."""
    rows = admitted.tables["quarantined_rows"].to_pylist()
    return [(row["row_number"], row["column"], row["rule"]) for row in rows]
