"""`crm-platform onboard`, `refresh`, `demo`, `doctor`: what runs the platform or looks at it."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here, telling_failure
from crm_platform.cli.deliveries import deliver_files
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.orchestration.platform import Platform
    from crm_platform.orchestration.runs import RunReport
    from crm_platform.periods import Month
    from crm_platform.projects import Gate

_MADE_UP_CLIENT = """# A made-up house (単品リピート通販); it delivers the standard layout, so nothing is mapped.
name = "デモ通販株式会社"
language = "ja"
schedule = { expects_by_day = 0 } # no more of it will come
"""
_OPENED_FIRST = (  # of these the first that the client has ordered
    "second_opinion/diagnosis_report.pdf",
    "shopping_alert/alert_report.pdf",
    "portfolio/portfolio_report.pdf",
    "two_track/two_track_report.pdf",
    "letter/monthly_letter.pdf",
)


def onboard(client: ClientOption) -> None:
    """First run: every month of history, then the latest month's deliverables."""
    _run(platform_here(), client, None)


def refresh(
    client: ClientOption,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")] = None,
    learn_anew: Annotated[
        str | None, typer.Option(metavar="REASON", help="Fit the models inside a term, too, for this reason.")
    ] = None,
) -> None:
    """A later run: only what changed is made again; says what was recomputed and what was kept."""
    _run(platform_here(), client, month, learn_anew)


def _run(platform: Platform, client_id: str, month_text: str | None, learn_because: str | None = None) -> None:
    from crm_platform.orchestration.runs import run_platform
    from crm_platform.projects.plain_words import reason

    month, because = month_or_none(month_text), reason(learn_because) if learn_because else None
    reading = f"{client_id}: reading the inbox"
    with telling_failure(platform, client_id), instance_here(platform) as instance, err.status(reading) as status:
        report = run_platform(
            platform,
            client_id,
            month,
            instance,
            lambda name: status.update(f"{client_id}: {name}"),
            learn_because=because,
        )
    print_report(report)
    client = platform.catalogue.load(client_id)
    if client.project.gates:
        from crm_platform.orchestration.client_month import ClientData
        from crm_platform.orchestration.gates import gates_at

        print_steps(gates_at(ClientData(platform, client)))


def print_steps(gates: tuple[Gate, ...]) -> None:
    """What is left to do until the next delivery, and how many steps a first run has (R41)."""
    from crm_platform.projects import FIRST_RUN, remaining_steps

    steps = remaining_steps(gates)
    told = f"steps to the next delivery: {len(steps)} ({' → '.join(steps)}); a first run has {len(FIRST_RUN)}"
    out.print(told, markup=False, highlight=False)


def month_or_none(text: str | None, option: str = "--month") -> Month | None:
    """The month that was typed; wrong usage where it is none."""
    from crm_platform.periods import Month

    try:
        return Month.parse(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint=option) from error


def print_report(report: RunReport) -> None:
    """What was recomputed and kept, and where the deliverables are."""
    if report.recomputed == 0:
        out.print(f"{report.client} {report.month}: everything is current, nothing recomputed", highlight=False)
    else:
        grid = Grid("table", "months made", "months kept", "made because")
        for name, kept in report.kept.items():
            grid.add_row(name, str(report.made.get(name, 0)), str(kept), _in_brief(report.because.get(name, ())))
        out.print(grid)
        kept = sum(report.kept.values())
        out.print(f"{report.client} {report.month}: {report.recomputed} table-months recomputed, {kept} kept")
    for notice in report.notices:
        err.print(notice, style="yellow", markup=False, highlight=False)
    out.print(f"deliverables: {report.deliverables}", highlight=False)
    papers = (report.deliverables / paper for paper in _OPENED_FIRST)
    out.print(f"open first: {next(paper for paper in papers if paper.is_file())}", highlight=False)


def _in_brief(reasons: Sequence[str], most: int = 3) -> str:
    """The first of the reasons, and how many more there are."""
    more = f", {len(reasons) - most} more" if len(reasons) > most else ""
    return ", ".join(reasons[:most]) + more


def demo(
    customers: Annotated[
        int, typer.Option(min=1, max=2_000_000, help="How many customers the made-up client has.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed makes another history.")] = 20200701,
) -> None:
    """Make the demo client's delivery, deliver it, and run the platform on it."""
    from crm_platform.demo import make_demo, write_delivery, write_truth

    platform = platform_here()
    add_made_up_client(platform)
    with err.status(f"making {customers:,} customers"), tempfile.TemporaryDirectory() as folder:
        made = make_demo(customers=customers, seed=seed)
        files = write_delivery(made, Path(folder))
        _refuse_another_history(platform, files, made.last_month.last_day)
        deliver_files(platform, "demo", files, made.last_month.last_day)
        truth = platform.data / "demo"
        truth.mkdir(parents=True, exist_ok=True)
        write_truth(made, truth)
    _run(platform, "demo", None)
    out.print(f"the truth behind it: {truth / 'truth.json'}; the UI: make dev", highlight=False)


def add_made_up_client(platform: Platform) -> None:
    """Write the file of the client `demo` where the catalogue has none."""
    path = platform.catalogue.folder / "demo.toml"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_MADE_UP_CLIENT, "utf-8")


def _refuse_another_history(platform: Platform, paths: list[Path], data_to: dt.date) -> None:
    """The customers of two made-up histories have the same numbers; together they would be no history at all."""
    from crm_platform.intake import delivery_id_for, read_files, seals_folder
    from crm_platform.orchestration.automation.client_state import deliveries_in

    stored = deliveries_in(platform, "demo")
    delivery_id = delivery_id_for(platform.inbox, "demo", read_files(paths), data_to.isoformat())
    if stored and delivery_id not in stored:
        roots = (platform.inbox, seals_folder(platform.inbox, "demo").parent, platform.lake.root, platform.outbox)
        folders = ", ".join(str(root / "demo") for root in roots)
        raise Refused(
            "the demo client has another history already.",
            f"Remove it first (make forget, or the folders {folders}), or use another data folder.",
        )


def doctor() -> None:
    """Is this installation sound: versions, folders, disk, instance, fonts, engine."""
    from crm_platform.orchestration.doctor import examine_installation

    platform = platform_here()
    with instance_here(platform) as instance:
        findings = examine_installation(platform, instance)
    grid = Grid("", "what", "found")
    for finding in findings:
        grid.add_row("[green]ok[/]" if finding.sound else "[red]no[/]", finding.subject, finding.found)
    out.print(grid)
    broken = [finding for finding in findings if not finding.sound]
    if broken:
        raise Refused(f"{broken[0].subject}: {broken[0].found}.", broken[0].remedy)
