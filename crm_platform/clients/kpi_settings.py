"""What a client aims at (R130): a target per KPI, and the measures by which it means to reach them (PDCA)."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from crm_platform.refusals import Refused

# The names under which `diagnosis.kpis` declares the KPIs of the trade; a file may set a target for each.
KPI_KEYS = (
    "cpr",
    "cpa",
    "cpo",
    "cpo_subscription",
    "cac",
    "roas_first",
    "roas_12m",
    "f2_rate",
    "repeat_rate",
    "repeater_rate",
    "survival_of_previous",
    "survival_of_first",
    "pull_up_rate",
    "pull_up_trial_rate",
    "subscription_depth_rate",
    "subscription_second_rate",
    "stop_rate",
    "silent_stop_rate",
    "mrr",
    "ltv_12m",
    "ltv_6m",
    "arpu_active",
    "arpu_paying",
    "order_value",
    "active_customers",
    "response_rate",
    "reactivation_rate",
)
_MEASURE_KEYS = {"name", "kpi", "started_on", "hypothesis", "expected_change"}
_LONGEST_TEXT = 120
_MOST_MEASURES = 50
_LARGEST = 10**12


@dataclass(frozen=True)
class KpiMeasure:
    """A measure (施策): which KPI it should move, from which day on, why, and by how much in the KPI's own unit."""

    name: str
    kpi: str
    started_on: dt.date
    hypothesis: str
    expected_change: float


def targets_from_toml(values: Any, file: str) -> dict[str, float]:
    """The `[kpi_targets]` table of a client's TOML (`f2_rate = 0.45`), in the order of KPI_KEYS.

    Refused names a KPI that is unknown, or a target that is no number from 0 up.
    """
    if not isinstance(values, dict):
        raise _refused("'kpi_targets' is not a table.", "Write [kpi_targets], a line per KPI.", file, "kpi_targets")
    for key, target in values.items():
        _known_kpi(key, file, f"kpi_targets.{key}")
        if not _is_number(target) or target < 0:
            remedy = "Write a number, 0 or more; a rate as a share, such as 0.4."
            raise _refused(f"the target of '{key}' is {target!r}.", remedy, file, f"kpi_targets.{key}")
    return {key: float(values[key]) for key in KPI_KEYS if key in values}


def measures_from_toml(values: Any, file: str) -> tuple[KpiMeasure, ...]:
    """The `[[measures]]` of a client's TOML, by their start.

    Refused names the measure and its key that is wrong: one that is missing or unknown, an unknown KPI, a day that is
    no day, a change that is no number or 0.
    """
    if not isinstance(values, list) or len(values) > _MOST_MEASURES:
        problem = f"'measures' is not a list of {_MOST_MEASURES} measures at most."
        raise _refused(problem, "Write [[measures]] above each.", file, "measures")
    found = [_measure(value, file, f"measures[{place}]") for place, value in enumerate(values, start=1)]
    return tuple(sorted(found, key=lambda measure: (measure.started_on, measure.name)))


def _measure(value: Any, file: str, column: str) -> KpiMeasure:
    if not isinstance(value, dict) or set(value) != _MEASURE_KEYS:
        remedy = f"Write {', '.join(sorted(_MEASURE_KEYS))}."
        raise _refused("the measure must have exactly its five keys.", remedy, file, column)
    for key in ("name", "hypothesis"):
        text = value[key]
        if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > _LONGEST_TEXT:
            remedy = f"Write one line of {_LONGEST_TEXT} printable characters at most."
            raise _refused(f"'{key}' of the measure says nothing that can be printed.", remedy, file, f"{column}.{key}")
    _known_kpi(value["kpi"], file, f"{column}.kpi")
    if type(value["started_on"]) is not dt.date:
        remedy = "Write the day without quotes: started_on = 2025-04-01."
        raise _refused(f"the measure starts on {value['started_on']!r}.", remedy, file, f"{column}.started_on")
    change = value["expected_change"]
    if not _is_number(change) or change == 0:
        remedy = "Write the change in the KPI's own unit: 0.05 for five points of a rate, -500 for 500 yen less."
        raise _refused(f"the expected change is {change!r}.", remedy, file, f"{column}.expected_change")
    return KpiMeasure(value["name"], value["kpi"], value["started_on"], value["hypothesis"], float(change))


def _known_kpi(key: Any, file: str, column: str) -> None:
    if key not in KPI_KEYS:
        raise _refused(f"'{key}' is not a KPI.", f"Use one of {', '.join(KPI_KEYS)}.", file, column)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= _LARGEST


def _refused(problem: str, remedy: str, file: str, column: str) -> Refused:
    return Refused(problem, remedy, file=file, column=column)
