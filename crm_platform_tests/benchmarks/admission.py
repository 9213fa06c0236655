"""`python -m crm_platform_tests.benchmarks.admission`: half a million order lines judged, beside a bare DuckDB load.

Two processes of their own. One loads the order lines, decoded to UTF-8 beforehand, into a table of declared types, by
DuckDB and nothing else. The other takes the cp932 files through `examine_delivery`: decoded, guarded, typed, all rules
of rows, receipt. The work is the CPU time of all threads from the files on the disk to the tables in memory, imports
excluded on both sides; the whole process is shown beside it. In the platform's alone: the three masters, the digests of
the files, the test totals. Exits with 1 where not just the planted rows are caught.

The baseline is the quickest of what a user would write: without declared types, or with every column as text, DuckDB
takes a tenth to a third longer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from itertools import islice
from pathlib import Path

from crm_platform_tests.benchmarks.measured import Cost, cost_of
from crm_platform_tests.benchmarks.planted_rows import Planted, plant

BAD_ROWS, SEED = 1_001, 20_250_701
LINES_PER_CUSTOMER = 7
MAKE_FILES = """
import sys
from pathlib import Path
from crm_platform.demo import make_demo, write_delivery
write_delivery(make_demo(customers=int(sys.argv[1])), Path(sys.argv[2]))
"""
BARE_LOAD = """
import json, sys, time
import duckdb
path, result = sys.argv[1:]
types = ["VARCHAR", "BIGINT", "VARCHAR", "TIMESTAMP", "DATE", "VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "VARCHAR",
         "VARCHAR", "BIGINT", "DOUBLE", "BIGINT", "BIGINT", "VARCHAR", "DATE"]
with open(path, encoding="utf-8") as file:
    headers = file.readline().rstrip().split("\\t")
start = time.process_time()
connection = duckdb.connect()
connection.read_csv(
    path, header=True, sep="\\t", quotechar="", columns=dict(zip(headers, types, strict=True)),
    timestamp_format="%Y/%m/%d %H:%M", date_format="%Y/%m/%d", ignore_errors=True,
).create("lines")
seconds = time.process_time() - start
rows = connection.execute("select count(*) from lines").fetchone()[0]
json.dump({"seconds": seconds, "rows": rows}, open(result, "w"))
"""
EXAMINE = """
import datetime as dt, json, sys, time
from pathlib import Path
from crm_platform.clients import Client
from crm_platform.intake import examine_delivery, read_files
folder, result = Path(sys.argv[1]), sys.argv[2]
start = time.process_time()
files = read_files(sorted(folder.iterdir()))
admitted = examine_delivery(
    Client("demo", "Demo"), files, delivery_id="0001-000000000000", today=dt.date(2025, 7, 1)
)
seconds = time.process_time() - start
caught = admitted.tables["quarantined_rows"].select(["row_number", "column", "rule"]).to_pylist()
rows = admitted.tables["order_lines"].num_rows
json.dump({"seconds": seconds, "rows": rows, "caught": caught}, open(result, "w"))
"""


def main() -> int:
    """Measure and print; 1 where the platform caught another set of rows than was planted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=500_000)
    lines = parser.parse_args().lines
    folder = Path(tempfile.mkdtemp())
    try:
        return measure(lines, folder)
    finally:
        shutil.rmtree(folder)


def measure(lines: int, folder: Path) -> int:
    """Make the files of `lines` order lines, run both processes, print one line for each."""
    planted = make_files(lines, folder)
    bare_cost, bare = _run(BARE_LOAD, folder / "decoded.tsv", folder / "bare.json")
    own_cost, own = _run(EXAMINE, folder / "files", folder / "own.json")
    caught = sorted(Planted(**row) for row in own["caught"])
    print(
        f"{lines:,} order lines in cp932, {len(planted):,} bad rows of {len({p.rule for p in planted})} kinds planted"
    )
    print(f"{'':18}{'work':>12}{'whole process':>20}{'peak':>12}{'rows':>12}")
    for name, cost, result in (("bare DuckDB load", bare_cost, bare), ("examine_delivery", own_cost, own)):
        whole = f"{cost.cpu_seconds:.2f} CPU s"
        print(f"{name:18}{result['seconds']:6.2f} CPU s{whole:>20}{cost.peak_mib:8.0f} MiB{result['rows']:>12,}")
    whole_ratio = own_cost.cpu_seconds / bare_cost.cpu_seconds
    print(f"ratio {own['seconds'] / bare['seconds']:.2f} (of the whole processes {whole_ratio:.2f})")
    found, wanted = set(caught), set(planted)
    print(f"caught by line, column and rule: {len(found & wanted):,}; missed {len(wanted - found)}")
    print(f"caught though sound: {len(found - wanted)}")
    return int(caught != sorted(planted))


def make_files(lines: int, folder: Path) -> list[Planted]:
    """The delivery in `files`, and the order lines decoded in `decoded.tsv`; returns the bad rows."""
    files = folder / "files"
    files.mkdir()
    cost_of(["-c", MAKE_FILES, str(lines // LINES_PER_CUSTOMER + 100), str(files)])
    for file in files.iterdir():
        if file.stem not in {"products", "customers", "media", "order_lines"}:
            file.unlink()
    with (files / "order_lines.tsv").open("rb") as file:
        sound = list(islice(file, lines + 1))
    spoilt, planted = plant(sound, BAD_ROWS, SEED)
    content = b"".join(spoilt)
    (files / "order_lines.tsv").write_bytes(content)
    (folder / "decoded.tsv").write_text(content.decode("cp932", "replace"), "utf-8", newline="")
    return planted


def _run(code: str, source: Path, result: Path) -> tuple[Cost, dict]:
    cost = cost_of(["-c", code, str(source), str(result)])
    return cost, json.loads(result.read_text("utf-8"))


if __name__ == "__main__":
    sys.exit(main())
