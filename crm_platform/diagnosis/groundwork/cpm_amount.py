"""The amount (累計購入金額) that separates コツコツ from 流行 and 優良 customers (CPM.md §2)."""

from __future__ import annotations

from ibis import _

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row


def amount_threshold_jpy(inputs: DiagnosisInputs) -> int:
    """The amount that separates steady from trend and premium, as the present classes were cut."""
    threshold: int | None = one_row(inputs.cpm_classes.agg(threshold=_.amount_threshold_jpy.max()))["threshold"]
    return threshold or 0
