"""The subscribers and targets of the month counted: by state and need, by group to offer, by segment (R30-R32, R34)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, exact_sum, one_row, rows
from crm_platform.tables.targets import NEEDS, SUBSCRIPTION_STATES, TARGET_SEGMENTS
from crm_platform.two_track.targets.backtest import FIRST_SHARE

BOUGHT = ("regular", "once", "quiet")  # segments with a one-off purchase that was no trial size
NO_GROUP = "@target_group.none"
SUMS = ("buyers", "expected_jpy", "returns", "added_jpy")
Counted = dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """Rows of `subscribers`, `targets` and, of the targets only, `SUMS`; `all` is their sum.

    `buyers` and `expected_jpy` are who should buy one-off in the six months and for how much; `returns` the sum of the
    returns per yen of a contact; `added_jpy` the sales that contacts add at the assumed response. `first` are the
    `targets` at the head of the list, as many as FIRST_SHARE of the subscribers at most. `bought` one-off have so many.
    `is_foretold`: not where they are too few (推論, R36) or the history is too short. `bases` are those of the returns.
    """

    all: Counted
    cells: Sequence[Counted]
    groups: Sequence[Counted]
    segments: Sequence[Counted]
    first: Counted
    bought: int
    is_foretold: bool
    bases: Sequence[str]


def listed(inputs: DiagnosisInputs) -> Listed | None:
    """The counts of ONE_OFF_CANDIDATES; None where nobody has ever subscribed."""
    candidates = inputs.one_off_candidates
    if candidates is None:
        return None
    known = one_row(
        candidates.agg(
            people=_.count(),
            foretold=_.p_buys.count(),
            bought=_.count(where=_.segment.isin(BOUGHT)),
            chances=exact_sum(_.p_buys),
            profit=_.count(where=_.is_target & (_.return_basis == "profit")),
            sales=_.count(where=_.is_target & (_.return_basis == "sales")),
        )
    )
    if not known["people"]:
        return None
    mean = known["chances"] / known["people"]
    said = candidates.mutate(
        product_group=client_text(candidates.product_group),
        added_jpy=_added_jpy(candidates, inputs.response_rate / mean if mean > 0 else 0.0),
    )

    def counted(by: Sequence[str]) -> list[Counted]:
        return rows(said.group_by(by).agg(**_sums(said)).order_by(by))

    cells = {(row["subscription_state"], row["need"]): row for row in counted(["subscription_state", "need"])}
    segments = {row["segment"]: row for row in counted(["segment"])}
    groups = sorted(counted(["product_group"]), key=lambda row: (-row["expected_jpy"], row["product_group"] or ""))
    return Listed(
        all=one_row(said.agg(**_sums(said))),
        cells=[
            cells.get((state, need)) or _nobody(subscription_state=state, need=need)
            for state in SUBSCRIPTION_STATES
            for need in NEEDS
        ],
        groups=[{**row, "product_group": row["product_group"] or NO_GROUP} for row in groups if row["targets"]],
        segments=[segments.get(name) or _nobody(segment=name) for name in TARGET_SEGMENTS],
        first=_first(said, round(known["people"] * FIRST_SHARE)),
        bought=known["bought"],
        is_foretold=known["foretold"] > 0,
        bases=[basis for basis in ("profit", "sales") if known[basis]],
    )


def in_whole(counted: Sequence[Counted], name: str) -> list[int]:
    """The numbers `name` of the rows in whole yen or people, so that they add up to their rounded sum."""
    found, so_far, told = [], 0.0, 0
    for row in counted:
        so_far += row[name]
        found.append(round(so_far) - told)
        told += found[-1]
    return found


def wholes(counted: Sequence[Counted]) -> list[Counted]:
    """The rows with `whole_jpy` and `whole_buyers`: sales and buyers in whole yen and people (see `in_whole`)."""
    yen, people = in_whole(counted, "expected_jpy"), in_whole(counted, "buyers")
    return [
        {**row, "whole_jpy": jpy, "whole_buyers": buyers} for row, jpy, buyers in zip(counted, yen, people, strict=True)
    ]


def _added_jpy(candidates: ibis.Table, factor: float) -> ibis.Value:
    """Sales that a contact adds: who is won, in proportion to his own chance, spends like who buys by himself (R34)."""
    won = ibis.least(candidates.p_buys * factor, 1.0)
    return ibis.ifelse(candidates.p_buys > 0, won * candidates.expected_sales_jpy / candidates.p_buys.nullif(0), 0.0)


def _sums(said: ibis.Table) -> Counted:
    of_targets = partial(exact_sum, where=said.is_target)
    return {
        "subscribers": said.count(),
        "targets": said.count(where=said.is_target),
        "buyers": of_targets(said.p_buys),
        "expected_jpy": of_targets(said.expected_sales_jpy),
        "returns": of_targets(said.expected_return_times),
        "added_jpy": of_targets(said.added_jpy),
    }


def _first(said: ibis.Table, most: int) -> Counted:
    """How many targets are contacted first, and the sales that this adds."""
    ordered = said.filter(said.is_target).order_by(ibis.desc("expected_sales_jpy"), "customer_id").limit(most)
    return one_row(ordered.agg(targets=ordered.count(), added_jpy=exact_sum(ordered.added_jpy)))


def _nobody(**names: str) -> Counted:
    return {**names, "subscribers": 0, "targets": 0, **dict.fromkeys(SUMS, 0.0)}
