"""What a delivery as a whole looks like: months, gaps and the delivery itself, as small frames to be judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from crm_platform.intake.judging.monthly_totals import monthly_totals
from crm_platform.intake.judging.plausible import plausible_gap_days, rise_of_rates, volume_deviation
from crm_platform.periods import Month, months_between

MASTERS = {"customers": "customer_id", "products": "product_id", "media": "media_id"}
VOLUMES = ("rows", "orders", "customers", "ordered_jpy")
_UNKNOWN = {"customers": "unknown_customer", "products": "unknown_product", "media": "unknown_medium"}
ROW_NAMES = {"months": "month", "gaps": "first_day", "delivery": "delivery_id"}
_OLD_MONTHS = 12


@dataclass(frozen=True)
class Judged:
    """What is judged: the history to a month's end, and the delivery that came last.

    `order_lines`: all that is known after the delivery, up to the as-of date. `brought`: the order lines of the
    delivery alone. `masters`: ids by master; None where the client has no such master. `former`: `monthly_totals` as
    they were before the delivery; None for the first. `receipt`: of the delivery.
    """

    order_lines: ibis.Table
    brought: ibis.Table
    masters: Mapping[str, ibis.Table | None]
    former: pd.DataFrame | None
    receipt: Mapping[str, Any]
    as_of: dt.date


@dataclass(frozen=True)
class Figures:
    """Frames by name (`months`: a row per month, `gaps`: a row per run of days without an order, `delivery`: one row).

    A figure that too little history or a master that is not there leaves unknown is null.
    """

    frames: Mapping[str, pd.DataFrame]

    def of_delivery(self, column: str) -> Any:
        """A figure of the delivery."""
        return self.frames["delivery"][column].iloc[0]


def figures_of(judged: Judged) -> Figures:
    """Every figure that the expectations speak of. Nothing is judged here."""
    months = _months(judged)
    gaps, days_with_orders = _gaps(judged.order_lines)
    delivery = {**_span(months, judged.as_of), **_coverage(judged), **_faults(judged.receipt)}
    delivery |= {
        "delivery_id": judged.receipt["delivery_id"],
        "days_with_orders": days_with_orders,
        "months_changed": int(months["is_changed"].sum()),
    }
    return Figures({"months": months, "gaps": gaps, "delivery": pd.DataFrame([delivery])})


# --- months -----------------------------------------------------------------------------------------------------------


def _months(judged: Judged) -> pd.DataFrame:
    """Every month from the first order to the as-of date, also one without an order."""
    totals = _by_month(monthly_totals(judged.order_lines).to_pandas())
    first, last = (Month.of(day) for day in (totals.index[0], judged.as_of))
    every = pd.Index([month.first_day for month in months_between(first, last)], name="month")
    undone = _by_month(_undone_orders(judged.order_lines).to_pandas()).reindex(every, fill_value=0)
    months = totals.reindex(every, fill_value=0).join(undone)
    complete = judged.as_of == last.last_day
    months["is_complete"] = [complete or Month.of(day) != last for day in months.index]
    months["cancelled_rate"] = months["cancelled_orders"] / months["orders"].where(months["orders"] > 0)
    months["returned_rate"] = months["returned_orders"] / months["orders"].where(months["orders"] > 0)
    months["changed_rate"] = _changed(months, judged.former)
    months["is_changed"] = months["changed_rate"].fillna(np.inf) != 0
    return _judged_against_history(months)


def _judged_against_history(months: pd.DataFrame) -> pd.DataFrame:
    """The months with what their own past makes plausible. Only what this delivery changed is judged."""
    judged = months["is_changed"] & months["is_complete"]
    orders = months["orders"].to_numpy(float)
    found = {name: volume_deviation(months[name].to_numpy(float), orders) for name in VOLUMES}
    scores = pd.DataFrame({name: one.score for name, one in found.items()}, index=months.index)
    months["volume_deviation"] = scores.max(axis=1).where(judged)
    months["usual_orders"] = found["orders"].usual
    months["usual_ordered_jpy"] = found["ordered_jpy"].usual
    for rate in ("cancelled_rate", "returned_rate"):
        rise = rise_of_rates(months[rate].to_numpy(float), orders)
        months[rate.replace("_rate", "_rise")] = pd.Series(rise.score, index=months.index).where(judged)
        months[f"usual_{rate}"] = rise.usual
    age = np.arange(len(months))[::-1]
    months["old_change_rate"] = months["changed_rate"].abs().where((age >= _OLD_MONTHS) & months["is_changed"])
    months.insert(0, "month", [str(Month.of(day)) for day in months.index])
    return months.reset_index(drop=True)


def _undone_orders(lines: ibis.Table) -> ibis.Table:
    """Orders with a cancelled line and with a returned line (also a credit line), by month."""
    return (
        lines.mutate(month=_.ordered_at.truncate("M").date())
        .group_by("month")
        .agg(
            cancelled_orders=_.order_id.nunique(where=_.status == "cancelled"),
            returned_orders=_.order_id.nunique(where=_.status == "returned"),
        )
    )


def _changed(months: pd.DataFrame, former: pd.DataFrame | None) -> pd.Series[float]:
    """Change of 受注金額 by the delivery, as a share of what was known; null for a month that was not known.

    A month whose other figures alone changed has the smallest change that is not zero.
    """
    if former is None:
        return pd.Series(np.nan, index=months.index)
    known = _by_month(former).reindex(months.index)
    named = list(known.columns)
    same = (known == months[named]).all(axis=1)
    change = (months["ordered_jpy"] - known["ordered_jpy"]) / known["ordered_jpy"].where(known["ordered_jpy"] != 0)
    change = change.where((change != 0) | same, np.finfo(float).tiny)
    return change.where(known["rows"].notna() & ~same, other=np.where(same, 0.0, np.nan))


def _by_month(frame: pd.DataFrame) -> pd.DataFrame:
    days = [value.date() if isinstance(value, pd.Timestamp) else value for value in frame["month"]]
    return frame.assign(month=days).set_index("month").sort_index()


# --- days -------------------------------------------------------------------------------------------------------------


def _gaps(lines: ibis.Table) -> tuple[pd.DataFrame, int]:
    """Every run of days without an order, with the longest that is plausible; and how many days have an order.

    A history with an order every day has one row of no days, which is a sound history and not an unknown one.
    """
    days = lines.select(day=_.ordered_at.date()).distinct().order_by("day").to_pandas()["day"]
    day = pd.to_datetime(days).to_numpy("datetime64[D]")
    without = np.diff(day).astype(int) - 1
    at = np.flatnonzero(without > 0)
    plausible = plausible_gap_days(without, len(day))
    first = [str(value) for value in day[at] + 1]
    last = [str(value) for value in day[at + 1] - 1]
    gaps = pd.DataFrame({"first_day": first, "last_day": last, "days": without[at].astype(int)})
    if gaps.empty:
        gaps = pd.DataFrame({"first_day": [""], "last_day": [""], "days": [0]})
    gaps["plausible_days"] = np.nan if plausible is None else float(plausible)
    gaps["beyond_plausible"] = gaps["days"] / gaps["plausible_days"]
    return gaps, len(day)


# --- the delivery -----------------------------------------------------------------------------------------------------


def _span(months: pd.DataFrame, as_of: dt.date) -> dict[str, Any]:
    first = Month.parse(months["month"].iloc[0])
    return {
        "first_month": str(first),
        "span_months": len(months),
        "span_days": (as_of - first.first_day).days + 1,
        "months_without_orders": int((months["orders"] == 0).sum()),
        "median_orders": float(months["orders"].median()),
    }


def _coverage(judged: Judged) -> dict[str, float | None]:
    """Share of the delivery's order lines that name a customer, product or medium of the master.

    Lines that were quarantined because they name none count as not covered; lines that name no medium do not count.
    """
    account = judged.receipt["accounts"].get("order_lines", {})
    quarantined = account.get("quarantined_by_rule", {})
    found: dict[str, float | None] = {}
    for master, column in MASTERS.items():
        ids = judged.masters[master]
        named = judged.brought.filter(judged.brought[column].notnull())
        unknown = quarantined.get(_UNKNOWN[master], 0)
        total = int(named.count().execute()) + unknown
        known = int(named.semi_join(ids, column).count().execute()) if ids is not None else 0
        found[f"{master}_coverage_rate"] = known / total if ids is not None and total else None
    return found


def _faults(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of the delivery that were quarantined, by rule, and orders met in two of its files."""
    accounts = receipt["accounts"].values()
    delivered = sum(account["delivered"] for account in accounts)
    rules = _rules_broken(list(accounts))
    worst = max(rules.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return {
        "rows_delivered": delivered,
        "quarantined_rate": sum(account["quarantined"] for account in accounts) / delivered if delivered else None,
        "quarantined_by_rule": ", ".join(f"{rule}: {count}" for rule, count in sorted(rules.items())),
        "most_frequent_rule": worst[0],
        "duplicate_rate": rules.get("duplicate_key", 0) / delivered if delivered else None,
        "orders_in_two_files": receipt["accounts"].get("order_lines", {}).get("orders_in_two_files"),
    }


def _rules_broken(accounts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    rules: dict[str, int] = {}
    for account in accounts:
        for rule, count in account["quarantined_by_rule"].items():
            rules[rule] = rules.get(rule, 0) + count
    return rules
