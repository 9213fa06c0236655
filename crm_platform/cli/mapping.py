"""`crm-platform mapping …`: a client's mapping and table definition, drafted from samples and accepted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Column
from rich.table import Table as Grid

from crm_platform.cli.console import ClientOption, err, out, platform_here
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.intake.drafting.drafting import Draft

app = typer.Typer(help="How a client's files are read: drafted from samples, checked, accepted.", no_args_is_help=True)

_REVIEWED = ("column", "type", "empty", "distinct", "examples", "for", "sure", "why")
_Files = Annotated[list[Path], typer.Argument(help="Sample data (about three months) and definition documents.")]


@app.command("draft")
def draft(
    client: ClientOption,
    files: _Files,
    presets: Annotated[bool, typer.Option(help="Propose a cart's preset where the headers match one.")] = True,
) -> None:
    """Profile sample files, propose what each column is, and write a draft to read and correct."""
    from crm_platform.intake import read_files
    from crm_platform.intake.drafting.adoption import head_of, write_draft
    from crm_platform.intake.drafting.drafting import draft_mapping
    from crm_platform.intake.reading.archives import expand_archives

    platform = platform_here()
    platform.catalogue.load(client)
    present = platform.catalogue.folder / f"{client}.toml"
    head = head_of(present.read_text("utf-8"), present.name)
    with err.status("profiling the sample"):
        drafted = draft_mapping(expand_archives(read_files(files)), today=dt.date.today(), with_presets=presets)
        folder = write_draft(platform.data / "drafts", client, drafted, head)
    _print_review(drafted)
    out.print(f"the draft: {folder}; read it, then: crm-platform mapping accept --client {client}", highlight=False)


@app.command("accept")
def accept(
    client: ClientOption,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the mapping that the client has.")] = False,
) -> None:
    """Put the draft in place of the client's mapping and definition."""
    from crm_platform.intake.drafting.adoption import accept_draft
    from crm_platform.intake.drafting.draft_texts import still_to_decide

    platform = platform_here()
    platform.catalogue.load(client)
    written = accept_draft(platform.data / "drafts", platform.catalogue.folder, client, replace=replace)
    for path in written:
        out.print(f"written: {path}", highlight=False)
    for item in still_to_decide(written[0].read_text("utf-8")):
        out.print(f"still to decide: {item}", highlight=False, markup=False)


@app.command("check")
def check(client: ClientOption, files: _Files) -> None:
    """Hold files against the client's definition (テーブル定義書), and list every difference; nothing is stored."""
    from crm_platform.intake import read_files
    from crm_platform.intake.drafting.adoption import client_definition
    from crm_platform.intake.drafting.definition_documents import is_definition, read_definition
    from crm_platform.intake.drafting.holding import hold_files
    from crm_platform.intake.reading.archives import expand_archives

    platform = platform_here()
    found = platform.catalogue.load(client)
    given = expand_archives(read_files(files))
    documents = [file for file in given if is_definition(file)]
    definition = read_definition(documents) if documents else client_definition(platform.catalogue.folder, client)
    if definition is None:
        raise Refused(f"'{client}' has no table definition.", "Give its document with the files, or draft one.")
    hold_files(definition, found, [file for file in given if file not in documents])
    out.print(f"{client}: the files are as defined")


def _print_review(drafted: Draft) -> None:
    out.print(f"sample of {drafted.span}", highlight=False)
    for sample in drafted.samples:
        title = f"{sample.file.name} ({sample.rows.delivered:,} rows) is {sample.table}: {sample.why}"
        grid = Grid(*(Column(name, overflow="fold") for name in _REVIEWED), title=escape(title))
        for profile, proposal in zip(sample.profiles, drafted.proposals[sample.file.name], strict=True):
            shown = ("" if profile.personal else " ".join(profile.examples), proposal.place)
            found = (profile.header, profile.kind, f"{profile.null_rate:.0%}", f"{profile.distinct:,}", *shown)
            grid.add_row(*map(escape, (*found, f"{proposal.confidence:.0%}", proposal.reason)))
        out.print(grid)
    if drafted.preset:
        out.print(f"the headers are those of {drafted.preset.preset}: its preset reads them", highlight=False)
    for difference in drafted.differences:
        out.print(f"differs from the definition: {difference}", highlight=False, markup=False)
    for item in drafted.to_confirm:
        out.print(f"to confirm: {item}", highlight=False, markup=False)
    for item in drafted.to_decide:
        out.print(f"to decide: {item}", highlight=False, markup=False)
