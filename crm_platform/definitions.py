"""What workspace.yaml loads."""

from crm_platform.garbage import collect_rarely
from crm_platform.orchestration.build import build_definitions

collect_rarely()
defs = build_definitions()
