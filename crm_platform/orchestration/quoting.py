"""A quote on any day, out of the deliveries alone: also before a contract, while nothing may be analysed yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis

from crm_platform.orchestration.assets.quotes import deliveries_of, last_delivered_on, use_on
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.platform import Platform
from crm_platform.quotes import PriceList, fee_basis, quote
from crm_platform.refusals import Refused
from crm_platform.reports import Wording, quote_document
from crm_platform.reports.quote_json import Document


def quotes_on(
    platform: Platform, client_id: str, services: Sequence[str], on: dt.date, retained_months: int | None = None
) -> Document:
    """The quotes of `services` on the day `on` (see `quote_document`), by what is known of the orders up to it.

    Nothing is stored. Refused where the client delivered nothing, or no order up to that day.
    """
    data = ClientData(platform, platform.catalogue.load(client_id))
    if on < data.data_from:
        raise Refused(
            f"'{client_id}' has data from {data.data_from} on, none by {on}.", "Quote a later day.", column="--on"
        )
    lines, customers = (ibis.memtable(data.merged[name]) for name in ("order_lines", "customers"))
    basis = fee_basis(lines, customers, min(on, data.data_to), on, data.client.business_year_start_month)
    use = use_on(data, on, last_delivered_on(deliveries_of(data), on), retained_months)
    prices = PriceList.published()
    quotes = [quote(service, basis, use, prices) for service in services]
    return quote_document(quotes, basis, use, client_id, Wording.of(data.client.language))
