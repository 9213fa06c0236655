"""Files of a client → a draft: the mapping, the definition and the profile, with what remains to be decided (R04)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from crm_platform.intake.drafting.definition import Definition
from crm_platform.intake.drafting.definition_documents import is_definition, read_definition
from crm_platform.intake.drafting.draft import DraftedTable, draft_tables
from crm_platform.intake.drafting.draft_texts import drafted_definition, mapping_text, profile_text
from crm_platform.intake.drafting.file_patterns import file_patterns
from crm_platform.intake.drafting.holding import Difference, differences
from crm_platform.intake.drafting.preset_match import PresetMatch, matching_preset
from crm_platform.intake.drafting.proposal import Proposal
from crm_platform.intake.drafting.proposals import propose
from crm_platform.intake.drafting.samples import Sample, read_sample
from crm_platform.intake.mapping.casting import cast_day
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.refusals import Refused

_NAMELESS = re.compile(r"\(column \d+\)")  # what a column is called whose header is empty


@dataclass(frozen=True)
class Draft:
    """A draft of how a client's files are read. `proposals`: by file name, in the order of the columns.

    `definition`: the client's own where it was given, else drafted; `differences`: of the files from the client's own.
    """

    samples: tuple[Sample, ...]
    proposals: dict[str, list[Proposal]]
    tables: dict[str, DraftedTable]
    preset: PresetMatch | None
    patterns: dict[str, str]
    definition: Definition
    differences: tuple[Difference, ...]

    @property
    def span(self) -> str:
        """The true span of the orders in the sample: `2025-01-04 to 2025-05-29, 146 days`."""
        return _span(self.samples, self.proposals)

    @property
    def to_decide(self) -> list[str]:
        """What the draft cannot go without; nothing where a preset reads the files."""
        return [] if self.preset else [item for table in self.tables.values() for item in table.to_decide]

    @property
    def to_confirm(self) -> list[str]:
        """What was assumed and a person should look at."""
        return [] if self.preset else [item for table in self.tables.values() for item in table.to_confirm]

    def mapping_text(self, head: str) -> str:
        """The client's TOML, whose part that is no mapping is `head`."""
        return mapping_text(head, self.tables, self.patterns, self.preset, self.span)

    def profile_text(self) -> str:
        """The profile of every column as tab-separated text."""
        return profile_text(self.samples, self.proposals)


def draft_mapping(files: Sequence[DeliveredFile], *, today: dt.date, with_presets: bool = True) -> Draft:
    """Draft a mapping from sample data and, where there are any, definition documents, told apart by their headings.

    Refused where there is no data, a file cannot be read, or no table is recognised in one.
    """
    documents = [file for file in files if is_definition(file)]
    data = [file for file in files if file not in documents]
    if not data:
        raise Refused(
            "there is no sample data.", "Give files with about three months of data (約3ヶ月分のサンプルデータ)."
        )
    stated = read_definition(documents) if documents else None
    found = read_sample(data, stated)
    for sample in found:
        _refuse_where_no_table_is_told(sample)
    tables = {sample.table for sample in found}
    proposed = [propose(sample, tables, today.year) for sample in found]
    samples = tuple(sample for sample, _ in proposed)
    proposals = {sample.file.name: of_file for sample, of_file in proposed}
    drafts = draft_tables(samples, proposals)
    patterns = file_patterns({table: [item.file.name for item in draft.samples] for table, draft in drafts.items()})
    return Draft(
        samples=samples,
        proposals=proposals,
        tables=drafts,
        preset=matching_preset(samples) if with_presets else None,
        patterns=patterns,
        definition=stated or drafted_definition(drafts, proposals, patterns),
        differences=tuple(differences(stated, [sample.rows for sample in samples], 0.0)) if stated else (),
    )


def _refuse_where_no_table_is_told(sample: Sample) -> None:
    nameless = sum(_NAMELESS.fullmatch(header) is not None for header in sample.headers)
    if 2 * nameless > len(sample.headers):
        raise Refused(
            f"the first line names {len(sample.headers) - nameless} of {len(sample.headers)} columns; is it a title?",
            "Delete what stands above the headers, so that they are the first line.",
            file=sample.file.name,
            row=1,
        )
    if not sample.table:
        raise Refused(
            f"{sample.why}.",
            "Name it after its table, for instance order_lines.csv or customers.csv, or leave it out. Orders (受注) "
            "and their lines (受注明細) in two files: deliver one, joined by the order number, with a row per line.",
            file=sample.file.name,
            row=1,
        )


def _span(samples: Sequence[Sample], proposals: dict[str, list[Proposal]]) -> str:
    days = []
    for sample in samples:
        for item in proposals[sample.file.name]:
            if item.place == "order_lines.ordered_at":
                found = pc.min_max(cast_day(sample.rows.columns[item.header].distinct).values).as_py()
                days += [day for day in found.values() if day is not None]
    if not days:
        return "unknown span"
    return f"{min(days)} to {max(days)}, {(max(days) - min(days)).days + 1} days"
