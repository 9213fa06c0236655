"""Files of every kind that a client may deliver, and ways of damaging them: for the tests and the benchmark."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from crm_platform.clients import Client
from crm_platform.intake import Admitted, DeliveredFile, HashKey, examine_delivery
from crm_platform.refusals import Refused
from crm_platform_tests.intake.cart_exports import CARTS, CartExport
from crm_platform_tests.intake.containers import PACKINGS, gzip_of, with_part_changed, zip_of
from crm_platform_tests.intake.deliveries import (
    CUSTOMERS,
    LINE_HEADERS,
    PRODUCTS,
    TODAY,
    client_with,
    line,
    masters,
    text_of,
)

KEY = HashKey(b"a secret for the damaged files")
TOKENS = (
    b'"', b"\t", b",", b";", b"\r\n", b"\r", b"\n", b"\0", b"\x1a", b"\x81", b"\xff", b"\xfe\xff", b"\xff\xfe", b'"\n"',
    b"\xef\xbb\xbf", b"\x1f\x8b", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\xff\xff\xff\xff", b"-", b"9" * 19,
    b"1e308", b"nan", b"\xef\xbf\xbf", b"\xed\xa0\x80", "返品".encode(), "令和99年13月1日".encode(), "△1".encode(),
    b"<", b"/>", b"&#0;", b"&x;", b' r="XFD1048576"', b' t="s"', b' t="d"', b"<v>99999999</v>", b"]]>", b"<c/>",
)  # fmt: skip


@dataclass(frozen=True)
class Specimen:
    """A sound file. `inner`: the bytes that are damaged; `packed`: the file around them.

    `others`: what is delivered with it, else the rest of a small delivery in the standard layout; `preset`: of a cart.
    """

    label: str
    inner: bytes = field(repr=False)
    packed: Callable[[bytes], DeliveredFile] = field(repr=False)
    others: Sequence[DeliveredFile] | None = field(default=None, repr=False)
    preset: str | None = None

    @property
    def client(self) -> Client:
        """The client who delivers such files."""
        return client_with({"preset": self.preset} if self.preset else None)


@dataclass(frozen=True)
class Edit:
    """Damage: at this share of the length, so many bytes are removed and these inserted."""

    place: float
    removed: int
    inserted: bytes


def specimens() -> list[Specimen]:
    """Order lines, products and customers in every encoding and container, damaged outside and inside of it."""
    rows = {
        "order_lines": [LINE_HEADERS, *[line(f"A{n}") for n in range(6)]],
        "products": PRODUCTS,
        "customers": CUSTOMERS,
    }
    found = [_as_it_is(f"{stem}, {name}", pack(stem, rows[stem])) for stem in rows for name, pack in PACKINGS.items()]
    for encoding in ("utf-16", "utf-16-le", "euc_jp", "iso2022_jp"):
        content = text_of(rows["order_lines"], ",").replace("①", "1").encode(encoding)
        found.append(_as_it_is(encoding, DeliveredFile("order_lines.csv", content)))
    text = text_of(rows["order_lines"], ",").encode("cp932")
    found.append(Specimen("inside gzip", text, lambda inner: gzip_of(DeliveredFile("order_lines.csv", inner))))
    found.append(Specimen("inside zip", text, lambda inner: zip_of([DeliveredFile("order_lines.csv", inner)])))
    workbook = PACKINGS["xlsx"]("order_lines", rows["order_lines"]).content
    found += [_workbook_part(workbook, name) for name in zipfile.ZipFile(io.BytesIO(workbook)).namelist()]
    return found + [specimen for name, export in CARTS.items() for specimen in _cart_files(name, export())]


def _as_it_is(label: str, file: DeliveredFile) -> Specimen:
    return Specimen(label, file.content, lambda inner: DeliveredFile(file.name, inner))


def _cart_files(cart: str, export: CartExport) -> list[Specimen]:
    return [
        replace(
            _as_it_is(f"{file.name} of {cart}", file),
            others=[other for other in export.files if other is not file],
            preset=export.preset,
        )
        for file in export.files
    ]


def _workbook_part(workbook: bytes, part: str) -> Specimen:
    def packed(inner: bytes) -> DeliveredFile:
        return DeliveredFile("order_lines.xlsx", with_part_changed(workbook, part, lambda _: inner))

    return Specimen(f"{part} of a workbook", zipfile.ZipFile(io.BytesIO(workbook)).read(part), packed)


def damaged(specimen: Specimen, edits: Sequence[Edit]) -> list[DeliveredFile]:
    """A whole delivery, of which the specimen has all of this damage; its file comes first."""
    content = specimen.inner
    for edit in edits:
        at = round(edit.place * len(content))
        content = content[:at] + edit.inserted + content[at + edit.removed :]
    file = specimen.packed(content)
    return delivery_with(file) if specimen.others is None else [file, *specimen.others]


def random_edits(chosen: random.Random) -> list[Edit]:
    """One to six edits."""
    return [
        Edit(chosen.random(), chosen.choice((0, 0, 1, 2, 9, 99)), chosen.choice((*TOKENS, chosen.randbytes(4), b"")))
        for _ in range(chosen.randint(1, 6))
    ]


def delivery_with(file: DeliveredFile) -> list[DeliveredFile]:
    """A whole delivery of which `file` takes the place of its table."""
    sound = [*masters(), DeliveredFile("order_lines.csv", text_of([LINE_HEADERS, line()], ",").encode())]
    replaced = "order_lines" if file.stem == "delivery" else file.stem  # an archive brings order lines
    return [file, *[other for other in sound if other.stem != replaced]]


def examined_or_refused(files: Sequence[DeliveredFile], client: Client) -> Admitted | Refused:
    """What becomes of a delivery; anything but a refusal with a remedy, or accounts that close, is an error."""
    try:
        admitted = examine_delivery(client, files, delivery_id="0001-x", today=TODAY, hash_key=KEY)
    except Refused as refusal:
        assert refusal.remedy
        str(refusal).encode()
        return refusal
    for table, account in admitted.receipt["accounts"].items():
        left_out = account["quarantined"] + sum(account["set_aside"].values())
        assert account["delivered"] + account["added_by_splitting"] == account["admitted"] + left_out
        assert account["admitted"] + account.get("derived", 0) == admitted.tables[table].num_rows
    return admitted
