"""Sample files as they are drafted from: rows, profiles, which table each is, and which rows belong to one order."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from crm_platform.clients.mapping import TableMapping
from crm_platform.intake.drafting.defined_words import CodeWords, DefinedWords, defined_words
from crm_platform.intake.drafting.definition import Definition
from crm_platform.intake.drafting.profile import ColumnProfile, profile_columns
from crm_platform.intake.drafting.vocabulary import match_of, targets_of, word_form
from crm_platform.intake.mapping.file_tables import STANDARD_STEMS
from crm_platform.intake.mapping.standard_layout import standard_targets
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import RawRows, matching_form, read_rows
from crm_platform.intake.reading.text_column import Mask

_SURE = 0.7
# a table is told by one column of each group; the key comes first
_TELLING: dict[str, tuple[tuple[str, ...], ...]] = {
    "order_lines": (("order_id",), ("ordered_at",), ("quantity", "unit_price_jpy", "order amounts"), ("product_id",)),
    "customers": (("customer_id",), ("registered_on",), ("sex", "prefecture", "birth_year", "client_rank")),
    "products": (("product_id",), ("product_name",), ("list_price_jpy", "cost_jpy", "category", "brand")),
    "media": (("media_id",), ("media_name", "channel"), ("cost_jpy", "started_on")),
}
_FEWEST_TOLD = 0.6


@dataclass(frozen=True)
class Sample:
    """One file of a sample. `table`: which it is, "" where that is not known; `why`: how it was told.

    `said`: what the client's definition says of its columns; `code_words`: wordings of codes, by header.
    """

    file: DeliveredFile
    rows: RawRows
    table: str
    why: str
    profiles: tuple[ColumnProfile, ...]
    said: DefinedWords = field(default_factory=DefinedWords)
    code_words: CodeWords = field(default_factory=dict)

    def __getitem__(self, header: str) -> ColumnProfile:
        return self._by_header[header]

    @cached_property
    def _by_header(self) -> Mapping[str, ColumnProfile]:
        return {profile.header: profile for profile in self.profiles}

    @property
    def headers(self) -> list[str]:
        """Every delivered header that was read."""
        return [profile.header for profile in self.profiles]

    def with_personal(self, personal: dict[str, str]) -> Sample:
        """The same, knowing which columns are cut and why."""
        return replace(self, profiles=tuple(profile_columns(self.rows, personal)))

    def in_words(self) -> Sample:
        """The same with its columns called as the client's definition calls them."""
        profiles = (replace(profile, header=self.said.of(profile.header)) for profile in self.profiles)
        rows = replace(
            self.rows, columns={self.said.of(header): self.rows.columns[header] for header in self.rows.columns}
        )
        return replace(self, rows=rows, profiles=tuple(profiles), code_words=self.said.codes_by_name())


@dataclass(frozen=True)
class Orders:
    """Which rows of a sample belong to one order; `several`: rows of orders of more than one row."""

    of_row: npt.NDArray[np.int32]
    first: Mask
    several: Mask

    @classmethod
    def of(cls, sample: Sample, header: str) -> Orders:
        """By the values of the order number's column."""
        index = sample.rows.columns[header].index
        first: Mask = np.zeros(len(index), bool)
        first[np.unique(index, return_index=True)[1]] = True
        return cls(index, first, np.bincount(index)[index] > 1 if len(index) else first)

    def is_constant(self, sample: Sample, header: str) -> bool:
        """Whether every order of several rows has one value of the column; empty cells say nothing."""
        column = sample.rows.columns[header]
        told = self.several & ~column.is_empty
        pairs = np.unique(np.stack([self.of_row[told], column.index[told]]), axis=1)
        return bool(len(np.unique(pairs[0])) == pairs.shape[1])

    def on_first_row_only(self, sample: Sample, header: str) -> bool:
        """Whether orders of several rows have the value on their first row and nothing on the others."""
        empty = sample.rows.columns[header].is_empty
        later, first = self.several & ~self.first, self.several & self.first
        return bool(later.any()) and bool(empty[later].all()) and not empty[first].all()


def read_sample(files: Sequence[DeliveredFile], definition: Definition | None) -> list[Sample]:
    """Every file with its profiles, in order of name; Refused where one cannot be read.

    `definition`: the client's own, where it was given.
    """
    samples = []
    for file in sorted(files, key=lambda file: file.name):
        rows = read_rows(file, TableMapping("order_lines"))
        profiles, said = tuple(profile_columns(rows, {})), defined_words(definition, rows)
        filled = [said.of(profile.header) for profile in profiles if not profile.is_empty]
        table, why = recognised_table(file.stem, filled)
        samples.append(Sample(file, rows, table, why, profiles, said, said.codes))
    return samples


def recognised_table(stem: str, headers: Sequence[str]) -> tuple[str, str]:
    """The table that a file is meant for and why; ("", why) where nothing tells."""
    plain = unicodedata.normalize("NFKC", stem).casefold()
    for table, stems in STANDARD_STEMS.items():
        if plain in stems:
            return table, "its name is that of the standard layout"
        if headers and {matching_form(header) for header in headers} <= set(standard_targets(table)):
            return table, "its headers are those of the standard layout"
    told = {table: _told(table, headers) for table in _TELLING}
    best = max(told, key=lambda table: (len(told[table]) / len(_TELLING[table]), -list(_TELLING).index(table)))
    if len(told[best]) / len(_TELLING[best]) < _FEWEST_TOLD or not told[best].get(0):
        return "", "its headers do not tell which table it is"
    return best, f"told by {', '.join(told[best].values())}"


def _told(table: str, headers: Sequence[str]) -> dict[int, str]:
    """The header that stands for each group of telling columns, by the group's position."""
    told = {}
    for position, group in enumerate(_TELLING[table]):
        found = [(_telling(table, target, header), header) for target in group for header in headers]
        score, header = max(found, key=lambda pair: (pair[0], pair[1]), default=(0.0, ""))
        if score >= _SURE:
            told[position] = header
    return told


def _telling(table: str, target: str, header: str) -> float:
    if target == "order amounts":
        return 0.85 if word_form(header) in targets_of(table)["unit_price_jpy"].order_amounts else 0.0
    return match_of(header, targets_of(table)[target]).score
