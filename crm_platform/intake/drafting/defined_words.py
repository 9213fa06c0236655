"""What a table definition (テーブル定義書) says of a file in words: what short headers mean, what codes stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crm_platform.intake.drafting.definition import DefinedColumn, Definition
from crm_platform.intake.drafting.definition_documents import code_pairs
from crm_platform.intake.drafting.holding import defined_table, header_of
from crm_platform.intake.reading.raw_rows import RawRows

CodeWords = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class DefinedWords:
    """`names`: 項目名 by header, where the header is another (物理名). `codes`: wordings by header and code.

    Codes are read from a remark (備考), too, where it lists nothing else: they help a draft; no file is held to them.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    codes: CodeWords = field(default_factory=dict)

    def of(self, header: str) -> str:
        """What the header is called in words: `受注番号` for `JUC_NO`."""
        return self.names.get(header, header)

    def codes_by_name(self) -> CodeWords:
        """The codes by what their header is called."""
        return {self.of(header): words for header, words in self.codes.items()}


def defined_words(definition: Definition | None, rows: RawRows) -> DefinedWords:
    """What the definition says of this file; nothing where none of its tables is the file.

    A name that another column of the file bears already is left out: it would not tell the two apart.
    """
    table = defined_table(definition, rows) if definition is not None else None
    headers = list(rows.columns)
    found = [(header_of(column, headers), column) for column in (table.columns if table is not None else ())]
    names = {header: column.name for header, column in found if header is not None and header != column.name}
    return DefinedWords(
        names={header: name for header, name in names.items() if name not in headers},
        codes={header: codes for header, column in found if header is not None and (codes := _codes(column))},
    )


def _codes(column: DefinedColumn) -> dict[str, str]:
    remarked = code_pairs(column.meaning)
    return dict(column.codes or (remarked if len(remarked) > 1 else ()))
