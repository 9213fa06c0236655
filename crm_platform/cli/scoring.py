"""`crm-platform score`: a file of orders in, a file of scores out; no client, no Dagster."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from crm_platform.cli.console import err, out
from crm_platform.cli.outputs import refuse_to_overwrite


def score(
    orders: Annotated[
        Path,
        typer.Option(
            "--orders",
            metavar="FILE",
            help="CSV, TSV or Parquet with customer_id, ordered_on, amount (below 0: a return).",
        ),
    ],
    as_of: Annotated[
        dt.datetime,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            help="The first day of the horizon: only orders dated before this day are read.",
        ),
    ],
    horizon_days: Annotated[int, typer.Option("--horizon-days", metavar="N", help="How many days to look ahead.")],
    target: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write: .csv, .tsv or .parquet.")],
) -> None:
    """Score every customer in a file of orders: expected orders and sales, their range, and the risk of a fall."""
    from crm_platform.scoring import read_orders, refuse_target, score_orders, write_scores

    refuse_target(target)
    refuse_to_overwrite(target, [orders])
    with err.status(f"reading {orders.name}") as status:
        found = read_orders(orders)
        status.update(f"scoring {len(found.customer_ids):,} customers")
        scores = score_orders(found, as_of.date(), horizon_days)
        status.update(f"writing {target.name}")
        write_scores(scores, target)
    out.print(f"{len(scores):,} customers with orders before {as_of:%Y-%m-%d} scored: {target}", highlight=False)
