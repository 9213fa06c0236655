"""`crm-platform preview`: what a house may see before it decides (プレビュープラン, R40)."""

from __future__ import annotations

from typing import Annotated

import typer

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here
from crm_platform.cli.runs import month_or_none


def preview(
    client: ClientOption,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")] = None,
) -> None:
    """Counts of each analysis and a watermarked report, of the same data: no customer number, no list, no action."""
    from crm_platform.orchestration.runs import run_preview

    platform = platform_here()
    with instance_here(platform) as instance, err.status(f"{client}: reading the inbox") as status:
        folder = run_preview(
            platform, client, month_or_none(month), instance, lambda name: status.update(f"{client}: {name}")
        )
    out.print(f"{client}: the preview, without a customer number: {folder}", highlight=False)
