"""Checks of an asset beside its declaration: non-blocking, one event each whatever the number of months in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.metadata import whose


@dataclass(frozen=True)
class Verdict:
    """What a check says of one month, and the numbers behind it."""

    passed: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """A declared check: its name, what it means, and whether a failure is an error or a warning."""

    name: str
    meaning: str
    severity: dg.AssetCheckSeverity


@dataclass(frozen=True)
class FurtherChecks:
    """The declared checks, and what each says of a month's content, by name."""

    declared: Sequence[Check]
    verdicts: Callable[[ClientMonth, Any], Mapping[str, Verdict]]

    def specs(self, asset: str) -> list[dg.AssetCheckSpec]:
        """The checks as Dagster declares them."""
        return [dg.AssetCheckSpec(one.name, asset=asset, description=one.meaning) for one in self.declared]

    def results(self, asset: str, found: Sequence[tuple[ClientMonth, Mapping[str, Verdict]]]) -> Iterator[Any]:
        """One result per check over all months of a run; a month that fails is named, with its numbers."""
        for check in self.declared:
            said = [(at, verdicts[check.name]) for at, verdicts in found if check.name in verdicts]
            shown = next(((at, one) for at, one in said if not one.passed), said[-1] if said else None)
            metadata: dict[str, Any] = {} if shown is None else dict(shown[1].metadata)
            failing = [f"{at.client.id} {at.month}" for at, one in said if not one.passed]
            if failing:
                metadata["failing"] = ", ".join(failing)  # a list would hide behind a button
            yield dg.AssetCheckResult(
                check_name=check.name,
                asset_key=asset,
                passed=not failing,
                severity=check.severity,
                description=whose([at for at, _ in found]),
                metadata=metadata,
            )
