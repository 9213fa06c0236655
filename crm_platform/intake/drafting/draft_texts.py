"""A draft as the three files that a person reads and corrects: the client's TOML, the definition, the profile."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from crm_platform.intake.drafting.definition import DefinedColumn, DefinedTable, Definition
from crm_platform.intake.drafting.draft import DraftedTable
from crm_platform.intake.drafting.preset_match import PresetMatch
from crm_platform.intake.drafting.profile import ColumnProfile
from crm_platform.intake.drafting.proposal import NOTHING, PERSONAL, ROW_KIND, Proposal
from crm_platform.intake.drafting.samples import Sample
from crm_platform.intake.drafting.toml_words import quoted
from crm_platform.intake.mapping.file_tables import STANDARD_STEMS
from crm_platform.intake.mapping.layouts import needed_columns
from crm_platform.intake.mapping.standard_layout import DELIVERED, STANDARD_CODES
from crm_platform.tables.table import FLAG, TEXT

UNDECIDED = "# TO DECIDE"  # how the lines of a draft begin that a person must still answer
DRAFTED = ("# Drafted from a sample of", UNDECIDED, "# to confirm")  # all that a draft writes above its tables
_CODE_ASKED = re.compile(r"(\w+) '(.*)': what does it stand for\?")
_COLUMN_ASKED = re.compile(r"(\w+) \(.*\): no column was recognised")
_PROFILE_HEADINGS = (
    "ファイル名", "項目名", "型", "空の率", "値の種類", "最小", "最大", "最大桁数", "例(伏字)",
    "提案", "確信度", "理由",
)  # fmt: skip


def mapping_text(
    head: str, drafts: Mapping[str, DraftedTable], patterns: Mapping[str, str], preset: PresetMatch | None, span: str
) -> str:
    """The client's TOML with the drafted mapping: `head` (who the client is), then a section per table.

    `span`: of which days the sample is, in words. With a preset only what differs from it is written.
    """
    drafted = f"{DRAFTED[0]} {span}. Read it, correct it, then: mapping accept."
    if preset is not None:
        return "\n".join(_with_preset(head, [drafted, *_preset_lines(preset)]))
    lines = [head.rstrip(), "", drafted]
    to_decide = [item for draft in drafts.values() for item in draft.to_decide]
    to_confirm = [item for draft in drafts.values() for item in draft.to_confirm]
    lines += [f"{UNDECIDED}  {item}" for item in map(_one_line, to_decide)]
    lines += [f"{DRAFTED[-1]} {item}" for item in map(_one_line, to_confirm)]
    for table, draft in drafts.items():
        lines += ["", *_table_lines(table, draft, patterns.get(table))]
    return "\n".join([*lines, ""])


def still_to_decide(text: str) -> list[str]:
    """What a draft asked and its TOML, as corrected since, does not answer: a code's meaning, a required column."""
    asked = [line.removeprefix(UNDECIDED).strip() for line in text.splitlines() if line.startswith(UNDECIDED)]
    tables = tomllib.loads(text).get("tables", {})
    return [item for item in asked if not _is_answered(item, tables)]


def _is_answered(item: str, tables: Mapping[str, Mapping[str, Any]]) -> bool:
    if code := _CODE_ASKED.fullmatch(item):
        return any(code[2] in said.get("codes", {}).get(code[1], {}) for said in tables.values())
    column = _COLUMN_ASKED.match(item)
    if column is None:
        return False
    mapped = {table: said.get("columns", {}) for table, said in tables.items() if table in DELIVERED}
    wanting = [columns for table, columns in mapped.items() if columns and column[1] in needed_columns(table)]
    return bool(wanting) and all(column[1] in columns for columns in wanting)


