"""Which gate of a project is passed and which is open: one that is open blocks every later stage (R38, R39)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_platform.projects.ledger import Ledger
from crm_platform.projects.stages import STAGES, Stage
from crm_platform.refusals import Refused

_PASSING = {
    Stage.SPECIFICATION: "sign --client {client} --by ROLE",
    Stage.TEST_TOTALS: "accept --client {client} --by ROLE",
    Stage.PRODUCTION: "confirm --client {client} --by ROLE",
    Stage.STUDY: "record --client {client} --people ROLE",
}
_NOT_YET = {
    Stage.SPECIFICATION: "the specification of the data (仕様確認) is not signed",
    Stage.TEST_TOTALS: "the test totals (検収) are not accepted",
    Stage.PRODUCTION: "the deliverables of the production run (本番分析) are not confirmed",
    Stage.STUDY: "no delivery (納品) is recorded",
}


@dataclass(frozen=True)
class Gate:
    """The gate at the end of a stage: `passed_on` by `by`, or open and why."""

    stage: Stage
    open_because: str = ""
    passed_on: dt.date | None = None
    by: str = ""

    @property
    def is_passed(self) -> bool:
        """Whether the next stage may begin, as far as this gate goes."""
        return not self.open_because


def gates_of(ledger: Ledger, specification: str, changes: Mapping[Stage, str] | None = None) -> tuple[Gate, ...]:
    """The four gates under the present fingerprint of the specification.

    What was passed under another fingerprint, or over something that has changed since (`changes`: by stage what), is
    open again, and says so; no gate is passed behind an open one.
    """
    found: list[Gate] = []
    for stage in STAGES:
        before = next((gate.stage for gate in found if not gate.is_passed), None)
        found.append(_gate(stage, ledger, specification, (changes or {}).get(stage), before))
    return tuple(found)


def refuse_before(stage: Stage, gates: Sequence[Gate], client_id: str) -> None:
    """Refused, with the reason and what to do, where a gate before `stage` is open."""
    open_gate = next((gate for gate in gates[: STAGES.index(stage)] if not gate.is_passed), None)
    if open_gate is not None:
        raise Refused(
            f"'{client_id}' cannot enter the stage '{stage}': {open_gate.open_because}.",
            f"When it is done: crm-platform gates {passing_command(open_gate.stage, client_id)}",
        )


def passing_command(stage: Stage, client_id: str) -> str:
    """What passes the gate of a stage, after `crm-platform gates`."""
    return _PASSING[stage].format(client=client_id)


def _gate(stage: Stage, ledger: Ledger, specification: str, change: str | None, before: Stage | None) -> Gate:
    said = _last_said(stage, ledger)
    if said is None:
        return Gate(stage, _NOT_YET[stage])
    fingerprint, on, by = said
    if fingerprint != specification:
        where = f" in {change}" if change else ""
        changed = f"the specification changed since {on} ({by}){where}"
        told = f"{fingerprint[:12]} then, {specification[:12]} now"
        return Gate(stage, f"{_NOT_YET[stage]} as it is now; {changed}: {told}")
    if change:
        return Gate(stage, f"{_NOT_YET[stage]} as they are now; since {on} ({by}) there changed {change}")
    return Gate(stage, f"it follows the open gate of '{before}'") if before else Gate(stage, "", on, by)


def _last_said(stage: Stage, ledger: Ledger) -> tuple[str, dt.date, str] | None:
    """Under which fingerprint, when and by whom the gate was last passed."""
    if stage is Stage.STUDY:
        latest = ledger.deliveries[-1:]
        return next(((one.specification, one.delivered_on, ", ".join(one.people)) for one in latest), None)
    passage = ledger.latest(stage)
    return (passage.specification, passage.on, passage.by) if passage else None
