"""The index of a client's outbox as an asset: made again whenever a manifest beside it, or the page itself, changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.clients import Client, client_folder
from crm_platform.lake import digest_of, store_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe
from crm_platform.reports import Wording
from crm_platform.reports.client_index import (
    INDEX_NAME,
    index_of_outbox,
    latest_quote,
    manifests_digest,
    manifests_of,
)
from crm_platform.reports.client_index_html import write_client_index


def named(client: Client) -> Any:
    """What the page says of the client itself."""
    return [client.name, client.language]


def months_published(at: ClientMonth) -> dict[str, str]:
    """The manifests that lie in the client's outbox now, whichever month is asked for, and the latest quote."""
    outbox, client = at.data.platform.outbox, at.client.id
    manifests, quote = manifests_of(outbox, client), latest_quote(outbox, client)
    return {"manifests": manifests_digest(manifests), "quote": digest_of(quote or b"")}


def index_path(at: ClientMonth) -> Path:
    """Where the index lies: beside the months."""
    return client_folder(at.data.platform.outbox, at.client.id) / INDEX_NAME


def is_there(at: ClientMonth) -> bool:
    """Whether the outbox still holds the page as it was made."""
    path = index_path(at)
    return path.is_file() and bool(digest_of(path.read_bytes()) == at.document("outbox_index")["digest"])


def where_shown(at: ClientMonth, document: Any) -> dict[str, Any]:
    """The page, and the months in it."""
    return {"index": dg.MetadataValue.path(str(index_path(at))), "months": dg.MetadataValue.json(document["months"])}


@client_month_asset(
    Recipe(
        "outbox_index",
        "reports",
        {"deliverables": Reads.SAME_MONTH},
        settings=named,
        further_inputs=months_published,
        still_there=is_there,
    ),
    describe=where_shown,
)
def outbox_index(at: ClientMonth) -> Any:
    """The page beside the months (目次): every month's deliverables, what is new, what each file is for."""
    words = Wording.of(at.client.language)
    index = index_of_outbox(at.data.platform.outbox, at.client.id, at.client.name, words)
    page = write_client_index(index)
    path = index_path(at)
    if not path.is_file() or path.read_bytes() != page:
        store_of(path).write_whole(path, page)
    return {"months": [month.month for month in index.months], "digest": digest_of(page)}
