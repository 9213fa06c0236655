"""`python -m crm_platform_tests.benchmarks.reading`: wide and quoted exports read, beside a bare DuckDB load of them.

Four cp932 files of 100,000 rows: 20 columns as Shopify has, 105 as Rakuten RMS has, plain and with every value quoted.
DuckDB takes the same file decoded to UTF-8, every column as text; `read_rows` decodes, splits, trims and numbers the
rows. CPU time of all threads from bytes on the disk, imports excluded.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

from crm_platform_tests.benchmarks.measured import cost_of

ROWS, SEED = 100_000, 20_250_701
SHAPES = {"Shopify": 20, "Rakuten RMS": 105}
BARE_LOAD = """
import json, sys, time
import duckdb
path, result = sys.argv[1:]
start = time.process_time()
duckdb.connect().read_csv(path, header=True, sep=",", quotechar='"', escapechar='"', all_varchar=True).create("lines")
json.dump(time.process_time() - start, open(result, "w"))
"""
READ = """
import json, sys, time
from pathlib import Path
from crm_platform.clients.mapping import TableMapping
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import read_rows
path, result = Path(sys.argv[1]), sys.argv[2]
start = time.process_time()
rows = read_rows(DeliveredFile(path.name, path.read_bytes()), TableMapping("order_lines"))
seconds = time.process_time() - start
assert len(rows.row_numbers) == int(%d) and not rows.broken
json.dump(seconds, open(result, "w"))
"""


def main() -> None:
    """Make each file, have it read by both, print a line for each."""
    print(f"{ROWS:,} rows of")
    for name, columns in SHAPES.items():
        for quoted in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                bare, own = measure(columns, Path(folder), quoted=quoted)
            label = f"{name}, {columns} columns{', every value quoted' if quoted else ''}"
            print(f"{label:46} DuckDB {bare:5.2f} CPU s, read_rows {own:5.2f} CPU s, ratio {own / bare:.2f}")


def measure(columns: int, folder: Path, *, quoted: bool) -> tuple[float, float]:
    """CPU seconds of DuckDB and of the platform."""
    text = make_text(columns, quoted=quoted)
    (folder / "delivered.csv").write_bytes(text.encode("cp932"))
    (folder / "decoded.csv").write_bytes(text.encode())
    return (
        _seconds(BARE_LOAD, folder / "decoded.csv", folder / "bare.json"),
        _seconds(READ % ROWS, folder / "delivered.csv", folder / "own.json"),
    )


def make_text(columns: int, *, quoted: bool) -> str:
    """A header and rows of an order number, amounts, days, a few words and many empty fields."""
    chance = random.Random(SEED)
    words = ["青汁", "石鹸 2個入", "毎月コース", "東京都", "代金引換"]
    lines = [[f"項目{position}" for position in range(columns)]]
    for number in range(ROWS):
        line = [f"{number:08}", str(chance.randrange(100, 9_999)), f"2025/{chance.randrange(1, 13):02}/01"]
        lines.append([*line, *(chance.choice(words) if k % 5 == 0 else "" for k in range(columns - 3))])
    mark = '"' if quoted else ""
    return "".join(f"{mark}{f'{mark},{mark}'.join(line)}{mark}\r\n" for line in lines)


def _seconds(code: str, source: Path, result: Path) -> float:
    cost_of(["-c", code, str(source), str(result)])
    return float(json.loads(result.read_text("utf-8")))


if __name__ == "__main__":
    sys.exit(main())
