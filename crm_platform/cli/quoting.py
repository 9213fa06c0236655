"""`crm-platform quote`: the fee of the price list, with the rule that gave it (R140-R147)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column
from rich.table import Table as Grid

from crm_platform.cli.console import ClientOption, out, platform_here
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.reports import Wording
    from crm_platform.reports.quote_json import Document

ServiceOption = Annotated[str, typer.Option("--service", help="two_track, second_opinion, shopping_alert or all.")]


def quote(
    client: ClientOption,
    service: ServiceOption,
    on: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the quote; today.")] = None,
    retained_months: Annotated[
        int | None, typer.Option(min=1, help="Months of data retention to pay with the shopping alert.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the quote as JSON, as in quote.json.")] = False,
) -> None:
    """The fee of a service (ご利用料金, tax excluded), with the rule of the price list that gave it."""
    from crm_platform.orchestration.quoting import quotes_on
    from crm_platform.quotes import SERVICES
    from crm_platform.reports import Wording, quote_json

    if service not in (*SERVICES, "all"):
        raise Refused(f"there is no service '{service}'.", f"Use {', '.join(SERVICES)} or all.", column="--service")
    platform = platform_here()
    asked = SERVICES if service == "all" else (service,)
    day = on.date() if on else dt.date.today()
    document = quotes_on(platform, client, asked, day, retained_months)
    if as_json:
        out.print(quote_json(document).decode(), end="", markup=False, highlight=False)
        return
    wording = Wording.of(platform.catalogue.load(client).language)
    for told in document["quotes"]:
        print_quote(told, wording)
    _say(document["tax_sentence"])


def print_quote(told: Document, wording: Wording) -> None:
    """Lines and total as a table, below it why, what may change and what comes apart."""
    grid = Grid(wording.text("quote.item_column"), Column(wording.text("quote.amount_column"), justify="right"))
    grid.title = told["title"]
    for line in told["lines"]:
        grid.add_row(line["name"], wording.text("quote.amount", jpy=line["amount_jpy"]))
    whole = told["total_jpy"]
    total = wording.text("quote.individual") if whole is None else wording.text("quote.amount", jpy=whole)
    grid.add_row(wording.text("quote.total"), total)
    out.print(grid)
    _say(f"{wording.text('quote.rule_label')}: {told['rule']['sentence']}")
    for kind in ("provisional", "notes", "not_included"):
        for one in told[kind]:
            _say(f"{wording.text(f'quote.{kind}_label')}: {one['sentence']}")


def _say(line: str) -> None:
    out.print(line, markup=False, highlight=False)
