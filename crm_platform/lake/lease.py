"""One worker at a time in a bucket: a lock is an object that only one can put, and that its holder renews.

Nobody reads a clock: who waits has looked GIVEN_UP_AFTER_LOOKS times, a second apart, at a lock that did not change,
takes its holder for dead, and puts its own in its place, which the storage allows to one only (conditional puts:
If-None-Match, If-Match). A holder that was taken for dead and lives is told so at its end.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from crm_platform.refusals import Refused

RENEWED_EVERY_SECONDS = 15.0
GIVEN_UP_AFTER_LOOKS = 120
ASKED_EVERY_SECONDS = 1.0
_CONDITION_REFUSED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


@contextmanager
def leased(files: Any, key: str) -> Iterator[None]:
    """Wait until nobody else holds the lock at `key` (bucket and key), and hold it; `files`: the fsspec file system.

    Refused at the end where it was lost meanwhile: for longer than others wait it could not be renewed.
    """
    lock = _Lock(files, key)
    lock.take()
    ended = threading.Event()
    renewing = threading.Thread(target=lock.renew_until, args=(ended,), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        kept = lock.give_back()
    if not kept:
        raise Refused(
            "this run could not renew its lock, and another has begun.",
            "Start it again: what is current is kept.",
            file=key,
        )


def keeps_conditions(files: Any, key: str) -> bool:
    """Whether the storage refuses a second put at `key` that asks to be the first, on which locks rely."""
    lock = _Lock(files, key)
    lock.put_new()
    try:
        return not _Lock(files, key).put_new()
    finally:
        files.rm_file(key)


@dataclass
class _Lock:
    files: Any
    key: str
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    etag: str | None = None  # of the object while it is ours
    renewals: int = 0

    def take(self) -> None:
        """Wait for it."""
        seen, looks = None, 0
        while not self.put_new():
            now = self._etag_there()
            seen, looks = now, looks + 1 if now == seen else 0
            if now is not None and looks >= GIVEN_UP_AFTER_LOOKS and self._put(IfMatch=now):
                return
            time.sleep(ASKED_EVERY_SECONDS)

    def put_new(self) -> bool:
        """Put the lock where there is none."""
        return self._put(IfNoneMatch="*")

    def renew_until(self, ended: threading.Event) -> None:
        """Show that its holder lives."""
        while not ended.wait(RENEWED_EVERY_SECONDS):
            try:
                if not self._put(IfMatch=self.etag):
                    return  # taken away; `give_back` finds out
            except (OSError, BotoCoreError):
                continue  # the storage is out of reach: the next renewal may come in time

    def give_back(self) -> bool:
        """Take the lock away; False where it is another's."""
        if self._etag_there() != self.etag:
            return False
        self.files.rm_file(self.key)
        return True

    def _put(self, **condition: Any) -> bool:
        """Put the lock on this condition; False where it does not hold.

        A put whose answer was lost on the way is asked again, and then refused because of itself.
        """
        bucket, key, _ = self.files.split_path(self.key)
        self.renewals += 1
        content = f"{self.owner} {self.renewals}\n".encode()
        try:
            self.etag = self.files.call_s3("put_object", Bucket=bucket, Key=key, Body=content, **condition)["ETag"]
        except OSError as error:
            if not _is_refused_condition(error):
                raise
            if self._content_there() != content:
                return False
            self.etag = self._etag_there()
        return True

    def _content_there(self) -> bytes | None:
        try:
            return bytes(self.files.cat_file(self.key, max_concurrency=1))
        except FileNotFoundError:
            return None

    def _etag_there(self) -> str | None:
        bucket, key, _ = self.files.split_path(self.key)
        try:
            return str(self.files.call_s3("head_object", Bucket=bucket, Key=key)["ETag"])
        except FileNotFoundError:
            return None


def _is_refused_condition(error: OSError) -> bool:
    """Another object is there, another put at the same moment won, or the object to replace is gone."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _CONDITION_REFUSED
