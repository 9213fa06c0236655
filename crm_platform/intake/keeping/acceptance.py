"""From files on a disk to a delivery in the inbox, and from the inbox to everything that was ever admitted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from crm_platform.clients.client import Client
from crm_platform.clients.mapping import parse_intake_rules
from crm_platform.intake.admission.admitted import Admitted, refuse_beyond_tolerance
from crm_platform.intake.admission.examination import examine_delivery, mapping_digest
from crm_platform.intake.drafting.definition import Definition
from crm_platform.intake.drafting.holding import hold_files
from crm_platform.intake.guard.keyed_hash import HashKey
from crm_platform.intake.guard.personal_data import refuse_personal_name
from crm_platform.intake.judging.control_totals import compare_totals, refuse_beyond_difference
from crm_platform.intake.keeping.delivery_ids import delivery_id_for, first_id_of
from crm_platform.intake.keeping.first_reading import as_admitted_before, with_first_reading
from crm_platform.intake.keeping.inbox import StoredDelivery, present, put_in_inbox, read_inbox
from crm_platform.intake.keeping.merging import changes, known_before, merge_deliveries
from crm_platform.intake.keeping.removed_files import files_removed_on
from crm_platform.intake.keeping.reused_numbers import refuse_reused_numbers
from crm_platform.intake.keeping.seals import seal
from crm_platform.intake.reading.archives import expand_archives, left_by_systems
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.refusals import Refused

ShowFaults = Callable[[pa.Table], None]


@dataclass(frozen=True)
class Accepted:
    """A delivery that lies in the inbox. `is_known`: the same content had been delivered before.

    `others_to`: the last day that former deliveries reach, or of one that is known later ones; None without any.

    `left_out`: what operating systems had added to its archives, as `archive.zip: __MACOSX/._orders.csv`.
    `kept_as_admitted`: earlier deliveries that the client's present mapping cannot read, and why.
    """

    folder: Path
    receipt: Mapping[str, Any]
    is_known: bool
    left_out: tuple[str, ...] = ()
    kept_as_admitted: tuple[str, ...] = ()
    others_to: dt.date | None = None


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
    hash_key: HashKey | None = None,
    definition: Definition | None = None,
    again: str | None = None,
) -> Accepted:
    """Examine a delivery and put it in the inbox; Refused, with nothing written, where it cannot be admitted.

    `show_faults` is handed every bad row (QUARANTINED_ROWS) before the verdict. `data_to`, `hash_key`: see
    `examine_delivery`. A key other than that of the former deliveries would make every customer a new one: Refused.
    So is a delivery that differs from the client's table `definition` (テーブル定義書, R03). `again`: why files that
    were delivered before are to count once more, as the latest, where older ones came after them; the receipt keeps it.
    """
    left_out = tuple(left_by_systems(files))
    files = expand_archives(files)
    for file in files:
        refuse_personal_name(file.name)
    seal(inbox, client.id)  # what a writer put there who was killed before he could
    declared = data_to.isoformat() if data_to else None
    first_id = first_id_of(inbox, client.id, files, declared)
    if again is not None and first_id is None:
        raise Refused(
            "these files were not delivered before, said to reach the same day.",
            "Deliver them without --again; what they say of an order stands from then on.",
        )
    delivery_id = delivery_id_for(inbox, client.id, files, declared, again=again is not None)
    for stored in present(inbox, client.id):
        if stored.delivery_id == delivery_id:
            later = [one.receipt for one in present(inbox, client.id) if one.delivery_id > delivery_id]
            return Accepted(
                stored.folder, stored.receipt, is_known=True, left_out=left_out, others_to=_last_day_of(later)
            )
    former = read_admitted(inbox, client, before=delivery_id)
    if definition is not None:
        hold_files(definition, client, files, former)
    admitted = examine_delivery(
        client, files, delivery_id=delivery_id, today=today, former=former, data_to=data_to, hash_key=hash_key
    )
    _check_hash_key(admitted, present(inbox, client.id))
    if show_faults:
        show_faults(admitted.tables["quarantined_rows"])
    _check_last_day(admitted, data_to, today)
    refuse_beyond_tolerance(admitted, client)
    admitted = _held_against_control_totals(admitted, former, client)
    known = known_before(former, admitted)
    refuse_reused_numbers(known, admitted.tables["order_lines"])
    said: dict[str, Any] = {"changes": changes(known, admitted)}
    if again and delivery_id != first_id:
        said |= {"again": again, "again_of": first_id}
    admitted = replace(admitted, receipt={**admitted.receipt, **said})
    folder = put_in_inbox(inbox, client.id, files, admitted)
    kept = [one for one in former if "kept_as_admitted" in one.receipt]
    reasons = tuple(f"{one.delivery_id}: {one.receipt['kept_as_admitted']}" for one in kept)
    others_to = _last_day_of([one.receipt for one in former])
    return Accepted(folder, admitted.receipt, False, left_out, reasons, others_to)


def _last_day_of(receipts: Sequence[Mapping[str, Any]]) -> dt.date | None:
    """The last day that these deliveries reach; None where none of them holds an order."""
    days = [dt.date.fromisoformat(receipt["data_to"]) for receipt in receipts if receipt["data_to"]]
    return max(days, default=None)


def _check_hash_key(admitted: Admitted, stored: Sequence[StoredDelivery]) -> None:
    ours = admitted.receipt["hash_key_fingerprint"]
    theirs = [one.receipt.get("hash_key_fingerprint") for one in stored]
    former = next((fingerprint for fingerprint in reversed(theirs) if fingerprint), None)
    if ours and former and ours != former:
        raise Refused(
            "the hash key is not that of the former deliveries; every customer would be taken for a new one.",
            "Set CRM_PLATFORM_HASH_KEY to the former key; where it is lost, begin anew with another client id.",
        )


def _check_last_day(admitted: Admitted, data_to: dt.date | None, today: dt.date) -> None:
    last_order = admitted.receipt["last_order_on"]
    if data_to and last_order and data_to.isoformat() < last_order:
        problem = f"the data are said to reach {data_to}, but there is an order of {last_order}."
        raise Refused(problem, "Name the last day that the files cover.")
    if data_to and data_to > today:
        raise Refused(f"the data are said to reach {data_to}, which is yet to come.", "Name a day that is over.")


def _held_against_control_totals(admitted: Admitted, former: Sequence[Admitted], client: Client) -> Admitted:
    """The delivery with the comparison of its control totals (検収, R39) in its receipt; Refused beyond tolerance.

    Compared is what is known after the delivery: the totals of a month hold whatever deliveries it came in.
    """
    compared = _compared_totals(admitted, former)
    rules = parse_intake_rules(client)
    refuse_beyond_difference(compared, rules.tolerated_total_difference_rate, rules.file)
    return replace(admitted, receipt={**admitted.receipt, "control_totals": compared})


def _compared_totals(admitted: Admitted, former: Sequence[Admitted]) -> list[dict[str, Any]]:
    totals = admitted.tables["control_totals"]
    return compare_totals(merge_deliveries([*former, admitted])["order_lines"], totals) if totals.num_rows else []


def read_admitted(inbox: Path, client: Client, before: str | None = None) -> list[Admitted]:
    """Every delivery of the client in the order of arrival, examined anew where its mapping has changed since.

    Or those that came `before` one. Refused where one that was admitted is there no more.

    What a delivery was held against on its arrival is not asked again. One whose files a later mapping cannot read (the
    cart renamed a column), or whose files are gone by the client's retention period, stays as it was admitted; its
    receipt says so under `kept_as_admitted`.
    """
    admitted: list[Admitted] = []
    seal(inbox, client.id)
    for stored in read_inbox(inbox, client.id, before):
        known = stored.load() if stored.is_current(client) else stored.readmitted(client)
        if known is not None:
            admitted.append(known)
            continue
        again = _examined_again(stored, client, admitted)
        stored.keep(again)
        admitted.append(again)
    return admitted


def _examined_again(stored: StoredDelivery, client: Client, former: Sequence[Admitted]) -> Admitted:
    removed = files_removed_on(stored.folder)
    if removed is not None:
        reason = f"its delivered files were removed on {removed}, as the client's retention period asks."
        return as_admitted_before(stored.load(), reason, mapping_digest(client))
    declared, files = stored.receipt.get("declared_to"), stored.files()
    try:
        again = examine_delivery(
            client,
            files,
            delivery_id=stored.delivery_id,
            today=dt.date.fromisoformat(stored.receipt["examined_on"]),
            former=former,
            data_to=dt.date.fromisoformat(declared) if declared else None,
        )
    except Refused as refused:
        return as_admitted_before(stored.load(), str(refused), mapping_digest(client))
    compared = _compared_totals(again, former)
    return with_first_reading(replace(again, receipt={**again.receipt, "control_totals": compared}), stored.receipt)
