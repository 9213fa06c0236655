"""The picture that the UI shows of a month: one chart per table, drawn like those of the reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.diagnosis import Exhibit
from crm_platform.diagnosis.finding import ExhibitKind, Scalar, Unit
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.periods import Month
from crm_platform.reports import Wording, exhibit_png
from crm_platform.tables.analyses import CPM_CLASS_NAMES

_PURCHASE_STEPS = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5-9"), (10, "10-19"), (20, "20+"))
_RISK_STEPS = tuple((n / 10, f"{n * 10}-{n * 10 + 10} %") for n in range(10))

Points = Sequence[tuple[str, float]]


def sales_by_month(at: ClientMonth, _: Any) -> bytes | None:
    """売上 of every month; drawn for the latest month only, and only where all months before it are there."""
    stored = at.data.lake.months(at.client.id, "customer_months")
    if at.month != Month.of(at.data.data_to) or not set(at.history_months) <= set(stored):
        return None
    months = at.past("customer_months")
    sums = months.group_by("month").agg(sales_jpy=months.sales_jpy.sum()).order_by("month").to_pyarrow().to_pylist()
    points = [(str(Month.of(row["month"])), row["sales_jpy"]) for row in sums]
    return chart("line", points, "sales", x_unit="month", y_unit="jpy")


def customers_by_purchases(_: ClientMonth, rows: pa.Table) -> bytes | None:
    """How many customers have bought how often."""
    return chart("bar", _stepped(rows["purchase_days"], _PURCHASE_STEPS), "customers by purchase days")


def customers_by_retention_power(_: ClientMonth, rows: pa.Table) -> bytes | None:
    """How many customers have which retention power (継続力)."""
    return chart("bar", _stepped(rows["retention_power_rate"], _RISK_STEPS), "customers by retention power")


def customers_by_segment(at: ClientMonth, rows: pa.Table) -> bytes | None:
    """How many customers are in each value segment."""
    wording = Wording.of("en", at.client.settings.value_classes)
    counts = {row["values"]: row["counts"] for row in rows["value_class"].value_counts().to_pylist()}
    classes = sorted(value for value in counts if value is not None)
    points = [(wording.value_class(value).split(" ")[0], counts[value]) for value in classes]
    new = [(wording.text("value_class.new_in_term"), counts[None])] if counts.get(None) else []
    return chart("bar", [*points, *new], "customers by value segment")


def customers_by_cpm_class(_: ClientMonth, rows: pa.Table) -> bytes | None:
    """How many customers are in each CPM class."""
    counts = {row["values"]: row["counts"] for row in rows["cpm_class"].value_counts().to_pylist()}
    return chart("bar", [(f"@cpm.{name}", counts.get(name, 0)) for name in CPM_CLASS_NAMES], "customers by CPM class")


def alerts_by_risk(_: ClientMonth, rows: pa.Table) -> bytes | None:
    """How many alerted customers have which risk of falling."""
    return chart("bar", _stepped(rows["lapse_risk"], _RISK_STEPS), "alerted customers by risk of falling")


def customers_by_group(_: ClientMonth, rows: pa.Table) -> bytes | None:
    """How many customers of the test are contacted through each channel, and how many are not."""
    named = [channel if channel is None else f"treated: {channel}" for channel in rows["channel"].to_pylist()]
    counts = sorted(Counter(name or "control" for name in named).items())
    return chart("bar", counts, "customers by test group and channel")


def upper_customers_by_month(_: ClientMonth, rows: pa.Table) -> bytes | None:
    """How many upper customers (上位顧客) there were at the end of each month."""
    points = [(str(Month.of(row["month"])), row["upper_closing"]) for row in rows.to_pylist()]
    return chart("line", points, "upper customers at the month's end", x_unit="month")


def forecast_by_tenth(_: ClientMonth, document: Any) -> bytes | None:
    """What each tenth of the customers, by the latest former forecast, was expected to bring, and what it brought."""
    tenths = document["origins"][0]["deciles"] if document else []
    rows = [
        {"x": str(row["decile"]), "y": row[f"mean_{series}_jpy"], "series": f"@series.{series}"}
        for row in tenths
        for series in ("expected", "actual")
    ]
    if not any(row["y"] for row in rows):
        return None
    exhibit = Exhibit("deciles", "bar", tuple(rows), x="x", y="y", y_unit="jpy", series="series")
    return exhibit_png(exhibit, Wording.of("en"), ("", "six-month sales per customer, by tenth of the former forecast"))


def forecast_by_actual(document: Any) -> bytes | None:
    """The same tenths, actual against expected sales: on the diagonal the forecast was right."""
    rows = tuple({**row, "tenth": str(row["decile"])} for row in document["origins"][0]["deciles"])
    if not any(row["mean_actual_jpy"] for row in rows):
        return None
    exhibit = Exhibit(
        "calibration",
        "calibration",
        rows,
        x="mean_expected_jpy",
        y="mean_actual_jpy",
        x_unit="jpy",
        y_unit="jpy",
        series="tenth",
    )
    return exhibit_png(exhibit, Wording.of("en"), ("expected per customer", "actual"))


def chart(
    kind: ExhibitKind, points: Points, label: str, *, x_unit: Unit = "text", y_unit: Unit = "count"
) -> bytes | None:
    """A chart of `points` as PNG, in English as the UI is; None where there is nothing to draw."""
    if not any(value for _, value in points):
        return None
    rows: tuple[dict[str, Scalar], ...] = tuple({"x": name, "y": value} for name, value in points)
    exhibit = Exhibit(label, kind, rows, x="x", y="y", x_unit=x_unit, y_unit=y_unit)
    return exhibit_png(exhibit, Wording.of("en"), ("", label))


def _stepped(values: pa.ChunkedArray, steps: Sequence[tuple[float, str]]) -> Points:
    """How many values reach each step and not the next."""
    reached = [pc.sum(pc.greater_equal(values, start)).as_py() or 0 for start, _ in steps]
    return [(name, here - after) for (_, name), here, after in zip(steps, reached, [*reached[1:], 0], strict=True)]
