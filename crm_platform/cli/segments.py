"""`crm-platform segments`: the books of segments, and the one way to issue another inside a term (R51)."""

from __future__ import annotations

from typing import Annotated

import typer

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here
from crm_platform.cli.runs import month_or_none, print_report

app = typer.Typer(help="The books that freeze the segments for six months.", no_args_is_help=True)


@app.command("list")
def list_books(client: ClientOption) -> None:
    """Every book: month, term, classes, customers, digest, whether it is in force, and why it was reissued."""
    from crm_platform.orchestration.client_month import ClientData
    from crm_platform.orchestration.segment_books import book_in_force, books_of, states_of

    platform = platform_here()
    data = ClientData(platform, platform.catalogue.load(client))
    books = books_of(data)
    if not books:
        out.print(f"{client}: no book was issued yet; crm-platform onboard --client {client}", highlight=False)
        return
    for book, state in zip(books, states_of(books, book_in_force(data.at(data.months()[-1]))), strict=True):
        term = f"{book.valid_from} to {book.valid_to}"
        size = f"{book.classes} classes, {book.customers:,} customers"
        out.print(f"{book.month} issue {book.issue}: {term}, {size}: {state}", highlight=False)
        out.print(f"  sha256 {book.sha256}", highlight=False)
        if book.reason is not None:
            out.print(f"  instead of {book.former_month} ({book.former_sha256}): ", end="", highlight=False)
            out.print(book.reason, markup=False, highlight=False)


@app.command()
def reissue(
    client: ClientOption,
    reason: Annotated[str, typer.Option(help="Why the book in force must go; kept in the new book's record.")],
    month: Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")] = None,
) -> None:
    """Issue another book inside the term: every customer's segment may change. The former book is kept beside it."""
    from crm_platform.orchestration.runs import reissue_and_run
    from crm_platform.projects.plain_words import reason as plain_reason

    if reason.strip():  # an empty one is refused as such below
        reason = plain_reason(reason)
    platform, wanted = platform_here(), month_or_none(month)
    with instance_here(platform) as instance, err.status(f"{client}: reading the inbox") as status:
        report = reissue_and_run(
            platform, client, wanted, reason, instance, lambda name: status.update(f"{client}: {name}")
        )
    print_report(report)