def _with_preset(head: str, preset: Sequence[str]) -> list[str]:
    """The preset is a key of the whole file: it stands before the first section."""
    lines = head.rstrip().split("\n")
    first = next((number for number, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    return [*lines[:first], *preset, *([""] * (first < len(lines))), *lines[first:], ""]


def _preset_lines(preset: PresetMatch) -> list[str]:
    lines = [f"# The headers are those of {preset.preset}, which has a preset; nothing else need be said."]
    for table, headers in preset.lacking.items():
        lines += [f"# the preset reads, and the {table} file lacks: {_one_line(', '.join(headers))}"] * bool(headers)
    return [*lines, f"preset = {quoted(preset.preset)}"]


def _table_lines(table: str, draft: DraftedTable, pattern: str | None) -> list[str]:
    """`[tables.<table>]`, its columns with the reason of each, its codes, its rules."""
    lines = [f"[tables.{table}]"]
    for sample in draft.samples:
        reading = sample.rows.reading
        read_as = f"read as {reading.encoding}, {reading.encoding_reason}"
        lines.append(_one_line(f"# {sample.file.name}: {sample.why}; {read_as}"))
        lines += [f"# cut as personal data: {_one_line(_personal(sample))}"] * bool(_personal(sample))
    lines += [f"file = {quoted(pattern)}"] if pattern else []
    lines += [f"{key} = {value}" for key, value in draft.words.items()]
    if draft.is_standard:
        return [*lines, "# the standard layout: nothing to map"]
    lines += ["", f"[tables.{table}.columns]"] if draft.columns else []
    for target, source in draft.columns.items():
        note = draft.notes.get(target)
        lines.append(f"{target} = {source}{f' # {_one_line(note)}' if note else ''}")
    for target, met in draft.codes.items():
        codes = [code for code in met if code.code not in STANDARD_CODES.get(target, {})]
        lines += ["", f"[tables.{table}.codes.{target}]"] if codes else []
        for code in codes:
            said = f" # {_one_line(code.wording)}" if code.wording != code.code else ""
            if code.meaning == "not_an_order":
                lines.append(f'{quoted(code.code)} = "ordered"{said} # its rows are set aside')
            elif code.meaning:
                lines.append(f"{quoted(code.code)} = {quoted(code.meaning)}{said}")
            else:
                allowed = " | ".join(DELIVERED[table][target].allowed)
                lines.append(
                    f'# {quoted(code.code)} = "{allowed}"{said or " #"}; not known: decide, and take the # away'
                )
    for rule in draft.set_aside:
        lines += ["", f"[[tables.{table}.set_aside]]", *(f"{key} = {value}" for key, value in rule.items())]
    return lines


def _personal(sample: Sample) -> str:
    return ", ".join(profile.header for profile in sample.profiles if profile.personal)


def _one_line(text: str) -> str:
    """A comment stays on its line, whatever a header holds."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def drafted_definition(
    drafts: Mapping[str, DraftedTable],
    proposals: Mapping[str, Sequence[Proposal]],
    patterns: Mapping[str, str],
) -> Definition:
    """The definition of the sample's files, so that the next delivery can be held against it."""
    tables = []
    for table, draft in drafts.items():
        if draft.samples:
            sample = draft.samples[0]
            by_header = {item.header: item for item in proposals[sample.file.name]}
            columns = tuple(_defined(profile, by_header[profile.header], draft) for profile in sample.profiles)
            tables.append(DefinedTable(STANDARD_STEMS[table][-1], columns, patterns.get(table, "")))
    return Definition(tuple(tables))


def _defined(profile: ColumnProfile, proposal: Proposal, draft: DraftedTable) -> DefinedColumn:
    mapped = proposal.table == draft.table and proposal.target in draft.columns
    column = DELIVERED[proposal.table][proposal.target] if proposal.table else None
    kind = profile.kind
    if profile.personal or profile.is_empty or (column is not None and column.type == TEXT):
        kind = "text"
    elif kind == "flag" and (column is None or column.type != FLAG) and set(profile.values) <= {"0", "1"}:
        kind = "number"
    codes = draft.codes.get(proposal.target, ()) if mapped and column is not None and column.allowed else ()
    return DefinedColumn(
        name=profile.header,
        kind="code" if codes else kind,
        required=mapped and column is not None and column.required and profile.null_rate == 0,
        key=mapped and proposal.target in DELIVERED[draft.table].key,
        codes=tuple((code.code, code.wording) for code in codes),
        meaning=_meaning(proposal),
    )


def _meaning(proposal: Proposal) -> str:
    words = {PERSONAL: "個人情報(保管前に除去)", NOTHING: "", ROW_KIND: "明細の種類"}
    return words.get(proposal.target, f"→ {proposal.place}")


def profile_text(samples: Sequence[Sample], proposals: Mapping[str, Sequence[Proposal]]) -> str:
    """Every column's profile with what is proposed for it, as tab-separated text."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(_PROFILE_HEADINGS)
    for sample in samples:
        for profile, proposal in zip(sample.profiles, proposals[sample.file.name], strict=True):
            found = (profile.kind, f"{profile.null_rate:.4f}", profile.distinct, profile.minimum, profile.maximum)
            why = (proposal.place, f"{proposal.confidence:.2f}", proposal.reason)
            examples = "" if profile.personal else " | ".join(profile.examples)
            writer.writerow((sample.file.name, profile.header, *found, profile.longest, examples, *why))
    return out.getvalue()
