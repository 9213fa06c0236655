"""What the platform assumes of Dagster 1.13; an upgrade that breaks one of these breaks the platform."""

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_platform.orchestration.assets.intake import products
from crm_platform.orchestration.partitions import (
    PARTITION_CLIENT_TAG,
    RANGE_TAGS,
    client_months,
    clients,
    months,
    months_up_to,
    partition_key,
    read_keys,
    refuse_lost_months,
    same_month,
)
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month, months_between
from crm_platform.refusals import Refused

FIRST, LAST = Month(2020, 1), Month(2020, 12)


@pytest.fixture
def instance() -> Any:
    with dg.instance_for_test() as found:
        found.add_dynamic_partitions(str(clients.name), ["acme", "other"])
        yield found


def range_tags(client: str, first: Month, last: Month) -> dict[str, str]:
    start, end = partition_key(client, first), partition_key(client, last)
    return {"client": client, "dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": end}


def test_a_range_of_months_of_one_client_is_one_run_with_an_event_and_metadata_per_month(
    instance: dg.DagsterInstance,
) -> None:
    seen: list[list[str]] = []

    @dg.asset(partitions_def=client_months, backfill_policy=dg.BackfillPolicy.single_run())
    def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        seen.append(list(context.partition_keys))
        for key in read_keys(context.partition_keys):
            metadata = {"dagster/row_count": key.month.number}
            context.add_asset_metadata(metadata, partition_key=partition_key(key.client, key.month))
        return dg.MaterializeResult()

    result = dg.materialize([table], instance=instance, tags=range_tags("acme", FIRST, LAST))
    assert len(seen) == 1
    assert [key.month for key in read_keys(seen[0])] == months_between(FIRST, LAST)
    assert {key.client for key in read_keys(seen[0])} == {"acme"}
    events = result.asset_materializations_for_node("table")
    rows = {event.partition: event.metadata["dagster/row_count"].value for event in events}
    assert rows == {str(partition_key("acme", m)): m.number for m in months_between(FIRST, LAST)}
    assert instance.get_runs_count() == 1


def test_a_range_launched_on_the_page_of_a_job_holds_its_first_month_alone_and_is_refused(
    instance: dg.DagsterInstance,
) -> None:
    refused = []

    @dg.asset(partitions_def=client_months, backfill_policy=dg.BackfillPolicy.single_run())
    def table(context: dg.AssetExecutionContext) -> None:
        with pytest.raises(Refused) as refusal:
            refuse_lost_months(context.run.tags, read_keys(context.partition_keys))
        refused.append(str(refusal.value))

    as_of_a_job = {"dagster/partition/client": "acme", "dagster/partition/month": "2020-01-01"}
    dg.materialize([table], instance=instance, tags={**range_tags("acme", FIRST, LAST), **as_of_a_job})
    assert "acme|2020-01-01 to acme|2020-12-01, and Dagster gives it 1 of them" in refused[0]
    assert refused[0].endswith("crm-platform backfill --client acme --from 2020-01 --to 2020-12")


def test_a_range_of_one_client_comes_to_bear_its_tag_and_one_of_two_is_refused_before_anything_is_read(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    said, clients_of_runs = [], []
    for last in ("acme", "other"):
        result = dg.materialize(
            [products.definition],
            instance=instance,
            resources={"platform": Platform(data_folder=str(tmp_path))},
            tags=dict(zip(RANGE_TAGS, (partition_key("acme", LAST), partition_key(last, LAST)), strict=True)),
            raise_on_error=False,
        )
        (failure,) = result.filter_events(lambda event: event.is_step_failure)
        said.append(failure.step_failure_data.user_failure_data.description)
        clients_of_runs.append(instance.get_run_by_id(result.run_id).tags.get("client"))
    assert clients_of_runs == ["acme", None]
    assert "there is no client 'acme'" in said[0]
    assert "this run is over 2 clients (acme, other); each needs runs of its own" in said[1]
    assert not any(tmp_path.iterdir())


def test_a_run_of_one_month_that_the_ui_launched_comes_to_bear_the_tag_of_its_client(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    result = dg.materialize(
        [products.definition],
        instance=instance,
        resources={"platform": Platform(data_folder=str(tmp_path))},
        partition_key=partition_key("acme", LAST),
        raise_on_error=False,
    )
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert (run.tags[PARTITION_CLIENT_TAG], run.tags["client"]) == ("acme", "acme")
    assert instance.get_runs(dg.RunsFilter(tags={"client": "acme"})) == [run]


def test_a_failed_blocking_check_stops_what_is_downstream(instance: dg.DagsterInstance) -> None:
    ran = []
    spec = dg.AssetCheckSpec("rules", asset="table", blocking=True)

    @dg.asset(partitions_def=client_months, check_specs=[spec])
    def table() -> Any:
        yield dg.AssetCheckResult(check_name="rules", asset_key="table", passed=False)
        raise dg.Failure("not stored", allow_retries=False)

    @dg.asset(partitions_def=client_months, deps=[table])
    def downstream() -> None:
        ran.append(1)

    result = dg.materialize(
        [table, downstream], instance=instance, partition_key=partition_key("acme", FIRST), raise_on_error=False
    )
    assert not result.success
    assert ran == []
    assert [check.passed for check in result.get_asset_check_evaluations()] == [False]
    assert not result.asset_materializations_for_node("table")


def test_the_months_reach_the_present_month() -> None:
    keys = months.get_partition_keys(current_time=dt.datetime(2025, 6, 15, tzinfo=dt.UTC))
    assert (keys[0], keys[-1]) == ("2009-01-01", "2025-06-01")


def test_every_mapping_of_the_lineage_names_both_dimensions() -> None:
    for mapping in (same_month, months_up_to):
        assert set(mapping.downstream_mappings_by_upstream_dimension) == {"client", "month"}


def test_keys_are_read_in_order_of_client_and_month() -> None:
    keys = [partition_key("other", LAST), partition_key("acme", LAST), partition_key("acme", FIRST)]
    assert read_keys(keys) == [("acme", FIRST), ("acme", LAST), ("other", LAST)]
