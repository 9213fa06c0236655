"""Why a client and month have no two-track report: no subscription at all, or too few numbers to rest it on (R37)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from crm_platform.diagnosis.finding import Scalar

NO_SUBSCRIPTIONS: Final = "no_subscriptions"
NO_COMPARABLE_CASE: Final = "no_comparable_case"
_KEY = "left_out"


@dataclass(frozen=True)
class LeftOut:
    """The reason as a wording key (`left_out.<reason>`), its numbers, and the notice with the operator's remedy."""

    reason: Literal["no_subscriptions", "no_comparable_case"]
    numbers: Mapping[str, Scalar]
    notice: str = ""

    def to_json(self) -> dict[str, Any]:
        """What is stored in the place of the diagnosis."""
        return {_KEY: asdict(self)}


def left_out_of(document: Mapping[str, Any]) -> LeftOut | None:
    """The reason stored in the place of a two-track diagnosis; None where there is a diagnosis."""
    return LeftOut(**document[_KEY]) if _KEY in document else None


def why_left_out(subscriptions: int, case: Mapping[str, Any] | None, least_buyers: int) -> LeftOut | None:
    """Why no two-track report may be made; None where it may.

    Args:
        subscriptions: how many the client has, running or stopped.
        case: the stored business case; None where there was nothing to make it of.
        least_buyers: one-off buyers that own figures need (`two_track_least_buyers`).
    """
    if subscriptions == 0:
        return LeftOut(NO_SUBSCRIPTIONS, {})
    from crm_platform.two_track.business import stopped_notice  # noqa: PLC0415  a reader of reasons needs no scipy

    notice = stopped_notice(case)
    if case is None or notice is None:
        return None
    numbers = {"buyers_on_file": case["buyers_on_file"], "least_buyers": least_buyers}
    return LeftOut(NO_COMPARABLE_CASE, numbers, notice)
