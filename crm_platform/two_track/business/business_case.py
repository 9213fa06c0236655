"""Is it a business (事業化の可能性, 000:39-47, 206-209)? What one-off sales can become, from own data or 推論.

From own data, three scenarios of a year: take-up stays as it is in every group of subscribers (慎重); groups below the
middle one come up to it (標準); groups below the own best quarter come up to that (意欲的). With too few one-off buyers
(`two_track_least_buyers`) no such figure is given: the scenarios are the lower quarter, the middle and the upper
quarter of comparable clients, and every number says where it comes from (R36). Without a
comparable case nothing is told (R37).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from crm_platform.clients import Client
from crm_platform.diagnosis.estimates import SHOWN_ERRORS, Estimate, mean
from crm_platform.refusals import Refused
from crm_platform.tables.targets import SUBSCRIPTION_STATES as STATES
from crm_platform.two_track.business.reference_cases import Reference, ReferenceCase, reference_of
from crm_platform.two_track.business.subscriber_year import Cell, SubscriberYear
from crm_platform.two_track.business.take_up import (
    MOST_ALIKE,
    Wholes,
    expected_buyers,
    few_groups_factor,
    has_groups,
    misses,
    spread_of,
)
from crm_platform.two_track.one_off_purchases import is_own_data

OWN_DATA, INFERRED, STOPPED = "own_data", "inferred", "stopped"
_SUBSCRIBERS_NOW = {state: f"@two_track_number.{state}_now" for state in STATES}
REFERENCE_CASE = "reference_case"
RAISED_TO: Mapping[str, float | None] = {"cautious": None, "expected": 0.5, "ambitious": 0.75}
_OF_CASES = {"cautious": 0.25, "expected": 0.5, "ambitious": 0.75}
LEAST_SUBSCRIBERS = 30  # a year before, for rates of the client's own


@dataclass(frozen=True)
class Scenario:
    """One-off sales of a year that the subscribers of today would bring, with a 95 % interval, and where it is from.

    `share_rate` is 都度販売比率: one-off ÷ (subscription + one-off) 売上, the rest staying as in the past year.
    """

    name: str
    source: str
    one_off_sales_jpy: float
    low_jpy: float
    high_jpy: float
    share_rate: float
    share_low_rate: float
    share_high_rate: float


@dataclass(frozen=True)
class BusinessCase:
    """Own data or 推論, the scenarios, the numbers behind them each with its source, and the room for growth.

    `room` is ambitious − cautious with its error, in yen a year; None where it cannot be told. `behind` are today's
    subscribers of groups whose share lies below the best quarter.
    """

    status: str
    buyers_on_file: int
    least_buyers: int
    cases: int
    scenarios: tuple[Scenario, ...]
    numbers: tuple[Mapping[str, Any], ...]
    room: Estimate | None
    behind: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "numbers": [dict(row) for row in self.numbers]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BusinessCase:
        """Read what `to_json` wrote."""
        room = value["room"]
        scenarios = tuple(Scenario(**each) for each in value["scenarios"])
        told = {"scenarios": scenarios, "numbers": tuple(value["numbers"]), "room": Estimate(**room) if room else None}
        return cls(**{**value, **told})


def is_inferred(year: SubscriberYear | None, client: Client) -> bool:
    """Whether too few subscribers have bought one-off for figures of the client's own (推論, R36)."""
    return year is not None and not is_own_data(year.buyers_on_file, client.settings.two_track_least_buyers)


def business_case(year: SubscriberYear, client: Client, others: Sequence[ReferenceCase]) -> BusinessCase:
    """The scenarios of a client with this year; `others` are what **other** clients lend.

    Raises:
        Refused: too few one-off buyers and no reference case: the two-track analysis stops before its report (R37).
    """
    if not is_inferred(year, client):
        return _from_own_data(year, client)
    try:
        if not client.two_track.use_reference_cases:
            raise Refused("reference cases are not asked for.", "Set use_reference_cases = true in [two_track].")
        reference = reference_of(year, client.two_track, others)
    except Refused as refused:
        least = client.settings.two_track_least_buyers
        raise Refused(
            f"subscribers who bought one-off: {year.buyers_on_file}, fewer than two_track_least_buyers = {least}, "
            f"and {refused.problem}",
            refused.remedy,
            column=refused.column or "two_track.use_reference_cases",
        ) from refused
    return _inferred(year, client, reference)


