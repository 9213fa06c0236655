"""A delivery examined again from its stored files, told as it was read when it came (R13).

What is stored lacks the personal columns and may be encoded anew; a receipt that told of that would find every later
delivery to differ from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crm_platform.intake.admission.admitted import Admitted
from crm_platform.intake.admission.specification import as_first_read, fingerprint_of

_OF_THE_DELIVERY = ("same_spec", "spec_differences", "hash_key_fingerprint", "changes", "again", "again_of")
_OF_A_FILE = (
    "sha256", "bytes", "encoding", "encoding_reason", "delimiter", "delimiter_reason", "columns", "dropped_columns",
    "header_again_on_lines",
)  # fmt: skip


def with_first_reading(again: Admitted, first: Mapping[str, Any]) -> Admitted:
    """The delivery `again` with what only its `first` receipt can tell: how the files came and what was cut."""
    came = {file["name"]: file for file in first["files"]}
    files = [_as_it_came(file, came[file["name"]]) for file in again.receipt["files"]]
    return replace(again, receipt={**again.receipt, **_told(first, _OF_THE_DELIVERY), "files": files})


def as_admitted_before(admitted: Admitted, reason: str, mapping: str) -> Admitted:
    """The delivery as it was admitted, because the client's present `mapping` (its digest) cannot read its files."""
    return replace(admitted, receipt={**admitted.receipt, "mapping_sha256": mapping, "kept_as_admitted": reason})


def _as_it_came(file: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    told = {**file, **_told(first, _OF_A_FILE)}
    if "specification" not in first:  # receipts of early editions tell its fingerprint alone
        return told
    specification = as_first_read(file["specification"], first["specification"])
    return {**told, "specification": specification, "spec_fingerprint": fingerprint_of(specification)}


def _told(receipt: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: receipt[key] for key in keys if key in receipt}
