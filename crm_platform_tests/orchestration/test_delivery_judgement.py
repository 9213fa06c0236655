"""The judgement of a delivery as Dagster shows it: a check per expectation, which warns and stops nothing."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from crm_platform.demo import make_demo
from crm_platform.intake.judging.expectations import EXPECTATIONS
from crm_platform.orchestration.assets import intake
from crm_platform.orchestration.client_month_asset import CHECK
from crm_platform.orchestration.partitions import clients, partition_key
from crm_platform.periods import Month
from crm_platform_tests.end_to_end.installation import Installation

MASTERS = [asset.definition for asset in (intake.products, intake.customers, intake.media)]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Month]:
    folder = tmp_path_factory.mktemp("judged")
    installation, demo = Installation.at(folder / "data"), make_demo(customers=40, months=8)
    installation.deliver(demo, folder / "files")
    return installation, demo.last_month


def materialized(delivered: tuple[Installation, Month], assets: list[Any], first: Month, last: Month) -> Any:
    installation, _ = delivered
    keys = [partition_key("demo", month) for month in (first, last)]
    span = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[1]}
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(str(clients.name), ["demo"])
        return dg.materialize(
            assets,
            instance=instance,
            resources={"platform": installation.platform},
            partition_key=keys[0] if first == last else None,
            tags=span if first != last else None,
        )


def test_each_expectation_is_a_check_with_its_severity_once_in_a_run_over_two_months(
    delivered: tuple[Installation, Month],
) -> None:
    installation, last = delivered
    materialized(delivered, [intake.order_lines.definition], last.plus(-7), last)
    result = materialized(
        delivered, [*MASTERS, intake.order_lines.definition, intake.delivery_judgement.definition], last.plus(-1), last
    )
    assert result.success
    found = {
        check.check_name: check
        for check in result.get_asset_check_evaluations()
        if check.asset_key == dg.AssetKey("delivery_judgement") and check.check_name != CHECK
    }
    evaluated = [c for c in result.get_asset_check_evaluations() if c.asset_key == dg.AssetKey("delivery_judgement")]
    assert len(evaluated) == len(EXPECTATIONS) + 1
    assert found.keys() == {one.name for one in EXPECTATIONS}
    severities = {one.name: "ERROR" if one.severity == "critical" else "WARN" for one in EXPECTATIONS}
    assert {name: check.severity.value for name, check in found.items()} == severities

    span = found["history_spans_five_years"]
    assert not span.passed
    assert (span.metadata["observed"].value, span.metadata["expected"].value) == (7, "at least 60")
    assert span.metadata["failing"].value == f"demo {last.plus(-1)}, demo {last}"
    assert span.metadata["cases"].value[0]["span_months"] == 7
    assert found["customers_are_in_the_master"].passed
    assert {check.description for check in evaluated} == {f"demo {last.plus(-1)} to {last}"}
    assert "not_judged" in found["old_months_stand"].metadata

    document = installation.document("demo", "delivery_judgement", str(last))
    assert document["as_of"] == str(last.last_day)
    assert "index.html" in document["data_docs"]


def test_a_judgement_that_is_current_is_kept_and_its_verdicts_are_shown_again(
    delivered: tuple[Installation, Month],
) -> None:
    installation, last = delivered
    assets = [*MASTERS, intake.order_lines.definition, intake.delivery_judgement.definition]
    materialized(delivered, [intake.order_lines.definition], last.plus(-7), last)
    materialized(delivered, assets, last, last)
    before = installation.digests("demo", "delivery_judgement")
    again = materialized(delivered, assets, last, last)
    (event,) = again.asset_materializations_for_node("delivery_judgement")
    assert event.metadata["recomputed"].value is False
    assert event.metadata["expectations_broken"].value == 1
    assert installation.digests("demo", "delivery_judgement") == before
    checks = again.get_asset_check_evaluations()
    assert len([c for c in checks if not c.passed]) == 1
    assert {check.description for check in checks} == {f"demo {last}"}
