"""What the longest report costs: the second opinion of the demo, made from its stored document to PDF.

`python -m crm_platform_tests.benchmarks.reports` makes the demo (5,000 customers, 60 months), then the report in two
processes of their own, and tells CPU seconds, peak memory, pages, exhibits, and whether both gave the same bytes. The
first line is a process that only loads the same libraries.
`--data` and `--client` name an installation that is there already; `--language` another edition.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from crm_platform_tests.benchmarks.measured import cost_of

CLIENTS = Path(__file__).parents[2] / "data" / "clients"
MOST_CPU_SECONDS, MOST_MIB = 10, 400
LOAD = """
import json
import sys
from pathlib import Path
from crm_platform.diagnosis import Diagnosis
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.reports import diagnosis_report, write_pdf
from crm_platform.reports.pages import Grid
"""
MAKE_REPORT = (
    LOAD
    + """
document, receipts, language, out = sys.argv[1:]
deliveries = [Delivered.from_receipt(one) for one in json.loads(receipts)]
diagnosis = Diagnosis.from_json(json.loads(Path(document).read_text("utf-8")))
report = diagnosis_report(diagnosis, language, deliveries=deliveries)
Path(out).write_bytes(write_pdf(report))
grids = [one for chapter in report.chapters for section in chapter.sections for one in section.exhibits]
count = {"charts": len(list(report.pictures)), "tables": sum(isinstance(one, Grid) for one in grids)}
Path(out).with_suffix(".json").write_text(json.dumps(count))
"""
)


def main() -> None:
    """Print a line per making, and whether they are equal."""
    parser = argparse.ArgumentParser(prog="crm_platform_tests.benchmarks.reports")
    parser.add_argument("--data", type=Path, help="a data folder with a finished client; without it the demo is made")
    parser.add_argument("--client", default="demo")
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--language", default="ja")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        data = given.data or _demo(folder / "data", given.customers)
        measure(data, given.client, given.language, folder)
    finally:
        shutil.rmtree(folder)


def measure(data: Path, client: str, language: str, folder: Path) -> None:
    """Make the report twice and tell what each making cost."""
    document = max((data / "lake" / client / "diagnosis").glob("*.document.json"), key=lambda path: path.name)
    receipts = [
        json.loads(path.read_text("utf-8")) for path in sorted((data / "inbox" / client).glob("*/receipt.json"))
    ]
    print(f"libraries {cost_of(['-c', LOAD])}")
    digests = set()
    for number in (1, 2):
        out = folder / f"{number}.pdf"
        cost = cost_of(["-c", MAKE_REPORT, str(document), json.dumps(receipts), language, str(out)])
        count = json.loads(out.with_suffix(".json").read_text())
        digests.add(sha256(out.read_bytes()).hexdigest())
        pages = len(re.findall(rb"/Type/Page\b", out.read_bytes()))
        kept = cost.cpu_seconds <= MOST_CPU_SECONDS and cost.peak_mib <= MOST_MIB
        limit = "within" if kept else "BEYOND"
        print(f"making {number} {cost}  {pages} pages, {count['charts']} charts, {count['tables']} tables: {limit} "
              f"{MOST_CPU_SECONDS} CPU s and {MOST_MIB} MiB")  # fmt: skip
    print("both makings are equal, byte for byte" if len(digests) == 1 else "THE MAKINGS DIFFER")


def _demo(data: Path, customers: int) -> Path:
    """A demo's data folder."""
    shutil.copytree(CLIENTS, data / "clients")
    environment = {"CRM_PLATFORM_DATA": str(data), "DAGSTER_HOME": str(data / "dagster_home")}
    cost_of(["-m", "crm_platform.cli", "demo", "--customers", str(customers)], {**os.environ, **environment})
    return data


if __name__ == "__main__":
    main()
