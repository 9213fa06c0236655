import dataclasses
import datetime as dt
import json
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.repeat import stop_reasons
from crm_platform.periods import Month
from crm_platform.tables import TABLES, Table
from crm_platform_tests.diagnosis.planted import Order
from crm_platform_tests.diagnosis.planted_newcomers import newcomer_inputs

AS_OF = dt.date(2023, 12, 31)
FIRST = Month(2019, 1)


def filled(table: Table, rows: list[dict[str, Any]]) -> ibis.Table:
    """`rows` as `table`; a column that none names is null, or 0 where it cannot be."""

    def value(row: dict[str, Any], name: str) -> Any:
        column = table[name]
        nothing = None if column.nullable else ("" if column.type == pa.string() else 1)
        return row.get(name, nothing)

    columns = {name: pa.array([value(row, name) for row in rows], table[name].type) for name in table.names}
    return ibis.memtable(table.from_columns(columns))


def planted(stop_shares: dict[int, float], per_month: int = 60, reason: str | None = "price") -> DiagnosisInputs:
    """Subscriptions that start each month; of those of a year its share stops after the second delivery."""
    months = [FIRST.plus(place) for place in range(60)]
    draw = np.random.default_rng(11)
    subscriptions: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for month in months:
        for place in range(per_month):
            number = f"{month}-{place:03d}"
            stops = draw.random() < stop_shares[month.year]
            started_on = month.first_day + dt.timedelta(place % 28)
            who = {"subscription_id": number, "customer_id": f"C{number}"}
            subscriptions.append(
                {
                    **who, "product_id": "P1", "course": "毎月コース", "started_on": started_on, "cycle_days": 30.0,
                    "last_cycle_no": 2 if stops else 9, "last_ordered_on": started_on, "deliveries": 2 if stops else 9,
                    "state": "stopped" if stops else "continuing", "skipped_before_next": False,
                }
            )  # fmt: skip
            if stops:
                events.append(
                    {
                        **who, "event": "stop", "occurred_on": min(started_on + dt.timedelta(45), AS_OF),
                        "cycle_no": 2, "reason_code": reason, "source": "delivered" if reason else "derived",
                    }
                )  # fmt: skip
    inputs = newcomer_inputs([Order("c", dt.date(2019, 1, 5), 3000), Order("c", AS_OF, 3000)], AS_OF, first_month=FIRST)
    return dataclasses.replace(
        inputs,
        subscriptions=filled(TABLES["subscriptions"], subscriptions),
        known_subscription_events=filled(TABLES["known_subscription_events"], events),
    )


def asked(inputs: DiagnosisInputs) -> Finding:
    finding = stop_reasons(inputs)
    assert finding is not None
    return finding


def table(finding: Finding, key: str) -> list[dict[str, Any]]:
    return [dict(row) for row in next(exhibit for exhibit in finding.exhibits if exhibit.key == key).rows]


STEADY = dict.fromkeys(range(2019, 2024), 0.3)


def test_more_stops_within_180_days_are_an_issue_and_as_many_as_before_are_none() -> None:
    worse = asked(planted({**STEADY, 2022: 0.3, 2023: 0.6}))
    assert asked(planted(STEADY)).verdict != "issue"
    assert (worse.verdict, worse.numbers["worst_cycle"]) == ("issue", 2)
    assert worse.numbers["kept_rate"] == pytest.approx(1 - (9 * 0.3 + 3 * 0.6) / 12, abs=0.06)


def test_the_tables_count_every_stop_by_reason_delivery_product_and_course() -> None:
    inputs = planted(STEADY)
    assert inputs.known_subscription_events is not None
    stops = inputs.known_subscription_events.count().to_pyarrow().as_py()
    finding = asked(inputs)
    row = table(finding, "groups")[0]
    assert (row["stops"], row["stop_reason"], row["stop_cycle"]) == (stops, "price", 2)
    assert (row["stop_product"], row["stop_course"], row["stop_subscriptions"]) == ("P1", "毎月コース", 60 * 60)
    rates = {row["cycle"]: row["reason_rate"] for row in table(finding, "reasons")}
    assert rates[2] == pytest.approx(stops / 3600) and rates[1] == 0


@pytest.mark.parametrize("written", ["山田様より電話で解約の申し出があり返金も希望", "価格について"])
def test_a_reason_that_may_be_written_by_hand_is_never_shown(written: str) -> None:
    few = planted(dict.fromkeys(range(2019, 2024), 0.001 if len(written) < 20 else 0.3), reason=written)
    finding = asked(few)
    assert written not in json.dumps(dataclasses.asdict(finding), ensure_ascii=False)


def test_a_name_that_many_stops_share_is_not_shown_until_the_mapping_declares_it_to_be_a_reason() -> None:
    inputs = planted(STEADY, reason="田中")
    kept_back = table(asked(inputs), "groups")[0]
    told = {"tables": {"subscription_events": {"codes": {"reason_code": {"7": "田中"}}}}}
    client = dataclasses.replace(inputs.client, intake=told)
    declared = table(asked(dataclasses.replace(inputs, client=client)), "groups")[0]
    assert (kept_back["stop_reason"], declared["stop_reason"]) == ("@stop_reason.other", "田中")
    assert kept_back["stops"] == declared["stops"]


def test_a_client_without_subscriptions_has_no_such_finding() -> None:
    nothing = dataclasses.replace(planted(STEADY), subscriptions=None, known_subscription_events=None)
    assert stop_reasons(nothing) is None
