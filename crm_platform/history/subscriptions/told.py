"""Delivered events of subscriptions held against the deliveries: kept, or repaired by a named rule and counted."""

from __future__ import annotations

from collections.abc import Collection

import ibis
from ibis import _

from crm_platform.history.subscriptions.together import together

ORDER_WITHIN_DAY = ("start", "resume", "skip", "switch", "stop")
TOLD_RULES = (
    "stop_before_start",
    "stop_of_a_stopped",
    "second_start",
    "start_after_stop",
    "resume_without_stop",
    "switch_to_unknown_course",
)


def day_place(events: ibis.Table) -> ibis.Value:
    """The place of an event among those of its day."""
    return ibis.cases(*[(events.event == name, place) for place, name in enumerate(ORDER_WITHIN_DAY)], else_=9)


def looked_on(events: ibis.Table) -> ibis.Value:
    """The day up to which deliveries came before an event; a start or resume is told on the day of its delivery."""
    the_day_before = (events.occurred_on - ibis.interval(days=1)).cast("date")
    return ibis.ifelse(events.event.isin(["start", "resume"]), the_day_before, events.occurred_on)


def judged_events(
    told: ibis.Table, cycles: ibis.Table, silent_cycles: int, known_courses: Collection[str]
) -> ibis.Table:
    """SUBSCRIPTION_EVENTS of subscriptions with a delivery, each with `place` (cycles before it) and `rule`.

    `rule` is null where the event stands as it is; else it says what became of it: `switch_to_unknown_course` loses the
    course that no delivery has, `start_after_stop` is a resume, and the others are left out (`is_kept`).

    Args:
        told: SUBSCRIPTION_EVENTS up to the as-of date.
        cycles: SUBSCRIPTION_CYCLES.
        silent_cycles: missed cycles beyond which a gap is a silent stop, after which a resume stands.
        known_courses: the courses that some delivery has.
    """
    placed = _placed(told, cycles.semi_join(told, "subscription_id"))
    courses = sorted(known_courses)
    early = (placed.event == "stop") & (placed.occurred_on < placed.began_on) & (placed.before == 0)
    sound = placed.mutate(rule=ibis.ifelse(early, "stop_before_start", ibis.null("string")))
    states = sound.filter(_.rule.isnull() & _.event.isin(["start", "resume", "stop"]))
    others = sound.filter(_.rule.notnull() | ~_.event.isin(["start", "resume", "stop"]))
    judged = together(_judged_states(states, silent_cycles), _judged_switches(others, courses))
    return judged.mutate(
        event=ibis.ifelse((judged.rule == "start_after_stop").fill_null(False), "resume", judged.event),
        **{name: judged[name].isin(courses).ifelse(judged[name], None) for name in ("from_course", "to_course")},
        is_kept=judged.rule.isnull() | judged.rule.isin(["start_after_stop", "switch_to_unknown_course"]),
    )


def _placed(told: ibis.Table, cycles: ibis.Table) -> ibis.Table:
    """`told` with the cycles ordered before each event, and what is known of the gap in which it lies."""
    days = cycles.group_by("subscription_id", "ordered_on").agg(place=_.place.max())
    people = cycles.group_by("subscription_id").agg(first_on=_.ordered_on.min(), before=(_.counted_no - _.place).max())
    gaps = cycles.filter((_.place > 1) & ~_.overlaps).group_by("subscription_id", "place").agg(missed=_.missed.max())
    gaps = gaps.select("subscription_id", place=gaps.place - 1, missed=gaps.missed)
    starts = told.filter(_.event == "start").group_by("subscription_id").agg(told_on=_.occurred_on.min())
    known = (
        told.inner_join(people, "subscription_id").left_join(starts, "subscription_id").drop("subscription_id_right")
    )
    known = known.mutate(
        looked_on=looked_on(known),
        began_on=ibis.coalesce(ibis.least(known.told_on, known.first_on), known.first_on),
    )
    on_day = known.asof_join(days, known.looked_on >= days.ordered_on, predicates="subscription_id")
    on_day = on_day.drop("subscription_id_right", "ordered_on").mutate(place=_.place.fill_null(0))
    joined = on_day.left_join(gaps, ["subscription_id", "place"])
    joined = joined.drop("subscription_id_right", "place_right")
    return joined.mutate(missed=joined.missed.fill_null(0), order_in_day=day_place(joined))


def _judged_states(states: ibis.Table, silent_cycles: int) -> ibis.Table:
    """Starts, resumes and stops: whether each changes the state in which the one before left the subscription."""
    in_order = ibis.window(group_by="subscription_id", order_by=["occurred_on", "order_in_day"])
    seen = states.mutate(former=states.event.lag(1).over(in_order), former_place=states.place.lag(1).over(in_order))
    was_stopped = (seen.former == "stop").fill_null(False) & (seen.place == seen.former_place)
    was_silent = (seen.missed > silent_cycles) | ((seen.place == 0) & (seen.before > 0))
    rule = ibis.cases(
        ((seen.event == "stop") & was_stopped, "stop_of_a_stopped"),
        ((seen.event == "start") & was_stopped, "start_after_stop"),
        ((seen.event == "start") & seen.former.notnull(), "second_start"),
        ((seen.event == "resume") & ~was_stopped & ~was_silent, "resume_without_stop"),
        else_=ibis.null("string"),
    )
    return seen.mutate(rule=rule).drop("former", "former_place")


def _judged_switches(others: ibis.Table, known_courses: Collection[str]) -> ibis.Table:
    """Switches (and skips, of which nothing can be wrong): whether the course after one is known."""
    is_strange = (others.event == "switch") & ~others.to_course.isin(known_courses)
    rule = ibis.coalesce(
        others.rule, ibis.ifelse(is_strange.fill_null(False), "switch_to_unknown_course", ibis.null("string"))
    )
    return others.mutate(rule=rule)
