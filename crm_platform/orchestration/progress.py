"""What a run says while it works: to whoever listens on this logger, and nothing otherwise."""

from __future__ import annotations

import logging
from collections.abc import Sequence

LOGGER = logging.getLogger("crm_platform.progress")


def report_progress(name: str, *, made: int, kept: int, why: Sequence[str] = ()) -> None:
    """Say that the months of `name` are done, and why the first that was made had to be."""
    LOGGER.info("%s", name, extra={"table_name": name, "months_made": made, "months_kept": kept, "because": tuple(why)})
