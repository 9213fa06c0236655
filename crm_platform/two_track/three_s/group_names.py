"""What the courses, products and media of the 3S are called in the client's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ibis import _

from crm_platform.diagnosis.finding import client_word
from crm_platform.diagnosis.groundwork.media_names import named_media
from crm_platform.diagnosis.groundwork.product_levels import product_names
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows

Names = Mapping[tuple[str, str], str]


def group_names(inputs: DiagnosisInputs, groups: Iterable[Mapping[str, Any]]) -> Names:
    """By `of` and `name` of each group its name in the masters; a code that they do not hold stays as it is."""
    listed = sorted({(group["of"], group["name"]) for group in groups if group["name"] is not None})
    products = product_names(inputs, (name for of, name in listed if of == "product"))
    media = _media_names(inputs, [name for of, name in listed if of == "medium"])
    found = {"product": products, "medium": media}
    return {(of, name): found.get(of, {}).get(name, client_word(name)) for of, name in listed}


def _media_names(inputs: DiagnosisInputs, wanted: list[str]) -> dict[str, str]:
    if not wanted:
        return {}
    named = named_media(inputs.media.filter(_.media_id.isin(wanted)))
    return {row["media_id"]: row["medium"] for row in rows(named.select("media_id", "medium").order_by("media_id"))}
