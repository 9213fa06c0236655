"""Rows of signs as columns of numbers: where a subscription stands, what kind it is, and the named signs of a stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from crm_platform.tables.three_s import STOP_SIGNS
from crm_platform.two_track.three_s.life_table import Reals

CYCLE_CLASSES = (1, 2, 3, 4, 5, 6, 8, 12, 24)  # the first cycle of each class
_LAPSE_CYCLES = (1, 2, 3)  # at which it matters whether another order came before the subscription
_LEAST_SHARE, _MOST_NAMES = 0.01, 20  # of a course, product or medium that is told apart


@dataclass(frozen=True)
class SignDesign:
    """The courses, products and media that are told apart."""

    course: tuple[str, ...]
    product_id: tuple[str, ...]
    media_id: tuple[str, ...]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        """Those frequent enough in `rows`."""
        return cls(**{name: _frequent(rows[name]) for name in ("course", "product_id", "media_id")})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{name: tuple(values) for name, values in stored.items()})

    def matrix(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Columns of 0 and 1 as reals; those of a sign are named `sign:<name>`, or `sign:<name>:<which>`."""
        columns = {"all": np.ones(len(rows)), **_standing(rows), **_signs(rows), "one_off": _real(rows["one_off"])}
        for name in ("course", "product_id", "media_id"):
            values = rows[name].to_numpy(dtype=object)
            columns |= {f"{name}:{value}": _real(values == value) for value in getattr(self, name)}
        months = pd.to_datetime(rows["day"]).dt.month.to_numpy()
        columns |= {f"month:{number}": _real(months == number) for number in range(1, 13)}
        return pd.DataFrame(columns, dtype=np.float64)


def cycle_class(cycle_no: pd.Series) -> np.ndarray:
    """The place of each cycle in CYCLE_CLASSES."""
    return np.searchsorted(CYCLE_CLASSES, cycle_no.to_numpy(), side="right") - 1


def sign_of(column: str) -> str | None:
    """The sign to which a column of the matrix belongs."""
    return column.split(":")[1] if column.startswith("sign:") else None


def following(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` of `former_rows` or `present_rows` as they will stand at the delivery after the last one."""
    switched = rows["next_other"].to_numpy(dtype=bool)
    return rows.assign(
        cycle_no=rows["cycle_no"] + 1,
        since_course=np.where(switched, 1, rows["since_course"] + 1),
        skips=rows["next_skips"],
        longer=rows["next_longer"],
        other=rows["next_other"],
        shipped_late=False,
    )


def _standing(rows: pd.DataFrame) -> dict[str, Reals]:
    """How far the subscription is, and whether its term binds it."""
    place = cycle_class(rows["cycle_no"])
    found = {f"cycle:{first}": _real(place == number) for number, first in enumerate(CYCLE_CLASSES)}
    found["term:bound"] = _real((rows["term"].to_numpy() > 1) & (_to_end(rows) > 0))
    return found


def _signs(rows: pd.DataFrame) -> dict[str, Reals]:
    skips, before = rows["skips"].to_numpy(), rows["bought_before"].to_numpy(dtype=bool)
    longer = rows["longer"].to_numpy(dtype=bool)
    signs = {
        "skipped": skips >= 1,
        "skipped_twice": skips >= 2,
        "longer_interval": longer,
        "other_course": rows["other"].to_numpy(dtype=bool) & ~longer,
        "shipped_late": rows["shipped_late"].to_numpy(dtype=bool),
        "came_back": rows["came_back"].to_numpy(dtype=bool),
        "term_ends": (rows["term"].to_numpy() > 1) & (_to_end(rows) == 0),
    }
    columns = {f"sign:{name}": _real(there) for name, there in signs.items()}
    for number in _LAPSE_CYCLES:
        columns[f"sign:lapse_point_ahead:{number}"] = _real(before & (rows["cycle_no"].to_numpy() == number))
    if {sign_of(column) for column in columns} != set(STOP_SIGNS):
        raise ValueError("every sign of the table has a column")
    return columns


def _to_end(rows: pd.DataFrame) -> np.ndarray:
    """Deliveries until the term is over; 0 at its last."""
    left: np.ndarray = -rows["since_course"].to_numpy() % rows["term"].to_numpy()
    return left


def _frequent(names: pd.Series) -> tuple[str, ...]:
    counts = names.value_counts()
    often = [(-number, str(name)) for name, number in counts.items() if number >= _LEAST_SHARE * len(names)]
    return tuple(name for _, name in sorted(often)[:_MOST_NAMES])


def _real(there: Any) -> Reals:
    return np.asarray(there, dtype=np.float64)
