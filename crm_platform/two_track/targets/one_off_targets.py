"""Who will buy one by one (都度購入が見込める顧客): the targets, their sales, what to offer them, is the habit kept."""

from __future__ import annotations

from collections.abc import Sequence

from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Unit
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.tables.targets import NEEDS, SUBSCRIPTION_STATES
from crm_platform.two_track.targets.half_year_take_up import HalfYear, half_years, judged
from crm_platform.two_track.targets.listed import Counted, Listed, listed, wholes
from crm_platform.two_track.targets.sum_ends import SumError

SHOWN_GROUPS = 8
OTHER_GROUPS = "@target_group.others"
_EVERYONE = "@target_cell.all"


def one_off_targets(inputs: DiagnosisInputs) -> Finding | None:
    """The targets by 継続中/解約 × 顕在/潜在, their one-off sales of six months, what to offer them (R30-R34).

    Judged is what every target rests on: the share of subscribers who buy one-off in a half-year, against the same
    half-year of the year before and in its course. At stake: one-off sales of the half-year that its fall takes away.
    The action expects what contacting all targets adds at the assumed response. None without subscribers, or where
    nothing is foretold for want of own one-off buyers (R36; see `subscriber_needs`).
    """
    found = inputs.once(listed)
    if found is None or not found.is_foretold:
        return None
    halves = half_years(inputs)
    habit = judged(halves)
    now = halves[0] if halves else None
    error = SumError.of(inputs.one_off_model, inputs.targets_backtest)
    effect_jpy = _lost_jpy(now, habit.shortfall)
    targets, added_jpy = found.all["targets"], round(found.all["added_jpy"])
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_of_targets(found, error),
        **_worth(found, inputs.client.settings.alert_unit_cost_jpy),
        "take_up_rate": habit.now.value if habit.now else None,
        "take_up_before_rate": habit.before_value,
        "change_points": habit.change_value,
        "people": now.subscribers if now else None,
        "takers": now.buyers if now else None,
        "response_rate": inputs.response_rate,
        "added_jpy": added_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="one_off_targets",
        chapter="targets",
        verdict=habit.verdict,
        numbers=numbers,
        exhibits=_exhibits(found, error, halves),
        threshold=habit.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=targets,
        measured=habit.measured("rate"),
        trend=habit.trend,
        action=Action("@action_segment.one_off_targets", targets, "@action_channel.insert_mail", added_jpy),
        sources=("one_off_candidates", "one_off_model", "targets_backtest", "customer_months", "subscriptions"),
    )


def _lost_jpy(now: HalfYear | None, shortfall: float) -> int | None:
    """What so many points fewer buyers take away in a half-year."""
    if now is None or not now.buyers:
        return None
    return round(shortfall * now.subscribers * now.one_off_jpy / now.buyers) or None


def _of_targets(found: Listed, error: SumError | None) -> dict[str, Scalar]:
    ends = error.ends_jpy(found.all["expected_jpy"], found.all["buyers"]) if error else None
    first = found.groups[0] if found.groups else None
    counts = {
        f"{name}_targets": sum(cell["targets"] for cell in found.cells if name in cell.values())
        for name in (*SUBSCRIPTION_STATES, *NEEDS)
    }
    return {
        **counts,
        "subscribers": found.all["subscribers"],
        "targets": found.all["targets"],
        "expected_buyers": round(found.all["buyers"]),
        "expected_jpy": round(found.all["expected_jpy"]),
        "low_jpy": round(ends[0]) if ends else None,
        "high_jpy": round(ends[1]) if ends else None,
        "first_group": first["product_group"] if first else None,
        "first_group_targets": first["targets"] if first else None,
        "first_group_jpy": wholes(found.groups)[0]["whole_jpy"] if first else None,
    }


