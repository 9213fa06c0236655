"""Before and after a fall (Before/After, R83): 現在の購買力 and ランクダウン後の購買力, from what became of peers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE
from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, Json, mean_of
from crm_platform.diagnosis.trends import share
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS


def alert_before_after(inputs: AlertInputs) -> Finding | None:
    """What a fall takes from a customer in six months: the means over the fallen peers of this client's history.

    An issue where the fall of one of the alerted (`drop_jpy`) costs more than keeping one at a response of 5 %
    (003:133; the threshold is unit cost ÷ 5 %), else healthy. Undetermined below 30 fallen peers; None where nobody is
    alerted: there is nobody to keep from falling.
    """
    peers = peers_of(inputs)
    now, fallen = mean_of(inputs.alerts["sales_6m_jpy"]), mean_of(inputs.alerts["fallen_sales_jpy"])
    if now is None:
        return None
    before, after = over_the_fallen(peers, "before_jpy"), over_the_fallen(peers, "after_jpy")
    drop = _drop(now, fallen)
    cost_jpy = inputs.client.settings.alert_unit_cost_jpy / ASSUMED_RESPONSE_RATE
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "alerted_customers": len(inputs.alerts),
        "now_jpy": now,
        "if_fallen_jpy": fallen,
        "drop_jpy": drop,
        "drop_rate": share(drop, now),
        "peer_before_jpy": before,
        "peer_after_jpy": after,
        "peer_customers": _total(peers, "customers"),
        "peer_fallen": _total(peers, "fallen"),
        "peer_fall_rate": share(_total(peers, "fallen"), _total(peers, "customers")),
        "peer_groups": len(peers),
        "response_rate": ASSUMED_RESPONSE_RATE,
        "unit_cost_jpy": inputs.client.settings.alert_unit_cost_jpy,
    }
    return Finding(
        key="alert_before_after",
        chapter="alert_stakes",
        verdict=_verdict(_total(peers, "fallen"), drop, cost_jpy),
        numbers=numbers,
        exhibits=_exhibits(peers, (before, after), (now, fallen)),
        threshold=cost_jpy,
        concerned_customers=len(inputs.alerts) or None,
    )


def peers_of(inputs: AlertInputs) -> list[Json]:
    """The groups of peers in which somebody fell, in their order."""
    fitted: Json = (inputs.falls or {}).get("peers") or {}
    return [peer for peer in fitted.get("peers", ()) if peer["fallen"]]


def over_the_fallen(peers: Sequence[Json], amount: str) -> float | None:
    """The mean of `amount` over all fallen peers: each group weighs as many as fell in it."""
    fallen = _total(peers, "fallen")
    return sum(peer[amount] * peer["fallen"] for peer in peers) / fallen if fallen else None


def _total(peers: Sequence[Json], count: str) -> int:
    return sum(int(peer[count]) for peer in peers)


def _drop(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else before - after


def _verdict(fallen: int, drop: float | None, cost_jpy: float) -> Verdict:
    if fallen < LEAST_CUSTOMERS or drop is None:
        return "undetermined"
    return "issue" if drop > cost_jpy else "healthy"


def _exhibits(peers: Sequence[Json], of_peers: tuple[Any, Any], of_alerted: tuple[Any, Any]) -> tuple[Exhibit, ...]:
    bars: tuple[Row, ...] = tuple(
        {"who": f"@fall_who.{who}", "time": f"@fall_time.{time}", "mean_jpy": amount}
        for who, amounts in (("alerted", of_alerted), ("peers", of_peers))
        for time, amount in zip(("before", "after"), amounts, strict=True)
        if None not in amounts
    )
    columns: Any = (
        ("level_from_jpy", "jpy"),
        ("purchases_from", "count"),
        ("customers", "count"),
        ("fallen", "count"),
        ("fall_rate", "rate"),
        ("before_jpy", "jpy"),
        ("after_jpy", "jpy"),
        ("after_low_jpy", "jpy"),
        ("after_high_jpy", "jpy"),
    )
    rows = tuple({name: peer[name] for name, _ in columns} for peer in peers)
    return (
        Exhibit("means", "bar", bars, x="who", y="mean_jpy", y_unit="jpy", series="time"),
        Exhibit("peers", "table", rows, columns=columns),
    )
