"""Subscribers by state and need where too few of them bought one-off to choose targets (推論, R36)."""

from __future__ import annotations

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.two_track.targets.listed import listed


def subscriber_needs(inputs: DiagnosisInputs) -> Finding | None:
    """継続中/解約 × 顕在/潜在 counted, and how many one-off buyers are missing to foretell each customer (R31, R36).

    Nothing is foretold, judged or advised: there is no list. None where own data suffice (see `one_off_targets`) or
    nobody has ever subscribed.
    """
    found = inputs.once(listed)
    if found is None or found.is_foretold:
        return None
    least = inputs.client.settings.two_track_least_buyers
    counts = {f"{row['subscription_state']}_{row['need']}": row["subscribers"] for row in found.cells}
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **counts,
        "subscribers": found.all["subscribers"],
        "bought": found.bought,
        "least_buyers": least,
        "missing": least - found.bought if found.bought < least else None,
    }
    rows = tuple(
        {
            "target_state": f"@subscription_state.{row['subscription_state']}",
            "target_need": f"@need.{row['need']}",
            "subscribers": row["subscribers"],
        }
        for row in found.cells
    )
    segments = tuple(
        {"target_segment": f"@target_segment.{row['segment']}", "subscribers": row["subscribers"]}
        for row in found.segments
    )
    return Finding(
        key="subscriber_needs",
        chapter="targets",
        verdict="undetermined",
        numbers=numbers,
        exhibits=(
            Exhibit(
                "cells",
                "table",
                rows,
                columns=(("target_state", "text"), ("target_need", "text"), ("subscribers", "count")),
            ),
            Exhibit("segments", "bar", segments, x="target_segment", y="subscribers"),
        ),
        concerned_customers=found.all["subscribers"],
        sources=("one_off_candidates",),
    )
