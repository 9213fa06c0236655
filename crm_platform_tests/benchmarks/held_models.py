"""`python -m crm_platform_tests.benchmarks.held_models`: what does it cost forecast and alert to learn once a term?

At days inside a term the customers are forecast by a model fitted that day, and by the one that the term began with,
carried to the day. Both are held against the six months that followed, on clients made up and real.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import ibis
import numpy as np

from crm_platform import facts
from crm_platform.alerts import alert_candidates
from crm_platform.alerts.looking_back.outcome import area_under_curve, has_fallen
from crm_platform.clients import Settings
from crm_platform.demo import make_demo
from crm_platform.forecast import carried_forecast, fit_forecast, forecast_customers, normalised_gini
from crm_platform.forecast.forecast import FittedForecast
from crm_platform.history import sales_to_come
from crm_platform.periods import Month
from crm_platform_tests.oracles.known_histories import cdnow, days_of, online_retail

TERM_DAYS = 182
JUDGED = {"CDNOW": (cdnow, Month(1997, 8)), "Online Retail II": (online_retail, Month(2011, 1))}
MONTHS_INTO_THE_TERM = (1, 3, 5)


def main() -> None:
    """A line for each client and day: the four figures of `judged`, either way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=4_000)
    parser.add_argument("--seeds", type=int, nargs="*", default=[501, 502, 503])
    parser.add_argument("--real", action="store_true")
    asked = parser.parse_args()
    print(f"{'':20}{'months':>7}{'fitted that day':>35}{'learned where the term began':>41}")
    for name, days, began in clients(asked.seeds, asked.customers, real=asked.real):
        learned = fit_forecast(days, began.last_day, TERM_DAYS)
        for months in MONTHS_INTO_THE_TERM:
            as_of = began.plus(months).last_day
            fitted, held = fit_forecast(days, as_of, TERM_DAYS), carried_forecast(learned, as_of, TERM_DAYS)
            print(f"{name:20}{months:7}{judged(days, fitted):>35}{judged(days, held):>41}", flush=True)


def clients(seeds: list[int], customers: int, *, real: bool) -> Iterator[tuple[str, ibis.Table, Month]]:
    """Name, CUSTOMER_DAYS, and the month that the term began after."""
    for seed in seeds:
        demo = make_demo(customers=customers, seed=seed)
        lines = facts.described_lines(ibis.memtable(demo.tables["order_lines"]))
        days = ibis.memtable(facts.customer_days(lines).to_pyarrow())
        yield f"demo, seed {seed}", days, demo.last_month.plus(-12)
    if real:
        for name, (read, began) in JUDGED.items():
            yield name, days_of(read()), began


def judged(days: ibis.Table, model: FittedForecast) -> str:
    """Normalised Gini, Σ foreseen ÷ Σ actual, share above the upper end; AUC of the upper customers' risk of a fall."""
    said = forecast_customers(days, model)
    came = sales_to_come(days, model.as_of, TERM_DAYS).to_pandas().set_index("customer_id")["sales_jpy"]
    actual = np.maximum(came.reindex(said["customer_id"]).fillna(0.0).to_numpy(dtype=np.float64), 0.0)
    foreseen = said["expected_sales_jpy"].to_numpy(dtype=np.float64)
    above = float((actual > said["sales_p90_jpy"].to_numpy())[foreseen > 0].mean())
    upper = alert_candidates(
        days.filter(days.day <= model.as_of), model, said[said["has_bought"]].reset_index(drop=True), Settings()
    )
    auc = area_under_curve(upper["lapse_risk"].to_numpy(dtype=np.float64), has_fallen(upper, came)) or np.nan
    return f"{normalised_gini(foreseen, actual):.4f} {foreseen.sum() / actual.sum():6.3f} {above:6.3f} {auc:6.3f}"


if __name__ == "__main__":
    main()
