"""A delivery, examined: every row is admitted, quarantined or set aside by a named rule, and the accounts close."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.client import Client
from crm_platform.clients.mapping import DELIVERED_TABLES, IntakeRules, with_preset
from crm_platform.intake.admission.admitted import Admitted
from crm_platform.intake.admission.event_rules import stops_before_start
from crm_platform.intake.admission.faults import (
    any_breach,
    one_per_column,
    quarantine_breaches,
    quarantine_broken,
)
from crm_platform.intake.admission.guarded_files import personal_breaches, read_file
from crm_platform.intake.admission.line_money import with_amounts
from crm_platform.intake.admission.receipt import (
    ReadFile,
    file_receipt,
    months_of,
    order_days,
    orders_in_two_files,
    row_account,
)
from crm_platform.intake.admission.row_rules import (
    declared_breaches,
    order_line_breaches,
    reference_breaches,
    repeated_key,
    repeated_rows,
    several_customers,
)
from crm_platform.intake.admission.specification import compared_with_last
from crm_platform.intake.guard.keyed_hash import HashKey
from crm_platform.intake.mapping.breaches import Breach
from crm_platform.intake.mapping.checked_rules import rules_of
from crm_platform.intake.mapping.derived import derive_master, without_ids
from crm_platform.intake.mapping.file_tables import files_by_table
from crm_platform.intake.mapping.processing import is_special_format, processing_reasons
from crm_platform.intake.mapping.standard_layout import DELIVERED, MASTERS, concatenated
from crm_platform.intake.mapping.typed_rows import TypedRows, type_rows
from crm_platform.intake.reading.archives import expand_archives
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.text_column import Mask, union_of
from crm_platform.lake import digest_of
from crm_platform.tables.delivered import QUARANTINED_ROWS

_RULES_EDITION = 7  # counts up when the same files and mapping are to be read differently


def mapping_digest(client: Client) -> str:
    """Digest of all that decides how the client's files are read."""
    return digest_of({"intake": with_preset(client.intake, f"{client.id}.toml"), "edition": _RULES_EDITION})


def examine_delivery(
    client: Client,
    files: Sequence[DeliveredFile],
    *,
    delivery_id: str,
    today: dt.date,
    former: Sequence[Admitted] = (),
    data_to: dt.date | None = None,
    hash_key: HashKey | None = None,
) -> Admitted:
    """Read, guard, map and judge every row of a delivery; nothing is written.

    `today`: the day of the delivery; nothing may have happened after it. `former`: earlier deliveries, whose masters a
    difference delivery (差分データ, R11) may rely on. `data_to`: the last day that the files cover, where the client
    says so; the day of the last order otherwise. `hash_key`: the secret of keyed hashes, where the mapping wants any
    that the files do not hold yet. Refused where a file as a whole cannot be used; bad rows are quarantined here and
    refused by `refuse_beyond_tolerance`.
    """
    rules = rules_of(client)
    files = expand_archives(files)
    known = frozenset(name for name in DELIVERED_TABLES if any(admitted.tables[name].num_rows for admitted in former))
    found = files_by_table(rules, files, known)
    tables = {name: table.empty() for name, table in DELIVERED.items()}
    examined: dict[str, _Examined] = {}
    receipts: list[dict[str, Any]] = []
    guarded: list[ReadFile] = []
    for name in [name for name in DELIVERED_TABLES if name in found]:
        read = [read_file(rules, name, file, today, hash_key) for file in found[name]]
        guarded += read
        receipts += [file_receipt(item, name, rules.tables[name]) for item in read]
        lines = [tables["order_lines"], *(admitted.tables["order_lines"] for admitted in former)]
        known_ids = _known_ids(rules, tables, former, found)
        examined[name] = _examine_table(rules, name, read, delivery_id, today, known_ids, lines)
        tables[name] = examined[name].admitted
        tables |= _derived_tables(rules, examined[name], read, tables, former) if name == "order_lines" else {}
    quarantined = [part for item in examined.values() for part in item.quarantined]
    tables["quarantined_rows"] = concatenated(QUARANTINED_ROWS, quarantined)
    receipt = _receipt(client, rules, delivery_id, today, data_to, receipts, examined, tables)
    same_spec, differences = compared_with_last(receipts, [admitted.receipt for admitted in former])
    receipt |= {"same_spec": same_spec, "spec_differences": differences, "hash_key_fingerprint": _fingerprint(guarded)}
    return Admitted(tables, receipt, tuple(item.storable for item in guarded))


def _fingerprint(read: Sequence[ReadFile]) -> str | None:
    """Of the key that made keyed hashes here; None where none were made."""
    return next(filter(None, (item.guarded.hash_key_fingerprint for item in read)), None)


@dataclass(frozen=True)
class _Examined:
    rows: TypedRows
    admitted: pa.Table
    quarantined: list[pa.Table]
    bad: Mask
    account: dict[str, Any]

    @property
    def broken_orders(self) -> list[str]:
        """Orders with a line in the quarantine, as far as it can be read of which order it is."""
        orders = pc.unique(self.rows.columns["order_id"].at(np.flatnonzero(self.bad)))
        return sorted(order for order in orders.to_pylist() if order is not None)


