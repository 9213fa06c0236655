"""No planted personal value of a cart's export is found in anything that is stored, logged, shown or said (R06)."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_platform_tests.end_to_end.installation import Installation
from crm_platform_tests.end_to_end.stored_texts import places_of, plain
from crm_platform_tests.intake.cart_exports import CARTS, PEOPLE, PLANTED

pytestmark = [pytest.mark.needs_program("pdftotext", "poppler-utils")]
HASH_KEY = "a secret that stands in the environment alone"
EXTRA = ["氏名", "フリガナ", "メールアドレス", "電話番号", "住所", "生年月日", "備考", "項目１", "項目２"]


def shortest(values: tuple[str, ...]) -> list[str]:
    """Without values that hold another one: what is not found needs no longer search."""
    return [value for value in values if not any(other != value and other in value for other in values)]


@pytest.fixture(scope="module")
def searched() -> list[str]:
    return [*shortest(PLANTED), HASH_KEY]


def write_standard_layout(folder: Path) -> list[Path]:
    """The standard layout with columns that nobody asked for, personal by name or by value."""
    customers = ["顧客番号\t登録日\t" + "\t".join(EXTRA)]
    for person in PEOPLE:
        phone, address = "-".join(person.phone), f"〒{'-'.join(person.postal_code)} {person.town}{person.street}"
        kana = f"{person.family_kana}　{person.given_kana}"
        extra = [person.family + person.given, kana, person.email, phone, address, str(person.birthday)]
        extra += [f"{person.family}様", f"{kana}", f"{person.email.upper()} {phone}"]
        customers.append("\t".join([f"C{person.number}", "2023/01/05", *extra]))
    lines = ["注文番号\t明細番号\t顧客番号\t受注日時\t商品番号\t数量\t単価"]
    lines += [f"A{n}\t1\tC{1 + n % 12}\t2025/0{1 + n % 5}/05\tSP-1\t1\t1000" for n in range(400)]
    lines += [f"A900\t1\t{PEOPLE[0].email}\t2025/05/05\tSP-1\t1\t1000", f"{PEOPLE[1].email}\tおかしな行"]
    contents = {
        "商品マスター.tsv": "商品番号\t商品名\nSP-1\t青汁\n",
        "顧客マスター.tsv": "\n".join(customers),
        "媒体マスター.tsv": "媒体コード\t媒体名\nM1\t折込\n",
        "取引明細.tsv": "\n".join(lines),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode("cp932"))
    return [folder / name for name in contents]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, str]:
    """An installation to which every cart and the standard layout delivered, and all that its commands printed."""
    folder = tmp_path_factory.mktemp("planted")
    installation, printed = Installation.at(folder / "data"), []

    def run(*arguments: str | Path) -> None:
        answer = installation.run(*arguments)
        assert answer.code == 0, answer.err
        printed.append(answer.out + answer.err)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM_PLATFORM_HASH_KEY", HASH_KEY)
        for preset, export in CARTS.items():
            (folder / preset).mkdir()
            paths = [folder / preset / file.name for file in export().files]
            for path, file in zip(paths, export().files, strict=True):
                path.write_bytes(file.content)
            run("clients", "add", preset, "--name", preset, "--preset", preset)
            run("deliver", "--client", preset, *paths)
        run("clients", "add", "standard", "--name", "標準")
        run(
            "deliver",
            "--client",
            "standard",
            *write_standard_layout(folder),
            "--faults",
            installation.data / "faults.csv",
        )
        run("onboard", "--client", "shopify")
        refused = installation.run("deliver", "--client", "standard", *paths)
    printed.append(refused.out + refused.err)
    return installation, plain("\n".join(printed))


def test_no_planted_value_is_in_any_stored_byte(said: tuple[Installation, str], searched: list[str]) -> None:
    installation, _ = said
    assert {path for places in places_of(searched, installation.data).values() for path in places} == set()


def test_no_planted_value_was_printed(said: tuple[Installation, str], searched: list[str]) -> None:
    _, printed = said
    assert sum(plain(value) in printed for value in searched) == 0


def test_what_was_searched_is_all_there_is(said: tuple[Installation, str]) -> None:
    installation, _ = said
    names = {path.suffix for path in installation.data.rglob("*") if path.is_file()}
    assert {".parquet", ".json", ".html", ".pdf", ".csv", ".tsv", ".db"} <= names
    assert places_of(["AOJIRU-30"], installation.data)["AOJIRU-30"], "what may be stored is found"


def test_the_search_finds_a_value_wherever_it_leaks(tmp_path: Path) -> None:
    value = PEOPLE[0].family_kana
    (tmp_path / "cp932.csv").write_bytes(value.encode("cp932"))
    (tmp_path / "utf16.tsv").write_bytes(f"1\t2\t{value}".encode("utf-16"))
    (tmp_path / "escaped.json").write_text('"' + value.encode("ascii", "backslashreplace").decode() + '"')
    (tmp_path / "page.html").write_text("".join(f"&#{ord(letter)};" for letter in value))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(value.encode()))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.csv", value * 20)
    pq.write_table(pa.table({"x": [value]}), tmp_path / "table.parquet", compression="zstd")
    with sqlite3.connect(tmp_path / "log.db") as database:
        database.execute("create table events (body blob)")
        database.execute("insert into events values (?)", (zlib.compress(value.encode()),))
    (tmp_path / f"{value}.txt").touch()
    (tmp_path / "half_width.txt").write_text("ｶｸｳﾔﾏ")
    (tmp_path / "innocent.txt").write_text("青汁")
    names = {path.name for path in tmp_path.iterdir()} - {"innocent.txt"}
    assert places_of([value], tmp_path) == {value: names}
