"""From files on a disk to a delivery in the inbox, and from the inbox to everything that was ever admitted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from crm_platform.clients.client import Client
from crm_platform.intake.admission.admitted import Admitted, refuse_beyond_tolerance
from crm_platform.intake.admission.examination import examine_delivery
from crm_platform.intake.keeping.inbox import delivery_id_for, put_in_inbox, read_inbox
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.refusals import Refused

ShowFaults = Callable[[pa.Table], None]


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


def accept_delivery(
    inbox: Path,
    client: Client,
    files: Sequence[DeliveredFile],
    *,
    today: dt.date,
    data_to: dt.date | None = None,
    show_faults: ShowFaults | None = None,
) -> Accepted:
    """Examine a delivery and put it in the inbox; Refused, with nothing written, where it cannot be admitted.

    `show_faults` is handed every bad row (QUARANTINED_ROWS) before the verdict. `data_to`: see `examine_delivery`.
    """
    delivery_id = delivery_id_for(inbox, client.id, files, data_to.isoformat() if data_to else None)
    for stored in read_inbox(inbox, client.id):
        if stored.delivery_id == delivery_id:
            return Accepted(stored.folder, stored.receipt, is_known=True)
    former = read_admitted(inbox, client)
    admitted = examine_delivery(client, files, delivery_id=delivery_id, today=today, former=former, data_to=data_to)
    if show_faults:
        show_faults(admitted.tables["quarantined_rows"])
    _check_last_day(admitted, data_to, today)
    refuse_beyond_tolerance(admitted, client)
    return Accepted(put_in_inbox(inbox, client.id, files, admitted), admitted.receipt, is_known=False)


def _check_last_day(admitted: Admitted, data_to: dt.date | None, today: dt.date) -> None:
    last_order = admitted.receipt["last_order_on"]
    if data_to and last_order and data_to.isoformat() < last_order:
        problem = f"the data are said to reach {data_to}, but there is an order of {last_order}."
        raise Refused(problem, "Name the last day that the files cover.")
    if data_to and data_to > today:
        raise Refused(f"the data are said to reach {data_to}, which is yet to come.", "Name a day that is over.")


def read_admitted(inbox: Path, client: Client) -> list[Admitted]:
    """Every delivery of the client in the order of arrival, examined anew where its mapping has changed since."""
    admitted: list[Admitted] = []
    for stored in read_inbox(inbox, client.id):
        known = stored.load() if stored.is_current(client) else stored.readmitted(client)
        if known is not None:
            admitted.append(known)
            continue
        day = dt.date.fromisoformat(stored.receipt["examined_on"])
        declared = stored.receipt.get("declared_to")
        again = examine_delivery(
            client,
            stored.files(),
            delivery_id=stored.delivery_id,
            today=day,
            former=tuple(admitted),
            data_to=dt.date.fromisoformat(declared) if declared else None,
        )
        refuse_beyond_tolerance(again, client)
        stored.keep(again)
        admitted.append(again)
    return admitted
