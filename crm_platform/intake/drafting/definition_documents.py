"""Definition documents ⇄ `Definition`: TSV, CSV or XLSX, with Japanese or English headings in any usual wording."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crm_platform.intake.drafting.definition import (
    KIND_WORDS,
    DefinedColumn,
    DefinedTable,
    Definition,
    definition_words,
    kind_of_type,
)
from crm_platform.intake.drafting.sheets import Sheet, sheets_of
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import matching_form
from crm_platform.refusals import Refused

_ROLES = {heading: role for role, headings in definition_words()["headings"].items() for heading in headings}
_HEADING_ROWS = 30  # titles and dates may stand above the headings
_YES = {
    "○",
    "◯",
    "〇",
    "●",
    "◎",
    "✓",
    "✔",
    "レ",
    "y",
    "yes",
    "1",
    "true",
    "必須",
    "notnull",
    "not null",
    "nn",
    "pk",
    "主キー",
    "有",
    "可",
}
_NO = {
    "",
    "×",
    "✕",
    "x",
    "-",
    "－",
    "―",
    "—",
    "n",
    "no",
    "0",
    "false",
    "任意",
    "null",
    "nullable",
    "fk",
    "外部キー",
    "無",
    "不可",
}
_ELSEWHERE = re.compile("別紙|別表|参照|別途|下記")
_CODE = r"\"(?:[^\"]|\"\")*\""
_PAIR = re.compile(
    rf"\s*({_CODE}|[^\s:=：＝、,，;；／/\"]+)\s*[:=：＝]\s*({_CODE}|[^、,，;；／/\"]+?)"
    rf"\s*(?:[、,，;；／/]|$|\s(?=(?:{_CODE}|[^\s:=：＝、,，;；／/\"]+)\s*[:=：＝]))"
)
_WRITTEN = ("テーブル名", "ファイル名", "項目名", "物理名", "型", "桁数", "必須", "キー", "コード値", "説明")


@dataclass(frozen=True)
class _Heading:
    """Where the headings of a document stand: the row (0-based) and the position of each role."""

    row: int
    roles: Mapping[str, int]


@dataclass(frozen=True)
class _Cells:
    """One row of a document by role; refuses with its place."""

    file: str
    row: int
    values: Mapping[str, str]
    headings: Mapping[str, str]

    def __getitem__(self, role: str) -> str:
        return self.values.get(role, "")

    def refusal(self, role: str, problem: str, remedy: str) -> Refused:
        return Refused(problem, remedy, file=self.file, row=self.row, column=self.headings.get(role, role))


def is_definition(file: DeliveredFile) -> bool:
    """Whether the file is a definition document rather than data, told by its headings and the words below 型."""
    return any(_heading_of(sheet) is not None for sheet in sheets_of(file))


def read_definition(files: Sequence[DeliveredFile]) -> Definition:
    """The definition that these documents hold: one for all tables, or one per table (by file name or sheet).

    Refused names row and column of what cannot be understood, and a column that is defined twice.
    """
    parts: dict[tuple[str, str], list[DefinedColumn]] = {}
    for file in files:
        sheets = sheets_of(file)
        headings = [(sheet, heading) for sheet in sheets if (heading := _heading_of(sheet)) is not None]
        if not headings:
            raise Refused(
                "no line of the file holds the headings of a table definition.",
                "Give it at least 項目名 and 型 (and where known 桁数, 必須, キー, コード値, 説明).",
                file=file.name,
            )
        for sheet, heading in headings:
            table = sheet.name if len(headings) > 1 else _stated(sheet, heading, "table") or sheet.name or file.stem
            _add_rows(parts, file.name, sheet, heading, (table, _stated(sheet, heading, "file")))
    return Definition(tuple(DefinedTable(name, tuple(columns), file) for (name, file), columns in parts.items()))


def definition_text(definition: Definition) -> str:
    """The definition as tab-separated text with a heading line; `read_definition` reads it back equal."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(_WRITTEN)
    for table in definition.tables:
        for column in table.columns:
            length = "" if column.length is None else str(column.length)
            flags = ("○" if column.required else "", "○" if column.key else "")
            codes = "、".join(f"{_quoted(code)}={_quoted(meaning)}" for code, meaning in column.codes)
            names = (table.name, table.file, column.name, column.physical_name)
            writer.writerow((*names, KIND_WORDS[column.kind], length, *flags, codes, column.meaning))
    return out.getvalue()


def _add_rows(
    parts: dict[tuple[str, str], list[DefinedColumn]],
    file: str,
    sheet: Sheet,
    heading: _Heading,
    table: tuple[str, str],
) -> None:
    titles = {role: sheet.rows[heading.row][position] for role, position in heading.roles.items()}
    for number, row in enumerate(sheet.rows[heading.row + 1 :], heading.row + 2):
        values = {role: row[position].strip() for role, position in heading.roles.items() if position < len(row)}
        cells = _Cells(file, number, values, titles)
        if not (cells["name"] or cells["physical"]):
            continue  # blank lines, and the notes below a table
        table = (
            cells["table"] or table[0],
            cells["file"] or ("" if cells["table"] not in {"", table[0]} else table[1]),
        )
        column = _column(cells)
        known = parts.setdefault(table, [])
        if any(matching_form(column.name) == matching_form(other.name) for other in known):
            raise cells.refusal("name", f"'{column.name}' is defined twice in {table[0]}.", "Remove one of the two.")
        known.append(column)


