"""Archives → their members, before anything else is asked of a delivery: it is the same delivery packed or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.spreadsheets import is_office_file
from crm_platform.intake.reading.unpacking import Allowance, Member, ZipContent, container_of, zip_content
from crm_platform.refusals import Refused

_MOST_MEMBERS = 100
_LEFT_BY_SYSTEMS = re.compile(r"(^|/)(__MACOSX/.*|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)$", re.IGNORECASE)
_LEADS_OUT = re.compile(r"^/|^[A-Za-z]:|\\|\0|(^|/)\.\.(/|$)")


def expand_archives(files: Sequence[DeliveredFile]) -> list[DeliveredFile]:
    """The files with every .zip replaced by its members, each under its base name; a workbook stays one file.

    Refused: archives within archives, passwords, links, names that lead out of a folder, two members of one name, more
    than 100 members, and content beyond any honest size. Files that operating systems add are left out
    (`left_by_systems` names them).
    """
    expanded = []
    for file in files:
        expanded += _members_as_files(file) if _is_archive(file) else [file]
    return expanded


def left_by_systems(files: Sequence[DeliveredFile]) -> list[str]:
    """Members that `expand_archives` leaves out, as `archive.zip: __MACOSX/._orders.csv`."""
    return [
        f"{file.name}: {member.name}"
        for file in files
        if _is_archive(file)
        for member in zip_content(file.content, file.name).members
        if _LEFT_BY_SYSTEMS.search(member.name) and not member.is_folder
    ]


def _is_archive(file: DeliveredFile) -> bool:
    return container_of(file.content) == "zip" and not is_office_file(file.content, file.name)


def _members_as_files(file: DeliveredFile) -> list[DeliveredFile]:
    archive = zip_content(file.content, file.name)
    members = [item for item in archive.members if not item.is_folder and not _LEFT_BY_SYSTEMS.search(item.name)]
    if not members or len(members) > _MOST_MEMBERS:
        problem = f"the archive holds {len(members):,} files; 1 to {_MOST_MEMBERS} are possible."
        raise Refused(problem, "Pack the files of the delivery, and nothing else.", file=file.name)
    for member in members:
        _check_member(file.name, member)
    names = [PurePosixPath(member.name).name for member in members]
    for position, name in enumerate(names):
        if name.casefold() in {earlier.casefold() for earlier in names[:position]}:
            problem = f"the archive holds two files named '{name[:80]}'."
            raise Refused(problem, "Rename one, or leave it out.", file=file.name)
    allowance = Allowance(file.name, len(file.content))
    return [_as_file(archive, member, name, allowance) for member, name in zip(members, names, strict=True)]


def _check_member(file: str, member: Member) -> None:
    if _LEADS_OUT.search(member.name):
        problem = f"the archive names a file outside of itself: {member.name[:80]!r}."
        raise Refused(problem, "Pack the files again, without folders.", file=file)
    if member.is_link:
        problem = f"'{member.name[:80]}' in the archive is a link, not a file."
        raise Refused(problem, "Pack the file itself.", file=file)


def _as_file(archive: ZipContent, member: Member, name: str, allowance: Allowance) -> DeliveredFile:
    content = archive.read(member, allowance)
    packed = container_of(content)
    if packed == "gzip" or (packed == "zip" and not is_office_file(content, name)):
        problem = f"'{member.name[:80]}' in the archive is itself packed."
        raise Refused(problem, "Pack the files once only.", file=archive.file)
    return DeliveredFile(name, content)
