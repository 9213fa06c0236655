"""Black or white (白黒ハッキリ, R66): one rule by which every question that compares is judged.

課題 where the number is worse than what it is held against by more than three standard errors; 健全 where it is better
by as much, or where a fall by three tenths would have been noticed and there is none; 判定不能 where the data could not
even show such a fall. So one healthy number in 740 is called 課題 by chance, and a small client is not told that all is
well because nothing can be seen.
"""

from __future__ import annotations

from crm_platform.diagnosis.estimates import SURE_ERRORS, Estimate, shown_errors_for
from crm_platform.diagnosis.finding import Measured, Trend, Unit, Verdict

NOTICEABLE_RATE = 0.3  # a fall by this share of the former value must be noticeable for a verdict
LEAST_CUSTOMERS = 30  # a share of fewer people is no verdict, and is not printed as one that differs


def verdict_on_change(
    change: Estimate, before: float, trend: Trend | None = None, *, errors: float = SURE_ERRORS
) -> Verdict:
    """The verdict on `change` = now − before, where more is better; give the negative of both where less is.

    The course of years counts, too (R61): 課題 also where `trend` falls beyond chance and the last change did not rise
    beyond it. `errors` is larger where many differences were looked at (`estimates.errors_for`).
    """
    sure = errors * change.error
    falls = change.value < -sure
    goes_on = trend is not None and trend.direction == "falling" and change.value <= sure
    if falls or goes_on:
        return "issue"
    return "healthy" if change.value > sure or _is_noticeable(sure, before) else "undetermined"


def verdict_on_line(value: Estimate, line: float, *, errors: float = SURE_ERRORS) -> Verdict:
    """The verdict on `value` against a fixed line, such as a published mark, where more is better."""
    sure = errors * value.error
    if value.value < line - sure:
        return "issue"
    return "healthy" if value.value > line + sure or _is_noticeable(sure, line) else "undetermined"


def verdict_on(people: int, is_healthy: bool) -> Verdict:
    """The verdict on a share of `people`; undetermined below LEAST_CUSTOMERS of them."""
    if people < LEAST_CUSTOMERS:
        return "undetermined"
    return "healthy" if is_healthy else "issue"


def _is_noticeable(sure: float, before: float) -> bool:
    """Where there was nothing, nothing could have fallen."""
    return before != 0 and sure <= NOTICEABLE_RATE * abs(before)


def measured_against(
    now: Estimate,
    unit: Unit,
    before: float | None,
    change: Estimate | None,
    *,
    errors: float = SURE_ERRORS,
    rivals: int = 1,
) -> Measured:
    """The number of a finding as the report prints it: interval, what it is held against, what would be noticed.

    `rivals` are the numbers of which this one was chosen as the lowest (`estimates.rivals_of`).
    """
    reach = shown_errors_for(rivals) * now.error
    return Measured(
        value=now.value,
        unit=unit,
        low=now.value - reach,
        high=now.value + reach,
        compared=before,
        noticeable=errors * change.error if change else None,
    )
