"""Customers by the 売上 of their last twelve months, at every half-year's end, and how they moved (収益力別, R59)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd
from ibis import _

from crm_platform.diagnosis.groundwork.customer_halves import customer_halves
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, blocks

TOP, MIDDLE, LOWER, DORMANT, NOT_YET = 1, 2, 3, 4, 5
CLASSES = (TOP, MIDDLE, LOWER, DORMANT)
TOP_SHARE, UPPER_SHARE = 0.2, 0.5  # of today's buyers: the top fifth, and the upper half
ENDS_SHOWN = 10  # five years
_LEAST_LINE_JPY = 100


@dataclass(frozen=True)
class ProfitLines:
    """売上 of twelve months from which a buyer is in the top or the middle class; the same for every half-year."""

    top_jpy: int
    middle_jpy: int


def half_year_ends(inputs: DiagnosisInputs) -> list[str]:
    """The half-years' last months at which twelve closed months are known, the earliest first."""
    return [str(span.last) for span in blocks(inputs.closed_months, HALF_YEAR_MONTHS)[1:]][-ENDS_SHOWN:]


def profit_lines(inputs: DiagnosisInputs) -> ProfitLines | None:
    """The lines that cut the buyers of the last twelve closed months into a fifth, three tenths and a half.

    Rounded down to two digits, at least ¥100; None where nobody bought.
    """
    if inputs.span(2 * HALF_YEAR_MONTHS) is None:
        return None
    people = customer_halves(inputs)
    buyers = people.filter((people.purchases_0 > 0) | (people.purchases_1 > 0)).select(
        sales_jpy=people.sales_0 + people.sales_1
    )
    found = one_row(
        buyers.agg(
            top=_.sales_jpy.quantile(1 - TOP_SHARE), middle=_.sales_jpy.quantile(1 - UPPER_SHARE), buyers=_.count()
        )
    )
    if not found["buyers"]:
        return None
    top, middle = (_rounded_down(int(found[name])) for name in ("top", "middle"))
    return ProfitLines(top, middle)


def _rounded_down(jpy: int) -> int:
    """To two digits, as the report prints it: 35,800 → 35,000; at least ¥100."""
    unit = int(10 ** max(len(str(jpy)) - 2, 0)) if jpy > 0 else 1
    return max(jpy // unit * unit, _LEAST_LINE_JPY)


def class_moves(inputs: DiagnosisInputs, lines: ProfitLines) -> pd.DataFrame:
    """How many customers went from which class to which, half-year by half-year and year by year.

    Columns: `end` (half-years back, 0 the last), `halves` (1 or 2 half-years before it), `former` and `now` (classes;
    NOT_YET who had not bought by then), `customers`, `sales_12m_jpy` at the end, `sales_6m_jpy` of the half-year to it,
    `bought` (who bought in that half-year). Everyone who had bought by the end is in one row of each `halves`.
    """
    ends = len(half_year_ends(inputs))
    people = customer_halves(inputs)
    states = people.filter(people.began.notnull()).mutate(
        **{f"class_{end}": _class(people, end, lines) for end in range(ends)}
    )
    moves = [
        ibis.struct(
            {
                "end": ibis.literal(end, "int64"),
                "halves": ibis.literal(halves, "int64"),
                "former": states[f"class_{end + halves}"],
                "now": states[f"class_{end}"],
                "sales_12m_jpy": states[f"sales_{end}"] + states[f"sales_{end + 1}"],
                "sales_6m_jpy": states[f"sales_{end}"],
                "bought": states[f"purchases_{end}"] > 0,
            }
        )
        for halves in (1, 2)
        for end in range(ends - halves)
    ]
    if not moves:
        return pd.DataFrame(columns=["end", "halves", "former", "now", "customers", *_SUMS])
    keys = ("end", "halves", "former", "now")
    each = states.select(move=ibis.array(moves).unnest())
    spread = each.select(**{name: each.move[name] for name in (*keys, "sales_12m_jpy", "sales_6m_jpy", "bought")})
    sums = (
        spread.filter(_.now != NOT_YET)
        .group_by(*keys)
        .agg(
            customers=_.count(),
            sales_12m_jpy=yen_sum(_.sales_12m_jpy),
            sales_6m_jpy=yen_sum(_.sales_6m_jpy),
            bought=_.count(where=_.bought),
        )
    )
    found: pd.DataFrame = sums.order_by(*keys).to_pandas()
    return found.astype("int64")


_SUMS = ("sales_12m_jpy", "sales_6m_jpy", "bought")


def _class(people: ibis.Table, end: int, lines: ProfitLines) -> ibis.Value:
    sales_jpy = people[f"sales_{end}"] + people[f"sales_{end + 1}"]
    bought = (people[f"purchases_{end}"] > 0) | (people[f"purchases_{end + 1}"] > 0)
    return ibis.cases(
        (people.began < end, NOT_YET),
        (~bought, DORMANT),
        (sales_jpy >= lines.top_jpy, TOP),
        (sales_jpy >= lines.middle_jpy, MIDDLE),
        else_=LOWER,
    ).cast("int64")


def class_rows(moves: pd.DataFrame, months: list[str]) -> list[dict[str, Any]]:
    """Every class at every half-year's end but the first: customers, amounts, repeat rate of the former half-year's.

    `opening + joined − left = customers`; `joined` counts who came new besides who came from another class.
    """
    halves = moves[moves["halves"] == 1]
    found = []
    for end in range(len(months) - 2, -1, -1):
        then = halves[halves["end"] == end]
        for number in CLASSES:
            now, former = then[then["now"] == number], then[then["former"] == number]
            stayed = int(now.loc[now["former"] == number, "customers"].sum())
            customers, opening = int(now["customers"].sum()), int(former["customers"].sum())
            found.append(
                {
                    "month": months[len(months) - 1 - end],
                    "number": number,
                    "customers": customers,
                    "sales_12m_jpy": int(now["sales_12m_jpy"].sum()),
                    "opening": opening,
                    "joined": customers - stayed,
                    "left": opening - stayed,
                    "bought": int(former["bought"].sum()),
                    "repeat_rate": float(former["bought"].sum() / opening) if opening else None,
                    "spent_6m_jpy": int(former["sales_6m_jpy"].sum()),
                }
            )
    return found
