"""`python -m crm_platform_tests.benchmarks.lapse_alerts`: does the alert tell who falls (R80), and what does it cost?

One table: the risk of the alert beside each sign alone, on real customers at several days. Each day is forecast with
what was known then; a fall is buying less than half of the last term's sales, or nothing, in the next. `--orders FILE`
does the same for any other list of orders (`customer_id, ordered_on, amount`). `--cost` measures the alert of one month
on made-up clients, from the days and the fitted model: CPU of all threads and peak memory of the process.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from crm_platform.alerts import alert_candidates, find_lapse_alerts, measure_alerts
from crm_platform.clients import Settings
from crm_platform.forecast import fit_forecast, forecast_buyers
from crm_platform.history import sales_to_come
from crm_platform.scoring.customer_days import days_before
from crm_platform.scoring.scores import orders_of
from crm_platform_tests.benchmarks.forecast import MAKE_DAYS
from crm_platform_tests.benchmarks.measured import cost_of
from crm_platform_tests.oracles.known_histories import cdnow, days_of, online_retail

TERM_DAYS = 182
JUDGED = {
    "CDNOW": (cdnow, ("1997-12-30", "1997-09-30")),
    "Online Retail II": (online_retail, ("2011-06-11", "2011-03-12")),
}
GOALS = {("CDNOW", "1997-12-30"): ".62/.72", ("Online Retail II", "2011-06-11"): ".73/.66"}
METHODS = {
    "recency": "recency",
    "overdue_ratio": "overdue ratio",
    "not_active": "1 - P(active)",
    "recent_to_expected": "recent/expected",
}
SIZES = (200_000, 2_000_000)
FIT = """
import datetime as dt, json, sys
import ibis
from crm_platform.forecast import fit_forecast, forecast_buyers
days = ibis.duckdb.connect().read_parquet(sys.argv[1] + "/*.parquet")
model = fit_forecast(days, dt.date(2024, 6, 30), 184)
json.dump(model.to_json(), open(sys.argv[2] + "/model.json", "w"))
forecast_buyers(days, model).to_parquet(sys.argv[2] + "/forecasts.parquet")
"""
ALERT = """
import json, sys
import ibis
import pyarrow.parquet as pq
from crm_platform.alerts import shopping_alert
from crm_platform.clients import Settings
from crm_platform.forecast import FittedForecast
days = ibis.duckdb.connect().read_parquet(sys.argv[1] + "/*.parquet")
model = FittedForecast.from_json(json.load(open(sys.argv[2] + "/model.json")))
alerts = shopping_alert(days, model, pq.read_table(sys.argv[2] + "/forecasts.parquet"), Settings())
json.dump(dict(alerts=alerts.num_rows), open(sys.argv[2] + "/result.json", "w"))
"""


def main() -> None:
    """Print the table of signs, or the cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--customers", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--orders", type=Path, help="Parquet or CSV: customer_id, ordered_on, amount")
    parser.add_argument("--as-of", nargs="+", help="last days known, YYYY-MM-DD")
    parser.add_argument("--days", type=int, default=TERM_DAYS)
    asked = parser.parse_args()
    if asked.cost:
        print_costs(asked.customers)
        return
    columns = ["fell", "foreseen", "ours", *METHODS.values(), "alerted", "fell", "goal"]
    print(f"AUC / share of the first tenth that fell\n{'':30}{'upper':>7}{''.join(f'{name:>16}' for name in columns)}")
    for name, as_of, days, horizon_days in asked_for(asked):
        print(told(name, as_of, alerts_at(days, dt.date.fromisoformat(as_of), horizon_days)), flush=True)


def asked_for(asked: argparse.Namespace) -> Iterator[tuple[str, str, ibis.Table, int]]:
    """Name, as-of day, CUSTOMER_DAYS and horizon of each row of the table."""
    if asked.orders is None:
        for name, (read, origins) in JUDGED.items():
            for as_of in origins:
                yield name, as_of, days_of(read()), TERM_DAYS
        return
    frame = pd.read_parquet(asked.orders) if asked.orders.suffix == ".parquet" else pd.read_csv(asked.orders)
    days = days_before(orders_of(frame), dt.date.max).days
    for as_of in asked.as_of:
        yield asked.orders.stem, as_of, days, asked.days


def alerts_at(days: ibis.Table, as_of: dt.date, horizon_days: int) -> dict[str, Any]:
    """What became of the upper customers of that day (see `measure_alerts`)."""
    known = days.filter(days.day <= as_of)
    model = fit_forecast(known, as_of, horizon_days)
    candidates = alert_candidates(known, model, forecast_buyers(known, model), Settings())
    came = sales_to_come(days, as_of, horizon_days).to_pandas().set_index("customer_id")["sales_jpy"]
    return measure_alerts(candidates, find_lapse_alerts(candidates, Settings()), came)


def told(name: str, as_of: str, outcome: dict[str, Any]) -> str:
    """A row of the table."""
    ours = [outcome, *(outcome["signs"][sign] for sign in METHODS)]
    cells = [
        f"{outcome['natural_fall_rate']:.3f}",
        f"{outcome['expected_fall_rate']:.3f}",
        *(f"{one['auc']:.3f}/{one['first_tenth_fall_rate']:.3f}" for one in ours),
        f"{outcome['alerted']:,}",
        f"{outcome['alerted_fall_rate']:.3f}",
        GOALS.get((name, as_of), ""),
    ]
    return f"{name:19}{as_of:11}{outcome['candidates']:7,}{''.join(f'{cell:>16}' for cell in cells)}"


def print_costs(sizes: list[int]) -> None:
    """Make each client, fit its model, and print what its alert costs from there."""
    for size in sizes:
        folder = Path(tempfile.mkdtemp())
        try:
            days = folder / "days"
            days.mkdir()
            cost_of(["-c", MAKE_DAYS, str(days), str(size)])
            cost_of(["-c", FIT, str(days), str(folder)])
            cost = cost_of(["-c", ALERT, str(days), str(folder)])
            alerts = json.loads((folder / "result.json").read_text("utf-8"))["alerts"]
            print(f"{size:10,} customers: {cost}, {alerts:,} alerted", flush=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
