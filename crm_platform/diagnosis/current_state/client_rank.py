"""Is the client's own rank any good (現状の顧客ランクの妥当性, R65), and which of the best does it miss (R63)?"""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis import _

from crm_platform.diagnosis.current_state.rank_order import RankOrder, order_of_ranks
from crm_platform.diagnosis.current_state.rank_scores import Scores, cut_alike, scores_of
from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change
from crm_platform.segments import vip_classes

MOST_RANKS = 12  # shown; the lowest of more are shown as one
NO_RANK, OTHER_RANKS = "@client_rank_word.none", "@client_rank_word.others"


def client_rank(inputs: DiagnosisInputs) -> Finding | None:
    """The client's rank against the value classes of six months ago, by what the customers bought since.

    Judged is the difference of the two normalised Ginis, with its error over customers, the segments cut into as many
    ranks of the same sizes: a rank that is as good is no issue, nor one of fewer steps. The rank is the one delivered
    by then; where none was, today's, which may have seen the sales it is judged by, and then it is never called
    healthy. At stake: what as many customers as the top rank holds, chosen by the classes, bought more than it did. The
    action expects one more mean order of 5 % of the VIP客 outside the top rank.
    Undetermined below 30 ranked customers or without six months to look back on; None where no rank was delivered.
    """
    order = rank_order(inputs)
    if order is None or len(order.ranks) < 2:
        return None
    scores, of_then = looked_back(inputs, order)
    verdict = verdict_of(scores, of_then)
    more_jpy = scores.as_many_by_segment_jpy - scores.top_rank_sales_jpy if scores else 0
    effect_jpy = max(more_jpy, 0) or None if verdict == "issue" else None
    missed = one_row(
        missed_customers(inputs.segments, inputs.customers, order.ranks[0], inputs.value_classes).agg(
            customers=_.count(), expected_jpy=exact_sum(_.expected_sales_jpy)
        )
    )
    expected_jpy = round(missed["customers"] * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_of_scores(scores),
        "then_month": str(inputs.month.plus(-HALF_YEAR_MONTHS)),
        "ranks": len(order.ranks),
        "top_rank": order.ranks[0],
        "order_basis": f"@rank_order_basis.{order.basis}",
        "rank_source": "@rank_source.then" if of_then else "@rank_source.today",
        "effect_jpy": effect_jpy,
        "vip_classes": len(vip_classes(inputs.value_classes)),
        "missed_customers": missed["customers"],
        "missed_expected_jpy": round(missed["expected_jpy"]),
        "response_rate": inputs.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="client_rank",
        chapter="current_state",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, order, scores),
        threshold=scores.segments_gini if scores else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=missed["customers"],
        measured=_measured(scores),
        action=Action("@action_segment.missed_vips", missed["customers"], "@action_channel.phone", expected_jpy),
        sources=("customers", "customer_months", "former_segments", "segments", "customer_history"),
    )


def _of_scores(scores: Scores | None) -> dict[str, Scalar]:
    names = ("rank_gini", "segments_gini", "top_rank_customers", "top_rank_sales_jpy", "as_many_by_segment_jpy")
    return {
        **{name: getattr(scores, name) if scores else None for name in names},
        "ranked_customers": scores.customers if scores else 0,
        "lead_points": scores.lead.value if scores else None,
    }


def _measured(scores: Scores | None) -> Measured | None:
    if scores is None:
        return None
    return measured_against(Estimate(scores.rank_gini, scores.lead.error), "rate", scores.segments_gini, scores.lead)


def rank_order(inputs: DiagnosisInputs) -> RankOrder | None:
    """The order of the ranks that customers have today; None where no rank was delivered.

    Past sales are those of the twelve months before the half-year that is looked back on, where there is one.
    """
    if inputs.customers is None:
        return None
    ranked = inputs.customers.select("customer_id", client_rank=_.client_rank.strip()).filter(_.client_rank != "")
    back = HALF_YEAR_MONTHS if len(inputs.months) > HALF_YEAR_MONTHS else 0
    last = inputs.month.plus(-back)
    year = inputs.customer_months.filter(_.month.between(last.plus(1 - YEAR_MONTHS).first_day, last.first_day))
    sales = year.group_by("customer_id").agg(sales_jpy=_.sales_jpy.sum())
    joined = ranked.left_join(sales, "customer_id")
    means = joined.group_by("client_rank").agg(mean_jpy=joined.sales_jpy.fill_null(0).sum() / joined.count())
    found = {row["client_rank"]: float(row["mean_jpy"]) for row in rows(means.order_by("client_rank"))}
    return order_of_ranks(found) if found else None


