"""`python -m crm_platform_tests.benchmarks.diagnosis_cost`: from the facts of five years to both diagnoses.

Facts of a made-up client (`oracles.houses`), some ten order lines for each customer, as Parquet sorted by month. Every
stage is a process of its own, as a run of the platform is: CPU time of all threads and peak memory, imports included.
Goal for two million customers: 240 CPU s in all, 4 GiB in each. `--facts FOLDER` keeps the facts for the next time.
`--questions` adds the CPU seconds of every question of both reports. This process imports nothing heavy: a child's
peak memory counts from its parent's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from crm_platform_tests.benchmarks.measured import Cost, cost_of

GOAL_CPU_SECONDS, GOAL_MIB, GOAL_CUSTOMERS = 240, 4096, 2_000_000
PART_CUSTOMERS = 100_000
STAGES = ("history", "model", "forecast", "segments", "cpm", "alerts", "diagnosis", "portfolio_tables", "portfolio")
_STAGE = ["-m", "crm_platform_tests.benchmarks.diagnosis_stages"]


def main() -> None:
    """Make the facts, then print what each stage costs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--facts", type=Path, help="a folder that keeps the facts, or holds them already")
    parser.add_argument("--questions", action="store_true", help="also the cost of every question")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    asked = parser.parse_args()
    folder = asked.facts or Path(tempfile.mkdtemp())
    try:
        make_facts(asked.customers, folder)
        print_stages(folder, asked.stages)
        if asked.questions:
            subprocess.run([sys.executable, *_STAGE, "questions", str(folder)], check=True)
    finally:
        if asked.facts is None:
            shutil.rmtree(folder)


def make_facts(customers: int, folder: Path) -> None:
    """Facts and masters of a client, some customers at a time; nothing where the folder holds them already."""
    if (folder / "media_months.parquet").exists():
        return
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    parts = max(round(customers / PART_CUSTOMERS), 1)
    for part in range(parts):
        cost_of([*_STAGE, "make", str(folder), str(part), str(round(customers / parts)), str(parts)])
        print(f"  made part {part + 1} of {parts}", file=sys.stderr, flush=True)
    cost_of([*_STAGE, "join", str(folder)])
    shutil.rmtree(folder / "parts")


def print_stages(folder: Path, stages: list[str]) -> None:
    """A line per stage, and all of them beside the goal."""
    costs: list[Cost] = []
    for stage in stages:
        costs.append(cost_of([*_STAGE, stage, str(folder)]))
        print(f"{stage:18}{costs[-1]}", flush=True)
    whole = Cost(sum(cost.cpu_seconds for cost in costs), max(cost.peak_mib for cost in costs))
    goal = f"{GOAL_CPU_SECONDS} CPU s, {GOAL_MIB} MiB with {GOAL_CUSTOMERS:,} customers"
    print(f"{'all':18}{whole}   goal: {goal}")
    if "portfolio" in stages:
        told = [
            json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("diagnosis", "portfolio_diagnosis")
        ]
        print(f"{sum(len(one['findings']) for one in told)} findings")


if __name__ == "__main__":
    main()
