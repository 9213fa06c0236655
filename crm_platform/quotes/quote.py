"""The fee of a service (ご利用料金, 税別) and the rule of the price list that gave it (R140-R147)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm_platform.periods.term import plus_months
from crm_platform.quotes.fee_basis import FeeBasis
from crm_platform.quotes.price_list import AlertPrices, Price, PriceList, Tier, TieredPrices

Number = str | int


@dataclass(frozen=True)
class Use:
    """The use that is quoted: on which day, after which delivery, with data of which form.

    `former_delivery_on`: the last 納品日 before, None at the first use. `same_spec`: whether the data came as they had
    come for that use (R13), None while they have not come. `standard_layout`: 当社が指定する仕様 (R10).
    `retained_months`: months of data retention to pay, None without retention. `processing`: what of the client's data
    must be processed, not only mapped (加工, R09).
    """

    on: dt.date
    former_delivery_on: dt.date | None = None
    same_spec: bool | None = None
    standard_layout: bool = False
    retained_months: int | None = None
    processing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """A sentence by its key, with the numbers it asks for and the line of the seed behind it; no words."""

    key: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class Line:
    """An item of the quote by its key; a discount is negative."""

    item: str
    amount_jpy: int


@dataclass(frozen=True)
class Quote:
    """The fee of `service`, tax excluded: lines, none where the price list ends (個別見積).

    `rule`: which row and which column of the list, and why. `provisional`: why the fee may change once more is known.
    `notes`: readings of the list. `not_included`: what is estimated or charged apart.
    """

    service: str
    lines: tuple[Line, ...]
    rule: tuple[Told, ...]
    provisional: tuple[Told, ...] = ()
    notes: tuple[Told, ...] = ()
    not_included: tuple[Told, ...] = ()

    @property
    def total_jpy(self) -> int | None:
        """The fee; None where it is quoted individually."""
        return sum(line.amount_jpy for line in self.lines) if self.lines else None

    @property
    def rule_key(self) -> str:
        """The rule as one word: `up_to.repeat_use`."""
        return ".".join(told.key for told in self.rule)


def quote(service: str, basis: FeeBasis, use: Use, prices: PriceList) -> Quote:
    """The fee of `service`, one of SERVICES, by the price list.

    ValueError for another service, for a former delivery after the day, and for retention of less than a month.
    """
    if use.former_delivery_on and use.former_delivery_on > use.on:
        raise ValueError(f"the former delivery, {use.former_delivery_on}, is later than the quote of {use.on}")
    if use.retained_months is not None and use.retained_months < 1:
        raise ValueError(f"data are retained for a month at least, not for {use.retained_months}")
    if service == "shopping_alert":
        return _alert_quote(use, prices.shopping_alert)
    if service not in prices.tiered:
        raise ValueError(f"there is no service '{service}' in the price list")
    return _tiered_quote(service, basis, use, prices.tiered[service])


# --- by the amount of the year ----------------------------------------------------------------------------------------


def _tiered_quote(service: str, basis: FeeBasis, use: Use, prices: TieredPrices) -> Quote:
    tier, beyond = prices.tier(basis.ordered_jpy), _beyond_the_list(basis, prices)
    doubts, notes = _doubts_of_the_year(basis), _notes(use, prices)
    extras = tuple(Told(key, {}, source) for key, source in prices.not_included.items())
    if tier is None or beyond:
        return Quote(service, (), tuple(beyond), doubts, notes, extras)
    column = _column(use, prices)
    item, price = ("repeat", tier.repeat) if column.key.startswith("repeat") else ("first", tier.first)
    row = Told(tier.bound, {**_amount(basis), "limit_jpy": tier.limit_jpy}, price.source)
    unseen = (Told("specification_unseen"),) if column.key == "repeat_if_same" else ()
    rule = (row, column, *_both_readings(tier, price, basis))
    return Quote(service, (Line(item, price.jpy),), rule, (*doubts, *unseen), notes, extras)


def _beyond_the_list(basis: FeeBasis, prices: TieredPrices) -> list[Told]:
    """Why the list has no price for the client (個別見積); empty where it has."""
    found, most = [], prices.most_customers
    if most is not None and basis.customers > most:
        size: dict[str, Number] = {"customers": basis.customers, "most_customers": most}
        found.append(Told("too_many_customers", size, prices.most_customers_source))
    if prices.tier(basis.ordered_jpy) is None:
        amount = {**_amount(basis), "limit_jpy": prices.tiers[-1].limit_jpy}
        found.append(Told("above_list", amount, prices.above_list_source))
    return found


def _column(use: Use, prices: TieredPrices) -> Told:
    """First price or repeat price, and why: the window's last day belongs to it (J3)."""
    if use.former_delivery_on is None:
        return Told("first_use")
    until = plus_months(use.former_delivery_on, prices.repeat_within_months)
    days = {"former_on": use.former_delivery_on.isoformat(), "until": until.isoformat(), "on": use.on.isoformat()}
    numbers: dict[str, Number] = {**days, "months": prices.repeat_within_months}
    if use.on > until:
        return Told("first_again_after_window", numbers, prices.repeat_source)
    if use.same_spec is False:
        return Told("first_again_other_specification", numbers, prices.specification_source)
    key = "repeat_use" if use.same_spec else "repeat_if_same"
    return Told(key, numbers, prices.repeat_source)


