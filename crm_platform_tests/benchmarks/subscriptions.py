"""`python -m crm_platform_tests.benchmarks.subscriptions`: what reconstructing very many subscriptions costs.

500,000 made-up subscriptions of 60 deliveries each lie in Parquet by month, as the lake holds them; a skip before 3 %
of the deliveries, a switch of the course in 1 % of the subscriptions, and nothing delivered of the events. A process of
its own learns the rhythms and makes the three tables as of a day. Asked for: 60 CPU s, 2 GiB. What was
planted is counted: exit code 1 where a skip or a subscription is lost, or the cost is not met.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import sys
import tempfile
from pathlib import Path

from crm_platform_tests.benchmarks.measured import cost_of

FIRST_DAY = dt.date(2020, 7, 1)
CYCLE_DAYS = 30
MOST_CPU_SECONDS, MOST_MIB = 60.0, 2048.0
MAKE_MONTHS = """
import sys
import duckdb
folder, subscriptions, cycles = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
con = duckdb.connect()
con.execute("SET memory_limit = '1GB'")
con.execute(f"SET temp_directory = '{folder}/spill'")
con.execute(f'''
    CREATE TABLE orders AS SELECT s, k,
      (hash(s) % 28 + 30 * (k + sum((hash(s, k) % 100 < 3 AND k > 0)::INT)
        OVER (PARTITION BY s ORDER BY k)))::INT AS days
    FROM range({subscriptions}) a(s), range({cycles}) b(k)''')
last = con.execute("SELECT max(days) FROM orders").fetchone()[0]
for month in range(last // 30 + 2):
    con.execute(f'''
      COPY (SELECT * FROM (SELECT date_trunc('month', ordered_on)::DATE AS month,
        'T' || lpad(s::VARCHAR, 7, '0') AS subscription_id,
        'N' || lpad((s * 100 + k)::VARCHAR, 9, '0') AS order_id, 'C' || lpad(s::VARCHAR, 7, '0') AS customer_id,
        ordered_on,
        ordered_on + 2 AS shipped_on, (k + 1)::BIGINT AS cycle_no,
        CASE WHEN s % 100 = 7 AND k > 9 THEN 'B course' ELSE 'A course' END AS course, 'P' || (s % 8) AS product_id,
        1::BIGINT AS quantity, 3000::BIGINT AS ordered_jpy, 3000::BIGINT AS sales_jpy, 300::BIGINT AS discount_jpy,
        'M' || (s % 20) AS media_id, true AS is_order, true AS stands
        FROM (SELECT s, k, DATE '2020-07-01' + days AS ordered_on FROM orders))
        WHERE month = DATE '2020-07-01' + INTERVAL ({month}) MONTH ORDER BY subscription_id, order_id)
      TO '{folder}/{month:03}.parquet' (FORMAT parquet, COMPRESSION zstd)''')
skips = con.execute("SELECT sum((hash(s, k) % 100 < 3 AND k > 0)::INT) FROM orders").fetchone()[0]
with open(f"{folder}/planted.txt", "w") as told:
    told.write(f"{skips} {last}")
"""


def main() -> None:
    """Make the deliveries, reconstruct them in a process of its own, print what it cost and what it found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subscriptions", type=int, default=500_000)
    parser.add_argument("--cycles", type=int, default=60)
    parser.add_argument("--reconstruct", type=Path, help="the folder of the deliveries; used by the benchmark itself")
    asked = parser.parse_args()
    if asked.reconstruct:
        reconstruct(asked.reconstruct)
        return
    folder = Path(tempfile.mkdtemp())
    try:
        cost_of(["-c", MAKE_MONTHS, str(folder), str(asked.subscriptions), str(asked.cycles)])
        cost = cost_of([*_MODULE, "--reconstruct", str(folder)])
        found = json.loads((folder / "found.json").read_text())
        skips = int((folder / "planted.txt").read_text().split()[0])
    finally:
        shutil.rmtree(folder)
    print(f"{asked.subscriptions:,} subscriptions x {asked.cycles} cycles  {cost}  {found}, {skips:,} skips planted")
    is_found = found["subscriptions"] == asked.subscriptions and found["skip"] == skips
    raise SystemExit(not (is_found and cost.cpu_seconds <= MOST_CPU_SECONDS and cost.peak_mib <= MOST_MIB))


_MODULE = ("-m", "crm_platform_tests.benchmarks.subscriptions")


def reconstruct(folder: Path) -> None:
    """Events and states of the subscriptions in `folder`, counted into its `found.json`."""
    import ibis  # the parent imports nothing heavy: a child's peak memory counts from its parent's
    import pyarrow.compute as pc

    from crm_platform.history import subscriptions as history
    from crm_platform.tables.delivered import SUBSCRIPTION_EVENTS

    def deliveries() -> ibis.Table:  # each table is made in a connection of its own, as by the platform's assets
        return ibis.duckdb.connect().read_parquet(sorted(str(path) for path in folder.glob("*.parquet")))

    days = int((folder / "planted.txt").read_text().split()[1])
    told, rhythms = SUBSCRIPTION_EVENTS.empty(), history.learn_rhythms(deliveries(), {})
    cycles = ibis.memtable(history.subscription_cycles(deliveries(), told, rhythms))
    past = history.Past(cycles, told, rhythms, FIRST_DAY + dt.timedelta(days + 1), 2)
    events = history.known_subscription_events(past)
    counts = {row["values"]: row["counts"] for row in pc.value_counts(events["event"].combine_chunks()).to_pylist()}
    rows = history.subscriptions(deliveries(), ibis.memtable(events), past).num_rows
    (folder / "found.json").write_text(json.dumps({"subscriptions": rows, **counts}))


if __name__ == "__main__":
    main()
    sys.exit()
