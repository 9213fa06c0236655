"""Product groups and brands that win customers and that keep them (商品群別・ブランド別, R62)."""

from __future__ import annotations

from typing import Any

from crm_platform.diagnosis.estimates import difference
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Trend, Unit, Verdict
from crm_platform.diagnosis.groundwork.product_levels import Level, brand_count
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.products.group_powers import power_rows
from crm_platform.diagnosis.products.winning import Newcomers, newcomers_by_year, winning_rows
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change

SHOWN_GROUPS = 15
_POWERS: tuple[tuple[str, Unit], ...] = (
    ("product_group", "text"),
    ("power_buyers", "count"),
    ("power_retention_rate", "rate"),
    ("power_purchasing_jpy", "jpy"),
    ("power_profit_jpy", "jpy"),
    ("power_low_jpy", "jpy"),
    ("power_high_jpy", "jpy"),
    ("power_others_jpy", "jpy"),
)


def product_groups(inputs: DiagnosisInputs) -> Finding | None:
    """By product group (商品群): who wins new customers, and whether those stay. None without products.

    Judged is the group by which most new customers of twelve months came: the share of them who bought again within six
    months, against those who came by any other group, and over the years. At stake: the repeat buyers missing beside
    the others, or lost in a year, of half a year × the mean order value. The action expects the assumed response of its
    new customers, one order each.
    """
    return _finding(inputs, "product_groups", "product_group")


def brands(inputs: DiagnosisInputs) -> Finding | None:
    """The same by brand (ブランド); None where the master names fewer than two."""
    return _finding(inputs, "brands", "brand") if brand_count(inputs) >= 2 else None


def _finding(inputs: DiagnosisInputs, key: str, level: Level) -> Finding | None:
    groups = winning_rows(inputs, level)
    if not groups:
        return None
    winner = max(groups, key=lambda row: (row["new_customers"], row["sales_12m_jpy"]))
    name = winner["product_group"]
    years = newcomers_by_year(inputs, level, back=HALF_YEAR_MONTHS)
    judged = _judged(years, name)
    judgeable = [row for row in groups if row["buyers"] >= LEAST_CUSTOMERS]
    keeper = max(judgeable, key=lambda row: row["repeat_low_rate"], default=None)
    others = [row for row in judgeable if row["product_group"] != name]
    introduced = max(others, key=lambda row: row["repeat_low_rate"], default=keeper)
    missing_rate = max(-(judged["points"] or 0.0), -(judged["points_a_year"] or 0.0), 0.0)
    is_issue = judged["verdict"] == "issue"
    effect_jpy = round(missing_rate * winner["new_customers"] / 2 * inputs.order_value_jpy) or None
    expected_jpy = round(winner["new_customers"] * inputs.response_rate * inputs.order_value_jpy)
    powers = power_rows(inputs, level)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "groups": len(groups),
        "winner": name,
        "winner_share_rate": winner["first_share_rate"],
        "winner_share_points": winner["first_share_points"],
        "winner_new_customers": winner["new_customers"],
        "winner_began": judged["began"],
        "winner_repeat_rate": judged["rate"],
        "others_repeat_rate": judged["others_rate"],
        "repeat_points": judged["points"],
        "weakness": f"@winner_weakness.{judged['weakness']}",
        "repeat_points_a_year": judged["points_a_year"],
        "keeper": keeper["product_group"] if keeper else None,
        "keeper_repeat_rate": keeper["repeat_rate"] if keeper else None,
        "keeper_others_rate": keeper["others_rate"] if keeper else None,
        "introduced": introduced["product_group"] if introduced else None,
        "order_value_jpy": inputs.order_value_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy if is_issue else None,
        **_strongest(powers),
    }
    return Finding(
        key=key,
        chapter="products",
        verdict=judged["verdict"],
        numbers=numbers,
        exhibits=_exhibits(
            [row for place, row in enumerate(groups) if place < SHOWN_GROUPS or row in (winner, keeper)],
            powers[:SHOWN_GROUPS],
        ),
        threshold=judged["others_rate"],
        yen_effect_jpy=effect_jpy if is_issue else None,
        concerned_customers=winner["new_customers"],
        measured=judged["measured"],
        trend=judged["trend"],
        action=Action(
            "@action_segment.newcomers_of_group", winner["new_customers"], "@action_channel.insert_mail", expected_jpy
        ),
        sources=(
            "customer_history",
            "products",
            "customer_product_months",
            "customer_months",
            "product_months",
            "forecasts",
        ),
    )


def _judged(years: list[Newcomers], winner: str) -> dict[str, Any]:
    """The winner's repeat rate beside that of all others: verdict, numbers, what was measured, trend."""
    verdict: Verdict = "undetermined"
    rate = years[-1].repeat(winner) if years else None
    others = years[-1].repeat_of_others(winner) if years else None
    trend: Trend | None = trend_of([(year.last_month, now) for year in years if (now := year.repeat(winner))], "rate")
    gap = difference(rate, others) if rate and others else None
    if gap and others:
        verdict = verdict_on_change(gap, others.value, trend)
    return {
        "verdict": verdict,
        "began": years[-1].of_group.get(winner, (0, 0))[0] if years else None,
        "rate": rate.value if rate else None,
        "others_rate": others.value if others else None,
        "points": gap.value if gap else None,
        "points_a_year": trend.slope_per_year if trend else None,
        "measured": measured_against(rate, "rate", others.value if others else None, gap) if rate else None,
        "trend": trend,
        "weakness": "falling"
        if gap and others and verdict == "issue" and verdict_on_change(gap, others.value) != "issue"
        else "below",
    }


def _strongest(powers: list[dict[str, Any]]) -> dict[str, Scalar]:
    """The group of whose buyers most is foreseen, where that is beyond chance; None where it is not."""
    first = powers[0] if powers and powers[0]["is_beyond_chance"] else {}
    names = ("power_buyers", "power_profit_jpy", "power_others_jpy")
    return {"power_group": first.get("product_group"), **{name: first.get(name) for name in names}}


def _exhibits(shown: list[dict[str, Any]], powers: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    placed = [row for row in shown if row["buyers"] >= LEAST_CUSTOMERS and row["first_share_rate"] is not None]
    scatter = Exhibit(
        "win_and_keep",
        "scatter",
        tuple(placed),
        x="first_share_rate",
        y="repeat_rate",
        x_unit="rate",
        y_unit="rate",
        series="product_group",
    )
    win = Exhibit(
        "groups",
        "table",
        tuple(shown),
        columns=(
            ("product_group", "text"),
            ("sales_12m_jpy", "jpy"),
            ("change_rate", "rate"),
            ("new_customers", "count"),
            ("first_share_rate", "rate"),
            ("first_share_low_rate", "rate"),
            ("first_share_high_rate", "rate"),
            ("first_share_points", "rate"),
        ),
    )
    keep = Exhibit(
        "keep",
        "table",
        tuple(row for row in shown if row["buyers"]),
        columns=(
            ("product_group", "text"),
            ("buyers", "count"),
            ("repeat_rate", "rate"),
            ("repeat_low_rate", "rate"),
            ("repeat_high_rate", "rate"),
            ("others_rate", "rate"),
        ),
    )
    names = [name for name, _ in _POWERS]
    foreseen = Exhibit("powers", "table", tuple({n: row[n] for n in names} for row in powers), columns=_POWERS)
    tables = (win, *((keep,) if keep.rows else ()), *((foreseen,) if len(powers) > 1 else ()))
    return (scatter, *tables) if len(placed) > 1 else tables
