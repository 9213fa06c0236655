"""A client's project: four stages of fourteen days, the gates between them, and the record of what was delivered.

Belongs here: who signed, accepted and confirmed what and when, and which gate is open. Does not: making what is signed,
and what a run does before an open gate.
"""

from crm_platform.projects.changes import changed_figures, changed_parts
from crm_platform.projects.delivery_records import Answer, DeliveryRecord
from crm_platform.projects.gates import Gate, gates_of, refuse_before
from crm_platform.projects.ledger import Ledger, read_ledger, record
from crm_platform.projects.passages import Passage
from crm_platform.projects.stages import STAGES, PlannedStage, Stage, plan_from
from crm_platform.projects.steps import FIRST_RUN, REPEAT_RUN, remaining_steps

__all__ = [
    "FIRST_RUN",
    "REPEAT_RUN",
    "STAGES",
    "Answer",
    "DeliveryRecord",
    "Gate",
    "Ledger",
    "Passage",
    "PlannedStage",
    "Stage",
    "changed_figures",
    "changed_parts",
    "gates_of",
    "plan_from",
    "read_ledger",
    "record",
    "refuse_before",
    "remaining_steps",
]
