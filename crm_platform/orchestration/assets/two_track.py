"""The two tracks (定期 × 都度) as assets: whom to win for one-off purchases, is it a business, the findings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import ibis
import pyarrow as pa

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.orchestration.assets.diagnosis import OF_THE_MONTH, contact_timing_of, inputs_of, verdicts
from crm_platform.orchestration.assets.segments import book_digest
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.delivered_history import delivered_digests, delivered_until
from crm_platform.orchestration.further_checks import Check, FurtherChecks, Verdict
from crm_platform.orchestration.nothing_without import nothing_without
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.orchestration.reference_cases import TWO_TRACK_YEAR, lent_cases, lent_digest
from crm_platform.orchestration.term_models import as_it_was
from crm_platform.periods import Term
from crm_platform.refusals import Refused
from crm_platform.tables import TABLES, Fault
from crm_platform.two_track import business
from crm_platform.two_track import targets as one_off
from crm_platform.two_track.left_out import left_out_of, why_left_out
from crm_platform.two_track.turns import turns_of
from crm_platform.two_track.two_track_diagnosis import two_track_diagnosis as diagnosis_of_tracks

_SUBSCRIBERS = {
    "customer_days": Reads.UP_TO_MONTH,
    **dict.fromkeys(("subscriptions", "known_subscription_events", "products", "media"), Reads.SAME_MONTH),
}


def model_in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """From how many subscribers the one-off sales are foretold."""
    if document is None:
        return {}
    names = ("subscribers", "buyers", "lessons", "buyers_learned")
    return {**{name: document[name] for name in names}, "origins": len(document["origins"])}


def carried_one_off_model(at: ClientMonth, document: Any) -> Any:
    """The model that the term began with, for the six months after this one."""
    model = one_off.OneOffForecast.from_json(document)
    return model.carried_to(at.as_of, Term.after(at.as_of).days).to_json()


@client_month_asset(
    Recipe("one_off_model", "two_track", _SUBSCRIBERS, settings=everything, carry=carried_one_off_model),
    describe=model_in_short,
)
@nothing_without("subscriptions", None)
def one_off_model(at: ClientMonth) -> Any:
    """The frozen model of subscribers' one-off sales (都度), learned from own earlier origins; null where none buys."""
    model = one_off.fit_one_off_forecast(_known(at), at.as_of, Term.after(at.as_of).days)
    return model.to_json() if model else None


@client_month_asset(
    Recipe(
        "one_off_candidates",
        "two_track",
        {**_SUBSCRIBERS, "customer_product_months": Reads.UP_TO_MONTH, "one_off_model": Reads.SAME_MONTH},
        settings=everything,
    )
)
@nothing_without("subscriptions", TABLES["one_off_candidates"].empty())
def one_off_candidates(at: ClientMonth) -> pa.Table:
    """Every subscriber: 継続中 or 解約, 顕在 or 潜在, the one-off sales to expect and the group to offer (R30, R31)."""
    known, stored = _known(at), at.document("one_off_model")
    model = one_off.OneOffForecast.from_json(stored) if stored else None
    margins = one_off.group_margins(at.past("customer_product_months"), at.expression("products"), known.goods)
    return one_off.one_off_candidates(known, model, margins, at.client.settings, at.as_of, Term.after(at.as_of).days)


@client_month_asset(Recipe("targets", "two_track", {"one_off_candidates": Reads.SAME_MONTH}))
def targets(at: ClientMonth) -> pa.Table:
    """Whom to contact for one-off purchases (都度), the best first; a row per target (R32, R34)."""
    return one_off.targets(at.arrow("one_off_candidates"))


def targets_in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """How much the latest former list captured, and by how much it led."""
    if not document:
        return {}
    latest = document["origins"][0]
    leads = {f"lead_over_{name}": lead for name, lead in latest["leads"].items() if lead is not None}
    found = {"backtest_as_of": latest["as_of"], "captured": latest["captured"]["ours"], "bias": latest["bias"]}
    return {name: value for name, value in found.items() if value is not None} | leads


