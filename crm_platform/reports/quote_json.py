"""Quotes as a document in the client's language: `quote.json` among the deliverables, and what the command prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crm_platform.reports.wording import Wording

if TYPE_CHECKING:  # who draws a report need not load what computes a fee
    from crm_platform.quotes import FeeBasis, Quote, Told, Use

FILE_NAME = "quote.json"
Document = Mapping[str, Any]


def quote_document(quotes: Sequence[Quote], basis: FeeBasis, use: Use, client: str, wording: Wording) -> Document:
    """`client`, `on`, `currency`, `tax`, `basis` (all that decided) and, per service, lines, total, rule and notes."""
    former = None if use.former_delivery_on is None else use.former_delivery_on.isoformat()
    decided = {
        **basis.to_json(),
        "former_delivery_on": former,
        "same_spec": use.same_spec,
        "standard_layout": use.standard_layout,
        "retained_months": use.retained_months,
        "processing": list(use.processing),
    }
    told = [told_quote(quote, use, wording) for quote in quotes]
    money = {"currency": "JPY", "tax": "excluded", "tax_sentence": wording.text("quote.tax")}
    return {"client": client, "on": use.on.isoformat(), **money, "basis": decided, "quotes": told}


def told_quote(quote: Quote, use: Use, wording: Wording) -> Document:
    """One quote as plain JSON values; every sentence with its key, the numbers in it, and the seed's line."""
    service = wording.text(f"quote.service.{quote.service}")
    rule = [wording.filled(f"quote.rule.{one.key}", one.numbers) for one in quote.rule]
    lines = [{"item": one.item, "amount_jpy": one.amount_jpy} for one in quote.lines]
    return {
        "service": quote.service,
        "title": wording.text("quote.title", service=service, on=use.on.isoformat()),
        "lines": [{**line, "name": wording.text(f"quote.item.{line['item']}")} for line in lines],
        "total_jpy": quote.total_jpy,
        "individual_quote": quote.total_jpy is None,
        "is_provisional": bool(quote.provisional),
        "rule": {
            "key": quote.rule_key,
            "sentence": wording.text("quote.between").join(rule),
            "numbers": {name: value for one in quote.rule for name, value in one.numbers.items()},
            "sources": [one.source for one in quote.rule if one.source],
        },
        "provisional": _sentences("provisional", quote.provisional, wording),
        "notes": _sentences("note", quote.notes, wording),
        "not_included": _sentences("not_included", quote.not_included, wording),
    }


def quote_json(document: Document) -> bytes:
    """The document as a file; equal input gives equal bytes."""
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _sentences(kind: str, told: Iterable[Told], wording: Wording) -> list[Document]:
    return [
        {
            "key": one.key,
            "sentence": wording.filled(f"quote.{kind}.{one.key}", one.numbers),
            "numbers": dict(one.numbers),
            "source": one.source or None,
        }
        for one in told
    ]
