"""`crm-platform backtest`: how well past forecasts and alerts came true, per value class."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here
from crm_platform.cli.runs import month_or_none
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.orchestration.client_month import ClientMonth

_METHODS = {
    "ours": "ours",
    "rfm": "RFM",
    "recency": "recency",
    "past_sales": "past 12 months",
    "recent_level": "recent level",
}


_SIGNS = {
    "risk": "the alert's risk",
    "recency": "recency",
    "overdue_ratio": "silence / own cycle",
    "not_active": "1 - P(active)",
    "recent_to_expected": "recent / expected sales",
}


def backtest(
    client: ClientOption,
    origins: Annotated[int, typer.Option(min=1, max=40, help="How many former days, a quarter of a year apart.")] = 4,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Where the JSON goes; data/backtests/CLIENT/MONTH.json by default.")
    ] = None,
) -> None:
    """How well past forecasts and alerts came true, per segment: each made anew from what was known then."""
    from crm_platform.alerts import MONTHS_NEEDED, track_record
    from crm_platform.clients import client_folder
    from crm_platform.lake.files import write_whole
    from crm_platform.orchestration.runs import bring_facts_up_to_date

    platform = platform_here()
    with instance_here(platform) as instance, err.status(f"{client}: reading the inbox") as status:
        at = bring_facts_up_to_date(
            platform, client, month_or_none(month), instance, lambda name: status.update(f"{client}: {name}")
        )
        found = track_record(
            at.past("customer_days"),
            at.as_of,
            at.client.settings,
            origins,
            lambda day: status.update(f"{client}: the forecast of {day}"),
        )
    if found is None:
        raise Refused(
            f"the history of '{client}' is too short for a backtest: it needs {MONTHS_NEEDED} whole months up to "
            f"{at.month} and orders in them, and has {_whole_months(at)}.",
            "Deliver earlier orders, or wait; the forecast itself needs no such history.",
        )
    file = out_file or client_folder(platform.data / "backtests", client, f"{at.month}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"client": client, "month": str(at.month), "as_of": at.as_of.isoformat(), "origins_asked_for": origins}
    document |= found
    write_whole(file, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
    print_backtest(document)
    out.print(f"all figures: {file}", highlight=False)


def print_backtest(document: Mapping[str, Any]) -> None:
    """Methods, amounts and value classes as tables."""
    latest, count, asked = document["origins"][0], len(document["origins"]), document["origins_asked_for"]
    fewer = f" ({asked} asked for; the history reaches back to no more)" if count < asked else ""
    out.print(
        f"{document['client']} {document['month']}: forecasts of former days: {count}{fewer}, each for "
        f"{document['horizon_days']} days; the latest of {latest['as_of']}, judged by the sales to {latest['until']}",
        highlight=False,
    )
    out.print(_compared(document, "gini", "order of the customers: normalised Gini, 1 is perfect, 0 is chance", _real))
    out.print(_compared(document, "top_decile_share", "share of actual sales held by the best tenth", _rate))
    out.print(_amounts(document))
    for moved in document["stability"][:1]:
        out.print(
            f"changed tenth from {moved['from']} to {moved['to']}: {_rate(moved['ours'])} of customers, "
            f"by RFM {_rate(moved['rfm'])}",
            highlight=False,
        )
    out.print(_classes(latest))
    lapse = latest["lapse"]
    out.print(
        f"alerts of {latest['as_of']}: {lapse['alerted']:,} of {lapse['candidates']:,} candidates; bought less than "
        f"half of before: {_rate(lapse['alerted_fall_rate'])} of the alerted, {_rate(lapse['natural_fall_rate'])} "
        f"of all candidates; false alarms: {_rate(lapse['false_alarm_rate'])} of those who did not fall",
        highlight=False,
    )
    out.print(_signs(lapse))


# --- inside -----------------------------------------------------------------------------------------------------------


def _compared(document: Mapping[str, Any], figure: str, title: str, spelled: Callable[[float | None], str]) -> Grid:
    """One figure of every method, a row per former day, and the mean."""
    grid = Grid("as of", *_METHODS.values(), title=title)
    for name, one in _days_and_mean(document):
        grid.add_row(name, *(spelled(one["methods"][method][figure]) for method in _METHODS))
    return grid


def _signs(lapse: Mapping[str, Any]) -> Grid:
    """How well the alert's risk, and each sign alone, told who fell."""
    grid = Grid(
        "sign", "AUC", "first tenth that fell", title="who will buy less than half: 0.5 is chance, 1 is perfect"
    )
    for name, one in ({"risk": lapse, **lapse["signs"]}).items():
        grid.add_row(_SIGNS[name], _real(one["auc"]), _rate(one["first_tenth_fall_rate"]))
    return grid


def _amounts(document: Mapping[str, Any]) -> Grid:
    columns = ("bias", "tenths off by", "above p90", "below p10", "classes out of order")
    grid = Grid("as of", *columns, title="amounts: bias 1 is right; a tenth above p90 and a tenth below p10 is honest")
    for name, one in _days_and_mean(document):
        outside = (_rate(one["coverage"][limit]) for limit in ("above_p90_rate", "below_p10_rate"))
        grid.add_row(
            name, _real(one["bias"]), _rate(one["decile_error"]), *outside, str(one.get("class_inversions", ""))
        )
    return grid


def _days_and_mean(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [*((one["as_of"], one) for one in document["origins"]), ("mean", document["mean"])]


def _classes(latest: Mapping[str, Any]) -> Grid:
    columns = ("customers", "expected each", "actual each", "alerted", "of them fell", "natural fall")
    grid = Grid("class", *columns, title=f"value classes of {latest['as_of']}, in yen per customer")
    alerts = {row["value_class"]: row for row in latest["lapse"]["by_class"]}
    for row in latest["classes"]:
        of_class = alerts[row["value_class"]]
        grid.add_row(
            str(row["value_class"]),
            f"{row['customers']:,}",
            f"{row['mean_expected_jpy']:,.0f}",
            f"{row['mean_actual_jpy']:,.0f}",
            f"{of_class['alerted']:,}",
            _rate(of_class["alerted_fall_rate"]),
            _rate(of_class["natural_fall_rate"]),
        )
    return grid


def _real(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _whole_months(at: ClientMonth) -> int:
    """Months of history that are complete, the first one included."""
    return len(at.history_months) - (at.as_of < at.month.last_day)
