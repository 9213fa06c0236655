"""How many days lie between two deliveries of a course, and whether the course binds (定期サイクル, まとめて予約)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.tables.table import FLAG, REAL, TEXT, WHOLE

NO_RHYTHM_DAYS = 30  # where no delivery follows another: a month, the course that most houses have
LONGEST_GAP_DAYS = 400  # a longer silence tells nothing of a rhythm
LEAST_GAPS = 20  # of a course, for its rhythm to be called its own
_NEAR_SHARE, _NEAR_DAYS = 0.15, 3  # gaps this near the mode are of it: shipping days shift with weekends
_REGULAR_SHARE = 0.5  # of the gaps below one and a half modes; a course with fewer near its mode has no rhythm
EXACT_SHARE = 0.95  # of the gaps; of such a course a gap that is no whole number of cycles is no skip
STRAY_SHARE = 0.01  # of the gaps may lie further from the cycle than deliveries of such a course usually do
_SAMPLE = 1_000_000  # deliveries that are enough to learn from
_MONTH_DAYS = 30.4
_MONTHS_NAMED = re.compile(r"(\d{1,2})\s*(?:[ヶケかカヵヶ個箇]\s*月|months?)", re.IGNORECASE)
_YEARS_NAMED = re.compile(r"(\d)\s*(?:年|years?)", re.IGNORECASE)
_ANNUAL = re.compile(r"年間|annual|yearly", re.IGNORECASE)


@dataclass(frozen=True)
class Rhythm:
    """The rhythm of a course, or of a product whose deliveries name none.

    `cycle_days` is None where its gaps show no rhythm. `usual_shift_days`: so near it come all but `STRAY_SHARE` of the
    deliveries before which no cycle was missed, or else the most that counts as near. `term_deliveries` above 1 is a
    term plan, known by a `setting`, by the `name`, or `none`: nothing says that it binds.
    """

    name: str
    gaps: int
    cycle_days: int | None
    near_rate: float | None
    usual_shift_days: int | None
    term_deliveries: int
    term_known_by: str

    @property
    def is_exact(self) -> bool:
        """Whether deliveries hardly ever come off the beat."""
        return self.cycle_days is not None and (self.near_rate or 0.0) >= EXACT_SHARE


@dataclass(frozen=True)
class Rhythms:
    """The rhythms of a client, by name, and the one of all deliveries together for what has none of its own."""

    courses: tuple[Rhythm, ...]
    fallback_days: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rhythms:
        """Read what `to_json` wrote."""
        return cls(tuple(Rhythm(**course) for course in value["courses"]), value["fallback_days"])

    @property
    def all_are_regular(self) -> bool:
        """Whether no course needs the own rhythm of its subscriptions."""
        return all(course.cycle_days is not None for course in self.courses)

    def table(self) -> ibis.Table:
        """Per `rhythm`: `course_cycle_days` (null where irregular), `term_deliveries`, `is_exact`, `shift_days`."""
        types = {"rhythm": TEXT, "course_cycle_days": REAL, "term_deliveries": WHOLE, "is_exact": FLAG}
        schema = pa.schema([*types.items(), ("shift_days", WHOLE)])
        rows = [
            (one.name, one.cycle_days, one.term_deliveries, one.is_exact, one.usual_shift_days) for one in self.courses
        ]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in schema]
        return ibis.memtable(pa.table(columns, schema=schema))


def rhythm_name(deliveries: ibis.Table) -> ibis.Value:
    """Whose rhythm a delivery follows: the course's, or the product's where it names no course."""
    return ibis.coalesce(deliveries.course, deliveries.product_id)


def learn_rhythms(deliveries: ibis.Table, term_courses: Mapping[str, int]) -> Rhythms:
    """The rhythms of all courses of SUBSCRIPTION_DELIVERIES: the gap around which most of a course's gaps lie.

    A gap is between two orders of a subscription in the same course. Of very many deliveries, those of a share of the
    subscriptions are looked at, drawn by the hash of their number.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES up to the month.
        term_courses: deliveries that a course binds to, as the client's settings say; for others its name tells: the
            months it names ÷ the rhythm it has (3ヶ月まとめコース every 30 days: three; 3ヶ月に1回 every 90 days: one).
    """
    gaps: dict[str, dict[int, int]] = {}
    names = deliveries.select(rhythm=rhythm_name(deliveries)).distinct().to_pyarrow()["rhythm"].to_pylist()
    for row in _gaps(deliveries).to_pyarrow().to_pylist():
        gaps.setdefault(row["rhythm"], {})[row["gap_days"]] = row["gaps"]
    everyone: dict[int, int] = {}
    for found in gaps.values():
        for days, number in found.items():
            everyone[days] = everyone.get(days, 0) + number
    fallback_days = _mode(everyone) or NO_RHYTHM_DAYS
    courses = [_rhythm(name, gaps.get(name, {}), term_courses, fallback_days) for name in sorted(names)]
    return Rhythms(tuple(courses), fallback_days)


def named_months(course: str) -> int | None:
    """The months that a course names (3ヶ月, 12か月, 1年, 年間); None where it names none."""
    name = unicodedata.normalize("NFKC", course)
    months, years = _MONTHS_NAMED.search(name), _YEARS_NAMED.search(name)
    if months:
        return int(months[1])
    if years:
        return 12 * int(years[1])
    return 12 if _ANNUAL.search(name) else None


def _gaps(deliveries: ibis.Table) -> ibis.Table:
    orders = deliveries.filter(_.is_order)
    every = orders.count().to_pyarrow().as_py() // _SAMPLE + 1
    if every > 1:
        orders = orders.filter(_.subscription_id.hash().abs() % every == 0)
    in_order = ibis.window(group_by="subscription_id", order_by=["ordered_on", "order_id"])
    rhythm = rhythm_name(orders)
    steps = orders.select(
        rhythm=rhythm,
        is_same=rhythm == rhythm.lag(1).over(in_order),
        gap_days=orders.ordered_on.delta(orders.ordered_on.lag(1).over(in_order), unit="day"),
    )
    inside = steps.filter(steps.is_same & steps.gap_days.between(1, LONGEST_GAP_DAYS))
    return inside.group_by("rhythm", "gap_days").agg(gaps=_.count()).order_by("rhythm", "gap_days")


def _rhythm(name: str, gaps: Mapping[int, int], term_courses: Mapping[str, int], fallback_days: int) -> Rhythm:
    number, mode = sum(gaps.values()), _mode(gaps)
    near_rate = None if mode is None else _near(gaps, mode) / _of_one_cycle(gaps, mode)
    is_regular = number >= LEAST_GAPS and near_rate is not None and near_rate >= _REGULAR_SHARE
    cycle_days = mode if is_regular else None
    term, known_by = _term(name, cycle_days or fallback_days, term_courses)
    shift_days = None if cycle_days is None else _usual_shift(gaps, cycle_days)
    return Rhythm(name, number, cycle_days, near_rate, shift_days, term, known_by)


def _of_one_cycle(gaps: Mapping[int, int], mode: int) -> int:
    """How many gaps hold no missed cycle."""
    return sum(number for days, number in gaps.items() if days <= 1.5 * mode)


def _usual_shift(gaps: Mapping[int, int], cycle_days: int) -> int:
    """The least distance from the cycle within which all but `STRAY_SHARE` of the gaps lie; `_reach` at most."""
    most = STRAY_SHARE * _of_one_cycle(gaps, cycle_days)
    beyond = _of_one_cycle(gaps, cycle_days)
    for shift in range(_reach(cycle_days)):
        beyond -= sum(gaps.get(days, 0) for days in {cycle_days - shift, cycle_days + shift})
        if beyond <= most:
            return shift
    return _reach(cycle_days)


def _mode(gaps: Mapping[int, int]) -> int | None:
    """The middle one of the gaps where they lie thickest: of those near the gap that has the most others near it.

    The thickest stretch may lean to one side, when a stray gap beyond the true rhythm is just within its reach.
    """
    if not gaps:
        return None
    centre = max(gaps, key=lambda days: (_near(gaps, days), gaps[days], -days))
    reach, half = _reach(centre), _near(gaps, centre) / 2
    so_far = 0
    for days in sorted(gaps):
        so_far += gaps[days] if abs(days - centre) <= reach else 0
        if so_far >= half:
            return days
    return centre


def _reach(centre: int) -> int:
    return max(_NEAR_DAYS, round(_NEAR_SHARE * centre))


def _near(gaps: Mapping[int, int], centre: int) -> int:
    reach = _reach(centre)
    return sum(gaps.get(days, 0) for days in range(centre - reach, centre + reach + 1))


def _term(name: str, cycle_days: int, term_courses: Mapping[str, int]) -> tuple[int, str]:
    if name in term_courses:
        return term_courses[name], "setting"
    months = named_months(name)
    deliveries = round(months * _MONTH_DAYS / cycle_days) if months else 1
    return (deliveries, "name") if deliveries > 1 else (1, "none")
