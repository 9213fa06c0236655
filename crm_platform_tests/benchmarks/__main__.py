"""`make bench`: what onboarding costs, beside a baseline in the same run. Quote ratios and CPU seconds, not wall time.

The baseline of the intake is a bare DuckDB load of the same order lines, decoded beforehand: no check, no account, no
merge. That of a refresh is the onboarding before it. This process imports nothing heavy: a child's peak memory counts
from its parent's.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from crm_platform_tests.benchmarks.measured import Cost, cost_of

CLIENTS = Path(__file__).parents[2] / "data" / "clients"
MAKE_FILES = """
import sys
from pathlib import Path
from crm_platform.demo import make_demo, write_delivery
write_delivery(make_demo(customers=int(sys.argv[1])), Path(sys.argv[2]))
"""
BARE_LOAD = """
import sys
import duckdb
duckdb.read_csv(sys.argv[1], sep="\\t", all_varchar=True).create("lines")
"""


def main() -> None:
    """Measure one size and print a line per command."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--customers", type=int, default=20_000)
    customers = parser.parse_args().customers
    folder = Path(tempfile.mkdtemp())
    try:
        measure(customers, folder)
    finally:
        shutil.rmtree(folder)


def measure(customers: int, folder: Path) -> None:
    """Make the demo's files, take them through the platform, print what each command cost."""
    files, data, decoded = folder / "files", folder / "data", folder / "decoded.tsv"
    files.mkdir()
    shutil.copytree(CLIENTS, data / "clients")
    cost_of(["-c", MAKE_FILES, str(customers), str(files)])
    decoded.write_text((files / "order_lines.tsv").read_text("cp932"), "utf-8")
    environment = {"CRM_PLATFORM_DATA": str(data), "DAGSTER_HOME": str(data / "dagster_home")}

    def command(*arguments: str) -> Cost:
        return cost_of(["-m", "crm_platform.cli", *arguments], environment)

    bare = cost_of(["-c", BARE_LOAD, str(decoded)])
    deliver = command("deliver", "--client", "demo", *(str(path) for path in sorted(files.iterdir())))
    onboard = command("onboard", "--client", "demo")
    again = command("refresh", "--client", "demo")
    print(f"{customers:,} customers, {decoded.read_bytes().count(10) - 1:,} order lines")
    for name, cost, baseline in (
        ("bare DuckDB load", bare, bare),
        ("deliver", deliver, bare),
        ("onboard", onboard, onboard),
        ("refresh, nothing new", again, onboard),
    ):
        print(f"{name:22} {cost}  ratio {cost.cpu_seconds / baseline.cpu_seconds:.2f}")


if __name__ == "__main__":
    main()
