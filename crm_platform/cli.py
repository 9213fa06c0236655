"""`crm-platform`: parse, call, print. Exit codes: 0 done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import datetime as dt
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from crm_platform.refusals import Refused

if TYPE_CHECKING:
    import dagster as dg
    import pyarrow as pa

    from crm_platform.clients import Client
    from crm_platform.orchestration.platform import Platform
    from crm_platform.orchestration.runs import RunReport

app = typer.Typer(
    help="CRM analysis for mail-order and subscription businesses, on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
clients_app = typer.Typer(help="The catalogue of clients: data/clients/<client>.toml.", no_args_is_help=True)
app.add_typer(clients_app, name="clients")

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

ClientOption = Annotated[str, typer.Option("--client", help="The client's id in the catalogue.")]


def main() -> None:
    """Run the command line; a refusal, or a disk that says no, becomes one message on stderr and exit code 1."""
    try:
        app()
    except Refused as refused:
        _say_no(str(refused))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _say_no(f"{place}{error.strerror or error}. Check the path, its rights and the free disk space.")


def _say_no(message: str) -> None:
    err.print("refused:", style="bold red", end=" ")
    err.print(message, markup=False, highlight=False)
    sys.exit(1)


def platform_here() -> Platform:
    """The platform of the present folder."""
    from crm_platform.orchestration.platform import Platform

    return Platform.here()


@contextmanager
def instance_here(platform: Platform) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of this installation, made on first use: DAGSTER_HOME, else data/dagster_home."""
    import dagster as dg

    from crm_platform.lake.files import alone, write_whole

    home = Path(os.environ.get("DAGSTER_HOME") or platform.data / "dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings, copy = Path(__file__).parents[1] / "dagster.yaml", home / "dagster.yaml"
    with alone(home):  # Dagster makes its databases on first use, and two commands at once would both do so
        if settings.exists() and not (copy.exists() and copy.read_bytes() == settings.read_bytes()):
            write_whole(copy, settings.read_bytes())
        made = dg.DagsterInstance.from_config(str(home))
    with made as instance:
        yield instance


# --- clients ----------------------------------------------------------------------------------------------------------


@clients_app.command("list")
def list_clients() -> None:
    """Every client with its name and language."""
    catalogue = platform_here().catalogue
    grid = Grid("client", "name", "language")
    for client_id in catalogue.ids():
        client = catalogue.load(client_id)
        grid.add_row(client.id, client.name, client.language)
    out.print(grid)


@clients_app.command("add")
def add_client(
    client: Annotated[str, typer.Argument(help="An id: small letters, digits, - and _.")],
    name: Annotated[str, typer.Option(help="The name that reports show.")],
    language: Annotated[str, typer.Option(help="ja or en.")] = "ja",
) -> None:
    """Add a client that delivers in the standard layout; edit its file for any other."""
    path = platform_here().catalogue.add(client, name, language)
    out.print(f"added {path}", highlight=False)


@clients_app.command("show")
def show_client(client: Annotated[str, typer.Argument(help="The client's id.")]) -> None:
    """The client's settings and how its files are read."""
    from dataclasses import asdict

    from crm_platform.clients import parse_intake_rules

    found = platform_here().catalogue.load(client)
    out.print({**asdict(found), "intake": asdict(parse_intake_rules(found))})


@clients_app.command("check")
def check_client(client: Annotated[str, typer.Argument(help="The client's id.")]) -> None:
    """Whether the client's file is sound; the first fault otherwise."""
    from crm_platform.intake import rules_of

    rules_of(platform_here().catalogue.load(client))
    out.print(f"{client}: sound")


# --- deliveries -------------------------------------------------------------------------------------------------------


@app.command()
def deliver(
    client: ClientOption,
    files: Annotated[list[Path], typer.Argument(help="The files of the delivery, whole or only what changed.")],
    data_to: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day that the files cover; else that of the last order."),
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="Write every bad row with its reason to this CSV file.")] = None,
) -> None:
    """Put a delivery in the inbox: examined first, then there whole or not at all."""
    _deliver(platform_here(), client, files, data_to.date() if data_to else None, faults)


