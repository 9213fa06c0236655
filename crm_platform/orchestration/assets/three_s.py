"""The 3S of subscriptions (定期の3S, R33) as assets: counts and rates, continuation curves, early warning."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.orchestration.assets.subscriptions import silent_cycles
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.nothing_without import nothing_without
from crm_platform.orchestration.recipe import Reads, Recipe
from crm_platform.orchestration.term_models import as_it_was
from crm_platform.tables import TABLES, Fault
from crm_platform.two_track import three_s as stops

_PAST = {
    "subscription_deliveries": Reads.UP_TO_MONTH,
    **dict.fromkeys(("subscriptions", "known_subscription_events"), Reads.SAME_MONTH),
}
_COUNTED_FROM = {**_PAST, "subscription_cycles": Reads.SAME_MONTH}
_OTHERS = {"customer_history": Reads.SAME_MONTH, "customer_days": Reads.UP_TO_MONTH}
_COUNTED = {"skips": "skip", "switches": "switch", "stops": "stop", "resumes": "resume"}


def every_event_once(at: ClientMonth, rows: pa.Table) -> list[Fault]:
    """A fault for each kind of event of which more or fewer are counted than are known."""
    known = at.arrow("known_subscription_events")["event"]
    faults = []
    for column, event in _COUNTED.items():
        counted, there = pc.sum(rows[column]).as_py() or 0, pc.sum(pc.equal(known, event)).as_py() or 0
        if counted != there:
            faults.append(Fault(column, "every known event once", 1, (f"{counted} instead of {there}",)))
    return faults


@client_month_asset(
    Recipe("three_s_months", "two_track", _COUNTED_FROM, settings=silent_cycles), conserve=every_event_once
)
@nothing_without("subscriptions", TABLES["three_s_months"].empty())
def three_s_months(at: ClientMonth) -> pa.Table:
    """Skip, switch, stop and resume by month × cycle × course × product × medium, and those at risk (定期の3S, R33)."""
    return stops.three_s_months(_past(at), at.expression("subscription_cycles"))


@client_month_asset(Recipe("three_s_design_effects", "two_track", _COUNTED_FROM, settings=silent_cycles))
def three_s_design_effects(at: ClientMonth) -> Any:
    """How much less sure the rates of the 3S are because the same subscriptions skip again and again."""
    return stops.design_effects(_past(at), at.expression("subscription_cycles"))


@client_month_asset(
    Recipe("continuation_curves", "two_track", dict.fromkeys(("three_s_months", "subscriptions"), Reads.SAME_MONTH))
)
def continuation_curves(at: ClientMonth) -> Any:
    """Continuation curves (継続率) by course and product, their forecast, deliveries left; null where none is over."""
    return stops.continuation_curves(at.expression("three_s_months"), at.expression("subscriptions"), at.as_of)


def risk_in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """From how much the risk was learned, and which signs are proven."""
    if not document or not document["model"]:
        return {}
    model = document["model"]
    return {"rows": model["rows"], "stops": model["stops"], "proven": ", ".join(model["proven"])}


@client_month_asset(
    Recipe("stop_risk", "two_track", {**_PAST, **_OTHERS}, settings=silent_cycles, carry=as_it_was),
    describe=risk_in_short,
)
@nothing_without("subscriptions", {"model": None, "backtest": None})
def stop_risk(at: ClientMonth) -> Any:
    """The chance to stop after a delivery, learned from the client's own past, and how former warnings came true."""
    known = stops.lessons(_past(at), _others(at))
    model = stops.fit_stop_risk(known.deliveries, at.as_of)
    return {"model": model.to_json() if model else None, "backtest": stops.backtest_warnings(known, at.as_of)}


@client_month_asset(
    Recipe(
        "stop_warnings",
        "two_track",
        {**_PAST, **_OTHERS, **dict.fromkeys(("stop_risk", "continuation_curves"), Reads.SAME_MONTH)},
        settings=silent_cycles,
    )
)
@nothing_without("subscriptions", TABLES["stop_warnings"].empty())
def stop_warnings(at: ClientMonth) -> pa.Table:
    """Every continuing subscription with its risk to stop, the sign that says so and what is at stake (R33)."""
    stored = at.document("stop_risk")["model"]
    model = stops.StopRisk.from_json(stored) if stored else None
    return stops.stop_warnings(_past(at), _others(at), model, at.document("continuation_curves"))


def _past(at: ClientMonth) -> stops.KnownPast:
    return stops.KnownPast(
        at.past("subscription_deliveries"),
        at.expression("subscriptions"),
        at.expression("known_subscription_events"),
        at.as_of,
        silent_cycles(at.client),
    )


def _others(at: ClientMonth) -> stops.Subscribers:
    return stops.Subscribers(at.expression("customer_history"), at.past("customer_days"))