@client_month_asset(
    Recipe("targets_backtest", "two_track", _SUBSCRIBERS, settings=everything, carry=as_it_was),
    describe=targets_in_short,
)
@nothing_without("subscriptions", None)
def targets_backtest(at: ClientMonth) -> Any:
    """What the first fifth of former lists of targets captured, beside recency, RFM and past one-off sales (R32)."""
    return one_off.backtest_targets(_known(at), at.as_of, Term.after(at.as_of).days)


def _known(at: ClientMonth) -> one_off.KnownSubscribers:
    """What is known of the client's subscribers."""
    tables = {name: at.expression(name) for name, reads in _SUBSCRIBERS.items() if reads is Reads.SAME_MONTH}
    return one_off.KnownSubscribers.at(
        at.past("customer_days"),
        tables["subscriptions"],
        tables["known_subscription_events"],
        tables["products"],
        tables["media"],
        at.as_of,
        at.client.settings.subscription_silent_cycles,
    )


# --- is it a business? ------------------------------------------------------------------------------------------------

HAS_A_CASE = "has_a_case"
_CASE_MEANING = (
    "Own one-off buyers or comparable reference cases to rest on (R36); without either no two-track report is made "
    "(R37). Other reports are, which a blocking check would skip as well: so the stored status stops it"
)


def year_in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """How many subscribers the year rests on."""
    if document is None:
        return {}
    names = ("first_month", "last_month", "buyers_on_file", "subscription_sales_jpy", "one_off_sales_jpy")
    return {name: document[name] for name in names}


@client_month_asset(
    Recipe(
        TWO_TRACK_YEAR,
        "two_track",
        {
            **dict.fromkeys(("customer_days", "customer_months"), Reads.UP_TO_MONTH),
            **dict.fromkeys(("subscriptions", "known_subscription_events", "products", "media"), Reads.SAME_MONTH),
        },
        settings=lambda client: client.settings.subscription_silent_cycles,
    ),
    describe=year_in_short,
)
def two_track_year(at: ClientMonth) -> Any:
    """Twelve closed months of one-off purchases of those who had subscribed before; null without subscriptions."""
    closed = [month.first_day for month in at.history_months if month.last_day <= at.as_of]
    subscriptions, events = at.expression("subscriptions"), at.expression("known_subscription_events")
    past = business.Past(
        at.past("customer_months"),
        at.past("customer_days"),
        subscriptions,
        turns_of(subscriptions, events, at.as_of, at.client.settings.subscription_silent_cycles),
        at.expression("products"),
        at.expression("media"),
    )
    year = business.subscriber_year(past, closed[-12:], at.as_of) if closed else None
    return year.to_json() if year else None


def _year_of(at: ClientMonth) -> business.SubscriberYear | None:
    stored = at.document(TWO_TRACK_YEAR)
    return business.SubscriberYear.from_json(stored) if stored else None


def two_tracks_add_up(at: ClientMonth, rows: pa.Table) -> list[Fault]:
    """A fault where the two parts are not the LTV so far, or LTV and bulk not the sales of the order lines (R35)."""
    return business.conservation_faults(rows, at.past("customer_months"))


@client_month_asset(
    Recipe(
        "two_track_values",
        "two_track",
        {
            "customer_months": Reads.UP_TO_MONTH,
            **dict.fromkeys(("forecasts", "subscriptions", TWO_TRACK_YEAR), Reads.SAME_MONTH),
        },
        settings=lambda client: client.settings.two_track_least_buyers,
    ),
    conserve=two_tracks_add_up,
)
def two_track_values(at: ClientMonth) -> Any:
    """LTV of every customer on both tracks (定期＋都度): so far and six months on; bulk sales apart (R24, R35)."""
    return business.two_track_values(
        at.past("customer_months"),
        at.expression("forecasts"),
        at.expression("subscriptions"),
        is_inferred=business.is_inferred(_year_of(at), at.client),
    )


