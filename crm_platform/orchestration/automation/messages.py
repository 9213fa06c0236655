"""Messages to those who keep the platform: a file by default, a webhook and e-mail where the environment names them.

A message is a line of `data/messages/<yyyy-mm>.jsonl` first. For each further way a copy waits in `unsent/` until it
went out: a message outlives a night without a mail server. None holds a row or a customer number.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from crm_platform.lake import digest_of
from crm_platform.lake.files import alone, write_whole
from crm_platform.orchestration.automation.message_ways import Way, ways_of
from crm_platform.orchestration.platform import Platform
from crm_platform.refusals import Refused


@dataclass(frozen=True)
class Message:
    """What happened, to which client and month as far as known, and what to do; docs/operations.md lists the kinds."""

    kind: str
    text: str
    what_to_do: str
    client: str | None = None
    month: str | None = None

    def as_told(self, when: dt.datetime) -> dict[str, str | None]:
        """Plain JSON values, with the instant (UTC)."""
        told = {"kind": self.kind, "client": self.client, "month": self.month}
        return {"when": when.isoformat(timespec="seconds"), **told, "text": self.text, "what_to_do": self.what_to_do}


class Messages(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where messages are kept. Whom else they go to stands in the environment alone, so that the UI shows no secret."""

    data_folder: str

    @classmethod
    def of(cls, platform: Platform) -> Messages:
        """The messages of an installation."""
        return cls(data_folder=platform.data_folder)

    @property
    def folder(self) -> Path:
        """A file for each month, and the folder `unsent`."""
        return Path(self.data_folder) / "messages"

    def tell(self, message: Message) -> list[str]:
        """Keep the message and send it; returns the ways by which it could not go yet, with the reason."""
        now = dt.datetime.now(dt.UTC)
        told = message.as_told(now)
        with alone(self.folder):
            _append_line(self.folder / f"{now:%Y-%m}.jsonl", json.dumps(told, ensure_ascii=False))
            for way in ways_of(os.environ):
                name = f"{now:%Y%m%dT%H%M%S%f}-{digest_of(told)[:8]}.json"
                write_whole(self.folder / "unsent" / way / name, json.dumps(told, ensure_ascii=False).encode())
        return self.send_unsent()

    def tell_once(self, message: Message, told: dict[str, str], about: str) -> list[str]:
        """The same, unless `told` (what a sensor remembers) says that the last message `about` it had this text."""
        if told.get(about) == message.text:
            return []
        told[about] = message.text
        return self.tell(message)

    def send_unsent(self) -> list[str]:
        """Send what waits, the oldest first; returns the ways that failed, with the reason. One failure ends a way."""
        failed = []
        with alone(self.folder):
            for name, way in ways_of(os.environ).items():
                if (problem := _send_all(self.folder / "unsent" / name, way)) is not None:
                    failed.append(f"{name}: {problem}")
        return failed


def _send_all(folder: Path, way: Way) -> str | None:
    for path in sorted(folder.glob("*.json")):
        told: Mapping[str, str | None] = json.loads(path.read_bytes())
        try:
            way(told)
        except Refused as refused:
            return str(refused)
        except (OSError, http.client.HTTPException) as error:  # its text may hold an address with a secret
            return type(error).__name__
        path.unlink()
    return None


def _append_line(path: Path, line: str) -> None:
    """Add a line and flush it; a line that broke off before is closed first, so that no two become one."""
    is_open = path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
    with path.open("ab") as file:
        file.write(("\n" if is_open else "").encode() + f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())
