"""What to offer whom (seed 001:107, R57): 追加購入 where retention power is high, 継続利用 where it is low.

The seed speaks of customers who are high or low in both powers. The rule here is total: retention power decides what is
offered, purchasing power decides how. Who keeps buying but spends little is offered more in one order; who spends much
but does not keep buying is worth a personal contact.
"""

from __future__ import annotations

POWER_ACTIONS = ("add_related", "add_volume", "keep_personal", "keep_light")


def power_action(is_high_retention: bool, is_high_purchasing: bool) -> str:
    """One of POWER_ACTIONS, the name of its wording (`power_action.<name>`)."""
    if is_high_retention:
        return "add_related" if is_high_purchasing else "add_volume"
    return "keep_personal" if is_high_purchasing else "keep_light"