def _worth(found: Listed, unit_cost_jpy: float) -> dict[str, Scalar]:
    """What contacting all targets costs, and brings back at the assumed response (R34); None where it costs nothing."""
    targets = found.all["targets"]
    known = unit_cost_jpy > 0 and targets > 0
    basis = "mixed" if len(found.bases) > 1 else "".join(found.bases)
    return {
        "unit_cost_jpy": unit_cost_jpy if known else None,
        "cost_jpy": round(targets * unit_cost_jpy) if known else None,
        "returned_jpy": round(found.all["returns"] * unit_cost_jpy) if known else None,
        "return_basis": f"@return_basis.{basis}" if known else None,
    }


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _exhibits(found: Listed, error: SumError | None, halves: Sequence[HalfYear]) -> tuple[Exhibit, ...]:
    groups = _groups(found.groups)
    told: tuple[tuple[str, Unit], ...] = (
        ("targets", "count"),
        ("target_buyers", "count"),
        ("target_sales_jpy", "jpy"),
        ("target_low_jpy", "jpy"),
        ("target_high_jpy", "jpy"),
        ("target_return", "jpy"),
    )
    cells: tuple[tuple[str, Unit], ...] = (("target_state", "text"), ("target_need", "text"), ("subscribers", "count"))
    names: tuple[tuple[str, Unit], ...] = (("target_segment", "text"), ("subscribers", "count"))
    segments: list[dict[str, Scalar]] = [
        {"target_segment": f"@target_segment.{row['segment']}", **_told(row, error)} for row in wholes(found.segments)
    ]
    return (
        Exhibit("cells", "table", tuple(_cells(found, error)), columns=(*cells, *told)),
        Exhibit("offers", "bar", tuple(groups), x="target_group", y="target_sales_jpy", y_unit="jpy"),
        Exhibit("offer_counts", "bar", tuple(groups), x="target_group", y="targets"),
        Exhibit("segments", "table", tuple(segments), columns=(*names, *told[:3], told[5])),
        *_course(halves),
    )


def _cells(found: Listed, error: SumError | None) -> list[dict[str, Scalar]]:
    rows = [
        {
            "target_state": f"@subscription_state.{row['subscription_state']}",
            "target_need": f"@need.{row['need']}",
            **_told(row, error),
        }
        for row in wholes(found.cells)
    ]
    return [*rows, {"target_state": _EVERYONE, "target_need": None, **_told(wholes([found.all])[0], error)}]


def _groups(groups: Sequence[Counted]) -> list[dict[str, Scalar]]:
    """The groups with the largest sales, and all others as one."""
    whole = wholes(groups)
    first, rest = whole[:SHOWN_GROUPS], whole[SHOWN_GROUPS:]
    if rest:
        sums = {name: sum(row[name] for row in rest) for name in rest[0] if name != "product_group"}
        first = [*first, {"product_group": OTHER_GROUPS, **sums}]
    return [{"target_group": row["product_group"], **_told(row, None)} for row in first]


def _told(row: Counted, error: SumError | None) -> dict[str, Scalar]:
    """A row in whole people and yen, with the ends of its sum and the mean return of a contact."""
    ends = error.ends_jpy(row["expected_jpy"], row["buyers"]) if error else None
    return {
        "subscribers": row["subscribers"],
        "targets": row["targets"],
        "target_buyers": row["whole_buyers"],
        "target_sales_jpy": row["whole_jpy"],
        "target_low_jpy": round(ends[0]) if ends else None,
        "target_high_jpy": round(ends[1]) if ends else None,
        "target_return": row["returns"] / row["targets"] if row["targets"] and row["returns"] else None,
    }


def _course(halves: Sequence[HalfYear]) -> tuple[Exhibit, ...]:
    rows: list[dict[str, Scalar]] = [
        {"half_year_to": half.last_month, "take_up_rate": half.take_up.value}
        for half in reversed(halves)
        if half.take_up is not None
    ]
    line = Exhibit("take_up", "line", tuple(rows), x="half_year_to", y="take_up_rate", x_unit="month", y_unit="rate")
    return (line,) if len(rows) > 1 else ()
