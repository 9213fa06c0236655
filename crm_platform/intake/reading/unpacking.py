"""Packed bytes → what is inside, within limits that hold while unpacking: no size that a header states is believed.

A container is recognised by its first bytes, whatever its name.
"""

from __future__ import annotations

import gzip
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Literal

from crm_platform.refusals import Refused

Container = Literal["none", "gzip", "zip", "old office"]

_FIRST_BYTES: dict[bytes, Container] = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # an empty one
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "old office",  # .xls, and a workbook with a password
}
_MOST_BYTES = 8 << 30
_SURE_BYTES = 16 << 20  # below, no ratio is suspicious
_HIGHEST_RATIO = 200  # text comes to 5-30, the XML of a workbook to 50
_CHUNK_BYTES = 1 << 20
_READABLE_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack a chunk to any size at once
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, OverflowError, RuntimeError)


def container_of(content: bytes) -> Container:
    """What `content` is packed in, by its first bytes."""
    return next((kind for first, kind in _FIRST_BYTES.items() if content.startswith(first)), "none")


@dataclass
class Allowance:
    """How many bytes may come out of a container; counted as they come. `file`: the container, for the refusal."""

    file: str
    packed_bytes: int
    most_bytes: int = _MOST_BYTES
    unpacked_bytes: int = 0

    def read(self, stream: IO[bytes] | gzip.GzipFile) -> bytes:
        """All of `stream`; Refused as soon as more comes than an honest container holds."""
        chunks = []
        while chunk := stream.read(_CHUNK_BYTES):
            self.unpacked_bytes += len(chunk)
            self._check()
            chunks.append(chunk)
        return b"".join(chunks)

    def _check(self) -> None:
        beyond_ratio = self.unpacked_bytes > max(_SURE_BYTES, _HIGHEST_RATIO * self.packed_bytes)
        if beyond_ratio or self.unpacked_bytes > self.most_bytes:
            raise Refused(
                f"the file unpacks to more than {self.unpacked_bytes - 1 >> 20:,} MiB "
                f"out of {max(self.packed_bytes >> 10, 1):,} KiB.",
                "That is no packed list; deliver it unpacked, or in several files.",
                file=self.file,
            )


def gunzipped(content: bytes, file: str) -> bytes:
    """The content of a .gz; Refused where it is damaged or a bomb."""
    with damage_refused(file):
        return Allowance(file, len(content)).read(gzip.GzipFile(fileobj=io.BytesIO(content)))


@dataclass(frozen=True)
class Member:
    """A file inside a .zip: its name as the archive spells it, decoded."""

    name: str
    info: zipfile.ZipInfo

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, which holds nothing by itself."""
        return self.name.endswith("/")

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.info.external_attr >> 16)


@dataclass(frozen=True)
class ZipContent:
    """A .zip in memory."""

    file: str
    archive: zipfile.ZipFile

    @property
    def members(self) -> list[Member]:
        """Everything in the archive, in its order, folders included."""
        with damage_refused(self.file):
            return [Member(_decoded_name(info), info) for info in self.archive.infolist()]

    def read(self, member: Member, allowance: Allowance) -> bytes:
        """A member's bytes; Refused where it is encrypted, damaged or beyond the allowance."""
        if member.info.flag_bits & _ENCRYPTED:
            raise Refused("the archive has a password.", "Pack it without one.", file=self.file)
        if member.info.compress_type not in _READABLE_METHODS:
            raise Refused("the archive is packed by an unusual method.", "Pack it as an ordinary .zip.", file=self.file)
        with damage_refused(self.file), self.archive.open(member.info) as stream:
            return allowance.read(stream)


def zip_content(content: bytes, file: str) -> ZipContent:
    """The .zip that `content` is; Refused where it is damaged."""
    with damage_refused(file):
        return ZipContent(file, zipfile.ZipFile(io.BytesIO(content)))


@contextmanager
def damage_refused(file: str) -> Iterator[None]:
    """Whatever the unpackers raise on damaged bytes, as a refusal of `file`."""
    try:
        yield
    except _DAMAGE as error:
        raise Refused("the file cannot be unpacked.", "Pack it again, or deliver it unpacked.", file=file) from error


def _decoded_name(info: zipfile.ZipInfo) -> str:
    """The name: UTF-8 where the archive says so; else UTF-8 all the same (Macs), or cp932 (Japanese Windows)."""
    if info.flag_bits & _UTF8_NAME:
        return info.orig_filename
    written = info.orig_filename.encode("cp437")  # as which zipfile decodes whatever is not marked
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        return written.decode("cp932")
