"""Deliverables that the data of a client do not give, and why, in the client's language: for the manifest."""

from __future__ import annotations

from collections.abc import Mapping

from crm_platform.reports.wording import Wording
from crm_platform.two_track.left_out import NO_SUBSCRIPTIONS, LeftOut

TWO_TRACK, CONTACT_DATES = "two_track/", "portfolio/contact_dates.csv"


def given_and_left_out(
    files: Mapping[str, bytes], why: LeftOut | None, wording: Wording
) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """`files` without those that need what the client lacks; and folder or file → `reason` (a key) and `sentence`.

    Without a subscription there are neither two tracks nor contact dates; without a business case no two tracks (R37).
    A `notice` tells the operator what would change that.
    """
    if why is None:
        return dict(files), {}
    paths = (TWO_TRACK, CONTACT_DATES) if why.reason == NO_SUBSCRIPTIONS else (TWO_TRACK,)
    told = {"reason": why.reason, "sentence": wording.filled(f"left_out.{why.reason}", why.numbers)}
    told |= {"notice": why.notice} if why.notice else {}
    given = {path: content for path, content in files.items() if not path.startswith(paths)}
    return given, {path: dict(told) for path in paths}
