"""Whatever is refused or set aside, no message, quarantined row or receipt repeats a person's data (R06)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from crm_platform.clients import Client
from crm_platform.intake import Admitted, DeliveredFile, accept_delivery
from crm_platform.intake.drafting.drafting import draft_mapping
from crm_platform.refusals import Refused
from crm_platform_tests.end_to_end.stored_texts import plain
from crm_platform_tests.intake.deliveries import (
    CUSTOMERS,
    LINE_HEADERS,
    MEDIA,
    PRODUCTS,
    TODAY,
    client_with,
    delivery,
    examine,
    file_of,
    line,
)

MAIL, MOBILE, STREET, CARD, KANA = (
    "kaku@mihon.example.jp",
    "090-1234-5678",
    "港区芝公園4-2-8",
    "4111111111111111",
    "ミホン　カクウ",
)
PERSONAL = (MAIL, MOBILE, STREET, CARD)
TOLERANT = client_with({"admission": {"tolerated_bad_row_rate": 0.9}})
STRICT = client_with({"personal_data": {"policy": "strict"}})


def said_of(files: Sequence[DeliveredFile], client: Client) -> str:
    """All that anybody is told or that is stored of the delivery, but admitted values and file contents."""
    try:
        admitted: Admitted = examine(list(files), client)
    except Refused as refused:
        return plain(str(refused))
    rows = admitted.tables["quarantined_rows"].to_pylist()
    return plain(f"{json.dumps(admitted.receipt, ensure_ascii=False)} {rows}")


def planted(value: str) -> Iterator[tuple[str, list[DeliveredFile]]]:
    """Deliveries with the value in each cell of each table, in each header, in a name and in a line that is broken."""
    tables = {"products": PRODUCTS, "customers": CUSTOMERS, "media": MEDIA}
    tables["order_lines"] = [LINE_HEADERS, *[line(f"A{n}") for n in range(4)]]
    names = list(tables)
    for name, rows in tables.items():
        for column in range(len(rows[0])):
            for row in (0, 1):  # in place of the header, of the first value
                changed = [list(cells) for cells in rows]
                changed[row][column] = value
                files = [file_of(f"{one}.tsv", changed if one == name else tables[one], "utf-8") for one in names]
                yield f"{name} {rows[0][column]} {row}", files
    whole = [file_of(f"{one}.tsv", tables[one], "utf-8") for one in names]
    yield "no header", [*whole[:3], file_of("order_lines.tsv", [[value] * len(LINE_HEADERS), line()], "utf-8")]
    broken = DeliveredFile("order_lines.tsv", whole[3].content + f'A9\t"{value}\tx\r\n'.encode())
    yield "a broken line", [*whole[:3], broken]
    yield (
        "another encoding",
        [*whole[:3], DeliveredFile("order_lines.tsv", whole[3].content + value.encode() + b"\xff")],
    )
    yield "a file of no table", [*whole, file_of("members.tsv", [["会員", value], ["1", value]], "utf-8")]


@pytest.mark.parametrize(("client", "first"), [(TOLERANT, 0), (STRICT, 1)], ids=["tolerant", "strict"])
def test_a_personal_value_anywhere_in_a_delivery_is_repeated_nowhere(client: Client, first: int) -> None:
    by_value = [list(planted(value)) for value in PERSONAL]
    repeated = []
    for position in range(len(by_value[0])):  # each place with one of the values, by turns
        turn = (first + position + position // len(PERSONAL)) % len(PERSONAL)
        place, files = by_value[turn][position]
        if plain(PERSONAL[turn]) in said_of(files, client):
            repeated.append((place, PERSONAL[turn]))
    assert repeated == []


@pytest.mark.parametrize("value", [MAIL, MOBILE])
def test_a_file_named_after_a_person_is_refused_without_its_name(value: str) -> None:
    files = delivery([line()])
    named = [*files[:3], DeliveredFile(f"{value}.tsv", files[3].content)]
    with pytest.raises(Refused) as refusal:
        accept_delivery(None, TOLERANT, named, today=TODAY)  # type: ignore[arg-type]  # refused before it looks there
    assert value not in str(refusal.value)


def test_a_draft_shows_no_persons_data() -> None:
    rows = [[*CUSTOMERS[0], "連絡先", "備考"], *[[*row, MAIL, f"{STREET} {MOBILE}"] for row in CUSTOMERS[1:]]]
    files = delivery([line(f"A{n}") for n in range(30)])
    files[1] = file_of("customers.tsv", rows)
    drafted = draft_mapping(files, today=TODAY, with_presets=False)
    told = plain(f"{drafted.profile_text()} {drafted.mapping_text('')} {drafted.to_confirm} {drafted.to_decide}")
    assert [value for value in PERSONAL if plain(value) in told] == []
