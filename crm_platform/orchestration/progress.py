"""What a run says while it works: to whoever listens on this logger, and nothing otherwise."""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("crm_platform.progress")


def report_progress(name: str, *, made: int, kept: int) -> None:
    """Say that the months of `name` are done."""
    LOGGER.info("%s", name, extra={"table_name": name, "months_made": made, "months_kept": kept})
