"""A delivery into a client's inbox, whoever brings it: the command line, or a folder of arrivals."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence

from crm_platform.clients import Client
from crm_platform.intake import Accepted, DeliveredFile, HashKey, accept_delivery
from crm_platform.intake.drafting.adoption import client_definition
from crm_platform.intake.keeping.acceptance import ShowFaults
from crm_platform.orchestration.platform import Platform

HASH_KEY_VARIABLE = "CRM_PLATFORM_HASH_KEY"


def take_files(
    platform: Platform,
    client: Client,
    files: Sequence[DeliveredFile],
    *,
    data_to: dt.date | None = None,
    show_faults: ShowFaults | None = None,
    again: str | None = None,
) -> Accepted:
    """Accept the files as `accept_delivery` does, by the client's definition, this day and this machine's key."""
    return accept_delivery(
        platform.inbox,
        client,
        files,
        today=dt.date.today(),
        data_to=data_to,
        hash_key=hash_key_here(),
        definition=client_definition(platform.catalogue.folder, client.id),
        show_faults=show_faults,
        again=again,
    )


def hash_key_here() -> HashKey | None:
    """The secret of keyed hashes, which stands in the environment alone, beside no data."""
    secret = os.environ.get(HASH_KEY_VARIABLE, "")
    return HashKey(secret.encode()) if secret else None