def _column(cells: _Cells) -> DefinedColumn:
    typed = kind_of_type(cells["type"]) if cells["type"] else ("text", None)
    if typed is None:
        problem = f"the type '{cells['type'][:40]}' is not understood."
        raise cells.refusal("type", problem, "Write 文字列, 数値, 日付, 区分 or フラグ (or a type of a database).")
    name, physical = cells["name"], cells["physical"]
    return DefinedColumn(
        name=name or physical,
        kind=typed[0],
        physical_name=physical if name and physical != name else "",
        length=_length(cells) or typed[1],
        required=_said(cells, "required")
        or ("nullable" in cells.values and not _said(cells, "nullable", otherwise=True)),
        key=_said(cells, "key"),
        codes=_codes(cells),
        meaning=cells["meaning"],
    )


def _said(cells: _Cells, role: str, *, otherwise: bool = False) -> bool:
    """Whether the mark of this row says yes; a key may be numbered."""
    plain = unicodedata.normalize("NFKC", cells[role]).casefold().strip()
    mark = cells[role].strip().casefold()
    if role not in cells.values or (otherwise and not plain):
        return otherwise
    if role == "nullable" and plain in {"notnull", "not null", "nn"}:
        return False
    if role == "nullable" and plain in {"null", "nullable"}:
        return True
    if mark in _YES or plain in _YES or (role == "key" and re.fullmatch(r"(pk)?\d", plain) and plain != "0"):
        return True
    if mark in _NO or plain in _NO:
        return False
    raise cells.refusal(role, f"'{cells[role][:40]}' is neither yes nor no.", "Write ○, or leave it empty.")


def _length(cells: _Cells) -> int | None:
    plain = unicodedata.normalize("NFKC", cells["length"]).strip()
    if plain in _NO:
        return None
    match = re.fullmatch(r"(\d+)(?:\s*[.,]\s*\d+)?\s*(?:桁|文字|バイト|byte|bytes)?", plain)
    if match is None:
        raise cells.refusal("length", f"the length '{plain[:40]}' is no number.", "Write how many characters.")
    return int(match[1]) or None


def _codes(cells: _Cells) -> tuple[tuple[str, str], ...]:
    """`1:新規受付 3:注文取消し`, `0=未、1=済` or `有効/無効`; Refused where a code cell holds something else."""
    text = cells["codes"]
    if text in _NO - {"0", "n", "no", "x", "null"}:
        return ()
    pairs = code_pairs(text)
    if not pairs:
        pairs = [(word, word) for word in re.split(r"\s*[、,，;；／/・|]\s*", text) if word]
        if _ELSEWHERE.search(text) or re.search("[:=：＝]", text):
            raise cells.refusal("codes", "the codes are not understood.", "Write them here: 1:受注、2:出荷済.")
    if len({code for code, _ in pairs}) < len(pairs):
        raise cells.refusal("codes", "a code is there twice.", "Write each code once.")
    return tuple(pairs)


def code_pairs(text: str) -> list[tuple[str, str]]:
    """Code and wording of each pair, where the text holds pairs and nothing else; else none."""
    pairs, end = [], 0
    for match in _PAIR.finditer(text):
        if match.start() != end:
            break
        pairs.append((_unquoted(match[1]), _unquoted(match[2])))
        end = match.end()
    return [] if text[end:].strip() else pairs


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if not text or re.search(r"[\s:=：＝、,，;；／/\"]", text) else text


def _unquoted(text: str) -> str:
    return text[1:-1].replace('""', '"') if text.startswith('"') and text.endswith('"') and len(text) > 1 else text


def _heading_of(sheet: Sheet) -> _Heading | None:
    """The first line that holds a name heading and others of a definition, with types below it where it has 型."""
    for number, row in enumerate(sheet.rows[:_HEADING_ROWS]):
        roles = _roles_in(row)
        told = set(roles) & {"type", "length", "required", "nullable", "key", "codes"}
        if (
            "name" in roles
            and told
            and ("type" in roles or len(told) > 1)
            and _holds_types(sheet.rows[number + 1 :], roles)
        ):
            return _Heading(number, roles)
    return None


def _roles_in(row: Sequence[str]) -> dict[str, int]:
    roles: dict[str, int] = {}
    for position, cell in enumerate(row):
        role = _ROLES.get(matching_form(cell).replace("_", "").replace("・", ""))
        if role is not None:
            roles.setdefault(role, position)
    if "name" not in roles and "physical" in roles:
        roles["name"] = roles.pop("physical")
    return roles


def _holds_types(rows: Iterable[Sequence[str]], roles: Mapping[str, int]) -> bool:
    if "type" not in roles:
        return True
    words = [row[roles["type"]].strip() for row in rows if len(row) > roles["type"] and row[roles["type"]].strip()]
    return sum(kind_of_type(word) is not None for word in words) * 2 > len(words)


def _stated(sheet: Sheet, heading: _Heading, role: str) -> str:
    """The name of the table or file as a line above the headings states it: `テーブル名 | 受注明細`."""
    for row in sheet.rows[: heading.row]:
        for position, cell in enumerate(row[:-1]):
            form = matching_form(cell).rstrip(":")
            if _ROLES.get(form) == role:
                return next((value.strip() for value in row[position + 1 :] if value.strip()), "")
    return ""
