"""`crm-platform simulate-campaign`: what a contact would bring, before it is made (Before/After, R86, R87)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import out, platform_here
from crm_platform.cli.runs import month_or_none
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.alerts import CampaignSimulation
    from crm_platform.orchestration.client_month import ClientMonth

_GIVEN = "given"
_NEEDED = {
    "targets": "--targets",
    "response_rate": "--response-rate",
    "average_order_jpy": "--average-order-jpy",
    "unit_cost_jpy": "--unit-cost-jpy",
    "ltv_lapsed_jpy": "--ltv-lapsed-jpy",
    "ltv_retained_jpy": "--ltv-retained-jpy",
}
_MOST = 10**15  # customers or yen: more is a slip of the finger

Amount = int | float | None


@dataclass(frozen=True)
class Known:
    """An input of the simulation, and where it comes from."""

    value: int | float
    source: str


def simulate_campaign(
    targets: Annotated[int | None, typer.Option(min=0, max=_MOST, help="Customers to contact (対象者).")] = None,
    response_rate: Annotated[str | None, typer.Option(help="0.05 or 5% (レス率).")] = None,
    average_order_jpy: Annotated[int | None, typer.Option(min=0, max=_MOST, help="Value of an order (客単価).")] = None,
    unit_cost_jpy: Annotated[int | None, typer.Option(min=0, max=_MOST, help="Cost of a contact (施策単価).")] = None,
    ltv_lapsed_jpy: Annotated[
        int | None, typer.Option(min=0, max=_MOST, help="Six months' sales of one who falls (ランクダウンした場合).")
    ] = None,
    ltv_retained_jpy: Annotated[
        int | None, typer.Option(min=0, max=_MOST, help="Six months' sales of one who stays (継続した場合).")
    ] = None,
    gross_margin_rate: Annotated[str | None, typer.Option(help="0.6 or 60% (粗利率): profit as well.")] = None,
    client: Annotated[str | None, typer.Option(help="Take what is not given from this client's alert.")] = None,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    target: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON here as well.")] = None,
) -> None:
    """Customers kept, their sales and the cost of contacting them; apart from it what six more months bring."""
    from crm_platform.alerts import simulate_campaign as simulate
    from crm_platform.lake.files import write_whole

    if month is not None and client is None:
        raise typer.BadParameter("a month is of a client: give --client as well.", param_hint="--month")
    typed: dict[str, Amount] = {
        "targets": targets,
        "response_rate": _rate(response_rate, "--response-rate"),
        "average_order_jpy": average_order_jpy,
        "unit_cost_jpy": unit_cost_jpy,
        "ltv_lapsed_jpy": ltv_lapsed_jpy,
        "ltv_retained_jpy": ltv_retained_jpy,
    }
    margin = _rate(gross_margin_rate, "--gross-margin-rate")
    inputs = _complete(typed, client, month)
    found = simulate(**{name: known.value for name, known in inputs.items()}, gross_margin_rate=margin)  # type: ignore[arg-type]
    written = json.dumps(_document(inputs, found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if target is not None:
        write_whole(target, written.encode())
    if as_json:
        out.print(written, end="", markup=False, highlight=False)
        return
    _print_tables(inputs, found)
    if target is not None:
        out.print(f"all figures: {target}", highlight=False)


# --- inputs -----------------------------------------------------------------------------------------------------------


def _rate(text: str | None, option: str) -> float | None:
    """`0.05`, `5%` or `5 %`; Refused where it is no share."""
    if text is None:
        return None
    number = text.strip().removesuffix("%").rstrip()
    try:
        rate = Decimal(number) / (100 if number != text.strip() else 1)
        if rate.is_finite() and 0 <= rate <= 1:
            return float(rate)
    except InvalidOperation:
        pass
    raise Refused(f"{option} is '{text}', not a share from 0 to 1.", "Write 0.05 or 5%.")


def _complete(typed: Mapping[str, Amount], client: str | None, month: str | None) -> dict[str, Known]:
    """Every input with its source: as typed, else of the client."""
    missing = [name for name, value in typed.items() if value is None]
    if missing and client is None:
        options = ", ".join(_NEEDED[name] for name in missing)
        raise typer.BadParameter(f"give {options}, or --client to take the client's own numbers.")
    known = {name: Known(value, _GIVEN) for name, value in typed.items() if value is not None}
    if missing and client is not None:
        known |= _of_client(client, month, missing)
    return {name: known[name] for name in typed}


def _of_client(client: str, month: str | None, missing: list[str]) -> dict[str, Known]:
    """What the client's shopping alert of the month says, for the inputs that are `missing`."""
    from crm_platform.orchestration.runs import client_at

    at = client_at(platform_here(), client, month_or_none(month))
    alerts = at.frame("lapse_alerts")
    if alerts.empty and set(missing) & {"average_order_jpy", "ltv_lapsed_jpy", "ltv_retained_jpy"}:
        raise Refused(f"nobody of '{client}' is alerted at {at.as_of}.", "Give every number yourself.")
    return {name: known for name, known in _own_numbers(at, alerts, set(missing)) if name in missing}


