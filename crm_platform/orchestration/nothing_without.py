"""Clients without subscriptions, say, are not asked what theirs did: the empty answer is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from crm_platform.orchestration.client_month import ClientMonth

Compute = Callable[[ClientMonth], Any]


def nothing_without(table: str, content: Any) -> Callable[[Compute], Compute]:
    """What an asset's body makes, or `content` at once where this month's `table`, which it reads, has no row."""

    def unless_empty(compute: Compute) -> Compute:
        @wraps(compute)
        def made(at: ClientMonth) -> Any:
            return compute(at) if at.expression(table).limit(1).count().to_pyarrow().as_py() else content

        return made

    return unless_empty
