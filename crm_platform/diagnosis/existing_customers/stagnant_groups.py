"""Groups whose custom fades (継続率が停滞している顧客グループ, R64): who repeats less than a year before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.diagnosis.estimates import SHOWN_ERRORS, Estimate, difference, errors_for, proportion, rivals_of
from crm_platform.diagnosis.existing_customers.group_rates import (
    EVERYONE,
    GroupRate,
    group_rates,
    rates_of_group,
)
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Row, Scalar
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, NOTICEABLE_RATE, measured_against, verdict_on_change

_GROUPS_SHOWN = 12
_YEARS_COMPARED_MONTHS = 24


@dataclass(frozen=True)
class GroupChange:
    """A group's repeat rate against a year before, and that change beside the change of everyone else."""

    people: GroupRate
    now: Estimate
    before: Estimate
    change: Estimate
    beyond_others: Estimate

    @property
    def spent_jpy(self) -> float:
        """Mean 売上 of one of its buyers in half a year."""
        return max(self.people.sales_jpy, 0) / self.people.buyers

    @property
    def lost_jpy(self) -> float:
        """What the fall against the year before cost in half a year."""
        return max(-self.change.value, 0.0) * self.people.buyers * self.spent_jpy

    @property
    def surely_lost_jpy(self) -> float:
        """The same of the fall beyond that of the others, at the near end of its interval: what the list is sorted by.

        A group that only contains the one that fell has the same loss and more chance in it, so it comes after it.
        """
        fallen = -self.beyond_others.value - SHOWN_ERRORS * self.beyond_others.error
        return max(fallen, 0.0) * self.people.buyers * self.spent_jpy

    def is_noticeable(self, errors: float) -> bool:
        """Whether a fall by three tenths would have been noticed."""
        return errors * self.beyond_others.error <= NOTICEABLE_RATE * self.before.value

    def has_fallen(self, errors: float) -> bool:
        """Below the year before, and further than everyone else, beyond chance."""
        falls = self.change.value < 0
        return falls and self.beyond_others.value < -errors * self.beyond_others.error


def stagnant_groups(inputs: DiagnosisInputs) -> Finding | None:
    """Groups of buyers whose half-year repeat rate fell against a year before, further than that of everyone else.

    Groups are those by kind, product group, channel and medium of the first purchase, prefecture, sex and age band. The
    year before is weighted as new and old customers are mixed now, since more new customers alone would look like a
    fall; the change of everyone else is deducted, since a fall of all is another finding (`retention_power`). Judged
    are groups in which a fall by three tenths would be noticed; as the largest of them all, beyond chance is an issue.
    First comes the largest yen at the near end of its interval. At stake: its fall × its buyers × what one spends in
    half a year. The trend of the group is shown and decides nothing, since the group was chosen for its fall. None
    below four half-years.
    """
    found = group_rates(inputs)
    if not found:
        return None
    changes = group_changes(found)
    judged, errors = judged_changes(changes)
    if len(inputs.closed_months) < WARM_UP_MONTHS + _YEARS_COMPARED_MONTHS:
        judged = []  # the year before would be the first year of data
    fallen = [change for change in judged if change.has_fallen(errors)]
    top = max(fallen or judged, key=_order, default=None)
    verdict = verdict_on_change(_judged(top), top.before.value, errors=errors) if top else "undetermined"
    lost = top.people.buyers - top.people.repeated if top else 0
    expected_jpy = round(lost * inputs.response_rate * top.spent_jpy) if top else 0
    effect_jpy = round(top.lost_jpy) or None if top and fallen else None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_numbers(top, found.get(EVERYONE)),
        "groups_fallen": len(fallen),
        "groups_judged": len(judged),
        "groups_small": len(changes) - len(judged),
        "error_points": errors * top.beyond_others.error if top else None,
        "lost_customers": lost,
        "effect_jpy": effect_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
    }
    points = rates_of_group(inputs, top.people.dimension, top.people.group) if top else []
    return Finding(
        key="stagnant_groups",
        chapter="existing_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(sorted(judged, key=_order, reverse=True), points, top),
        threshold=errors * top.beyond_others.error if top else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=top.people.buyers if top and fallen else None,
        measured=measured_now(top, judged, errors),
        trend=trend_of(points, "rate"),
        action=Action("@action_segment.lost_of_the_group", lost, "@action_channel.mail_phone", expected_jpy)
        if top
        else None,
        sources=("customer_months", "customer_history", "products", "media", "customers"),
    )


