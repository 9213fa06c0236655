"""A client's lines among the messages of all clients: `<yyyy-mm>.jsonl`, and `unsent/<way>/` with a message a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from crm_platform.lake.files import alone, write_whole
from crm_platform.orchestration.tenants.naming import naming


def messages_of(messages: Path, client_id: str) -> int:
    """How many messages are of the client, or name it and are of no other; one that waits to be sent counts again."""
    named = naming(client_id)
    return sum(_is_of(line, client_id, named) for path in _files(messages) for line in path.read_bytes().splitlines())


def remove_messages(messages: Path, client_id: str) -> None:
    """Write each file that holds such messages without them; a file that held no other is removed."""
    named = naming(client_id)
    for path in _files(messages):
        with alone(messages):  # as who adds a message
            lines = path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if not _is_of(line, client_id, named)]
            if len(kept) == len(lines):
                continue
            if kept:
                write_whole(path, b"".join(kept))
            else:
                path.unlink()


def _files(messages: Path) -> list[Path]:
    return sorted([*messages.glob("*.jsonl"), *messages.glob("unsent/*/*.json")])


def _is_of(line: bytes, client_id: str, named: Callable[[str], bool]) -> bool:
    """A line that cannot be read is judged by what it names."""
    try:
        client = json.loads(line).get("client")
    except (ValueError, AttributeError):
        client = None
    return client == client_id if client is not None else named(line.decode("utf-8", "replace"))
