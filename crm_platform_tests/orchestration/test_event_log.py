"""The databases of the event log stay open while a command runs; nobody else notices."""

from pathlib import Path

import dagster as dg
import pytest

from crm_platform.orchestration.event_log import OpenEventLog, open_instance
from crm_platform.refusals import Refused


@dg.asset
def table() -> None:
    """Anything."""


def test_dagster_reads_what_was_written_and_the_other_way_round(tmp_path: Path) -> None:
    with open_instance(tmp_path) as ours, dg.DagsterInstance.from_config(str(tmp_path)) as plain:
        assert isinstance(ours.event_log_storage, OpenEventLog)
        for instance, client in ((ours, "acme"), (plain, "other"), (ours, "third")):
            run = dg.materialize([table], instance=instance)
            instance.add_dynamic_partitions("client", [client])
            for reader in (ours, plain):
                assert {event.dagster_event_type for event in reader.all_logs(run.run_id)} == {
                    event.dagster_event_type for event in instance.all_logs(run.run_id)
                }
                latest = reader.get_latest_materialization_event(table.key)
                assert latest is not None
                assert latest.run_id == run.run_id
                assert reader.has_dynamic_partition("client", client)


def test_what_was_written_lies_in_the_databases_once_the_command_has_ended(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        dg.materialize([table], instance=instance)
        assert list(tmp_path.rglob("*.db-wal"))
    assert not list(tmp_path.rglob("*.db-wal"))


def test_the_folder_that_dagster_yaml_names_is_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "dagster.yaml").write_text(f"storage:\n  sqlite:\n    base_dir: {elsewhere}\n")
    with open_instance(tmp_path) as instance:
        instance.add_dynamic_partitions("client", ["acme"])
    assert (elsewhere / "history" / "runs" / "index.db").exists()
    with dg.DagsterInstance.from_config(str(tmp_path)) as plain:
        assert plain.get_dynamic_partitions("client") == ["acme"]


POSTGRES, LOGS = (
    """storage:
  postgres:
    postgres_db: {hostname: h, password: p, db_name: d, username: {env: NOT_SET}}
""",
    """compute_logs:
  module: dagster._core.storage.local_compute_log_manager
  class: LocalComputeLogManager
  config: {base_dir: {env: NOT_SET}}
""",
)


@pytest.mark.parametrize("settings", [POSTGRES, LOGS], ids=["postgres", "logs"])
def test_settings_that_ask_for_what_is_not_set_are_refused_by_its_name(tmp_path: Path, settings: str) -> None:
    (tmp_path / "dagster.yaml").write_text(settings)
    with pytest.raises(Refused, match=r"dagster\.yaml: .* environment for NOT_SET, which is not set"):
        open_instance(tmp_path)