def stopped_case(year: SubscriberYear, refused: Refused) -> dict[str, Any]:
    """What is stored instead of a case that was refused: the notice, for whoever would have made a report (R37)."""
    return {"status": STOPPED, "buyers_on_file": year.buyers_on_file, "notice": str(refused)}


def stopped_notice(document: Mapping[str, Any] | None) -> str | None:
    """Why no two-track report may be made of a stored case; None where it may."""
    return document["notice"] if document is not None and document["status"] == STOPPED else None


# --- from own data ----------------------------------------------------------------------------------------------------


def _from_own_data(year: SubscriberYear, client: Client) -> BusinessCase:
    least = client.settings.two_track_least_buyers
    told = [_state_told(year, state) for state in STATES]
    seen = sum(cell.subscribers for cell in year.cells)
    if seen < LEAST_SUBSCRIBERS:
        return BusinessCase(OWN_DATA, year.buyers_on_file, least, 0, (), _facts(year), None, 0)
    can_compare = any(has_groups(_counts(year.grouped(state))[1]) for state in STATES)
    sales = {name: _sum(states[name] for states in told) for name in (RAISED_TO if can_compare else ("cautious",))}
    scenarios = tuple(_scenario(name, OWN_DATA, year, each, *_ends(each)) for name, each in sales.items())
    return BusinessCase(
        status=OWN_DATA,
        buyers_on_file=year.buyers_on_file,
        least_buyers=least,
        cases=0,
        scenarios=scenarios,
        numbers=(*_facts(year), *_own_rates(year)),
        room=_sum(states["room"] for states in told) if can_compare else None,
        behind=sum(_behind(year.grouped(state)) for state in STATES),
    )


def _state_told(year: SubscriberYear, state: str) -> dict[str, Estimate]:
    """One-off sales of a year by the subscribers of one state: each scenario, and ambitious − cautious (`room`)."""
    cells = year.grouped(state)
    spent = _spending(cells) or _spending(year.cells) or Estimate(0.0, 0.0)
    if not cells:
        return dict.fromkeys((*RAISED_TO, "room"), Estimate(0.0, 0.0))
    buyers, subscribers, now = _counts(cells)
    spread = spread_of(buyers, subscribers)
    missed = misses(spread, subscribers, now, list(RAISED_TO.values()))
    found = {name: expected_buyers(spread, (buyers, subscribers), now, share) for name, share in RAISED_TO.items()}
    wider = few_groups_factor(subscribers)
    found["room"] = found["ambitious"] - found["cautious"]
    errors = {
        name: float(np.sqrt((column**2).mean())) * (1.0 if name == "cautious" else wider)
        for name, column in zip((*RAISED_TO, "room"), (*missed.T, missed[:, -1] - missed[:, 0]), strict=True)
    }
    return {name: _product(Estimate(found[name], errors[name]), spent) for name in found}


def _counts(cells: Sequence[Cell]) -> tuple[Wholes, Wholes, Wholes]:
    columns = [
        [cell.buyers for cell in cells],
        [cell.subscribers for cell in cells],
        [cell.subscribers_now for cell in cells],
    ]
    buyers, subscribers, now = (np.array(column, dtype=np.int64) for column in columns)
    return buyers, subscribers, now


def _behind(cells: Sequence[Cell]) -> int:
    """Today's subscribers of groups that are below the best quarter as far as the data tell."""
    if not cells:
        return 0
    buyers, subscribers, now = _counts(cells)
    spread = spread_of(buyers, subscribers)
    if spread.weight >= MOST_ALIKE:
        return 0
    first, second = spread.ends
    share = (first + buyers) / (first + second + subscribers)
    return int(now[share < spread.quantile(RAISED_TO["ambitious"] or 0.0)].sum())


def _spending(cells: Sequence[Cell]) -> Estimate | None:
    """One-off 売上 of a buyer in the year."""
    sums = [sum(getattr(cell, name) for cell in cells) for name in ("sales_jpy", "squares", "buyers")]
    return mean(*sums)


