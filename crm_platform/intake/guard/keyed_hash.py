"""A keyed hash in place of a personal key (個人情報のハッシュ化): the same person is the same customer, unnamed.

Without the key neither the person can be told from the hash nor a guessed e-mail address be tried out.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.reading.text_column import TextColumn
from crm_platform.refusals import Refused

SHORTEST_KEY_BYTES = 16
_HASH_LETTERS = 32
_HASHES = f"^([0-9a-f]{{{_HASH_LETTERS}}})?$"
_BETWEEN = "\x01"  # a control character, which no admitted text holds, and which is no white space
_FINGERPRINT_OF = b"crm_platform: fingerprint of the hash key"


@dataclass(frozen=True)
class HashKey:
    """The client-side secret of the keyed hashes; never printed, never stored. Refused where it is too short."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < SHORTEST_KEY_BYTES:
            raise Refused(
                f"the hash key has {len(self.secret)} bytes; it could be guessed.",
                f"Use at least {SHORTEST_KEY_BYTES} random ones, and always the same for a client.",
            )

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell two keys apart and reveal neither."""
        return hmac.new(self.secret, _FINGERPRINT_OF, hashlib.sha256).hexdigest()[:16]


def keyed_hash(key: HashKey, parts: Sequence[str]) -> str:
    """HMAC-SHA256 of the parts, 32 hex digits; empty where all parts are.

    Spelling does not matter: NFKC, small letters, no surrounding white space (`Ａ＠x.jp` is `a@x.jp`).
    """
    plain = [unicodedata.normalize("NFKC", part).casefold().strip() for part in parts]
    if not any(plain):
        return ""
    return hmac.new(key.secret, _BETWEEN.join(plain).encode(), hashlib.sha256).hexdigest()[:_HASH_LETTERS]


def are_keyed_hashes(column: TextColumn) -> bool:
    """Whether every value is written as `keyed_hash` writes it, so that none can be personal data itself."""
    return bool(pc.all(pc.match_substring_regex(column.distinct, _HASHES), min_count=0).as_py())


def hashed_column(key: HashKey, columns: Sequence[TextColumn]) -> TextColumn:
    """The keyed hash of these columns, row by row."""
    if len(columns) == 1:
        return columns[0].mapped(lambda text: keyed_hash(key, [text]))
    together = pc.binary_join_element_wise(*[column.texts for column in columns], pa.scalar(_BETWEEN))
    return TextColumn.of(together).mapped(lambda text: keyed_hash(key, text.split(_BETWEEN)))
