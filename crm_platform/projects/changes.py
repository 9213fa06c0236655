"""What is no longer as it was when a gate was passed, in words: parts of what was seen, accepted figures (R38, R39)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Figures = Sequence[Mapping[str, Any]]
_NAMED = 3
_SIDES = (("ours", "in the order lines"), ("theirs", "by the client"))


def changed_parts(seen: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """The parts that came, went or have another digest now; None where all are as they were seen."""
    return _listed([part for part in sorted({*seen, *now}) if seen.get(part) != now.get(part)])


def changed_figures(
    accepted: Figures, now: Figures, tolerated_rate: float, *, delivered_since: bool = False
) -> str | None:
    """The accepted figures of which either side has moved by more than `tolerated_rate` of what was accepted.

    `accepted`, `now`: entries of `compare_totals`. Months that came later are not accepted yet and change nothing; a
    figure that the client no longer states has changed. `delivered_since`: whether rows came after the acceptance.
    Then a late cancellation or return may have moved ours, as it does every month, and only theirs are watched.
    """
    sides = _SIDES[1:] if delivered_since else _SIDES
    present = {(one["month"], one["figure"]): one for one in now}
    found = []
    for one in accepted:
        other = present.get((one["month"], one["figure"]))
        name = f"{one['figure']} of {one['month']}"
        if other is None:
            found.append(f"{name}, which the client states no longer")
            continue
        for side, whose in sides:
            if abs(other[side] - one[side]) > tolerated_rate * abs(one[side]):
                found.append(f"{name} {whose} ({one[side]:,} then, {other[side]:,} now)")
    return _listed(found)


def _listed(found: Sequence[str]) -> str | None:
    """Some of the names, and how many more there are."""
    if not found:
        return None
    more = len(found) - _NAMED
    return ", ".join(found[:_NAMED]) + (f" and {more} more" if more > 0 else "")
