"""Why subscribers stop, and after which delivery (解約理由, R124): reason × cycle × product and course."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.clients import Client
from crm_platform.clients.mapping import with_preset
from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit, client_word
from crm_platform.diagnosis.groundwork.cohorts import Sums, over, year_on_year, year_to
from crm_platform.diagnosis.groundwork.product_levels import product_names
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS, index_column
from crm_platform.diagnosis.trends import share
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.intake.guard.shown_values import is_shown_reason

KEPT_DAYS = 180  # judged is who still runs so long after the start
KNOWN_AFTER_MONTHS = 4  # a silent stop is known only after its missed cycles
LAST_CYCLE = 12  # later deliveries are shown together with it
LEAST_STOPS, CODES_SHOWN = 5, 8  # a rarer text may be written by hand: その他 (R124)
_GROUPS_SHOWN = 15
_OTHER, _SILENT, _UNNAMED = "@stop_reason.other", "@stop_reason.silent", "@stop_reason.unnamed"


def stop_reasons(inputs: DiagnosisInputs) -> Finding | None:
    """The share of new subscriptions still running 180 days after their start; why and when the others stopped (R124).

    Judged are the starts of the last year with those days and four months behind them (a silent stop is dated on the
    day of the missed delivery, and known later), against the year before and over half-years (R61). Subscriptions
    that began before the data are in the tables of reasons, not among the starts. At stake: the running subscriptions
    missing in half a year × one purchase. Shown are reasons that the client's mapping declares, codes, and words of
    such reasons (see `is_shown_reason`); whatever else stands there, or fewer than five stops name, may be written by
    hand or be a name, and is shown as その他. None where the client has no subscriptions.
    """
    subscriptions, events = inputs.subscriptions, inputs.known_subscription_events
    if subscriptions is None or events is None:
        return None
    stops = stop_rows(subscriptions, events, declared_reasons(inputs.client))
    cycles = cycle_rows(subscriptions, stops)
    if not cycles:
        return None
    monthly = started_rows(subscriptions, events)
    last = inputs.closed_index - HALF_YEAR_MONTHS - KNOWN_AFTER_MONTHS + 1
    judged = year_on_year(inputs, monthly, last, kept_rate, "rate")
    now = over(monthly, year_to(inputs, last)) or {"customers": 0}
    worst = max(_judgeable(cycles), key=lambda row: (row["stop_rate"], -row["cycle_no"]), default=None)
    leading = _leading(inputs, stops)
    waiting = _at_cycle(subscriptions, worst["cycle_no"]) if worst else 0
    expected_jpy = round(waiting * inputs.response_rate * inputs.order_value_jpy)
    effect_jpy = round(judged.shortfall * now["customers"] / 2 * inputs.order_value_jpy) or None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "starts": round(now["customers"]),
        "kept_days": KEPT_DAYS,
        "kept_rate": judged.now.value if judged.now else None,
        "kept_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "stops": leading["stops"],
        "leading_reason": leading["reason"],
        "leading_rate": leading["rate"],
        "worst_cycle": worst["cycle_no"] if worst else None,
        "worst_rate": worst["stop_rate"] if worst else None,
        "least_stops": LEAST_STOPS,
        "waiting_customers": waiting,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="stop_reasons",
        chapter="repeat",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(cycles, reason_rows(stops, cycles), group_rows(inputs, subscriptions, stops)),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=waiting,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.at_worst_cycle", waiting, "@action_channel.insert_phone", expected_jpy),
        sources=("subscriptions", "known_subscription_events", "customer_history", "products"),
    )


def kept_rate(sums: Sums) -> Estimate | None:
    """Share of the started subscriptions that had not stopped by KEPT_DAYS after their start."""
    return proportion(sums["kept"], sums["customers"])


def started_rows(subscriptions: ibis.Table, events: ibis.Table) -> list[dict[str, Any]]:
    """By month of the start (`cohort`): subscriptions that began within the data (`customers`), and `kept` of them."""
    began = subscriptions.filter(_.first_cycle_no == 1).select("subscription_id", "started_on")
    first_stops = events.filter(_.event == "stop").group_by("subscription_id").agg(first_stop_on=_.occurred_on.min())
    joined = began.left_join(first_stops, "subscription_id")
    is_early = joined.first_stop_on.delta(joined.started_on, unit="day") < KEPT_DAYS
    facts = joined.select(cohort=index_column(joined.started_on), is_kept=~is_early.fill_null(False))
    grouped = facts.group_by("cohort").agg(customers=_.count(), kept=_.is_kept.sum())
    return rows(grouped.order_by("cohort"))


def declared_reasons(client: Client) -> frozenset[str]:
    """The meanings in the client's code table of reasons (`[tables.subscription_events.codes.reason_code]`)."""
    tables = with_preset(client.intake, f"{client.id}.toml").get("tables", {})
    codes = tables.get("subscription_events", {}).get("codes", {}).get("reason_code", {})
    return frozenset(codes.values())


