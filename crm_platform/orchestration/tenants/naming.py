"""Whether a text names a client: its id as a word of its own, not as part of another, or one of its schedules."""

from __future__ import annotations

import re
from collections.abc import Callable

from crm_platform.orchestration.automation.client_schedules import schedule_names

_ESCAPES = re.compile(r"\\+(?:[nrt]|u[0-9a-fA-F]{4})")  # as JSON within JSON writes them; their letters are no word


def names_of(client_id: str) -> tuple[str, ...]:
    """What the client is called: its id, and the names that Dagster has for its schedules."""
    return (client_id, *schedule_names(client_id))


def naming(client_id: str) -> Callable[[str], bool]:
    """Tells of a text, plain or JSON, whether it names the client."""
    any_name = "|".join(map(re.escape, names_of(client_id)))
    word = re.compile(rf"(?<![A-Za-z0-9_-])(?:{any_name})(?![A-Za-z0-9_-])")
    return lambda said: bool(word.search(_ESCAPES.sub(" ", said)))
