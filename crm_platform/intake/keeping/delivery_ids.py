"""Which delivery of a client some files are: one that lies in the inbox, one that was lost, or the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, takewhile
from pathlib import Path

from crm_platform.intake.keeping.seals import present_ids, sealed_ids
from crm_platform.intake.reading.archives import expand_archives
from crm_platform.intake.reading.delivered_files import DeliveredFile, check_names
from crm_platform.lake import digest_of


def delivery_id_for(
    inbox: Path,
    client_id: str,
    files: Sequence[DeliveredFile],
    declared_to: str | None = None,
    *,
    again: bool = False,
) -> str:
    """The id of these files, said to reach `declared_to`, as they lie in the inbox, or that of the next delivery.

    What was lost of them has its former id, so that it comes back to its place in the order of arrival. Delivered
    `again` they are another delivery than before, unless nothing came after them.
    """
    content, stored = _content_of(files, declared_to), _known_ids(inbox, client_id)
    times = _times(content, stored)
    lost = sorted({*times} - {*present_ids(inbox, client_id)})
    if lost:
        return lost[0]
    if times and not (again and max(times) < stored[-1]):
        return max(times)
    return f"{max((int(name.split('-')[0]) for name in stored), default=0) + 1:04d}-{_of_time(content, len(times))}"


def first_id_of(
    inbox: Path, client_id: str, files: Sequence[DeliveredFile], declared_to: str | None = None
) -> str | None:
    """The id by which these files, said to reach `declared_to`, were delivered the first time; None where never."""
    return next(iter(_times(_content_of(files, declared_to), _known_ids(inbox, client_id))), None)


# --- inside -----------------------------------------------------------------------------------------------------------


def _content_of(files: Sequence[DeliveredFile], declared_to: str | None) -> str:
    members = expand_archives(files)
    check_names(members)
    named = sorted((file.unpacked_name.lower(), file.sha256) for file in members)
    return digest_of([named, declared_to] if declared_to else named)[:12]


def _known_ids(inbox: Path, client_id: str) -> list[str]:
    """Every delivery that is there or was lost, in the order of arrival."""
    return sorted({*present_ids(inbox, client_id), *sealed_ids(inbox, client_id)})


def _times(content: str, stored: Sequence[str]) -> list[str]:
    """The ids by which a content was delivered, the first time and each time again."""
    known = {name.split("-")[1]: name for name in stored}
    return list(takewhile(bool, (known.get(_of_time(content, time), "") for time in count())))


def _of_time(content: str, time: int) -> str:
    """The digits of a content in the id of its first delivery (0), or of a later one."""
    return digest_of([content, time])[:12] if time else content