def case_verdicts(_: ClientMonth, document: Any) -> dict[str, Verdict]:
    """Whether there is a case to rest on; a client without subscriptions needs none."""
    if document is None:
        return {}
    stopped = business.stopped_notice(document)
    counted = {"status": document["status"], "buyers_on_file": document["buyers_on_file"]}
    return {HAS_A_CASE: Verdict(stopped is None, {**counted, **({"reason": stopped} if stopped else {})})}


@client_month_asset(
    Recipe(
        "two_track_business",
        "two_track",
        {TWO_TRACK_YEAR: Reads.SAME_MONTH},
        settings=everything,
        further_inputs=lent_digest,
    ),
    checks=FurtherChecks([Check(HAS_A_CASE, _CASE_MEANING, dg.AssetCheckSeverity.ERROR)], case_verdicts),
)
def two_track_business(at: ClientMonth) -> Any:
    """What one-off sales can become: own data, 推論 from reference cases, or stopped for want of either (R36, R37)."""
    year = _year_of(at)
    if year is None:
        return None
    try:
        return business.business_case(year, at.client, lent_cases(at)).to_json()
    except Refused as refused:
        return business.stopped_case(year, refused)


# --- the report's findings --------------------------------------------------------------------------------------------

_PAST = ("customer_days", "customer_months", "customer_product_months", "product_months", "media_months")
_PAST_OF_TRACKS = ("subscription_deliveries",)
_TABLES_OF_TRACKS = (
    "subscriptions",
    "known_subscription_events",
    "three_s_months",
    "stop_warnings",
    "one_off_candidates",
    "targets",
    "two_track_values",
)
_DOCUMENTS_OF_TRACKS = (
    "one_off_model",
    "targets_backtest",
    "two_track_business",
    "three_s_design_effects",
    "continuation_curves",
    "stop_risk",
)


def verdicts_or_reason(at: ClientMonth, document: Any) -> dict[str, Any]:
    """How many findings came to which verdict, or why there is no report."""
    left_out = left_out_of(document)
    return verdicts(at, document) if left_out is None else {"left_out": left_out.reason, **left_out.numbers}


def what_the_tracks_read(at: ClientMonth) -> dict[str, str]:
    """Digests of the book in force, and of contacts and events of subscriptions as delivered."""
    return {**book_digest(at), **delivered_digests(at)}


@client_month_asset(
    Recipe(
        "two_track_diagnosis",
        "two_track",
        {
            **dict.fromkeys((*_PAST, *_PAST_OF_TRACKS), Reads.UP_TO_MONTH),
            **dict.fromkeys((*OF_THE_MONTH, *_TABLES_OF_TRACKS, *_DOCUMENTS_OF_TRACKS), Reads.SAME_MONTH),
            "contact_timing": Reads.SAME_MONTH,
        },
        settings=everything,
        further_inputs=what_the_tracks_read,
    ),
    describe=verdicts_or_reason,
)
def two_track_diagnosis(at: ClientMonth) -> Any:
    """Findings of the two tracks (定期もTudomo): 3S, targets, business, contact dates; or why there are none (R37)."""
    case, settings = at.document("two_track_business"), at.client.settings
    left_out = why_left_out(at.arrow("subscriptions").num_rows, case, settings.two_track_least_buyers)
    if left_out:
        return left_out.to_json()
    return diagnosis_of_tracks(two_track_inputs(at), contact_timing_of(at)).to_json()


def two_track_inputs(at: ClientMonth) -> DiagnosisInputs:
    """What the two tracks read beyond the second opinion."""
    delivered = delivered_until(at)
    return replace(
        inputs_of(at),
        **{name: at.past(name) for name in _PAST_OF_TRACKS},
        **{name: at.expression(name) for name in _TABLES_OF_TRACKS},
        **{name: at.document(name) for name in _DOCUMENTS_OF_TRACKS},
        **{name: ibis.memtable(rows) for name, rows in delivered.items()},
    )
