"""What the letter says, in numbers and wording keys; words belong to `reports/wording`."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crm_platform.diagnosis.finding import Finding, Scalar, Unit, Verdict, finding_of
from crm_platform.periods import Month

Gap = tuple[dt.date, dt.date]
Base = Literal["year_ago", "last_month"]


def due_month(as_of: dt.date) -> Month:
    """The month up to whose end contact dates are due in a letter of this day: of a month under way that month."""
    return Month.of(as_of + dt.timedelta(days=1))


@dataclass(frozen=True)
class Figure:
    """A key figure of the month, as known at its end, beside the same of two earlier months.

    `last_month` and `year_ago` are None where that month cannot be compared: before the data, or not known alike.
    `is_more_better` says whether a rise is welcome. `last_month_told`: what last month's letter said of last month,
    where that is no more so; later deliveries cancel and correct.
    """

    key: str
    unit: Unit
    now: int
    last_month: int | None = None
    year_ago: int | None = None
    is_more_better: bool = True
    last_month_told: int | None = None


@dataclass(frozen=True)
class Step:
    """A step of the bridge: the wording key of what changed, and its yen; the steps add up to the change exactly."""

    factor: str
    jpy: int


@dataclass(frozen=True)
class Turned:
    """A question whose verdict differs from last month's, with the number it is on, then and now (in `unit`)."""

    report: str
    finding: Finding
    was: Verdict
    former_value: float | None


@dataclass(frozen=True)
class Contact:
    """Whom to contact this month: the wording key of the list, how many, and the deliverable that holds them."""

    key: str
    customers: int
    file: str


@dataclass(frozen=True)
class Shared:
    """A question that several reports show, told as of the first of `reports`; `is_compared`: both months answer it."""

    key: str
    reports: tuple[str, ...]
    is_compared: bool


@dataclass(frozen=True)
class Letter:
    """A month's letter.

    `figures_month` is the last finished month, None while not even the first month is over: then the figures are those
    of the days so far, without a comparison. `course` are the sales of up to thirteen months, (month, yen). `bridge`
    leads from `before_jpy` of the month that `bridge_base` names to the month's sales; empty without such a month.
    `turned` is None where last month's documents are not at hand; `questions_compared` says by report how many
    questions both months answer. `actions` are findings without exhibits, by report, in the order of what is to be
    done first. `shared` are the questions that several reports show. `former_forecast` are the numbers of the finding
    `forecast_accuracy`. `gaps`: first and last day of each run of days without an order that touches the months of
    `course`, longer than chance explains or a whole month.
    """

    client: str
    month: str
    as_of: str
    first_month: str
    figures_month: str | None
    figures: tuple[Figure, ...]
    course: tuple[tuple[str, int], ...]
    bridge_base: Base | None
    bridge: tuple[Step, ...]
    factors: Mapping[str, Scalar]
    turned: tuple[Turned, ...] | None
    questions_compared: Mapping[str, int]
    actions: tuple[tuple[str, Finding], ...]
    contacts: tuple[Contact, ...]
    former_forecast: Mapping[str, Scalar] | None
    delivery: Mapping[str, Scalar]
    value_classes: int = 10
    gaps: tuple[tuple[str, str], ...] = ()
    shared: tuple[Shared, ...] = ()

    @property
    def lacks_its_month(self) -> bool:
        """Whether the month that is told has no order between others that have."""
        return self.figures_month is not None and is_lacking(Month.parse(self.figures_month), days_of(self.gaps))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Letter:
        """Read what `to_json` wrote."""
        turned = value["turned"]
        told: dict[str, Any] = {
            "figures": tuple(Figure(**one) for one in value["figures"]),
            "course": tuple((month, jpy) for month, jpy in value["course"]),
            "bridge": tuple(Step(**one) for one in value["bridge"]),
            "turned": None if turned is None else tuple(map(_turned, turned)),
            "actions": tuple((report, finding_of(finding)) for report, finding in value["actions"]),
            "contacts": tuple(Contact(**one) for one in value["contacts"]),
            "gaps": tuple((first, last) for first, last in value.get("gaps", ())),
            "shared": tuple(Shared(**{**one, "reports": tuple(one["reports"])}) for one in value.get("shared", ())),
        }
        return cls(**{**value, **told})


def days_of(gaps: Iterable[tuple[str, str]]) -> tuple[Gap, ...]:
    """Gaps as the letter holds them, as days."""
    return tuple((dt.date.fromisoformat(first), dt.date.fromisoformat(last)) for first, last in gaps)


def is_lacking(month: Month, gaps: Iterable[Gap]) -> bool:
    """Whether one of the gaps (first and last day) covers the whole month."""
    return any(first <= month.first_day and month.last_day <= last for first, last in gaps)


def _turned(value: Mapping[str, Any]) -> Turned:
    return Turned(**{**value, "finding": finding_of(value["finding"])})
