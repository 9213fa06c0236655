"""Quotes (見積): the fee of a service for a client, by the published price list, with the rule that gave it.

Belongs here: prices and limits (`price_list.toml` alone), a client's size by which they go, and the rule. Does not:
looking up what was delivered when, and the words in which a rule is told.
"""

from crm_platform.quotes.fee_basis import FeeBasis, fee_basis
from crm_platform.quotes.price_list import SERVICES, PriceList
from crm_platform.quotes.quote import Line, Quote, Told, Use, quote

__all__ = ["SERVICES", "FeeBasis", "Line", "PriceList", "Quote", "Told", "Use", "fee_basis", "quote"]
