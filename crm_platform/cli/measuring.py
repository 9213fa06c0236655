"""`crm-platform measure-campaign`: whether a campaign worked, from a client's data or from plain files (R85, R90)."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import err, instance_here, out, platform_here
from crm_platform.cli.outputs import refuse_to_overwrite
from crm_platform.cli.runs import month_or_none

if TYPE_CHECKING:
    from crm_platform.alerts.measuring.campaign_worth import CampaignWorth
    from crm_platform.alerts.measuring.group_lifts import GroupLift, Range
    from crm_platform.alerts.measuring.lift import Estimate
    from crm_platform.alerts.measuring.measurement import CampaignResult

_RATES = ("buyers", "retained")
_OF_A_CLIENT = "of a client"
_OF_FILES = "of files, without a client"
_DAY = ["%Y-%m-%d"]


def measure_campaign(
    client: Annotated[str | None, typer.Option(help="The client's id.", rich_help_panel=_OF_A_CLIENT)] = None,
    campaign: Annotated[str | None, typer.Option(help="alert-YYYY-MM.", rich_help_panel=_OF_A_CLIENT)] = None,
    month: Annotated[
        str | None, typer.Option(help="Measure as of this month; the latest by default.", rich_help_panel=_OF_A_CLIENT)
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(help="customer_id, group (①/②, treated/control).", rich_help_panel=_OF_FILES)
    ] = None,
    orders: Annotated[
        Path | None, typer.Option(help="customer_id, ordered_on, amount.", rich_help_panel=_OF_FILES)
    ] = None,
    contacts: Annotated[
        Path | None, typer.Option(help="customer_id, contacted_on, channel, unit_cost.", rich_help_panel=_OF_FILES)
    ] = None,
    started_on: Annotated[
        dt.datetime | None, typer.Option(formats=_DAY, help="First day of the window.", rich_help_panel=_OF_FILES)
    ] = None,
    days: Annotated[int | None, typer.Option(help="How many days it has.", rich_help_panel=_OF_FILES)] = None,
    as_of: Annotated[
        dt.datetime | None, typer.Option(formats=_DAY, help="Last day known.", rich_help_panel=_OF_FILES)
    ] = None,
    unit_cost: Annotated[
        float | None, typer.Option(min=0, help="Cost of a contact without one.", rich_help_panel=_OF_FILES)
    ] = None,
    target: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where all figures go, as JSON.")] = None,
) -> None:
    """Treated against control: lift in buyers, sales, profit and customers retained, with intervals and cost."""
    from crm_platform.lake.files import write_whole

    refuse_to_overwrite(target, [groups, orders, contacts])
    if client is not None and campaign is not None and groups is None and orders is None:
        result = _of_client(client, campaign, month)
    elif client is None and groups and orders and started_on and days is not None:
        from crm_platform.scoring.campaign_files import measure_files

        last = as_of.date() if as_of else None
        with err.status(f"reading {orders.name}"):
            result = measure_files(
                groups, orders, started_on.date(), days, contacts=contacts, as_of=last, unit_cost=unit_cost
            )
    else:
        raise typer.BadParameter("give --client and --campaign, or --groups, --orders, --started-on and --days")
    if target is not None:
        write_whole(target, (json.dumps(result.to_json(), indent=1, allow_nan=False) + "\n").encode())
    print_result(result)
    if target is not None:
        out.print(f"all figures: {target}", highlight=False)


def print_result(result: CampaignResult) -> None:
    """Lifts, worth, channels, response, contacts and notes as tables and lines."""
    state = "interim: " if result.is_interim else ""
    _say(
        f"{result.campaign_id}: {result.treated_customers:,} treated, {result.control_customers:,} control, "
        f"{result.started_on} to {result.ends_on} ({state}{result.days_observed} of {result.term_days} days known)"
    )
    out.print(_lifts(result))
    _print_worth(result.worth)
    for one in result.channels:
        buyers, sales = one.lifts["buyers"], one.lifts["sales"]
        _say(
            f"{one.channel}: buyers {_estimate(buyers.adjusted, 'buyers')}, sales {_estimate(sales.adjusted, 'sales')}"
        )
    if any(span.lifts for span in result.response):
        out.print(_response(result))
    _print_contacts(result)
    _print_notes(result)


# --- inside -----------------------------------------------------------------------------------------------------------


def _of_client(client: str, campaign: str, month: str | None) -> CampaignResult:
    from crm_platform.orchestration.campaign_results import campaign_named, measured
    from crm_platform.orchestration.runs import bring_facts_up_to_date, client_at

    platform = platform_here()
    begun = campaign_named(client_at(platform, client, month_or_none(month)), campaign)
    with instance_here(platform) as instance, err.status(f"{client}: reading the inbox") as status:
        at = bring_facts_up_to_date(
            platform, client, month_or_none(month), instance, lambda name: status.update(f"{client}: {name}")
        )
        return measured(at, begun)


def _lifts(result: CampaignResult) -> Grid:
    columns = ("treated", "control (natural recovery)", "lift, plain (95 %)", "lift, adjusted (95 %)", "all treated")
    grid = Grid("per customer", *columns)
    for name, lift in result.lifts.items():
        means = (_figure(mean, name) for mean in (lift.treated_mean, lift.control_mean))
        grid.add_row(name, *means, _estimate(lift.plain, name), _estimate(lift.adjusted, name), _total(lift))
    return grid


def _response(result: CampaignResult) -> Grid:
    columns = ("treated", "control", "buyers", "natural recovery", "lift in buyers", "lift in sales")
    grid = Grid("days from contact to predicted fall", *columns)
    for span in result.response:
        ends = (span.days_before_from, span.days_before_to)
        sizes = (f"{span.treated_customers:,}", f"{span.control_customers:,}")
        buyers, sales = span.lifts.get("buyers"), span.lifts.get("sales")
        if buyers is None or sales is None:
            grid.add_row(_span(*ends), *sizes, *["–"] * 4)
            continue
        rates = (_figure(mean, "buyers") for mean in (buyers.treated_mean, buyers.control_mean))
        grid.add_row(
            _span(*ends), *sizes, *rates, _estimate(buyers.adjusted, "buyers"), _estimate(sales.adjusted, "sales")
        )
    return grid


def _print_worth(worth: CampaignWorth) -> None:
    _say(f"retained beyond natural recovery: {_range(worth.retained_customers)} customers")
    _say(f"sales {_range(worth.sales_jpy)}, gross profit {_range(worth.profit_jpy)}")
    cost = "unknown" if worth.cost_jpy is None else f"{worth.cost_jpy:,.0f}"
    assumed = ", assumed: one contact per treated customer" if worth.cost_is_assumed and worth.cost_jpy else ""
    _say(f"cost {cost}{assumed}; profit less cost {_range(worth.profit_minus_cost_jpy)}")
    _say(f"cost per retained customer: {_range(worth.cost_per_retained_jpy)}")
    if worth.break_even_lift_jpy is not None:
        margin = worth.break_even_margin_rate
        at = "" if margin is None else f"; at this lift in sales, a margin of {margin:.1%} pays"
        _say(f"break-even: gross profit of {worth.break_even_lift_jpy:,.1f} per treated customer{at}")


def _print_contacts(result: CampaignResult) -> None:
    account = result.contact_account
    if account.contacts:
        _say(f"contacts: {account.contacts:,}; contacted of the treated: {account.treated_contacted_share:.1%}")
    late = result.late
    if late is not None:
        _say(
            f"in the {late.days} days after the window, not counted: buyers {late.treated_buyers_rate:.1%} of the "
            f"treated, {late.control_buyers_rate:.1%} of the control"
        )


def _print_notes(result: CampaignResult) -> None:
    from crm_platform.reports.wording import Wording

    words = Wording.of("en")
    for note in result.notes:
        _say(f"note: {words.filled(f'measurement_note.{note.key}.text', note.numbers)}")


def _figure(value: float, outcome: str) -> str:
    return f"{value:.1%}" if outcome in _RATES else f"{value:,.0f}"


def _estimate(estimate: Estimate, outcome: str) -> str:
    """`+2.1 (+0.4 to +3.8)`: points for shares, else money."""
    factor, digits = (100, 1) if outcome in _RATES else (1, 0)
    if estimate.low is None or estimate.high is None:
        return f"{estimate.lift * factor:+,.{digits}f} (–)"
    ends = " to ".join(f"{end * factor:+,.{digits}f}" for end in (estimate.low, estimate.high))
    return f"{estimate.lift * factor:+,.{digits}f} ({ends})"


def _total(lift: GroupLift) -> str:
    return _range(lift.total)


def _range(found: Range | None) -> str:
    if found is None:
        return "cannot be told"
    if found.low is None or found.high is None:
        return f"{found.value:,.0f} (–)"
    return f"{found.value:,.0f} ({found.low:,.0f} to {found.high:,.0f})"


def _span(least: int | None, most: int | None) -> str:
    if least is None:
        return f"more than {-(most or 0) - 1} after"
    if most is None:
        return f"more than {least - 1} before"
    return f"{least} to {most} before" if least >= 0 else f"{-most} to {-least} after"


def _say(line: str) -> None:
    out.print(line, markup=False, highlight=False)
