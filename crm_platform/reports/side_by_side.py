"""Which exhibits of a section share a row of the page, and which take half of it beside the comment."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crm_platform.diagnosis.finding import Exhibit
from crm_platform.reports.exhibits import distinct, is_drawable

BESIDE = ("bar", "line", "lorenz", "calibration", "heatmap")
SQUARE = ("lorenz", "calibration")
FEW_COLUMNS = 12
FEW_CELLS = 6  # columns of a heatmap in half the width, and of bars that still stand there


def halves(exhibits: Sequence[Exhibit], narrow: Collection[int] = (), is_comment_short: bool = False) -> list[bool]:
    """Which exhibits take half the width: the square ones, and two that need little width stand side by side.

    `narrow` names the places of tables that fit into half the width. A last small chart leaves half to a short comment.
    """
    found = [exhibit.kind in SQUARE and is_drawable(exhibit) for exhibit in exhibits]
    fits = [place in narrow or _is_plain(exhibit) for place, exhibit in enumerate(exhibits)]
    place = 1
    while place < len(exhibits):
        if fits[place] and (found[place - 1] or fits[place - 1]):
            found[place - 1] = found[place] = True
            place += 1
        place += 1
    if is_comment_short and exhibits and _is_small(exhibits[-1]) and found[-2:] in ([False], [False, False]):
        found[-1] = True
    return found


def in_pairs(exhibits: Sequence[Exhibit]) -> list[Exhibit]:
    """The exhibits with each small chart brought next to the one before it, so that both share a row of the page."""
    found: list[Exhibit] = []
    alone: int | None = None  # the place of a small chart without a neighbour
    for exhibit in exhibits:
        is_small = _is_small(exhibit)
        if is_small and alone is not None:
            found.insert(alone + 1, exhibit)
            alone = None
        else:
            found.append(exhibit)
            alone = len(found) - 1 if is_small else alone
    return found


def lone_half(halves: Sequence[bool]) -> int | None:
    """The place of the first exhibit of half the width without a neighbour, which the comment joins, if any."""
    place = 0
    while place < len(halves):
        if halves[place] and True not in halves[place + 1 : place + 2]:
            return place
        place += 2 if halves[place] else 1
    return None


def _is_small(exhibit: Exhibit) -> bool:
    """Whether half the width is enough for a chart with its bars still standing."""
    return _is_plain(exhibit) and len(distinct(exhibit.rows, exhibit.x)) <= FEW_CELLS


def _is_plain(exhibit: Exhibit) -> bool:
    """Whether half the width is enough for a chart: few columns, one series."""
    if exhibit.kind not in BESIDE or not is_drawable(exhibit):
        return False
    few = len(distinct(exhibit.rows, exhibit.x)) <= (FEW_CELLS if exhibit.kind == "heatmap" else FEW_COLUMNS)
    return few and (exhibit.series is None or exhibit.kind == "heatmap")