def stop_rows(
    subscriptions: ibis.Table, events: ibis.Table, declared: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """Stops by `reason` (a key or the client's code), `cycle_no` to LAST_CYCLE, `product_id`, `course`, month index.

    `declared`: reasons that are shown as the client wrote them.
    """
    of = subscriptions.select("subscription_id", "product_id", "course")
    stops = events.filter(_.event == "stop").inner_join(of, "subscription_id")
    cycle_no = ibis.least(ibis.greatest(stops.cycle_no, 1), LAST_CYCLE)
    counted = stops.group_by(
        "reason_code", "source", "product_id", "course", cycle_no=cycle_no, month=index_column(stops.occurred_on)
    ).agg(stops=_.count())
    found = rows(counted.order_by("reason_code", "source", "product_id", "course", "cycle_no", "month"))
    names = _shown_codes(found, declared)
    return [{**row, "reason": _reason(row, names)} for row in found]


def cycle_rows(subscriptions: ibis.Table, stops: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per cycle to LAST_CYCLE: subscriptions that reached it, stops after it, their rate."""
    spans = [_.count(where=(_.first_cycle_no <= n) & (_.last_cycle_no >= n)) for n in range(1, LAST_CYCLE + 1)]
    reached = one_row(subscriptions.agg(**{str(n): span for n, span in enumerate(spans, start=1)}))
    stopped = _summed(stops, "cycle_no")
    return [
        {
            "cycle_no": n,
            "reached": reached[str(n)],
            "stops": stopped.get(n, 0),
            "stop_rate": min(stopped.get(n, 0) / reached[str(n)], 1.0),
        }
        for n in range(1, LAST_CYCLE + 1)
        if reached[str(n)]
    ]


def reason_rows(stops: list[dict[str, Any]], cycles: list[dict[str, Any]]) -> list[Row]:
    """Per reason and cycle below LAST_CYCLE: `stops` ÷ the subscriptions that reached the cycle, of 30 or more."""
    counted: dict[tuple[str, int], int] = {}
    for row in stops:
        counted[row["reason"], row["cycle_no"]] = counted.get((row["reason"], row["cycle_no"]), 0) + row["stops"]
    reasons = sorted(_summed(stops, "reason").items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "reason": reason,
            "cycle": cycle["cycle_no"],
            "reason_rate": counted.get((reason, cycle["cycle_no"]), 0) / cycle["reached"],
        }
        for reason, _total in reasons
        for cycle in _judgeable(cycles)
        if cycle["cycle_no"] < LAST_CYCLE
    ]


def group_rows(inputs: DiagnosisInputs, subscriptions: ibis.Table, stops: list[dict[str, Any]]) -> list[Row]:
    """Per product, course, cycle and reason: `stops` and their share of the stops of product and course; most first."""
    sold = subscriptions.group_by("product_id", "course").agg(deliveries=yen_sum(_.deliveries), subscriptions=_.count())
    known = {(row["product_id"], row["course"]): row for row in rows(sold.order_by("product_id", "course"))}
    counted: dict[tuple[Any, ...], int] = {}
    for row in stops:
        key = (row["product_id"], row["course"], row["cycle_no"], row["reason"])
        counted[key] = counted.get(key, 0) + row["stops"]
    largest = sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))[:_GROUPS_SHOWN]
    names = product_names(inputs, (product for (product, *_others), _number in largest))
    return [
        {
            "stop_product": names[product],
            "stop_course": client_word(course) if course else "@stop_reason.no_course",
            "stop_cycle": cycle,
            "stop_reason": reason,
            "stops": number,
            "stop_subscriptions": known[product, course]["subscriptions"],
            "stop_reason_rate": number / known[product, course]["subscriptions"],
        }
        for (product, course, cycle, reason), number in largest
    ]


def _shown_codes(found: list[dict[str, Any]], declared: frozenset[str]) -> set[str]:
    """The reasons that may be shown: declared or plainly no name, frequent, and the most frequent of these."""
    counted = _summed([row for row in found if row["reason_code"] is not None], "reason_code")
    frequent = {code: stops for code, stops in counted.items() if stops >= LEAST_STOPS}
    codes = {code: stops for code, stops in frequent.items() if code in declared or is_shown_reason(code)}
    return set(sorted(codes, key=lambda code: (-codes[code], code))[:CODES_SHOWN])


def _reason(row: dict[str, Any], names: set[str]) -> str:
    if row["source"] == "derived":
        return _SILENT
    if row["reason_code"] is None:
        return _UNNAMED
    return client_word(row["reason_code"]) if row["reason_code"] in names else _OTHER


def _leading(inputs: DiagnosisInputs, stops: list[dict[str, Any]]) -> dict[str, Any]:
    """Stops of the last closed year, the reason that most of them have, and its share."""
    recent = [row for row in stops if inputs.closed_index - YEAR_MONTHS < row["month"] <= inputs.closed_index]
    counted = _summed(recent, "reason")
    total = sum(counted.values())
    reason = min(counted, key=lambda name: (-counted[name], name), default=None)
    return {"stops": total, "reason": reason, "rate": share(counted[reason], total) if reason else None}


def _summed(found: list[dict[str, Any]], column: str) -> dict[Any, int]:
    sums: dict[Any, int] = {}
    for row in found:
        sums[row[column]] = sums.get(row[column], 0) + row["stops"]
    return sums


def _judgeable(cycles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cycles that enough subscriptions reached; the last one holds later ones, too, and has no rate of its own."""
    return [row for row in cycles if row["reached"] >= LEAST_CUSTOMERS and row["cycle_no"] < LAST_CYCLE]


def _at_cycle(subscriptions: ibis.Table, cycle_no: int) -> int:
    """Customers whose continuing subscription stands after that delivery."""
    there = subscriptions.filter((_.state == "continuing") & (_.last_cycle_no == cycle_no))
    return int(one_row(there.agg(customers=_.customer_id.nunique()))["customers"])


def _exhibits(cycles: list[dict[str, Any]], reasons: list[Row], groups: list[Row]) -> tuple[Exhibit, ...]:
    shown = tuple({"cycle": row["cycle_no"], "stop_rate": row["stop_rate"]} for row in _judgeable(cycles))
    bar = Exhibit("cycles", "bar", shown, x="cycle", y="stop_rate", y_unit="rate")
    heat = Exhibit("reasons", "heatmap", tuple(reasons), x="cycle", y="reason_rate", y_unit="rate", series="reason")
    columns: tuple[tuple[str, Unit], ...] = (
        ("stop_product", "text"), ("stop_course", "text"), ("stop_cycle", "count"), ("stop_reason", "text"),
        ("stops", "count"), ("stop_subscriptions", "count"), ("stop_reason_rate", "rate"),
    )  # fmt: skip
    table = Exhibit("groups", "table", tuple(groups), columns=columns)
    return tuple(exhibit for exhibit in (bar, heat, table) if exhibit.rows)
