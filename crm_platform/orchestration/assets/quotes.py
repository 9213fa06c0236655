"""What a client's month and project say of its fees, and the month's `quote.json` (R140-R147)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm_platform.intake.admission.specification import compared_with_last
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.gates import ledger_of
from crm_platform.periods import Month
from crm_platform.projects import DeliveryRecord
from crm_platform.quotes import SERVICES, PriceList, Use, fee_basis, quote
from crm_platform.reports import Wording, quote_document, quote_json
from crm_platform.reports.quote_json import FILE_NAME

Receipt = Mapping[str, Any]


def month_quote(at: ClientMonth) -> dict[str, bytes]:
    """`quote.json`: every service as of the month's last day with data."""
    basis = fee_basis(
        at.past("order_lines"), at.expression("customers"), at.as_of, at.as_of, at.client.business_year_start_month
    )
    use = use_on(at.data, at.as_of, last_delivered_on(deliveries_of(at.data), at.as_of, before=at.month))
    prices = PriceList.published()
    quotes = [quote(service, basis, use, prices) for service in SERVICES]
    return {FILE_NAME: quote_json(quote_document(quotes, basis, use, at.client.id, Wording.of(at.client.language)))}


def deliveries_of(data: ClientData) -> tuple[DeliveryRecord, ...]:
    """What was handed over to the client (納品), as recorded."""
    return ledger_of(data.platform, data.client).deliveries


def last_delivered_on(deliveries: Iterable[DeliveryRecord], on: dt.date, before: Month | None = None) -> dt.date | None:
    """The last 納品日 up to `on`; with `before`, of earlier months only: a month's own delivery is no former use."""
    months = (one for one in deliveries if before is None or Month.parse(one.month) < before)
    return max((one.delivered_on for one in months if one.delivered_on <= on), default=None)


def use_on(
    data: ClientData, on: dt.date, former_delivery_on: dt.date | None, retained_months: int | None = None
) -> Use:
    """The use on a day after a former one, by what the receipts say of the data."""
    receipts = [delivery.receipt for delivery in data.deliveries]
    return Use(
        on=on,
        former_delivery_on=former_delivery_on,
        same_spec=None if former_delivery_on is None else same_spec_since(receipts, former_delivery_on),
        standard_layout=receipts[-1]["special_format"],
        retained_months=retained_months,
        processing=tuple(receipts[-1]["processing_reasons"]),
    )


def same_spec_since(receipts: Sequence[Receipt], delivered_on: dt.date) -> bool | None:
    """Whether all that came after the day came as it had come for the use delivered on it (R13); None where none did.

    A use rests on the first files at least, whatever day was recorded for it.
    """
    before = [one for one in receipts if dt.date.fromisoformat(one["examined_on"]) <= delivered_on] or receipts[:1]
    since = receipts[len(before) :]
    return all(compared_with_last(one["files"], before)[0] is not False for one in since) if since else None
