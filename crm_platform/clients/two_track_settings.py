"""What a client sells, and what it gives to and takes from other clients' two-track analyses (他社事例で推論, R36)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from crm_platform.refusals import Refused

KINDS_OF_GOODS = (
    "supplement",
    "health_food",
    "food",
    "drink",
    "skin_care",
    "make_up",
    "hair_care",
    "oral_care",
    "medicine",
    "pet",
    "daily_goods",
    "fashion",
    "baby",
)


@dataclass(frozen=True)
class TwoTrackSettings:
    """The `[two_track]` table of a client's TOML. Nothing is shared or taken unless the client's file says so.

    `kinds_of_goods` are words of a fixed list, so that none of a client's own can reach another; a client whose goods
    are none of these leaves it empty, and is compared with nobody (R37).
    """

    share_parameters: bool = False  # rounded one-off rates, no rows: `two_track.business.reference_cases.ReferenceCase`
    use_reference_cases: bool = False  # too few one-off buyers: infer from the clients that share
    kinds_of_goods: tuple[str, ...] = ()  # of KINDS_OF_GOODS

    @classmethod
    def from_toml(cls, values: dict[str, Any], file: str) -> TwoTrackSettings:
        """Read the table; Refused names the key that is unknown or wrong."""
        if not isinstance(values, dict):
            problem = "'two_track' is not a table."
            raise Refused(problem, "Write [two_track] and keys below it.", file, column="two_track")
        known = sorted(field.name for field in dataclasses.fields(cls))
        for name, value in values.items():
            if name not in known:
                problem, remedy = (
                    f"'{name}' is not a setting of the two-track analysis.",
                    f"Use one of {', '.join(known)}.",
                )
                raise Refused(problem, remedy, file=file, column=f"two_track.{name}")
            if name != "kinds_of_goods" and not isinstance(value, bool):
                problem = f"the setting '{name}' is {value!r}, neither true nor false."
                raise Refused(problem, "Write true or false.", file=file, column=f"two_track.{name}")
        return cls(**{**values, "kinds_of_goods": _kinds(values.get("kinds_of_goods", []), file)})


def _kinds(value: Any, file: str) -> tuple[str, ...]:
    if not isinstance(value, list) or any(kind not in KINDS_OF_GOODS for kind in value):
        raise Refused(
            f"the kinds of goods are {value!r}.",
            f"Write a list of these: {', '.join(KINDS_OF_GOODS)}.",
            file=file,
            column="two_track.kinds_of_goods",
        )
    return tuple(sorted(set(value)))
