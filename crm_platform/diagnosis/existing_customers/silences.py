"""Who comes back after how many days of silence: the purchases in each window of days after the n-th (R123)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from crm_platform.diagnosis.existing_customers.purchase_counts import LAST_NUMBER, WINDOW_DAYS, WINDOWS
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS

SHOWN_WINDOWS = 12  # a year, which is also how far ahead a return is looked for
SHOWN_NUMBERS = (1, 2, 3, 4, 5)
GONE_BELOW_RATE = 0.5  # more likely gone than back
BEGINNERS, REPEATERS = (1,), tuple(range(2, LAST_NUMBER + 1))


def window_rates(counts: pd.DataFrame, numbers: Sequence[int]) -> list[float | None]:
    """By window of 30 days after one of these purchases: of those silent so far, the share who buy in it.

    Counted are purchases whose whole window is known; None where fewer than 30 are left.
    """
    people = counts[counts["number"].isin(numbers)]
    rates: list[float | None] = []
    for window in range(WINDOWS):
        silent = people[(people["known"] > window) & ((people["gap"] < 0) | (people["gap"] >= window))]
        left = int(silent["customers"].sum())
        bought = int(silent.loc[silent["gap"] == window, "customers"].sum())
        rates.append(bought / left if left >= LEAST_CUSTOMERS else None)
    return rates


def window_rows(counts: pd.DataFrame) -> list[dict[str, Any]]:
    """The first year after each of the first five purchases: `lapse_number`, `window` (its last day), `return_rate`."""
    return [
        {"lapse_number": str(number), "window": str((window + 1) * WINDOW_DAYS), "return_rate": rate}
        for number in SHOWN_NUMBERS
        for window, rate in enumerate(window_rates(counts, (number,))[:SHOWN_WINDOWS])
        if rate is not None
    ]


def back_rates(counts: pd.DataFrame, numbers: Sequence[int]) -> list[float]:
    """By windows of silence so far (none, 30 days, …): the share who buy within the year that follows."""
    rates = window_rates(counts, numbers)
    found = []
    for silent in range(WINDOWS - SHOWN_WINDOWS + 1):
        year = [rate for rate in rates[silent : silent + SHOWN_WINDOWS] if rate is not None]
        if len(year) < SHOWN_WINDOWS:
            break
        still_silent = 1.0
        for rate in year:
            still_silent *= 1 - rate
        found.append(1 - still_silent)
    return found


def gone_days(counts: pd.DataFrame, numbers: Sequence[int]) -> int | None:
    """The days of silence after which fewer than half come back within a year; None where that is never seen."""
    back = back_rates(counts, numbers)
    return next((place * WINDOW_DAYS for place, rate in enumerate(back) if rate < GONE_BELOW_RATE), None)


def silence_rows(counts: pd.DataFrame) -> list[dict[str, Any]]:
    """After the first purchase, and after later ones: `silent` days so far and `back_rate` within a year."""
    return [
        {"after": f"@lapse_after.{name}", "silent": place * WINDOW_DAYS, "back_rate": rate}
        for name, numbers in (("first", BEGINNERS), ("later", REPEATERS))
        for place, rate in enumerate(back_rates(counts, numbers))
    ]