def group_changes(found: dict[tuple[str, str], GroupRate]) -> list[GroupChange]:
    """The change of every group with 30 buyers in it and 30 outside, now and a year before; in order of their names."""
    everyone = found[EVERYONE]
    changes = []
    for key in sorted(key for key, group in found.items() if group.fewest_buyers >= LEAST_CUSTOMERS):
        group, others = found[key], everyone.without(found[key])
        rates, rates_of_others = group.rates(), others.rates()
        if others.fewest_buyers < LEAST_CUSTOMERS or rates is None or rates_of_others is None:
            continue
        change, change_of_others = difference(*rates), difference(*rates_of_others)
        changes.append(GroupChange(group, *rates, change, difference(change, change_of_others)))
    return changes


def judged_changes(changes: Sequence[GroupChange]) -> tuple[list[GroupChange], float]:
    """The groups large enough to be judged as the largest of so many, and the errors that takes."""
    errors = errors_for(len(changes))
    return [change for change in changes if change.is_noticeable(errors)], errors


def measured_now(top: GroupChange | None, judged: Sequence[GroupChange], errors: float) -> Measured | None:
    """The rate now. Compared, it is that of its mix of new and old customers; by itself, the mix is chance, too."""
    now = proportion(top.people.repeated, top.people.buyers) if top else None
    if top is None or now is None:
        return None
    rivals = rivals_of(top.beyond_others, (change.beyond_others for change in judged), errors)
    return measured_against(now, "rate", top.before.value, top.beyond_others, errors=errors, rivals=rivals)


def _judged(change: GroupChange) -> Estimate:
    """A group that did not fall itself is no issue, however well the others did."""
    return change.beyond_others if change.change.value < 0 else Estimate(0.0, change.beyond_others.error)


def _order(change: GroupChange) -> tuple[float, float, str, str]:
    people = change.people
    return change.surely_lost_jpy, -change.beyond_others.value, people.dimension, people.group


def _numbers(top: GroupChange | None, everyone: GroupRate | None) -> dict[str, Scalar]:
    rates = everyone.rates() if everyone else None
    return {
        "group": _shown(top.people.dimension, top.people.group) if top else None,
        "dimension": f"@lapse_dimension.{top.people.dimension}" if top else None,
        "group_buyers": top.people.buyers if top else None,
        "group_rate": top.now.value if top else None,
        "group_rate_before": top.before.value if top else None,
        "group_change_points": top.change.value if top else None,
        "beyond_points": top.beyond_others.value if top else None,
        "spent_jpy": round(top.spent_jpy) if top else None,
        "everyone_buyers": everyone.buyers if everyone else None,
        "everyone_rate": rates[0].value if rates else None,
    }


def _shown(dimension: str, group: str) -> str:
    return f"@order_kind.{group}" if dimension == "order_kind" else group


def _exhibits(
    changes: Sequence[GroupChange], points: Sequence[tuple[str, Estimate]], top: GroupChange | None
) -> tuple[Exhibit, ...]:
    bars: list[Row] = (
        []
        if top is None
        else [
            {"when": "@repeat_year.before", "repeat_rate": top.before.value},
            {"when": "@repeat_year.now", "repeat_rate": top.now.value},
        ]
    )
    table: list[Row] = [
        {
            "lapse_dimension": f"@lapse_dimension.{change.people.dimension}",
            "lapse_group": _shown(change.people.dimension, change.people.group),
            "group_buyers": change.people.buyers,
            "rate_before": change.before.value,
            "rate_now": change.now.value,
            "beyond_points": change.beyond_others.value,
            "lost_jpy": round(change.lost_jpy),
        }
        for change in changes[:_GROUPS_SHOWN]
    ]
    line: list[Row] = [{"month": month, "repeat_rate": rate.value} for month, rate in points]
    exhibits = (
        Exhibit("compared", "bar", tuple(bars), x="when", y="repeat_rate", y_unit="rate"),
        Exhibit("half_years", "line", tuple(line), x="month", y="repeat_rate", x_unit="month", y_unit="rate"),
        Exhibit(
            "groups",
            "table",
            tuple(table),
            columns=(
                ("lapse_dimension", "text"),
                ("lapse_group", "text"),
                ("group_buyers", "count"),
                ("rate_before", "rate"),
                ("rate_now", "rate"),
                ("beyond_points", "rate"),
                ("lost_jpy", "jpy"),
            ),
        ),
    )
    return tuple(exhibit for exhibit in exhibits if exhibit.rows)
