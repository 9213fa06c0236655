"""`python -m crm_platform_tests.benchmarks.forecast`: the whole forecast of every customer, blend included.

Made-up clients of a Pareto/NBD and gamma-gamma process: two years of purchases as Parquet of CUSTOMER_DAYS. A
process reads it, fits on the client's past, and forecasts the half year of every customer. CPU time of all threads and
peak memory of that process, imports included. Growth is linear where the time per customer does not rise with the size.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from crm_platform_tests.benchmarks.measured import Cost, cost_of

SIZES = (200_000, 2_000_000)
MAKE_DAYS = """
import sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from crm_platform.tables import TABLES
folder, size = sys.argv[1], int(sys.argv[2])
draw = np.random.default_rng(20_250_701)
DAYS, FIRST = 730, 19_175  # two years from 2022-07-02
part = 200_000
for start in range(0, size, part):
    some = min(part, size - start)
    first = draw.integers(0, DAYS, some)
    rate, mu = draw.gamma(0.7, 1 / 70, some), draw.gamma(0.6, 1 / 150, some)
    end = np.minimum(first + draw.exponential(1 / mu), DAYS)
    repeats = draw.poisson(rate * (end - first))
    who = np.repeat(np.arange(some), repeats)
    later = first[who] + draw.random(len(who)) * (end - first)[who]
    who, on = np.concatenate([np.arange(some), who]), np.concatenate([first, np.floor(later).astype(np.int64)])
    key = np.unique(who * DAYS + on)
    who, on = key // DAYS, key % DAYS
    price_rate = draw.gamma(3.8, 1 / 3_000, some)
    sales = np.maximum(draw.gamma(6.0, 1 / price_rate[who]), 100).round().astype(np.int64)
    returned = np.where(draw.random(len(who)) < 0.03, sales // 2, 0)
    subscribes = (draw.random(some) < 0.3)[who]
    kinds = np.where(subscribes, "subscription", "one_off")
    one = np.ones(len(who), np.int64)
    day = pa.array((on + FIRST).astype(np.int32)).cast(pa.date32())
    columns = dict(
        month=(on + FIRST).astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]"),
        customer_id=pa.array(np.char.add("C", np.char.zfill((who + start).astype(str), 8))), day=day,
        orders=one, standing_orders=one, ordered_jpy=sales, standing_sales_jpy=sales, returned_jpy=returned,
        subscription_sales_jpy=np.where(subscribes, sales - returned, 0), bulk_sales_jpy=0 * one,
        discount_jpy=sales // 20, quantity=2 * one, products=one, order_kind=pa.array(kinds),
        product_id=pa.array(np.char.add("P", draw.integers(0, 40, len(who)).astype(str))),
        media_id=pa.array(np.char.add("M", draw.integers(0, 8, len(who)).astype(str))),
    )
    pq.write_table(TABLES["customer_days"].from_columns(columns), f"{folder}/{start // part:03}.parquet")
"""
FORECAST = """
import datetime as dt, json, sys, time
import ibis
from crm_platform.forecast import fit_forecast, forecast_buyers
days = ibis.duckdb.connect().read_parquet(sys.argv[1] + "/*.parquet")
start = time.process_time()
model = fit_forecast(days, dt.date(2024, 6, 30), 184)
fit_seconds = time.process_time() - start
found = forecast_buyers(days, model)
seconds = time.process_time() - start
numbers = found.select_dtypes("number")
assert numbers.drop(columns="expected_profit_jpy", errors="ignore").notna().all().all() and (numbers.min() >= 0).all()
json.dump(dict(fit=fit_seconds, seconds=seconds, buyers=len(found), sales=float(found["expected_sales_jpy"].sum())),
          open(sys.argv[2], "w"))
"""


def main() -> None:
    """Make each client, forecast it, print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, nargs="+", default=list(SIZES))
    print(f"{'customers':>10}{'fit':>14}{'forecast':>14}{'process':>16}{'peak':>11}{'per 1,000':>16}")
    for size in parser.parse_args().customers:
        folder = Path(tempfile.mkdtemp())
        try:
            cost, result = measure(size, folder)
        finally:
            shutil.rmtree(folder)
        times = (
            f"{result['fit']:8.1f} CPU s{result['seconds'] - result['fit']:8.1f} CPU s{cost.cpu_seconds:10.1f} CPU s"
        )
        print(f"{size:10,}{times}{cost.peak_mib:7.0f} MiB{cost.cpu_seconds / size * 1e6:10.1f} CPU ms", flush=True)


def measure(size: int, folder: Path) -> tuple[Cost, dict]:
    """What the forecast of a client of this size costs."""
    days, result = folder / "days", folder / "result.json"
    days.mkdir()
    cost_of(["-c", MAKE_DAYS, str(days), str(size)])
    cost = cost_of(["-c", FORECAST, str(days), str(result)])
    return cost, json.loads(result.read_text("utf-8"))


if __name__ == "__main__":
    main()
