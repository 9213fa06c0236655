"""How upper customers come and go (上位顧客の出入り, R89): in − out, 休眠化率, cost per retained customer by month."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, mean_of
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import change

SHOWN_MONTHS = 6
QUARTER_MONTHS, SHOWN_QUARTERS = 3, 12
_COUNTS = ("upper_opening", "upper_in", "upper_out", "upper_closing")


def alert_months(inputs: AlertInputs) -> Finding | None:
    """The three figures of the alert by month, of the months that are complete.

    Healthy where there are at least as many upper customers as a year before (the threshold) and the mean 休眠化率 of
    the last twelve months is not above that of the twelve before, where those are known; else an issue. Undetermined
    below thirteen months; None without one.
    """
    months = inputs.alert_months[inputs.alert_months["is_complete"]].sort_values("month").reset_index(drop=True)
    if months.empty:
        return None
    last, year, former = months.iloc[-1], months.tail(YEAR_MONTHS), months.iloc[-2 * YEAR_MONTHS : -YEAR_MONTHS]
    before = int(months.iloc[-1 - YEAR_MONTHS]["upper_closing"]) if len(months) > YEAR_MONTHS else None
    rate, former_rate = mean_of(year["dormancy_rate"]), mean_of(former["dormancy_rate"])
    closing = int(last["upper_closing"])
    kept, cost_jpy = _kept(year)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "month": f"{pd.Timestamp(last['month']):%Y-%m}",
        "upper_customers": closing,
        "upper_before": before,
        "change_rate": change(closing, before),
        "came_in_12m": int(year["upper_in"].sum()),
        "went_out_12m": int(year["upper_out"].sum()),
        "dormancy_rate": rate,
        "dormancy_rate_before": former_rate,
        "dormancy_rate_quarter": mean_of(months.tail(QUARTER_MONTHS)["dormancy_rate"]),
        "dormancy_points": rate - former_rate if rate is not None and former_rate is not None else None,
        "months": len(months),
        "retained_12m": kept,
        "cost_per_retained_jpy": cost_jpy / kept if kept and cost_jpy is not None else None,
    }
    return Finding(
        key="alert_months",
        chapter="alert_results",
        verdict=_verdict(closing, before, rate, former_rate),
        numbers=numbers,
        exhibits=_exhibits(months),
        threshold=None if before is None else float(before),
    )


def _kept(year: pd.DataFrame) -> tuple[float | None, float | None]:
    """Customers retained and the cost of all contacts; None where no campaign began, or one of them is not sure.

    A month whose own cost per customer is null may have kept nobody: beside sure ones it would lend them its chance.
    """
    begun = year[year["retained_customers"].notna()]
    if begun.empty or begun["cost_per_retained_jpy"].isna().any():
        return None, None
    return float(begun["retained_customers"].sum()), float(begun["contact_cost_jpy"].sum())


def _verdict(closing: int, before: int | None, rate: float | None, former_rate: float | None) -> Verdict:
    if before is None:
        return "undetermined"
    # To the tenth of a per cent that is shown, so that nobody reads of a rise from 5.6 to 5.6 %.
    goes_dormant = rate is not None and former_rate is not None and round(rate, 3) > round(former_rate, 3)
    return "issue" if closing < before or goes_dormant else "healthy"


def _exhibits(months: pd.DataFrame) -> tuple[Exhibit, ...]:
    rows = [_row(month) for month in months.to_dict("records")]
    columns: Any = (
        ("month", "month"),
        *((name, "count") for name in _COUNTS),
        ("dormancy_rate", "rate"),
        ("contacts", "count"),
        ("cost_per_retained_jpy", "jpy"),
    )
    table = Exhibit("months", "table", tuple(rows[-SHOWN_MONTHS:]), columns=columns)
    quarters = _quarters(months)
    if len(quarters) < 2:
        return (table,)
    return (
        Exhibit("closing", "line", quarters, x="month", y="upper_closing", x_unit="month"),
        Exhibit("dormancy", "line", quarters, x="month", y="dormancy_rate", x_unit="month", y_unit="rate"),
        table,
    )


def _quarters(months: pd.DataFrame) -> tuple[Row, ...]:
    """Of the last three years every third month, counted back from the last: its closing, the quarter's mean rate."""
    shown = months.tail(QUARTER_MONTHS * SHOWN_QUARTERS).reset_index(drop=True)
    ends = range((len(shown) - 1) % QUARTER_MONTHS, len(shown), QUARTER_MONTHS)
    rates = [mean_of(shown["dormancy_rate"][max(end - QUARTER_MONTHS + 1, 0) : end + 1]) for end in ends]
    closings = [_row(month) for month in shown.iloc[list(ends)].to_dict("records")]
    return tuple(
        {"month": row["month"], "upper_closing": row["upper_closing"], "dormancy_rate": rate}
        for row, rate in zip(closings, rates, strict=True)
    )


def _row(month: dict[Any, Any]) -> Row:
    rates = ("dormancy_rate", "cost_per_retained_jpy")
    return {
        "month": f"{pd.Timestamp(month['month']):%Y-%m}",
        **{name: int(month[name]) for name in (*_COUNTS, "contacts")},
        **{name: None if pd.isna(month[name]) else float(month[name]) for name in rates},
    }
