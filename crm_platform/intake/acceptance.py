"""From files on a disk to a delivery in the inbox, and from the inbox to everything that was ever admitted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_platform.clients.client import Client
from crm_platform.intake.admitted import Admitted, refuse_beyond_tolerance
from crm_platform.intake.delivered_files import DeliveredFile
from crm_platform.intake.examination import examine_delivery
from crm_platform.intake.inbox import delivery_id_for, put_in_inbox, read_inbox
from crm_platform.refusals import Refused


@dataclass(frozen=True)
class Accepted:
    """A delivery that lies in the inbox. `is_known`: the same content had been delivered before."""

    folder: Path
    receipt: Mapping[str, Any]
    is_known: bool


def read_files(paths: Sequence[Path]) -> list[DeliveredFile]:
    """The files at `paths`; Refused where one cannot be read."""
    files = []
    for path in paths:
        try:
            files.append(DeliveredFile(path.name, path.read_bytes()))
        except OSError as error:
            raise Refused(
                f"the file cannot be read: {error.strerror}.", "Check its path and rights.", str(path)
            ) from error
    return files


def accept_delivery(inbox: Path, client: Client, files: Sequence[DeliveredFile], *, today: dt.date) -> Accepted:
    """Examine a delivery and put it in the inbox; Refused, with nothing written, where it cannot be admitted."""
    delivery_id = delivery_id_for(inbox, client.id, files)
    for stored in read_inbox(inbox, client.id):
        if stored.delivery_id == delivery_id:
            return Accepted(stored.folder, stored.receipt, is_known=True)
    former = read_admitted(inbox, client)
    admitted = examine_delivery(client, files, delivery_id=delivery_id, today=today, former=former)
    refuse_beyond_tolerance(admitted, client)
    return Accepted(put_in_inbox(inbox, client.id, files, admitted), admitted.receipt, is_known=False)


def read_admitted(inbox: Path, client: Client) -> list[Admitted]:
    """Every delivery of the client in the order of arrival, examined anew where its mapping has changed since."""
    admitted: list[Admitted] = []
    for stored in read_inbox(inbox, client.id):
        known = stored.load() if stored.is_current(client) else stored.readmitted(client)
        if known is not None:
            admitted.append(known)
            continue
        day = dt.date.fromisoformat(stored.receipt["examined_on"])
        again = examine_delivery(
            client, stored.files(), delivery_id=stored.delivery_id, today=day, former=tuple(admitted)
        )
        refuse_beyond_tolerance(again, client)
        stored.keep(again)
        admitted.append(again)
    return admitted
