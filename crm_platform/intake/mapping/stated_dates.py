"""Dates in a spelling that the mapping states, such as `%m/%d/%Y`, where it could be mistaken for another."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from crm_platform.intake.mapping.casting import Cast


def stated_instants(distinct: pa.Array, written: str) -> Cast:
    """Instants to the second, each read as `written` says; a zone is dropped, the local wall time stays."""
    texts = distinct.to_pylist()
    read = [_read(text, written) for text in texts]
    failed = [text != "" and at is None for text, at in zip(texts, read, strict=True)]
    return Cast(pa.array(read, pa.timestamp("s")), np.array(failed, bool))


def stated_days(distinct: pa.Array, written: str) -> Cast:
    """The same, by the day."""
    cast = stated_instants(distinct, written)
    return Cast(cast.values.cast(pa.date32(), safe=False), cast.failed)


def _read(text: str, written: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, written).replace(tzinfo=None, microsecond=0)
    except ValueError:
        return None
