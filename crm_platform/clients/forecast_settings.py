"""What a client agrees to share with other clients' forecasts, and to take from them (他社事例で推論, R36)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from crm_platform.refusals import Refused


@dataclass(frozen=True)
class ForecastSettings:
    """The `[forecast]` table of a client's TOML. Nothing is shared or taken unless the client's file says so."""

    share_parameters: bool = False  # rounded parameters of fitted models, no rows: `forecast.prior.ClientParameters`
    use_prior: bool = False  # where few customers bought twice, lean on the parameters of clients that share

    @classmethod
    def from_toml(cls, values: dict[str, Any], file: str) -> ForecastSettings:
        """Read the table; Refused names a key that is unknown or neither true nor false."""
        if not isinstance(values, dict):
            raise Refused("'forecast' is not a table.", "Write [forecast] and keys below it.", file, column="forecast")
        known = sorted(field.name for field in dataclasses.fields(cls))
        for name, value in values.items():
            if name not in known:
                problem, remedy = f"'{name}' is not a setting of the forecast.", f"Use one of {', '.join(known)}."
                raise Refused(problem, remedy, file=file, column=f"forecast.{name}")
            if not isinstance(value, bool):
                problem = f"the setting '{name}' is {value!r}, neither true nor false."
                raise Refused(problem, "Write true or false.", file=file, column=f"forecast.{name}")
        return cls(**values)
