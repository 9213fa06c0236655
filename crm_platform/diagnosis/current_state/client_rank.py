"""Is the client's own rank any good (現状の顧客ランクの妥当性, R65), and which of the best does it miss (R63)?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from crm_platform.diagnosis.current_state.rank_order import RankOrder, order_of_ranks
from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows
from crm_platform.diagnosis.trends import LEAST_CUSTOMERS
from crm_platform.forecast import normalised_gini, top_share
from crm_platform.segments import vip_classes

_YEAR, _HALF_YEAR = 12, 6
MOST_RANKS = 12  # shown; the lowest of more are shown as one
NO_RANK, OTHER_RANKS = "@client_rank_word.none", "@client_rank_word.others"


@dataclass(frozen=True)
class Scores:
    """How well both orders ranked the sales that followed: normalised Gini, and what the chosen bought."""

    rank_gini: float
    segments_gini: float
    top_rank_customers: int
    top_rank_sales_jpy: int
    as_many_by_segment_jpy: int


def client_rank(inputs: DiagnosisInputs) -> Finding | None:
    """The client's rank against the value classes of six months ago, by what the customers bought since.

    The rank is the one delivered by then; where none was, today's, which may have seen the sales it is judged by. So it
    is healthy only where the rank of then ordered customers no worse than the classes did, and an issue wherever it did
    worse. At stake: what as many customers as the top rank holds, chosen by the classes, bought more than it did.
    Undetermined below 30 ranked customers or without six months to look back on; None where no rank was delivered.
    """
    order = rank_order(inputs)
    if order is None or len(order.ranks) < 2:
        return None
    looked_back = former_rows(inputs)
    scores = scores_of(looked_back, order)
    of_then = bool(len(looked_back)) and bool(looked_back["rank_is_of_then"].all())
    verdict = verdict_of(scores, len(looked_back.dropna(subset="client_rank")), of_then)
    more_jpy = scores.as_many_by_segment_jpy - scores.top_rank_sales_jpy if scores else None
    effect_jpy = max(more_jpy, 0) or None if more_jpy is not None and verdict == "issue" else None
    missed = one_row(
        missed_customers(inputs.segments, inputs.customers, order.ranks[0], inputs.value_classes).agg(
            customers=_.count(), expected_jpy=exact_sum(_.expected_sales_jpy)
        )
    )
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "then_month": str(inputs.month.plus(-_HALF_YEAR)),
        "ranks": len(order.ranks),
        "top_rank": order.ranks[0],
        "order_basis": f"@rank_order_basis.{order.basis}",
        "rank_source": "@rank_source.then" if of_then else "@rank_source.today",
        "ranked_customers": len(looked_back.dropna(subset="client_rank")),
        "rank_gini": scores.rank_gini if scores else None,
        "segments_gini": scores.segments_gini if scores else None,
        "top_rank_customers": scores.top_rank_customers if scores else None,
        "top_rank_sales_jpy": scores.top_rank_sales_jpy if scores else None,
        "as_many_by_segment_jpy": scores.as_many_by_segment_jpy if scores else None,
        "effect_jpy": effect_jpy,
        "vip_classes": len(vip_classes(inputs.value_classes)),
        "missed_customers": missed["customers"],
        "missed_expected_jpy": round(missed["expected_jpy"]),
    }
    return Finding(
        key="client_rank",
        chapter="current_state",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(looked_back, order, scores),
        threshold=scores.segments_gini if scores else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=missed["customers"],
    )


def rank_order(inputs: DiagnosisInputs) -> RankOrder | None:
    """The order of the ranks that customers have today; None where no rank was delivered.

    Past sales are those of the twelve months before the half-year that is looked back on, where there is one.
    """
    if inputs.customers is None:
        return None
    ranked = inputs.customers.select("customer_id", client_rank=_.client_rank.strip()).filter(_.client_rank != "")
    back = _HALF_YEAR if len(inputs.months) > _HALF_YEAR else 0
    last = inputs.month.plus(-back)
    year = inputs.customer_months.filter(_.month.between(last.plus(1 - _YEAR).first_day, last.first_day))
    sales = year.group_by("customer_id").agg(sales_jpy=_.sales_jpy.sum())
    joined = ranked.left_join(sales, "customer_id")
    means = joined.group_by("client_rank").agg(mean_jpy=joined.sales_jpy.fill_null(0).sum() / joined.count())
    found = {row["client_rank"]: float(row["mean_jpy"]) for row in rows(means.order_by("client_rank"))}
    return order_of_ranks(found) if found else None


def former_rows(inputs: DiagnosisInputs) -> pd.DataFrame:
    """FORMER_SEGMENTS in pandas; no row where the history does not reach back."""
    if inputs.former_segments is None:
        return pd.DataFrame({"client_rank": [], "rank_is_of_then": []}, dtype=object)
    frame: pd.DataFrame = inputs.former_segments.order_by("customer_id").to_pandas()
    return frame


def scores_of(looked_back: pd.DataFrame, order: RankOrder) -> Scores | None:
    """Both orders over the customers with a known rank; None where there is none, or all bought the same."""
    ranked = looked_back[looked_back["client_rank"].isin(order.ranks)]
    if ranked.empty:
        return None
    actual = ranked["sales_since_jpy"].clip(lower=0).to_numpy(dtype=np.float64)
    by_rank = -order.places(ranked["client_rank"])
    by_class = -ranked["value_class"].to_numpy(dtype=np.float64)
    rank_gini = normalised_gini(by_rank, actual)
    segments_gini = normalised_gini(by_class, actual)
    if rank_gini is None or segments_gini is None:
        return None
    top = (ranked["client_rank"] == order.ranks[0]).to_numpy()
    by_segment = (top_share(by_class, actual, top.mean()) or 0.0) * actual.sum()
    return Scores(rank_gini, segments_gini, int(top.sum()), round(actual[top].sum()), round(by_segment))


def verdict_of(scores: Scores | None, ranked_customers: int, of_then: bool) -> Verdict:
    """An issue where the classes ordered better; healthy only for a rank that could not have seen the sales."""
    if scores is None or ranked_customers < LEAST_CUSTOMERS:
        return "undetermined"
    if scores.rank_gini < scores.segments_gini:
        return "issue"
    return "healthy" if of_then else "undetermined"


def missed_customers(segments: ibis.Table, customers: ibis.Table, top_rank: str, classes: int) -> ibis.Table:
    """`customer_id, expected_sales_jpy` of VIP客 by today's segment whom the client's top rank does not hold (R63)."""
    best = segments.filter(_.value_class.isin(vip_classes(classes)))
    held = customers.filter(_.client_rank.strip() == top_rank)
    return best.anti_join(held, "customer_id").select("customer_id", "expected_sales_jpy").order_by("customer_id")


def cell_rows(looked_back: pd.DataFrame, order: RankOrder) -> list[dict[str, Any]]:
    """Rank × value class, every cell: customers, and what they bought in the six months since, in all and each."""
    shown = {rank: rank.replace("@", "＠", 1) if rank.startswith("@") else rank for rank in order.ranks}
    if len(order.ranks) > MOST_RANKS:
        shown |= dict.fromkeys(order.ranks[MOST_RANKS - 1 :], OTHER_RANKS)
    ranks = looked_back["client_rank"].map(shown).fillna(NO_RANK)
    cells = looked_back.groupby([ranks, "value_class"])["sales_since_jpy"].agg(["size", "sum"])
    down = [*dict.fromkeys(shown.values()), *([NO_RANK] if (ranks == NO_RANK).any() else [])]
    across = range(1, int(looked_back["value_class"].max()) + 1)
    full = cells.reindex(pd.MultiIndex.from_product([down, across]), fill_value=0)
    return [
        {
            "client_rank": rank,
            "value_class": f"@value_class.{number}",
            "customers": int(size),
            "sales_jpy": int(total),
            "mean_jpy": int(total) / int(size) if size else None,
        }
        for (rank, number), size, total in zip(full.index, full["size"], full["sum"], strict=True)
    ]


def _exhibits(looked_back: pd.DataFrame, order: RankOrder, scores: Scores | None) -> tuple[Exhibit, ...]:
    if scores is None:
        return ()
    cells: Sequence[dict[str, Any]] = cell_rows(looked_back, order)
    compared: tuple[Row, ...] = (
        {"method": "@rank_method.client", "gini": scores.rank_gini, "sales_jpy": scores.top_rank_sales_jpy},
        {"method": "@rank_method.segments", "gini": scores.segments_gini, "sales_jpy": scores.as_many_by_segment_jpy},
    )
    return (
        Exhibit("scores", "bar", compared, x="method", y="gini", y_unit="rate", highlight="@rank_method.segments"),
        Exhibit("chosen", "bar", compared, x="method", y="sales_jpy", y_unit="jpy", highlight="@rank_method.segments"),
        Exhibit(
            "cells",
            "heatmap",
            tuple(cells),
            x="value_class",
            y="sales_jpy",
            y_unit="jpy",
            series="client_rank",
            columns=(
                ("client_rank", "text"),
                ("value_class", "text"),
                ("customers", "count"),
                ("sales_jpy", "jpy"),
                ("mean_jpy", "jpy"),
            ),
        ),
        Exhibit("cell_customers", "heatmap", tuple(cells), x="value_class", y="customers", series="client_rank"),
    )
