"""Deliverables that a client's data do not give or that it has not ordered, and why: for the manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm_platform.clients.ordered_services import SERVICES
from crm_platform.reports.wording import Wording
from crm_platform.two_track.left_out import LeftOut

TWO_TRACK = "two_track/"


def given_and_left_out(
    files: Mapping[str, bytes], why: LeftOut | None, wording: Wording
) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """`files` without those that need what the client lacks; and their folder → `reason` (a key) and `sentence`.

    Without a subscription or a business case there are no two tracks (R37). A `notice` tells the operator what would
    change that.
    """
    if why is None:
        return dict(files), {}
    told = {"reason": why.reason, "sentence": wording.filled(f"left_out.{why.reason}", why.numbers)}
    told |= {"notice": why.notice} if why.notice else {}
    given = {path: content for path, content in files.items() if not path.startswith(TWO_TRACK)}
    return given, {TWO_TRACK: told}


def ordered_and_left_out(
    files: Mapping[str, bytes], ordered: Collection[str], wording: Wording
) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """`files` without the folders of services that are not `ordered` (R42); and each such folder → reason and sentence.

    What belongs to no service is given in any case: acceptance, quote, letter, preview and proposals.
    """
    folders = tuple(f"{service}/" for service in SERVICES if service not in ordered)
    given = {path: content for path, content in files.items() if not path.startswith(folders)}
    told = {"reason": "not_ordered", "sentence": wording.text("left_out.not_ordered")}
    return given, {folder: dict(told) for folder in folders}
