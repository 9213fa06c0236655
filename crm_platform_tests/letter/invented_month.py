"""A small house over two years, its lists, and diagnoses of it: what a letter reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa

from crm_platform.diagnosis.finding import Action, Diagnosis, Exhibit, Finding, Measured, Verdict
from crm_platform.letter.monthly_letter import LetterInputs
from crm_platform.periods import Month, months_between

FIRST, MONTH = Month(2023, 7), Month(2025, 6)
MONTHS = months_between(FIRST, MONTH)
DELIVERY = {
    "delivery_id": "0003",
    "examined_on": "2025-07-02",
    "data_from": "2023-07-01",
    "data_to": "2025-06-30",
    "rows": 1200,
    "quarantined_rows": 7,
    "set_aside_rows": 2,
}
_YEN, _DAY = pa.int64(), pa.date32()
_BOUGHT = {"month": _DAY, "customer_id": pa.string(), "purchase_days": _YEN, "sales_jpy": _YEN, "returned_jpy": _YEN}
_KNOWN = {"customer_id": pa.string()} | dict.fromkeys(
    ("registered_on", "first_purchased_on", "second_purchased_on"), _DAY
)
_LISTS = {
    "lapse_alerts": {"customer_id": pa.string()},
    "test_groups": {"customer_id": pa.string(), "test_group": pa.string()},
    "contact_dates": {"customer_id": pa.string(), "to_call": pa.bool_(), "next_contact_on": _DAY},
    "dormant_customers": {"customer_id": pa.string()},
    "targets": {"customer_id": pa.string()},
    "stop_warnings": {"customer_id": pa.string(), "is_warned": pa.bool_()},
    "regular_buyers": {"customer_id": pa.string()},
}


@dataclass(frozen=True)
class Bought:
    """What a customer did in a month."""

    month: Month
    customer: str
    days: int
    gross_jpy: int
    returned_jpy: int = 0


def house(last: int = 5) -> list[Bought]:
    """Every month a few customers more; the last has `last` of them less."""
    found = [
        Bought(month, f"C{n:03}", 1 + n % 2, 3000 + 10 * place + n, 100 if n == 0 else 0)
        for place, month in enumerate(MONTHS)
        for n in range(20 + place)
    ]
    return [one for one in found if one.month != MONTH or int(one.customer[1:]) >= last]


def finding(
    key: str, verdict: Verdict, expected_jpy: int = 1000, at_stake_jpy: int | None = None, value: float = 0.4
) -> Finding:
    action = Action("@action_segment.top_fifth", 10, "@action_channel.mail", expected_jpy)
    numbers = {"rate": value, "sales": 1_000_000, "name": "青汁"}
    return Finding(
        key,
        "current_state",
        verdict,
        numbers,
        yen_effect_jpy=at_stake_jpy,
        measured=Measured(value, "rate"),
        action=action,
    )


def diagnosis(findings: Sequence[Finding], month: Month = MONTH, **headline: Any) -> Diagnosis:
    return Diagnosis("青汁商店", str(month), month.last_day.isoformat(), str(FIRST), headline, tuple(findings))


def active(by_month: Mapping[Month, int]) -> Finding:
    """The finding that counts active customers."""
    rows = tuple(
        {"month": str(month), "state": f"@customer_state.{state}", "customers": people + (state == "dormant")}
        for month, people in by_month.items()
        for state in ("active", "dormant")
    )
    exhibit = Exhibit("customers", "stacked_area", rows, x="month", y="customers", series="state")
    return Finding("dormancy", "existing_customers", "healthy", {}, (exhibit,))


def inputs(
    bought: Sequence[Bought],
    as_of: dt.date = MONTH.last_day,
    months: Sequence[Month] = MONTHS,
    now: Mapping[str, Diagnosis] | None = None,
    former: Mapping[str, Diagnosis] | None = None,
    lists: Mapping[str, ibis.Table] | None = None,
) -> LetterInputs:
    columns = {
        "month": [one.month.first_day for one in bought],
        "customer_id": [one.customer for one in bought],
        "purchase_days": [one.days for one in bought],
        "sales_jpy": [one.gross_jpy - one.returned_jpy for one in bought],
        "returned_jpy": [one.returned_jpy for one in bought],
    }
    return LetterInputs(
        client="青汁商店",
        month=months[-1],
        as_of=as_of,
        months=months,
        customer_months=ibis.memtable(pa.table(columns, schema=pa.schema(_BOUGHT))),
        history=ibis.memtable(_history(bought)),
        now=now or {"diagnosis": diagnosis([]), "alert": diagnosis([], alerted_customers=3)},
        former=former or {},
        lists=lists or no_lists(),
        delivery=DELIVERY,
        silent_days=240,
    )


def _history(bought: Sequence[Bought]) -> pa.Table:
    """First and second purchase of everyone, on the first and second of the month; registered with the first."""
    dates: dict[str, list[dt.date]] = {}
    for one in sorted(bought, key=lambda one: one.month):
        dates.setdefault(one.customer, []).extend(one.month.first_day + dt.timedelta(days=n) for n in range(one.days))
    seconds = [days[1] if len(days) > 1 else None for days in dates.values()]
    firsts = [days[0] for days in dates.values()]
    columns = {"registered_on": firsts, "first_purchased_on": firsts, "second_purchased_on": seconds}
    return pa.table({"customer_id": list(dates), **columns}, schema=pa.schema(_KNOWN))


def no_lists(**customers: Sequence[Mapping[str, Any]]) -> dict[str, ibis.Table]:
    """The lists of a month, empty but for the rows given."""
    return {
        name: ibis.memtable(pa.Table.from_pylist(list(customers.get(name, [])), schema=pa.schema(columns)))
        for name, columns in _LISTS.items()
    }
