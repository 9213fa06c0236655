"""What the call list of half a year ago proves: the dates beside those of a simple rule, and the lapsed calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_platform.diagnosis.estimates import Estimate, errors_for, proportion
from crm_platform.diagnosis.finding import Exhibit, Measured, Scalar, Unit, Verdict
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change
from crm_platform.two_track.contact_dates.looking_back import METHODS, STATES, WITHIN_DAYS

_YARDSTICKS = METHODS[1:]
_ERRORS = errors_for(len(_YARDSTICKS))
_METHODS: tuple[tuple[str, Unit], ...] = (
    ("timing_method", "text"),
    ("timing_rate", "rate"),
    ("timing_low_rate", "rate"),
    ("timing_high_rate", "rate"),
    ("timing_error_days", "days"),
)
_STATES: tuple[tuple[str, Unit], ...] = (
    ("again_state", "text"),
    ("again_customers", "count"),
    ("again_rate", "rate"),
    ("again_low_rate", "rate"),
    ("again_high_rate", "rate"),
)


@dataclass(frozen=True)
class Timing:
    """Share in time of the dates (`ours`) and of the better yardstick (`theirs`); all None where nobody is compared."""

    came: Mapping[str, Any]  # as `look_back` gives it; empty where the history is short
    rival: str
    ours: Estimate | None
    theirs: Estimate | None
    change: Estimate | None

    @classmethod
    def of(cls, came: Mapping[str, Any] | None) -> Timing:
        """From the stored document."""
        if not came:
            return cls({}, _YARDSTICKS[0], None, None, None)
        rival = max(_YARDSTICKS, key=lambda method: came["hits"][method])
        ours, theirs = (proportion(came["hits"][method], came["compared"]) for method in (METHODS[0], rival))
        return cls(came, rival, ours, theirs, paired_change(came, rival))

    @property
    def line(self) -> float | None:
        """The share in time of the yardstick."""
        return self.theirs.value if self.theirs else None

    @property
    def verdict(self) -> Verdict:
        """An issue where the yardstick is better beyond chance; undetermined where few are compared."""
        if self.change is None or self.line is None or self.came["compared"] < LEAST_CUSTOMERS:
            return "undetermined"
        return verdict_on_change(self.change, self.line, errors=_ERRORS)

    def measured(self) -> Measured | None:
        """The share in time beside the yardstick's."""
        return measured_against(self.ours, "rate", self.line, self.change, errors=_ERRORS) if self.ours else None

    def numbers(self) -> dict[str, Scalar]:
        """What the sentences say."""
        return {
            "within_days": WITHIN_DAYS,
            "compared": self.came.get("compared", 0),
            "in_time_rate": self.ours.value if self.ours else None,
            "rival": f"@timing.{self.rival}",
            "rival_rate": self.line,
            "change_points": self.change.value if self.change else None,
        }

    def exhibits(self) -> tuple[Exhibit, ...]:
        """The rules over the same customers, and what came of coming, overdue and lapsed calls; none without a past."""
        if not self.ours:
            return ()
        hits, errors = self.came["hits"], self.came["median_error_days"]
        rules = tuple(
            {"timing_method": f"@timing.{rule}", **rates, "timing_error_days": errors[rule]}
            for rule in METHODS
            if (rates := _rates("timing", hits[rule], self.came["compared"]))
        )
        counted = {state: self.came["states"][state] for state in STATES}
        states = tuple(
            {"again_state": f"@timing.{state}", "again_customers": row["customers"], **rates}
            for state, row in counted.items()
            if (rates := _rates("again", row["in_time"], row["customers"]))
        )
        return (
            Exhibit("timing", "table", rules, columns=_METHODS),
            Exhibit("states", "table", states, columns=_STATES),
        )


def paired_change(came: Mapping[str, Any], rival: str) -> Estimate | None:
    """Share in time less that of the yardstick, over the same customers (McNemar's error); None below two."""
    people = came["compared"]
    if people < 2:
        return None
    ours, theirs = came["only_product"][rival], came["only_yardstick"][rival]
    value = (ours - theirs) / people
    spread = (ours + theirs + 1) / people - value**2  # one more, so that no difference is not certain to stay none
    return Estimate(value, math.sqrt(max(spread, 0.0) / people))


def _rates(table: str, hits: int, people: int) -> dict[str, float]:
    """The share with its 95 % interval, as the columns of a table are named; empty of nobody."""
    found = proportion(hits, people)
    if found is None:
        return {}
    low, high = max(found.low, 0.0), min(found.high, 1.0)
    return {f"{table}_rate": found.value, f"{table}_low_rate": low, f"{table}_high_rate": high}
