"""The bridge of sales (売上増減の要因): what made each year's sales out of those of the year before, to the yen."""

from __future__ import annotations

from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.integrated.factors import FACTORS, YearOfSales, factor_steps
from crm_platform.diagnosis.integrated.years import YearPair, year_pairs
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import change, trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change

STEPS = ("new", "returned", "frequency", "value", "lost", "credits")


def sales_bridge(inputs: DiagnosisInputs) -> Finding:
    """Every year of the last five against the year before: by kind of customer, and by customers × frequency × value.

    Both ways add up to the yen (R60). Judged is the last change; at stake is half of its fall. The action expects the
    assumed response of those who left, at what they bought in half a year. Undetermined below 24
    months or 30 buyers of the year before.
    """
    pairs = year_pairs(inputs)
    if not pairs:
        return Finding("sales_bridge", "integrated", "undetermined", inputs.period, sources=_SOURCES)
    latest = pairs[-1]
    verdict: Verdict = "undetermined"
    if latest.is_judged:
        verdict = verdict_on_change(latest.change, latest.before.value)
    change_jpy = round(latest.change.value)
    effect_jpy = -change_jpy // 2 or None if verdict == "issue" and change_jpy < 0 else None
    lost = latest.groups["lost"]
    expected_jpy = round(lost["before_sales_jpy"] / 2 * inputs.response_rate)
    return Finding(
        key="sales_bridge",
        chapter="integrated",
        verdict=verdict,
        numbers={**inputs.period, **_numbers(latest), **_expected(inputs, expected_jpy), "effect_jpy": effect_jpy},
        exhibits=(_waterfall(latest), _kinds(pairs), _factors(pairs)),
        threshold=latest.before.value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=lost["customers"],
        measured=measured_against(latest.change, "jpy", 0.0, latest.change),
        trend=trend_of([(str(pair.year.last), pair.change) for pair in pairs], "jpy"),
        action=Action("@action_segment.lost", lost["customers"], "@action_channel.post_phone", expected_jpy),
        sources=_SOURCES,
    )


_SOURCES = ("customer_months", "customer_history")


def bridge_steps(pair: YearPair) -> dict[str, int]:
    """Yen by kind of customer; of those who stayed, more or fewer purchases at last year's value, the rest is value."""
    differences = {name: row["now_sales_jpy"] - row["before_sales_jpy"] for name, row in pair.groups.items()}
    kept = pair.groups["retained"]
    more, former = kept["now_purchases"] - kept["before_purchases"], kept["before_purchases"]
    frequency_jpy = round(more * kept["before_sales_jpy"] / former) if former else 0
    return {
        "new": differences["new"],
        "returned": differences["returned"],
        "frequency": frequency_jpy,
        "value": differences["retained"] - frequency_jpy,
        "lost": differences["lost"],
        "credits": differences["credits"],
    }


def years_of(pair: YearPair) -> tuple[YearOfSales, YearOfSales]:
    """The year before and the year, in the factors of their sales."""
    found = []
    for year, bought in (("before", ("retained", "lost")), ("now", ("retained", "new", "returned"))):
        returned_jpy = pair.sum_of(f"{year}_returned_jpy")
        found.append(
            YearOfSales(
                buyers=sum(pair.groups[name]["customers"] for name in bought),
                purchases=pair.sum_of(f"{year}_purchases"),
                gross_jpy=pair.sum_of(f"{year}_sales_jpy") + returned_jpy,
                returned_jpy=returned_jpy,
            )
        )
    return found[0], found[1]


def _numbers(latest: YearPair) -> dict[str, Scalar]:
    steps, (then, now) = bridge_steps(latest), years_of(latest)
    factors = factor_steps(then, now)
    worst = min(FACTORS, key=lambda factor: factors[factor])
    before_jpy, now_jpy = latest.sum_of("before_sales_jpy"), latest.sum_of("now_sales_jpy")
    return {
        "before_first_month": str(latest.year.back(YEAR_MONTHS).first),
        "before_last_month": str(latest.year.back(YEAR_MONTHS).last),
        "year_first_month": str(latest.year.first),
        "before_jpy": before_jpy,
        "now_jpy": now_jpy,
        "difference_jpy": now_jpy - before_jpy,
        "change_rate": change(now_jpy, before_jpy),
        **{f"{step}_jpy": amount for step, amount in steps.items()},
        **{f"{name}_customers": row["customers"] for name, row in latest.groups.items()},
        **{f"factor_{factor}_jpy": amount for factor, amount in factors.items()},
        "retained_jpy": steps["frequency"] + steps["value"],
        "taken_jpy": -steps["lost"],
        "largest_fall": f"@factor.{worst}",
        "largest_fall_jpy": factors[worst],
    }


def _expected(inputs: DiagnosisInputs, expected_jpy: int) -> dict[str, Scalar]:
    return {"response_rate": inputs.response_rate, "expected_jpy": expected_jpy}


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _waterfall(pair: YearPair) -> Exhibit:
    """First and last bar are totals, those between are differences."""
    steps = bridge_steps(pair)
    shown = [step for step in STEPS if steps[step] or step != "credits"]
    before_jpy, now_jpy = pair.sum_of("before_sales_jpy"), pair.sum_of("now_sales_jpy")
    amounts = [("before", before_jpy), *((step, steps[step]) for step in shown), ("now", now_jpy)]
    bars: list[Row] = [{"step": f"@bridge.{name}", "amount_jpy": amount} for name, amount in amounts]
    return Exhibit("bridge", "waterfall", tuple(bars), x="step", y="amount_jpy", y_unit="jpy")


def _kinds(pairs: list[YearPair]) -> Exhibit:
    """Every year by kind of customer; a row's steps added to the sales of the row before give its own."""
    found: list[Row] = [
        {
            "year_last_month": str(pair.year.last),
            "year_jpy": pair.sum_of("now_sales_jpy"),
            **{f"step_{step}_jpy": amount for step, amount in bridge_steps(pair).items()},
        }
        for pair in pairs
    ]
    columns = ("year_jpy", *(f"step_{step}_jpy" for step in STEPS))
    return Exhibit(
        "kinds", "table", tuple(found), columns=(("year_last_month", "month"), *((name, "jpy") for name in columns))
    )


def _factors(pairs: list[YearPair]) -> Exhibit:
    """Every year in its factors, and what each of them made of the change."""
    found: list[Row] = []
    for pair in pairs:
        then, now = years_of(pair)
        found.append(
            {
                "year_last_month": str(pair.year.last),
                "year_buyers": now.buyers,
                "year_frequency": float(now.frequency),
                "year_value_jpy": float(now.value_jpy),
                "year_change_jpy": round(pair.change.value),
                **{f"factor_{factor}_jpy": amount for factor, amount in factor_steps(then, now).items()},
            }
        )
    return Exhibit(
        "factors",
        "table",
        tuple(found),
        columns=(
            ("year_last_month", "month"),
            ("year_buyers", "count"),
            ("year_frequency", "index"),
            ("year_value_jpy", "jpy"),
            ("year_change_jpy", "jpy"),
            *((f"factor_{factor}_jpy", "jpy") for factor in FACTORS),
        ),
    )
