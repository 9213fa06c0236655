"""The fees of a month as the client's index shows them (ご利用料金, R140-R147): read off its `quote.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_platform.clients import client_folder
from crm_platform.reports.glyphs import legible
from crm_platform.reports.quote_json import FILE_NAME
from crm_platform.reports.wording import Wording


@dataclass(frozen=True)
class Fee:
    """What a service costs: its name, the fee without tax, the rule that gave it and what may still change it."""

    service: str
    amount: str
    rule: str


@dataclass(frozen=True)
class Fees:
    """The fee of every service on a day, none without a quote; `note` says of which day and tax, or why none."""

    rows: tuple[Fee, ...]
    note: str


def quote_in_outbox(outbox: Path, client_id: str, month: str) -> bytes | None:
    """The month's quote as it lies in the client's outbox; None where it holds none."""
    file = client_folder(outbox, client_id, month) / FILE_NAME
    return file.read_bytes() if file.is_file() else None


def listed_fees(files: Mapping[str, Mapping[str, Any]], quote: bytes | None, words: Wording) -> Fees:
    """The fees that `quote` holds, which must be the one that the month's manifest lists among `files`."""
    if FILE_NAME not in files:
        return Fees((), words.text("client_index.no_quote"))
    if quote is None or hashlib.sha256(quote).hexdigest() != files[FILE_NAME]["sha256"]:
        return Fees((), words.text("client_index.quote_differs"))
    document = json.loads(quote)
    return Fees(
        tuple(_fee(one, words) for one in document["quotes"]),
        words.text("client_index.fees_note", on=document["on"], tax=words.text("quote.tax")),
    )


def _fee(told: Mapping[str, Any], words: Wording) -> Fee:
    total = told["total_jpy"]
    amount = words.text("quote.individual") if total is None else words.text("quote.amount", jpy=total)
    said = (told["rule"]["sentence"], *(one["sentence"] for one in told["provisional"]))
    rule = legible(words.text("quote.between").join(said))[0]
    return Fee(words.text(f"quote.service.{told['service']}"), amount, rule)
