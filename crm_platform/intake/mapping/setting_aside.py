"""Rows left out on purpose: by the client's named rules, and lines that a second file of the same delivery repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crm_platform.clients.mapping import SetAside
from crm_platform.intake.mapping.breaches import Origin
from crm_platform.intake.mapping.layouts import Layout
from crm_platform.intake.mapping.source_texts import column_texts, rows_taken
from crm_platform.intake.mapping.typed_column import TypedColumn
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.text_column import Mask

REPEATED = "repeated_in_another_file"


def first_rule_that_takes(set_aside: Sequence[SetAside], files: Sequence[tuple[RawRows, Layout]]) -> dict[str, Mask]:
    """Rows per rule; a row belongs to the first rule that takes it."""
    taken: Mask = np.zeros(sum(len(raw.row_numbers) for raw, _ in files), bool)
    rows_by_rule = {}
    for rule in set_aside:
        hits = np.concatenate([rows_taken(rule, column_texts(raw, rule.header)) for raw, _ in files]) & ~taken
        rows_by_rule[rule.rule] = hits
        taken |= hits
    return rows_by_rule


def repeated_in_another_file(columns: Mapping[str, TypedColumn], key: Sequence[str], origin: Origin) -> Mask:
    """Rows that equal a row of an earlier file in every column: saved exports overlap.

    A row of the same key that differs in anything is no repetition, nor is one within the same file; both are faults.
    """
    repeated: Mask = np.zeros(len(origin.row_numbers), bool)
    if len(origin.files) == 1 or not all(name in columns for name in key):
        return repeated
    keys = pd.DataFrame({name: columns[name].numbers for name in key})
    suspects = np.flatnonzero(keys.duplicated(keep=False).to_numpy())
    cells = pd.DataFrame({name: column.numbers[suspects] for name, column in columns.items()})
    files = pd.Series(origin.file_of[suspects])
    first_file = files.groupby(list(cells.to_numpy().T), sort=False).transform("min")
    repeated[suspects] = (files > first_file).to_numpy()
    return repeated
