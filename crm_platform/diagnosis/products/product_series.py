"""Product groups and brands whose sales rise or fall over the years (上昇・下降している商品系列, R61, R62)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import SHOWN_ERRORS, Estimate, errors_for, total
from crm_platform.diagnosis.finding import Action, Direction, Exhibit, Finding, Row, Scalar, Trend, Verdict
from crm_platform.diagnosis.groundwork.product_levels import brand_count, grouped_products
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import FIVE_YEARS_MONTHS, YEAR_MONTHS, blocks_back, index_column, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change

SHOWN_SERIES = 15
_LEAST_YEARS = 3


@dataclass(frozen=True)
class Series:
    """A product group or brand (`level`) with its 売上 of each year before credits; `buyers` of the last year.

    `sure_rate` is what is left of its yearly rise or fall, as a share of its mean, when chance has taken all it could;
    not above 0 where the course is within chance.
    """

    level: str
    name: str
    trend: Trend
    slope: Estimate
    sure_rate: float
    buyers: int

    @property
    def direction(self) -> Direction:
        """Rising or falling beyond what chance does to one of so many series."""
        if self.sure_rate <= 0:
            return "level"
        return "rising" if self.slope.value > 0 else "falling"


def product_series(inputs: DiagnosisInputs) -> Finding | None:
    """Which product groups and brands rise and which fall over up to five years, each against itself.

    Judged is the series that falls most surely, as sure as so many looks ask; else the largest is told. At stake: half
    of what it loses in a year. The action expects the assumed response of its buyers of twelve months, who buy half a
    year's mean of it more. None where nothing was sold for three years.
    """
    series = found_series(inputs)
    if not series:
        return None
    errors = errors_for(len(series))
    falling, rising = (_of_direction(series, direction) for direction in ("falling", "rising"))
    told = falling[0] if falling else max(series, key=lambda one: (one.trend.level, one.name))
    # The slope of a falling series is beyond chance by construction; of others the rule says what would have been seen.
    verdict: Verdict = verdict_on_change(told.slope, told.trend.level, errors=errors)
    fall_jpy = -told.slope.value if falling else 0.0
    effect_jpy = round(fall_jpy / 2) or None
    half_year_jpy = round(told.trend.level / told.buyers / 2) if told.buyers else 0
    expected_jpy = round(told.buyers * inputs.response_rate * half_year_jpy)
    top = rising[0] if rising else None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "series": len(series),
        "years": len(told.trend.points),
        "falling_series": len(falling),
        "rising_series": len(rising),
        "told": told.name,
        "told_jpy": told.trend.level,
        "told_slope_jpy": told.slope.value,
        "told_buyers": told.buyers,
        "rising": top.name if top else "@product_series_rising.none",
        "rising_slope_jpy": top.slope.value if top else None,
        "half_year_jpy": half_year_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy if verdict == "issue" else None,
    }
    return Finding(
        key="product_series",
        chapter="products",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(series, [told, *(one for one in rising[:1] if one != told)]),
        threshold=0.0,
        yen_effect_jpy=effect_jpy if verdict == "issue" else None,
        concerned_customers=told.buyers,
        measured=measured_against(told.slope, "jpy", None, told.slope, errors=errors),
        trend=told.trend,
        action=Action("@action_segment.buyers_of_series", told.buyers, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_product_months", "products"),
    )


def found_series(inputs: DiagnosisInputs) -> list[Series]:
    """Every product group and brand sold within the last five years; a brand that is one group is told once."""
    sums = _sums(inputs)
    years = 1 + max((row["year"] for row in sums), default=-1)
    if years < _LEAST_YEARS:
        return []
    by_name: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for row in sums:
        by_name.setdefault((row["level"], row["name"]), {})[row["year"]] = row
    groups = [found for (level, _name), found in by_name.items() if level == "product_group"]
    amounts = [_amounts(found) for found in groups]
    kept = {key: found for key, found in by_name.items() if key[0] == "product_group" or _amounts(found) not in amounts}
    errors = errors_for(len(kept))
    series = [_series(inputs, *key, found, years, errors) for key, found in sorted(kept.items())]
    return [one for one in series if one is not None]


def _amounts(found: dict[int, dict[str, Any]]) -> list[tuple[int, int, float]]:
    return sorted((year, row["sales_jpy"], row["squares"]) for year, row in found.items())


def _series(
    inputs: DiagnosisInputs, level: str, name: str, found: dict[int, dict[str, Any]], years: int, errors: float
) -> Series | None:
    nothing = {"sales_jpy": 0, "squares": 0.0, "buyers": 0}
    points = [
        (
            str(month_of(inputs.closed_index - YEAR_MONTHS * year)),
            total(found.get(year, nothing)["sales_jpy"], found.get(year, nothing)["squares"]),
        )
        for year in reversed(range(years))
    ]
    trend = trend_of(points, "jpy")
    mean_jpy = sum(now.value for _month, now in points) / years
    if trend is None or mean_jpy <= 0:
        return None
    error = (trend.slope_high - trend.slope_per_year) / SHOWN_ERRORS
    sure_rate = (abs(trend.slope_per_year) - errors * error) / mean_jpy
    return Series(level, name, trend, Estimate(trend.slope_per_year, error), sure_rate, found.get(0, nothing)["buyers"])


def _of_direction(series: list[Series], direction: str) -> list[Series]:
    """The series that go so, the surest course first."""
    return sorted(
        (one for one in series if one.direction == direction), key=lambda one: (-one.sure_rate, one.level, one.name)
    )


def _sums(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By level, name and year (0 is the latest): 売上 before credits, squares over customers, buyers; in one pass."""
    years = min(len(inputs.closed_months), FIVE_YEARS_MONTHS) // YEAR_MONTHS
    groups = grouped_products(inputs)
    if brand_count(inputs) >= 2:
        named = grouped_products(inputs, "brand").select("product_id", brand="product_group")
        groups = groups.inner_join(named, "product_id")
    else:
        groups = groups.mutate(brand=ibis.null("string"))
    bought = inputs.customer_product_months.inner_join(groups, "product_id")
    bought = bought.mutate(year=blocks_back(index_column(bought.month), inputs.closed_index, YEAR_MONTHS))
    within = bought.filter((_.year >= 0) & (_.year < years))
    people = within.group_by("customer_id", "year", "product_group", "brand").agg(
        sales_jpy=yen_sum(_.standing_sales_jpy)
    )
    levels = [
        people.group_by("year", name=people[level], customer_id=people.customer_id)
        .agg(sales_jpy=yen_sum(_.sales_jpy))
        .select("year", "name", "sales_jpy", level=ibis.literal(level))
        for level in ("product_group", "brand")
    ]
    named_sums = ibis.union(*levels).filter(_.name.notnull()).group_by("level", "name", "year")
    sums = named_sums.agg(
        sales_jpy=yen_sum(_.sales_jpy), squares=yen_products(_.sales_jpy, _.sales_jpy), buyers=_.count()
    )
    return rows(sums.order_by("level", "name", "year"))


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _exhibits(series: list[Series], shown: list[Series]) -> tuple[Exhibit, ...]:
    lines: list[Row] = [
        {"month": month, "series": one.name, "year_jpy": value} for one in shown for month, value in one.trend.points
    ]
    by_course = sorted(series, key=lambda one: (-one.sure_rate, one.level, one.name))[:SHOWN_SERIES]
    table: list[Row] = [
        {
            "series_name": one.name,
            "series_level": f"@product_level.{one.level}",
            "series_year_jpy": one.trend.level,
            "series_slope_jpy": one.slope.value,
            "series_low_jpy": one.slope.low,
            "series_high_jpy": one.slope.high,
            "series_direction": f"@direction.{one.direction}",
        }
        for one in by_course
    ]
    line = Exhibit(
        "courses",
        "line",
        tuple(lines),
        x="month",
        y="year_jpy",
        x_unit="month",
        y_unit="jpy",
        series="series",
        highlight=shown[0].name,
    )
    return (
        line,
        Exhibit(
            "series_table",
            "table",
            tuple(table),
            columns=(
                ("series_name", "text"),
                ("series_level", "text"),
                ("series_year_jpy", "jpy"),
                ("series_slope_jpy", "jpy"),
                ("series_low_jpy", "jpy"),
                ("series_high_jpy", "jpy"),
                ("series_direction", "text"),
            ),
        ),
    )