def _own_numbers(at: ClientMonth, alerts: Any, missing: set[str]) -> Iterator[tuple[str, Known]]:
    from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE

    alerted = f"the {len(alerts):,} customers alerted at {at.as_of}"
    yield "targets", Known(len(alerts), alerted)
    yield "response_rate", Known(ASSUMED_RESPONSE_RATE, "assumed: 5 %, as in the usual plan")
    channels = at.client.alert_channels
    unit_cost = round(sum(channel.unit_cost_jpy * channel.share for channel in channels))
    yield "unit_cost_jpy", Known(unit_cost, f"the client's settings ({', '.join(one.name for one in channels)})")
    for name, column, what in (
        ("ltv_lapsed_jpy", "fallen_sales_jpy", "mean six-month sales if they fall"),
        ("ltv_retained_jpy", "sales_6m_jpy", "mean sales of the last six months"),
    ):
        if name in missing:
            yield name, Known(max(round(alerts[column].mean()), 0), f"{what}, of {alerted}")
    if "average_order_jpy" in missing:
        from crm_platform.orchestration.assets.diagnosis import of_customers, order_value_jpy

        value = order_value_jpy(of_customers(at.expression("customer_history"), alerts["customer_id"]))
        yield "average_order_jpy", Known(value, f"mean order value of twelve months, of {alerted}")


# --- what is told -----------------------------------------------------------------------------------------------------


def _document(inputs: Mapping[str, Known], found: CampaignSimulation) -> dict[str, Any]:
    told = {name: {"value": known.value, "from": known.source} for name, known in inputs.items()}
    return {"inputs": told, **found.to_json()}


def _print_tables(inputs: Mapping[str, Known], found: CampaignSimulation) -> None:
    grid = Grid("input", "value", "from", title="what is assumed")
    for name, known in inputs.items():
        grid.add_row(_NEEDED[name].removeprefix("--"), _spelled(name, known.value), known.source)
    out.print(grid)
    for title, rows in _sections(found):
        grid = Grid("", "", title=title, show_header=False)
        for label, value in rows:
            grid.add_row(label, value)
        out.print(grid)


def _sections(found: CampaignSimulation) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield (
        "the campaign itself (施策単体の成果)",
        [
            ("customers retained", f"{found.retained_customers:,}"),
            ("sales", _yen(found.sales_jpy)),
            ("cost", _yen(found.cost_jpy)),
            ("sales − cost", _yen(found.sales_minus_cost_jpy)),
            ("cost per customer retained", _yen(found.cost_per_retained_jpy)),
            ("response at which sales pay the cost", _percent(found.break_even_response_rate)),
        ],
    )
    yield (
        "six months after it (施策実施後の成果), apart from the above",
        [
            ("LTV kept − LTV fallen, each", _yen(found.ltv_delta_jpy)),
            ("LTV of all retained", _yen(found.ltv_increment_jpy)),
            ("sales + LTV", _yen(found.total_jpy)),
            ("response at which both pay the cost", _percent(found.break_even_response_rate_with_ltv)),
        ],
    )
    if found.gross_margin_rate is not None:
        yield (
            f"in gross profit (粗利), at {_percent(found.gross_margin_rate)} of sales",
            [
                ("gross profit of the sales", _yen(found.gross_profit_jpy)),
                ("gross profit − cost", _yen(found.profit_minus_cost_jpy)),
                ("gross profit of the LTV, apart", _yen(found.ltv_profit_increment_jpy)),
                ("response at which it pays the cost", _percent(found.profit_break_even_response_rate)),
                ("with the LTV", _percent(found.profit_break_even_response_rate_with_ltv)),
            ],
        )


def _spelled(name: str, value: int | float) -> str:
    if name.endswith("_rate"):
        return _percent(value)
    return _yen(int(value)) if name.endswith("_jpy") else f"{value:,}"


def _yen(amount: int | None) -> str:
    if amount is None:
        return "–"
    return f"-¥{-amount:,}" if amount < 0 else f"¥{amount:,}"


def _percent(rate: float | None) -> str:
    """At most four digits, none that say nothing; no response pays where it is unknown."""
    return "none does" if rate is None else f"{rate * 100:.4g} %"