def looked_back(inputs: DiagnosisInputs, order: RankOrder) -> tuple[Scores | None, bool]:
    """The scores over FORMER_SEGMENTS with a known rank, and whether their ranks were delivered by then."""
    if inputs.former_segments is None:
        return None, False
    placed = ibis.memtable(
        pa.table({"client_rank": pa.array(order.ranks, pa.string()), "place": range(len(order.ranks))})
    )
    ranked = inputs.former_segments.inner_join(placed, "client_rank")
    found = ranked.select(
        "customer_id", "place", "value_class", "expected_sales_jpy", "sales_since_jpy", "rank_is_of_then"
    )
    columns = found.order_by("customer_id").drop("customer_id").to_pyarrow()
    places, classes = (columns[name].to_numpy().astype(np.int64) for name in ("place", "value_class"))
    expected_jpy, since_jpy = (
        columns[name].to_numpy().astype(np.float64) for name in ("expected_sales_jpy", "sales_since_jpy")
    )
    scores = scores_of(places, cut_alike(places, classes, expected_jpy), since_jpy)
    return scores, bool(len(places)) and bool(columns["rank_is_of_then"].to_numpy().all())


def verdict_of(scores: Scores | None, of_then: bool) -> Verdict:
    """By the one rule; healthy only for a rank that could not have seen the sales."""
    if scores is None or scores.customers < LEAST_CUSTOMERS:
        return "undetermined"
    verdict = verdict_on_change(scores.lead, scores.segments_gini)
    return "undetermined" if verdict == "healthy" and not of_then else verdict


def missed_customers(segments: ibis.Table, customers: ibis.Table, top_rank: str, classes: int) -> ibis.Table:
    """`customer_id, expected_sales_jpy` of VIP客 by today's segment whom the client's top rank does not hold (R63)."""
    best = segments.filter(_.value_class.isin(vip_classes(classes)))
    held = customers.filter(_.client_rank.strip() == top_rank)
    return best.anti_join(held, "customer_id").select("customer_id", "expected_sales_jpy").order_by("customer_id")


def cell_rows(former: ibis.Table, order: RankOrder) -> list[dict[str, Any]]:
    """Rank × value class, every cell: customers, and what they bought in the six months since, in all and each."""
    sums = former.group_by("client_rank", "value_class").agg(size=_.count(), sales_jpy=yen_sum(_.sales_since_jpy))
    found = rows(sums.order_by("client_rank", "value_class"))
    shown = {rank: rank.replace("@", "＠", 1) if rank.startswith("@") else rank for rank in order.ranks}
    if len(order.ranks) > MOST_RANKS:
        shown |= dict.fromkeys(order.ranks[MOST_RANKS - 1 :], OTHER_RANKS)
    cells: dict[tuple[str, int], tuple[int, int]] = {}
    for row in found:
        at = (shown.get(row["client_rank"], NO_RANK), row["value_class"])
        size, sales_jpy = cells.get(at, (0, 0))
        cells[at] = (size + row["size"], sales_jpy + row["sales_jpy"])
    down = [*dict.fromkeys(shown.values()), *([NO_RANK] if any(rank == NO_RANK for rank, _number in cells) else [])]
    across = range(1, max((number for _rank, number in cells), default=0) + 1)
    return [
        {
            "client_rank": rank,
            "value_class": f"@value_class.{number}",
            "customers": size,
            "sales_jpy": sales_jpy,
            "mean_jpy": sales_jpy / size if size else None,
        }
        for rank in down
        for number in across
        for size, sales_jpy in [cells.get((rank, number), (0, 0))]
    ]


def _exhibits(inputs: DiagnosisInputs, order: RankOrder, scores: Scores | None) -> tuple[Exhibit, ...]:
    if scores is None or inputs.former_segments is None:
        return ()
    cells = cell_rows(inputs.former_segments, order)
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