def _product(buyers: Estimate, spent: Estimate) -> Estimate:
    """Two independent estimates multiplied."""
    error = math.hypot(buyers.value * spent.error, spent.value * buyers.error)
    return Estimate(buyers.value * spent.value, error)


def _sum(parts: Any) -> Estimate:
    listed = list(parts)
    return Estimate(sum(each.value for each in listed), math.hypot(*(each.error for each in listed)))


def _ends(sales: Estimate) -> tuple[float, float]:
    """The 95 % interval of an amount that is above 0: as many times less as more."""
    if sales.value <= 0:
        return 0.0, 0.0
    factor = math.exp(SHOWN_ERRORS * sales.error / sales.value)
    return sales.value / factor, sales.value * factor


# --- inferred ---------------------------------------------------------------------------------------------------------


def _inferred(year: SubscriberYear, client: Client, reference: Reference) -> BusinessCase:
    scenarios = []
    for name, share in _OF_CASES.items():
        middle, low, high = reference.sales_jpy(share)
        scenarios.append(_scenario(name, REFERENCE_CASE, year, Estimate(middle, 0.0), low, high))
    rates = [
        {
            "number": f"@two_track_number.{state}_take_up",
            "rate": reference.rates[f"{state}_rate"],
            "jpy": reference.rates[f"{state}_orders_worth"] * year.subscription_order_jpy,
            "source": f"@two_track_source.{REFERENCE_CASE}",
        }
        for state in STATES
    ]
    least = client.settings.two_track_least_buyers
    numbers = (*_facts(year), *map(_row, rates))
    return BusinessCase(INFERRED, year.buyers_on_file, least, reference.cases, tuple(scenarios), numbers, None, 0)


# --- both -------------------------------------------------------------------------------------------------------------


def _scenario(
    name: str, source: str, year: SubscriberYear, sales: Estimate, low_jpy: float, high_jpy: float
) -> Scenario:
    amounts = (sales.value, low_jpy, high_jpy)
    return Scenario(name, source, *amounts, *(_share(year, amount) for amount in amounts))


def _share(year: SubscriberYear, one_off_jpy: float) -> float:
    """都度販売比率 with so much one-off sales of subscribers; the rest as in the past year."""
    one_off = max(year.in_a_year(year.one_off_sales_of_others_jpy) + one_off_jpy, 0.0)
    both = max(year.in_a_year(year.subscription_sales_jpy), 0) + one_off
    return one_off / both if both else 0.0


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"customers": None, "rate": None, "jpy": None, **row}


def subscribers_now(document: Mapping[str, Any]) -> int:
    """Customers with a subscription, running or stopped, as the case counted them."""
    wanted = set(_SUBSCRIBERS_NOW.values())
    return sum(row["customers"] for row in document["numbers"] if row["number"] in wanted)


def _facts(year: SubscriberYear) -> tuple[dict[str, Any], ...]:
    """What was counted and added up of the client's own data; no model is in it."""
    own = {"source": f"@two_track_source.{OWN_DATA}"}
    counted = [{"number": number, "customers": year.now(state), **own} for state, number in _SUBSCRIBERS_NOW.items()]
    amounts = {
        "subscription_sales": year.subscription_sales_jpy,
        "one_off_sales": year.one_off_sales_jpy,
        "one_off_sales_of_others": year.one_off_sales_of_others_jpy,
        "subscription_order": year.subscription_order_jpy,
    }
    added = [{"number": f"@two_track_number.{name}", "jpy": jpy, **own} for name, jpy in amounts.items()]
    on_file = {"number": "@two_track_number.buyers_on_file", "customers": year.buyers_on_file, **own}
    return tuple(map(_row, [*counted, on_file, *added]))


def _own_rates(year: SubscriberYear) -> tuple[dict[str, Any], ...]:
    rows = []
    for state in STATES:
        cells = year.of_state(state)
        seen, buyers = (sum(getattr(cell, name) for cell in cells) for name in ("subscribers", "buyers"))
        spent = _spending(cells)
        row = {
            "number": f"@two_track_number.{state}_take_up",
            "customers": seen,
            "rate": buyers / seen if seen else None,
            "jpy": spent.value if spent else None,
            "source": f"@two_track_source.{OWN_DATA}",
        }
        rows.append(_row(row))
    return tuple(rows)
