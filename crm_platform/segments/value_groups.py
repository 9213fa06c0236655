"""Value classes folded to the four names of the trade: VIP客, VIP候補, 一般客, 休眠客 (J9)."""

from __future__ import annotations

VALUE_GROUPS = ("vip", "vip_candidate", "regular", "dormant")  # VIP客 VIP候補 一般客 休眠客
_REACH_TO = (0.2, 0.4, 0.8)  # share of the classes, from the highest, at which the first three end


def value_group(value_class: int, classes: int) -> str:
    """The group of a value class, 1 the highest, of `classes`: one of `VALUE_GROUPS`.

    Of ten classes 1 and 2 are VIP, 3 and 4 candidates, 5 to 8 regular, 9 and 10 dormant. A class of any other number
    belongs where its middle lies; the highest of several is always VIP. Never does a lower class have a better group.

    Raises:
        ValueError: there is no such class.
    """
    if not 1 <= value_class <= classes:
        raise ValueError(f"there is no value class {value_class} of {classes}")
    if value_class == 1 < classes:
        return VALUE_GROUPS[0]
    middle = (value_class - 0.5) / classes
    return VALUE_GROUPS[sum(middle > reach for reach in _REACH_TO)]


def vip_classes(classes: int) -> list[int]:
    """The classes whose group is VIP, the highest first."""
    return [number for number in range(1, classes + 1) if value_group(number, classes) == VALUE_GROUPS[0]]