def _both_readings(tier: Tier, price: Price, basis: FeeBasis) -> tuple[Told, ...]:
    """At a limit on which the list contradicts itself: what is followed, and what else is said (J1)."""
    if tier.contradicted_by is None or basis.ordered_jpy != tier.limit_jpy:
        return ()
    sources = ", ".join(filter(None, (price.source, tier.contradicted_by, tier.decided_by)))
    return (Told("both_readings", {"limit_jpy": tier.limit_jpy}, sources),)


def _doubts_of_the_year(basis: FeeBasis) -> tuple[Told, ...]:
    numbers = {**_amount(basis), "months": basis.months_with_lines}
    doubts = {
        "no_closed_year": not basis.is_business_year,
        "part_of_year": basis.is_business_year and not basis.is_whole,
        "newer_year_closed": not basis.is_latest_year,
    }
    return tuple(Told(key, numbers) for key, doubted in doubts.items() if doubted)


def _amount(basis: FeeBasis) -> dict[str, Number]:
    months = {"first_month": str(basis.first_month), "last_month": str(basis.last_month)}
    return {"ordered_jpy": basis.ordered_jpy, **months}


def _notes(use: Use, prices: TieredPrices) -> tuple[Told, ...]:
    notes = [Told("amount", {}, prices.amount_source)]
    if use.processing:
        notes.append(Told("processing_needed", {"steps": len(use.processing)}, prices.not_included["processing"]))
    if use.former_delivery_on and prices.window_begins_with == "use":
        notes.append(Told("use_is_delivery", {}, prices.repeat_source))
    return tuple(notes)


# --- the shopping alert -----------------------------------------------------------------------------------------------


def _alert_quote(use: Use, prices: AlertPrices) -> Quote:
    """By how the data come; retention presupposes a former use, of which something is kept (R145, R146)."""
    if use.retained_months is not None and use.former_delivery_on is not None:
        return _continued_quote(use.retained_months, prices)
    lines = [Line("standard", prices.standard.jpy)]
    rule = Told("standard", {}, prices.standard.source)
    if use.standard_layout:
        discount = prices.standard_layout_discount
        lines.append(Line("standard_layout_discount", -discount.jpy))
        rule = Told("standard_layout", {"discount_jpy": discount.jpy}, discount.source)
    nothing_yet = (Told("nothing_retained_yet"),) if use.retained_months is not None else ()
    offer = Told("retention_on_offer", _retention(prices), _sources(prices.retention_per_month, prices.continued))
    return Quote("shopping_alert", tuple(lines), (rule,), (), (*nothing_yet, offer))


def _continued_quote(months: int, prices: AlertPrices) -> Quote:
    sources = _sources(prices.retention_per_month, prices.continued)
    rule = Told("retained", {**_retention(prices), "months": months}, sources)
    instead = {"crossed_out_jpy": prices.continued_instead_of.jpy, "per_use_jpy": prices.continued.jpy}
    reading = Told("crossed_out", instead, prices.continued_instead_of.source)
    lines = (Line("retention", months * prices.retention_per_month.jpy), Line("continued", prices.continued.jpy))
    return Quote("shopping_alert", lines, (rule,), (), (reading,))


def _sources(*prices: Price) -> str:
    return ", ".join(price.source for price in prices)


def _retention(prices: AlertPrices) -> dict[str, Number]:
    return {"per_month_jpy": prices.retention_per_month.jpy, "per_use_jpy": prices.continued.jpy}
