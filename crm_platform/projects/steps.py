"""The steps of a first run, and the fewer ones of each run after it (次回以降は赤色部分だけ, R41)."""

from __future__ import annotations

from collections.abc import Sequence

from crm_platform.projects.gates import Gate
from crm_platform.projects.stages import Stage

_OF_STAGE = {
    Stage.SPECIFICATION: ("gates sign",),
    Stage.TEST_TOTALS: ("deliver", "gates totals", "gates accept"),
    Stage.PRODUCTION: ("onboard", "gates confirm"),
    Stage.STUDY: ("refresh", "gates record"),
}
FIRST_RUN = tuple(step for steps in _OF_STAGE.values() for step in steps)
REPEAT_RUN = ("deliver", "refresh", "gates record")  # upload the difference, analyse, deliver


def remaining_steps(gates: Sequence[Gate]) -> tuple[str, ...]:
    """The commands from here to the next delivery: those of the open stages, or of a repeat run where none is open."""
    open_stages = [gate.stage for gate in gates if not gate.is_passed]
    return tuple(step for stage in open_stages for step in _OF_STAGE[stage]) or REPEAT_RUN
