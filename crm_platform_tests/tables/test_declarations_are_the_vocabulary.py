from __future__ import annotations

import pyarrow as pa
import pytest

from crm_platform.tables import TABLES, Table
from crm_platform.tables.analyses import CPM_CLASS_NAMES, FORECASTS

UNITS_BY_SUFFIX = {"_jpy": "JPY", "_days": "days", "_rate": "share", "_on": "date", "_at": "time"}
COUNTED_DAYS = {"purchase_days", "purchase_days_12m", "squared_gap_days"}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_has_a_meaning_and_a_unit_that_fits_its_name(table: Table) -> None:
    for column in table.columns:
        assert column.meaning, column.name
        for suffix, unit in UNITS_BY_SUFFIX.items():
            if column.name.endswith(suffix) and column.name not in COUNTED_DAYS:
                assert column.unit == unit, column.name


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_key_is_declared_and_never_null(table: Table) -> None:
    assert table.key
    assert all(not table[name].nullable for name in table.key)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_an_empty_table_is_sound(table: Table) -> None:
    assert table.faults(table.empty()) == []


def test_the_same_name_has_the_same_type_and_unit_everywhere() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for table in TABLES.values():
        for column in table.columns:
            kind = (str(column.type), column.unit)
            assert seen.setdefault(column.name, kind) == kind, f"{table.name}.{column.name}"


def test_faults_name_the_column_the_rule_and_the_values() -> None:
    rows = FORECASTS.from_columns(
        {
            "customer_id": ["a", "a", "b"],
            "p_active": [0.5, 0.5, 1.5],
            **{name: [0.0, 0.0, -1.0] for name in ("expected_orders", "expected_sales_jpy")},
            **{name: [0.0, 0.0, -1.0] for name in ("purchasing_power_jpy", "profitability_jpy")},
            "retention_power_rate": [0.0, 0.0, 0.0],
        }
    )
    faults = {(fault.column, fault.rows): fault for fault in FORECASTS.faults(rows)}
    assert ("p_active", 1) in faults
    assert faults["p_active", 1].examples == ("1.5",)
    assert any("unique" in fault.rule for fault in FORECASTS.faults(rows))


def test_a_cast_fails_rather_than_lose_a_fraction_of_a_yen() -> None:
    columns = {name: [1] for name in TABLES["media_months"].names}
    columns |= {"month": pa.array([0], pa.date32()), "media_id": ["m"], "sales_jpy": [1.5]}
    with pytest.raises(pa.ArrowInvalid):
        TABLES["media_months"].cast(pa.table(columns))


def test_there_are_exactly_ten_cpm_classes() -> None:
    assert len(set(CPM_CLASS_NAMES)) == 10
