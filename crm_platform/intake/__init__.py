"""Deliveries: bytes → admitted rows (受け入れ). Find, decode, split, map, guard, judge, merge; with a receipt.

Belongs here: all that lies between a delivered file and a row in a declared table. Does not: any analysis.
"""

from crm_platform.intake.admission.admitted import Admitted, refuse_beyond_tolerance
from crm_platform.intake.admission.examination import examine_delivery, mapping_digest
from crm_platform.intake.guard.keyed_hash import HashKey
from crm_platform.intake.keeping.acceptance import Accepted, accept_delivery, read_admitted, read_files
from crm_platform.intake.keeping.delivery_ids import delivery_id_for
from crm_platform.intake.keeping.inbox import StoredDelivery, put_in_inbox, read_inbox
from crm_platform.intake.keeping.merging import merge_deliveries
from crm_platform.intake.keeping.seals import present_ids, refuse_lost, sealed_ids, seals_folder
from crm_platform.intake.mapping.checked_rules import rules_of
from crm_platform.intake.mapping.layouts import refuse_unmapped
from crm_platform.intake.reading.delivered_files import DeliveredFile

__all__ = [
    "Accepted",
    "Admitted",
    "DeliveredFile",
    "HashKey",
    "StoredDelivery",
    "accept_delivery",
    "delivery_id_for",
    "examine_delivery",
    "mapping_digest",
    "merge_deliveries",
    "present_ids",
    "put_in_inbox",
    "read_admitted",
    "read_files",
    "read_inbox",
    "refuse_beyond_tolerance",
    "refuse_lost",
    "refuse_unmapped",
    "rules_of",
    "sealed_ids",
    "seals_folder",
]
