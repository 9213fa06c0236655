"""What an examined delivery is, and the refusal of one that holds more bad rows than the client tolerates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.client import Client
from crm_platform.clients.mapping import parse_intake_rules
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.refusals import Refused

_FEW = 0.05


@dataclass(frozen=True)
class Admitted:
    """An examined delivery.

    `tables`: products, customers, media, order_lines and quarantined_rows in their declared schemas; one that the
    delivery did not bring is empty. `receipt`: JSON; accounts of rows and money, how every file was read. `files`: the
    delivered files without personal data, as they may be stored; none where the delivery was read from its tables.
    """

    tables: Mapping[str, pa.Table]
    receipt: Mapping[str, Any]
    files: tuple[DeliveredFile, ...] = field(default=(), compare=False)

    @property
    def delivery_id(self) -> str:
        """The delivery's name."""
        return str(self.receipt["delivery_id"])

    def delivered(self, table: str) -> bool:
        """Whether a file of the table was delivered."""
        return bool(self.receipt["accounts"].get(table, {}).get("source") == "delivered")

    def holds(self, table: str) -> bool:
        """Whether the delivery brought the table or derived it."""
        return table in self.receipt["accounts"]


def refuse_beyond_tolerance(admitted: Admitted, client: Client) -> None:
    """Refused where the share of bad rows of any table exceeds the client tolerates (by default half a percent)."""
    rules = parse_intake_rules(client)
    for table, account in admitted.receipt["accounts"].items():
        bad, delivered = account["quarantined"], account["delivered"]
        if bad > rules.tolerated_bad_row_rate * delivered:
            raise _refusal(admitted, table, bad, delivered, rules.file)


def _refusal(admitted: Admitted, table: str, bad: int, delivered: int, file: str) -> Refused:
    faults = admitted.tables["quarantined_rows"]
    faults = faults.filter(pc.equal(faults["table"], table)).sort_by(
        [("file_name", "ascending"), ("row_number", "ascending"), ("column", "ascending"), ("rule", "ascending")]
    )
    first = faults.slice(0, 1).to_pylist()[0]
    per_rule = admitted.receipt["accounts"][table]["quarantined_by_rule"]
    counts = ", ".join(f"{rule}: {count}" for rule, count in per_rule.items())
    return Refused(
        f"{bad:,} of {delivered:,} rows cannot be admitted ({counts}); "
        f"the first: {first['rule']}, {first['masked_value'] or 'empty'}.",
        f"{first['remedy']} Mend them and deliver again{_opening(bad / delivered, file)}",
        file=first["file_name"],
        row=first["row_number"],
        column=first["column"],
    )


def _opening(rate: float, file: str) -> str:
    """How the client may let a few bad rows pass; of many, something is wrong with the file as a whole."""
    if rate > _FEW:
        return "; --faults FILE lists them all."
    return f", or allow it in data/clients/{file}: [admission] tolerated_bad_row_rate = {_rounded_up(rate)}"


def _rounded_up(rate: float) -> str:
    digits = 2 if rate >= 0.01 else 6
    return f"{math.ceil(rate * 10**digits) / 10**digits:.{digits}f}".rstrip("0") or "0"
