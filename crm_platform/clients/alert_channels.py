"""How a client reaches the customers of its shopping alert (メール, DM, アウトバウンド; seed 003:18, R92)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from crm_platform.refusals import Refused

DEFAULT_CHANNEL = "dm"
_LONGEST_NAME = 60
_DEAREST_JPY = 10**12
_KEYS = {"unit_cost_jpy", "share"}


@dataclass(frozen=True)
class Channel:
    """One way to contact a customer: what a contact costs, and which share of the contacted it gets."""

    name: str
    unit_cost_jpy: int
    share: float


def channels_from_toml(values: Any, file: str) -> tuple[Channel, ...]:
    """The `[alert_channels]` table of a client's TOML, by name: `dm = { unit_cost_jpy = 100, share = 0.7 }`.

    Refused names the key that is wrong: a name that cannot be printed, a cost below 0, a share not above 0, shares
    that do not add up to 1.
    """
    if not isinstance(values, dict):
        raise _refused("'alert_channels' is not a table.", "Write [alert_channels], a line per channel.", file)
    channels = tuple(_channel(name, values[name], file) for name in sorted(values))
    total = math.fsum(channel.share for channel in channels)
    if channels and abs(total - 1) > 1e-6:
        raise _refused(f"the shares of the channels add up to {total:g}.", "Let them add up to 1.", file)
    return channels


def _channel(name: str, said: Any, file: str) -> Channel:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        remedy = f"Use printable characters without spaces at the ends, {_LONGEST_NAME} at most."
        raise _refused(f"{name[:_LONGEST_NAME]!r} cannot name a channel.", remedy, file)
    if not isinstance(said, dict) or set(said) != _KEYS:
        raise _refused(
            f"the channel {name!r} must have exactly a cost and a share.",
            "Write { unit_cost_jpy = 100, share = 1.0 }.",
            file,
            name,
        )
    cost, share = said["unit_cost_jpy"], said["share"]
    if type(cost) is not int or not 0 <= cost <= _DEAREST_JPY:
        raise _refused(f"a contact costs {cost!r}.", "Write whole yen, 0 or more.", file, f"{name}.unit_cost_jpy")
    if type(share) not in (int, float) or not 0 < share <= 1:
        raise _refused(f"the share is {share!r}.", "Write a number above 0, at most 1.", file, f"{name}.share")
    return Channel(name, cost, float(share))


def _refused(problem: str, remedy: str, file: str, key: str = "") -> Refused:
    return Refused(problem, remedy, file=file, column=f"alert_channels.{key}" if key else "alert_channels")
