"""`python -m crm_platform_tests.benchmarks.refresh_cost`: what does a month's difference cost, beside the onboarding?

The demo grown to 200,000 customers: all months but the last are delivered and onboarded, then the difference of the
last month is delivered and refreshed. CPU of all threads and peak memory of each command's process, and what the
refresh made and kept by Dagster's event log: of the facts only the months of the difference, of the analyses the last.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import dagster as dg

from crm_platform.demo import make_demo, write_delivery
from crm_platform.orchestration.assets import EVERY_MONTH
from crm_platform.orchestration.event_log import open_instance
from crm_platform.orchestration.partitions import read_keys
from crm_platform.periods import Month
from crm_platform_tests.benchmarks.measured import Cost, cost_of
from crm_platform_tests.end_to_end.installation import Installation

GOAL = 0.10
_MOST = 5_000


def main() -> None:
    """Print each command's cost, the share of the refresh, and what it touched."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=200_000)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        installation = Installation.at(folder / "data")
        demo = make_demo(customers=asked.customers)
        last, former = demo.last_month, demo.last_month.plus(-1)
        history = write_delivery(demo, folder / "history", last=former, known_at=former)
        difference = write_delivery(demo, folder / "difference", first=former)
        first = told(installation, "deliver", "--client", "demo", "--data-to", str(former.last_day), *map(str, history))
        first += told(installation, "onboard", "--client", "demo")
        before = runs_of(installation)
        later = told(
            installation, "deliver", "--client", "demo", "--data-to", str(last.last_day), *map(str, difference)
        )
        later += told(installation, "refresh", "--client", "demo")
        print(f"refresh / onboarding: {later:.1f} / {first:.1f} CPU s = {later / first:.1%} (goal {GOAL:.0%})")
        print_touched(installation, before, last)
    finally:
        shutil.rmtree(folder)


def told(installation: Installation, *arguments: str) -> float:
    """Run a command in a process of its own, print its cost, and return its CPU seconds."""
    home = {"CRM_PLATFORM_DATA": str(installation.data), "DAGSTER_HOME": str(installation.data / "dagster_home")}
    cost: Cost = cost_of(["-m", "crm_platform.cli", *arguments], home)
    print(f"{arguments[0]:>10} {cost}", flush=True)
    return cost.cpu_seconds


def runs_of(installation: Installation) -> set[str]:
    """The runs so far."""
    with open_instance(installation.data / "dagster_home") as instance:
        return {run.run_id for run in instance.get_runs()}


def print_touched(installation: Installation, before: set[str], last: Month) -> None:
    """Of each table the months that the later runs made again; AssertionError where one was not to be touched."""
    facts = {asset.recipe.name for asset in EVERY_MONTH}
    made = Counter[tuple[str, Month]]()
    with open_instance(installation.data / "dagster_home") as instance:
        for run in instance.get_runs():
            if run.run_id in before:
                continue
            records = instance.get_records_for_run(
                run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=_MOST
            )
            for record in records.records:
                found = record.asset_materialization
                if found and found.metadata.get("recomputed") and found.metadata["recomputed"].value:
                    made[found.asset_key.to_user_string(), read_keys([str(found.partition)])[0].month] += 1
    months = sorted({month for name, month in made if name in facts})
    others = sorted({month for name, month in made if name not in facts})
    print(f"made again: facts of {', '.join(map(str, months))}; analyses of {', '.join(map(str, others))}")
    assert others == [last] and set(made.values()) == {1}, "a month was made twice, or another month's analyses"


if __name__ == "__main__":
    main()
