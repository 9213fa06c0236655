"""`crm-platform explain`: from a number in a report back to the table, month and delivery that it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column
from rich.table import Table as Grid

from crm_platform.cli.console import ClientOption, out, platform_here
from crm_platform.cli.explaining_numbers import explain_numbers
from crm_platform.cli.runs import month_or_none
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.diagnosis.lineage import Lineage
    from crm_platform.orchestration.client_month import ClientMonth
    from crm_platform.orchestration.explaining import StoredOrigin, Told
    from crm_platform.reports import Wording

_DIGITS_SHOWN = 16  # of a digest


def explain(
    client: ClientOption,
    finding: Annotated[
        str | None, typer.Argument(help="Key, name or number in the report (1-2); all of them where left out.")
    ] = None,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")] = None,
    report: Annotated[
        str | None,
        typer.Option(help="diagnosis, alert, portfolio or two_track, all four by default; or letter, or preview."),
    ] = None,
) -> None:
    """From any number in a report to the table, the months and the deliveries that it came from."""
    from crm_platform.orchestration.assets.drawn_reports import words_of
    from crm_platform.orchestration.client_month import ClientData
    from crm_platform.orchestration.explaining import REPORTS, asked_for, findings_told, lineage_in_lake
    from crm_platform.orchestration.explaining_numbers import DOCUMENTS

    known = (*REPORTS, *DOCUMENTS)
    if report is not None and report not in known:
        raise Refused(f"there is no report '{report}'.", f"Use one of {', '.join(known)}.", column="--report")
    platform = platform_here()
    data = ClientData(platform, platform.catalogue.load(client))
    at = data.at(month_or_none(month) or data.months()[-1])
    for without_findings in DOCUMENTS:
        if report == without_findings:
            explain_numbers(at, without_findings, finding)
            return
    told = findings_told(at, [report] if report else tuple(REPORTS))
    words = words_of(at)
    if finding is None:
        print_findings(told, words)
        return
    one = asked_for(told, finding, {each.finding.key: words.text(f"{each.finding.key}.name") for each in told})
    print_finding(at, one, words)
    print_lineage(*lineage_in_lake(at, one))


def print_findings(told: list[Told], words: Wording) -> None:
    """All findings: where they stand, their keys and names, their verdicts."""
    grid = Grid("report", "number", Column("key", no_wrap=True), Column("name", overflow="fold"), "verdict")
    for one in told:
        key = one.finding.key
        grid.add_row(one.report, one.number, key, words.text(f"{key}.name"), one.finding.verdict)
    out.print(grid)


def print_finding(at: ClientMonth, told: Told, words: Wording) -> None:
    """Question, verdict and every number by the name under which the sentences use it."""
    from crm_platform.reports.sections import unit_of

    finding = told.finding
    out.print(
        f"{at.client.id} {at.month}, {told.report} {told.number}: {words.text(f'{finding.key}.name')}", markup=False
    )
    if words.has(f"{finding.key}.question"):
        out.print(words.text(f"{finding.key}.question"), markup=False)
    line = ""
    if finding.threshold is not None and words.has(f"{finding.key}.threshold"):
        text = words.filled(f"{finding.key}.threshold", {**finding.numbers, "threshold": finding.threshold})
        line = f"; threshold: {text}"
    out.print(f"verdict: {finding.verdict}{line}", markup=False, highlight=False)
    if finding.measured is not None:
        measured, unit = finding.measured, unit_of(finding, words)
        interval = "" if measured.low is None else f", 95% interval {measured.low:.6g} to {measured.high:.6g}"
        exactly = f"{words.formatted(measured.value, unit)} ({measured.value:.6g}{interval})"
        out.print(f"measured: {words.text(f'{finding.key}.measure')} = {exactly}", markup=False, highlight=False)
    grid = Grid("number", "value")
    for name, value in finding.numbers.items():
        grid.add_row(name, words.word(value) if value is None or isinstance(value, str) else str(value))
    out.print(grid)


def print_lineage(lineage: Lineage, stored: list[StoredOrigin]) -> None:
    """Tables with their months, rows and digests, and the deliveries behind them: lines, which no terminal cuts."""
    for each in stored:
        origin = each.origin
        months = " to ".join(dict.fromkeys((origin.first_month, origin.last_month)))
        kept = f"{each.rows:,} rows (one per {origin.grain}), sha256 of the last {each.sha256[:_DIGITS_SHOWN]}"
        told = f"{kept}, made from {', '.join(each.inputs)}" if each.sha256 else "read from the deliveries themselves"
        out.print(f"table {origin.table}: {months}, {told}", highlight=False, markup=False, soft_wrap=True)
    for one in lineage.deliveries:
        out.print(
            f"delivery {one.delivery_id}: orders {one.data_from} to {one.data_to}: {', '.join(one.files)}",
            highlight=False,
        )
