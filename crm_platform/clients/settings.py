"""What a client may set, with the platform's defaults and where they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_platform.refusals import Refused

_BY_GROUP = "lapse_silent_days_by_group"
_BY_COURSE = "term_courses"
_MOST_TERM_DELIVERIES = 60  # five years of months


@dataclass(frozen=True)
class Settings:
    """The `[settings]` table of a client's TOML; every key may be left out."""

    value_classes: int = 10  # ten value classes (section J9 of the requirements)
    cpm_steady_tenure_days: int = 90  # よちよち below, コツコツ from here (CPM.md §2)
    cpm_premium_tenure_days: int = 210  # 流行 below, 優良 from here
    cpm_lapsed_gap_days: int = 240  # 離脱 from here
    cpm_amount_jpy: int | None = None  # 7 × the average order value where not set (CPM.md §2)
    alert_top_share: float = 0.30  # share of customers, by recent sales, among whom alerts are raised
    alert_targets: int | None = None  # how many to alert; every customer at risk where not set
    alert_treated: int | None = None  # size of test group ① (R84: 7,000); half of the alerted where neither is set
    alert_control: int | None = None  # size of test group ②; set both or neither
    alert_unit_cost_jpy: int = 100  # cost of one contact (seed 003:135)
    alert_seed: int = 20090601  # decides the split into test groups (R84)
    contact_lead_days: int = 7  # contact this long before the product runs out (R107)
    contact_subscribers: bool = False  # call continuing subscribers, too, before their next delivery
    contact_lapse_supplies: float = 1.0  # 掘り起こし: a call lapses so many supplies after the product ran out
    daily_contacts: int | None = None  # calls that are made in a day; all that are due where not set
    supply_least_repeats: int = 30  # so many repeats before days of supply are learned from them
    declined_pause_days: int = 30  # 余っていれば断る: who declined is contacted this long after, at the earliest (R108)
    no_answer_pause_days: int = 3  # who did not answer is contacted again after so many days
    no_answer_tries: int = 3  # so many times; then when the next supply runs out
    lapse_silent_days: int = 240  # 休眠: silent for this long (R125)
    crosssell_min_orders: int = 3  # 3回買ってから案内: purchases before another product group is offered (R106)
    crosssell_at_first_subscription: bool = False  # offer it with the first 定期 order, too (R105)
    two_track_targets: int | None = None  # how many one-off targets; all whose expected return is above 1 where not set
    two_track_least_buyers: int = 50  # subscribers with a one-off purchase; with fewer the status is 推論 (R36)
    lapse_silent_days_by_group: Mapping[str, int] = field(default_factory=dict)  # where a product group differs
    subscription_silent_cycles: int = 2  # a subscription without an order for so many cycles has stopped
    term_courses: Mapping[str, int] = field(default_factory=dict)  # deliveries a course binds to (R111); else its name

    @classmethod
    def from_toml(cls, values: dict[str, Any], file: str) -> Settings:
        """Read the table; Refused names a key that is unknown, has the wrong type or is out of bounds."""
        if not isinstance(values, dict):
            raise Refused("'settings' is not a table.", "Write [settings] and keys below it.", file, column="settings")
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name, value in values.items():
            if name not in fields:
                raise Refused(
                    f"'{name}' is not a setting.",
                    f"Use one of {', '.join(sorted(fields))}.",
                    file=file,
                    column=f"settings.{name}",
                )
            if name == _BY_GROUP:
                _refuse_days_by_group(value, file)
                continue
            if name == _BY_COURSE:
                _refuse_term_courses(value, file)
                continue
            if fields[name].type == "bool":
                _refuse_no_switch(name, value, file)
                continue
            wanted = (int, float) if "float" in str(fields[name].type) else (int,)
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise Refused(
                    f"the setting '{name}' is {value!r}, not a number.",
                    "Write a plain number.",
                    file=file,
                    column=f"settings.{name}",
                )
            lowest, highest = _bounds(name)
            if not lowest <= value <= highest:
                raise Refused(
                    f"the setting '{name}' is {value}.",
                    f"Write a number from {lowest} to {highest}.",
                    file=file,
                    column=f"settings.{name}",
                )
        _refuse_one_group_alone(values, file)
        return cls(**values)


def _refuse_days_by_group(values: Any, file: str) -> None:
    """A table of product group → days; every group named, every number of days whole and at least one."""
    if not isinstance(values, dict):
        raise Refused(
            f"the setting '{_BY_GROUP}' is {values!r}, not a table.",
            f'Write [settings.{_BY_GROUP}] and below it lines such as "Skin care" = 180.',
            file=file,
            column=f"settings.{_BY_GROUP}",
        )
    highest = _bounds("lapse_silent_days")[1]
    for group, days in values.items():
        is_whole = isinstance(days, int) and not isinstance(days, bool)
        if not group.strip() or not is_whole or not 1 <= days <= highest:
            raise Refused(
                f"the product group '{group}' is dormant after {days!r} days.",
                f"Write a product group of the product master and a whole number from 1 to {highest}.",
                file=file,
                column=f"settings.{_BY_GROUP}.{group}",
            )


def _refuse_term_courses(values: Any, file: str) -> None:
    """A table of course → deliveries that it binds to; 1 says that the course is free whatever its name."""
    if not isinstance(values, dict):
        raise Refused(
            f"the setting '{_BY_COURSE}' is {values!r}, not a table.",
            f'Write [settings.{_BY_COURSE}] and below it lines such as "3ヶ月まとめコース" = 3.',
            file=file,
            column=f"settings.{_BY_COURSE}",
        )
    for course, deliveries in values.items():
        is_whole = isinstance(deliveries, int) and not isinstance(deliveries, bool)
        if not course.strip() or not is_whole or not 1 <= deliveries <= _MOST_TERM_DELIVERIES:
            raise Refused(
                f"the course '{course}' binds to {deliveries!r} deliveries.",
                f"Write a course as the order lines name it and a whole number from 1 to {_MOST_TERM_DELIVERIES}.",
                file=file,
                column=f"settings.{_BY_COURSE}.{course}",
            )


def _refuse_no_switch(name: str, value: Any, file: str) -> None:
    if not isinstance(value, bool):
        raise Refused(
            f"the setting '{name}' is {value!r}, neither true nor false.",
            "Write true or false, without quotes.",
            file=file,
            column=f"settings.{name}",
        )


def _refuse_one_group_alone(values: dict[str, Any], file: str) -> None:
    missing = {"alert_treated", "alert_control"} - set(values)
    if len(missing) == 1:
        (name,) = missing
        raise Refused(
            "only one test group has a size.",
            f"Set '{name}' as well, or neither of alert_treated and alert_control.",
            file=file,
            column=f"settings.{name}",
        )


def _bounds(name: str) -> tuple[int, int]:
    """What a setting may be at least and at most."""
    if name.endswith("_days"):
        return 0, 36_500  # a century
    bounds = {"value_classes": (1, 100), "alert_top_share": (0, 1), "crosssell_min_orders": (1, 1_000)}
    bounds |= {"subscription_silent_cycles": (1, 24), "supply_least_repeats": (2, 10**6), "no_answer_tries": (1, 100)}
    bounds |= {"contact_lapse_supplies": (0, 100), "daily_contacts": (1, 10**6)}
    return bounds.get(name, (0, 10**12))
