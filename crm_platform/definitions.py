"""What workspace.yaml loads."""

from crm_platform.orchestration.build import build_definitions

defs = build_definitions()