def _deliver(
    platform: Platform, client_id: str, paths: list[Path], data_to: dt.date | None, faults: Path | None = None
) -> None:
    from crm_platform.intake import accept_delivery, read_files
    from crm_platform.orchestration.runs import register_client

    client = platform.catalogue.load(client_id)
    with err.status("examining the delivery"):
        accepted = accept_delivery(
            platform.inbox,
            client,
            read_files(paths),
            today=dt.date.today(),
            data_to=data_to,
            show_faults=(lambda rows: _write_faults(rows, client, faults)) if faults else None,
        )
    with instance_here(platform) as instance:
        register_client(instance, client_id)
    if accepted.is_known:
        out.print(f"{accepted.folder.name}: delivered before with the same content; nothing to do", highlight=False)
        return
    grid = Grid("table", "rows delivered", "admitted", "quarantined", "set aside")
    for table, account in accepted.receipt["accounts"].items():
        numbers = (
            account["delivered"],
            account["admitted"],
            account["quarantined"],
            sum(account["set_aside"].values()),
        )
        grid.add_row(table, *(f"{number:,}" for number in numbers))
    out.print(grid)
    for file in accepted.receipt["files"]:
        for column in file["dropped_columns"]:
            out.print(f"{file['name']}: column {column['column']} cut out as personal data", highlight=False)
    out.print(f"data to {accepted.receipt['data_to']}{_unfinished(accepted.receipt['data_to'])}", highlight=False)
    out.print(f"in the inbox: {accepted.folder}", highlight=False)


def _unfinished(data_to: str | None) -> str:
    from crm_platform.periods import Month

    last = Month.of(dt.date.fromisoformat(data_to)).last_day if data_to else None
    if last is None or last.isoformat() == data_to:
        return ""
    return f": the month counts as unfinished; if the files cover all of it, say --data-to {last}"


def _write_faults(rows: pa.Table, client: Client, path: Path) -> None:
    from crm_platform.lake.files import write_whole
    from crm_platform.reports import Wording, quarantine_csv

    write_whole(path, quarantine_csv(rows, Wording.of(client.language), client.csv_encoding))
    err.print(f"{rows.num_rows} faults listed in {path}", highlight=False)


@app.command()
def onboard(client: ClientOption) -> None:
    """First run: every month of history, then the latest month's deliverables."""
    _run(platform_here(), client, None)


@app.command()
def refresh(
    client: ClientOption,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")] = None,
) -> None:
    """A later run: only what changed is made again; says what was recomputed and what was kept."""
    _run(platform_here(), client, month)


def _run(platform: Platform, client_id: str, month_text: str | None) -> None:
    from crm_platform.orchestration.runs import run_platform
    from crm_platform.periods import Month

    try:
        month = Month.parse(month_text) if month_text else None
    except ValueError as error:
        raise Refused(f"{error}.", "") from error
    with instance_here(platform) as instance, err.status(f"{client_id}: reading the inbox") as status:
        report = run_platform(platform, client_id, month, instance, lambda name: status.update(f"{client_id}: {name}"))
    print_report(report)


def print_report(report: RunReport) -> None:
    """What was recomputed and kept, and where the deliverables are."""
    if report.recomputed == 0:
        out.print(f"{report.client} {report.month}: everything is current, nothing recomputed", highlight=False)
    else:
        grid = Grid("table", "months made", "months kept")
        for name, kept in report.kept.items():
            grid.add_row(name, str(report.made.get(name, 0)), str(kept))
        out.print(grid)
        kept = sum(report.kept.values())
        out.print(f"{report.client} {report.month}: {report.recomputed} table-months recomputed, {kept} kept")
    out.print(f"deliverables: {report.deliverables}", highlight=False)
    out.print(f"open first: {report.deliverables / 'second_opinion' / 'diagnosis_report.pdf'}", highlight=False)


@app.command()
def demo(
    customers: Annotated[
        int, typer.Option(min=1, max=2_000_000, help="How many customers the made-up client has.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed makes another history.")] = 20200701,
) -> None:
    """Make the demo client's delivery, deliver it, and run the platform on it."""
    from crm_platform.demo import make_demo, write_delivery, write_truth

    platform = platform_here()
    with err.status(f"making {customers:,} customers"), tempfile.TemporaryDirectory() as folder:
        made = make_demo(customers=customers, seed=seed)
        files = write_delivery(made, Path(folder))
        _refuse_another_history(platform, files, made.last_month.last_day)
        _deliver(platform, "demo", files, made.last_month.last_day)
        truth = platform.data / "demo"
        truth.mkdir(parents=True, exist_ok=True)
        write_truth(made, truth)
    _run(platform, "demo", None)
    out.print(f"the truth behind it: {truth / 'truth.json'}; the UI: make dev", highlight=False)


def _refuse_another_history(platform: Platform, paths: list[Path], data_to: dt.date) -> None:
    """The customers of two made-up histories have the same numbers; together they would be no history at all."""
    from crm_platform.intake import delivery_id_for, read_files, read_inbox

    stored = [delivery.delivery_id for delivery in read_inbox(platform.inbox, "demo")]
    delivery_id = delivery_id_for(platform.inbox, "demo", read_files(paths), data_to.isoformat())
    if stored and delivery_id not in stored:
        folders = ", ".join(str(folder / "demo") for folder in (platform.inbox, platform.lake.root, platform.outbox))
        raise Refused(
            "the demo client has another history already.",
            f"Remove it first (make forget, or the folders {folders}), or use another data folder.",
        )


@app.command()
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


if __name__ == "__main__":
    main()