def _examine_table(
    rules: IntakeRules,
    name: str,
    read: Sequence[ReadFile],
    delivery_id: str,
    today: dt.date,
    known: Mapping[str, pa.Array | None],
    lines: Sequence[pa.Table],
) -> _Examined:
    rows = type_rows(rules, name, [(item.raw, item.layout) for item in read])
    aside = union_of(rows.set_aside.values(), rows.rows)
    unread = [*rows.breaches, *personal_breaches(rows, read)]
    breaches = [*unread, *declared_breaches(rows, today, unread)]
    breaches += order_line_breaches(rows) if name == "order_lines" else []
    breaches += stops_before_start(rows, lines) if name == "subscription_events" else []
    breaches += [*reference_breaches(rows, known), *repeated_rows(rows, [item.raw for item in read])]
    breaches = one_per_column(breaches)
    breaches += repeated_key(rows, ~aside & ~_bad(rows, breaches, aside))
    if name == "order_lines":
        breaches += several_customers(rows, ~aside & ~_bad(rows, breaches, aside))
    bad = _bad(rows, breaches, aside)
    kept = ~aside & ~bad
    parts = quarantine_breaches(delivery_id, name, rows.origin, breaches, ~aside)
    for item in read:
        parts += quarantine_broken(delivery_id, name, item.file.name, item.raw.broken)
    columns, money = with_amounts(rows, breaches, kept, bad) if name == "order_lines" else (dict(rows.columns), {})
    kept_rows = np.flatnonzero(kept)
    admitted = DELIVERED[name].from_columns({key: column.at(kept_rows) for key, column in columns.items()})
    broken = sum(len(item.raw.broken) for item in read)
    delivered = sum(item.raw.delivered for item in read)
    account = {
        "source": "delivered",
        **row_account(delivered, sum(item.raw.added_by_splitting for item in read), rows.set_aside, bad, broken),
        "quarantined_by_rule": _by_rule(breaches, ~aside, read),
        **rows.counts,
        **money,
    }
    if money:
        account["rows_with_unreadable_amount"] += broken
        account["orders_in_two_files"] = orders_in_two_files(rows.columns["order_id"], rows.origin.file_of)
    return _Examined(rows, admitted, parts, bad, account)


def _bad(rows: TypedRows, breaches: Sequence[Breach], aside: Mask) -> Mask:
    """Lines of delivered rows with a fault; what is set aside is no fault."""
    return rows.origin.whole_rows(any_breach(breaches, rows.rows) & ~aside) & ~aside


def _known_ids(
    rules: IntakeRules, tables: Mapping[str, pa.Table], former: Sequence[Admitted], found: Mapping[str, object]
) -> dict[str, pa.Array | None]:
    """Keys of each master that rows may name; None where no master says which exist."""
    known: dict[str, pa.Array | None] = {}
    for master in MASTERS:
        mapping, column = rules.tables[master], DELIVERED[master].key[0]
        parts = [tables[master][column], *[admitted.tables[master][column] for admitted in former]]
        stated = not mapping.absent and not mapping.derived_from and (master in found or any(len(p) for p in parts))
        known[master] = (
            pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string()) if stated else None
        )
    return known


def _derived_tables(
    rules: IntakeRules,
    lines: _Examined,
    read: Sequence[ReadFile],
    tables: Mapping[str, pa.Table],
    former: Sequence[Admitted],
) -> dict[str, pa.Table]:
    """Derived masters; one that was also delivered is completed by the ids that only the lines know."""
    aside = union_of(lines.rows.set_aside.values(), lines.rows.rows)
    derived = {}
    for name, mapping in rules.tables.items():
        if mapping.derived_from:
            among = ~lines.bad if mapping.include_set_aside else ~lines.bad & ~aside
            made = derive_master(rules, name, lines.rows, [item.raw for item in read], among)
            known = [tables[name], *[admitted.tables[name] for admitted in former if admitted.delivered(name)]]
            derived[name] = concatenated(DELIVERED[name], [tables[name], without_ids(made, name, known)])
    return derived


def _by_rule(breaches: Sequence[Breach], among: Mask, read: Sequence[ReadFile]) -> dict[str, int]:
    """Rows per broken rule; a row that breaks two is in both."""
    counts: dict[str, int] = {}
    for breach in breaches:
        counts[breach.rule] = counts.get(breach.rule, 0) + int((breach.rows & among).sum())
    for item in read:
        for broken in item.raw.broken:
            counts[broken.rule] = counts.get(broken.rule, 0) + 1
    return {rule: count for rule, count in sorted(counts.items()) if count}


def _receipt(
    client: Client,
    rules: IntakeRules,
    delivery_id: str,
    today: dt.date,
    data_to: dt.date | None,
    files: list[dict[str, Any]],
    examined: Mapping[str, _Examined],
    tables: Mapping[str, pa.Table],
) -> dict[str, Any]:
    accounts = {name: item.account for name, item in examined.items()}
    for name, mapping in rules.tables.items():
        if mapping.derived_from and mapping.derived_from in examined:
            none = {**row_account(0, 0, {}, np.zeros(0, bool), 0), "quarantined_by_rule": {}}
            account = accounts.get(name, {"source": f"derived from {mapping.derived_from}", **none})
            accounts[name] = {**account, "derived": tables[name].num_rows - account["admitted"]}
    reasons = processing_reasons(rules)
    first_day, last_day = order_days(tables["order_lines"])
    return {
        "delivery_id": delivery_id,
        "client": client.id,
        "examined_on": today.isoformat(),
        "mapping_sha256": mapping_digest(client),
        "files": files,
        "accounts": accounts,
        "months": months_of(tables["order_lines"]),
        "data_from": first_day,
        "data_to": max(filter(None, (last_day, data_to.isoformat() if data_to else None)), default=None),
        "last_order_on": last_day,
        "declared_to": data_to.isoformat() if data_to else None,
        "differences": rules.tables["order_lines"].differences,
        "orders_with_quarantined_lines": examined["order_lines"].broken_orders if "order_lines" in examined else [],
        "processing": bool(reasons),
        "processing_reasons": reasons,
        "special_format": is_special_format(rules),
    }
