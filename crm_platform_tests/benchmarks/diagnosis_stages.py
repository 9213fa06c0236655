"""One stage on the way from five years of facts to both diagnoses, as a process: `diagnosis_cost` measures them.

`python -m crm_platform_tests.benchmarks.diagnosis_stages STAGE FOLDER` reads the Parquet files of the folder and writes
what the stage makes beside them, by the calls that the platform's assets make. Two stages make the facts themselves.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_platform import facts
from crm_platform.alerts import design_test, shopping_alert
from crm_platform.clients import Client
from crm_platform.diagnosis import Diagnosis
from crm_platform.diagnosis.diagnose import QUESTIONS, diagnose
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.portfolio import PORTFOLIO_QUESTIONS, portfolio_diagnosis
from crm_platform.forecast import EVERYONE_READS, FittedForecast, fit_forecast, forecast_customers, forecast_everyone
from crm_platform.forecast.profit import margin_rates
from crm_platform.history import customer_history
from crm_platform.history.subscriptions import regular_buyers_of
from crm_platform.periods import months_between
from crm_platform.segments import SEGMENTS_READ
from crm_platform.segments.buyer_kinds import buyer_kinds
from crm_platform.segments.cpm import assign_cpm_classes
from crm_platform.segments.former import ClientRanks, FormerBook, former_segments
from crm_platform.segments.value_classes import assign_segments, issue_book
from crm_platform.tables import TABLES
from crm_platform_tests.oracles.house_inputs import portfolio_tables
from crm_platform_tests.oracles.house_tables import draw_house
from crm_platform_tests.oracles.houses import LAST_MONTH

AS_OF, THEN = LAST_MONTH.last_day, LAST_MONTH.plus(-6)
CLIENT = Client("house", "試験商店")
_TERM_DAYS = 184
_REPEAT_SHARE = 0.8  # so many of the customers buy again: some ten order lines each
_SORTED = {
    "customer_days": "month, customer_id, day",
    "customer_months": "month, customer_id",
    "customer_product_months": "month, customer_id, product_id",
    "customers": "customer_id",
    "subscription_events": "occurred_on, subscription_id, event",
}
_SUMMED = {"product_months": ("month", "product_id", "order_kind"), "media_months": ("month", "media_id")}
_PAST = ("customer_days", "customer_months", "customer_product_months", "product_months", "media_months")
_OF_THE_MONTH = (
    "products",
    "media",
    "customers",
    "forecasts",
    "segments",
    "former_segments",
    "cpm_classes",
    "lapse_alerts",
    "test_groups",
)
_OF_THE_PORTFOLIO = (
    "cpm_moves",
    "cross_sell",
    "dormant_customers",
    "regular_buyers",
    "subscription_events",
)


class Folder:
    """The tables and documents of one client."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = ibis.duckdb.connect()

    def table(self, name: str) -> ibis.Table:
        """A table, unread."""
        return self.engine.read_parquet(str(self.path / f"{name}.parquet"))

    def arrow(self, name: str) -> pa.Table:
        """A table in memory."""
        return pq.read_table(self.path / f"{name}.parquet")

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A table in memory, or these columns of it."""
        frame: pd.DataFrame = pq.read_table(
            self.path / f"{name}.parquet", columns=columns and list(columns)
        ).to_pandas()
        return frame

    def document(self, name: str) -> Any:
        """A JSON document."""
        return json.loads((self.path / f"{name}.json").read_text("utf-8"))

    def store(self, name: str, made: pa.Table | ibis.Table | dict[str, Any]) -> None:
        """Write what a stage made."""
        if isinstance(made, dict):
            (self.path / f"{name}.json").write_text(json.dumps(made), "utf-8")
            return
        rows = made if isinstance(made, pa.Table) else TABLES[name].cast(made.to_pyarrow())
        pq.write_table(rows, self.path / f"{name}.parquet")


# --- the facts --------------------------------------------------------------------------------------------------------


def make_part(folder: Folder, part: int, customers: int, parts: int) -> None:
    """Facts and masters of some customers, numbered apart from those of all other parts."""
    house = draw_house(part, customers, repeat_share=_REPEAT_SHARE)
    lines = facts.described_lines(ibis.memtable(_numbered(house.order_lines, ("customer_id", "order_id"), part)))
    parts_folder = Folder(folder.path / "parts")
    for name in _PAST:
        pq.write_table(
            TABLES[name].cast(getattr(facts, name)(lines).to_pyarrow()), parts_folder.path / f"{name}-{part:03}.parquet"
        )
    for name, rows, key in (
        ("customers", _ranked(house.customers), "customer_id"),
        ("subscription_events", house.subscription_events, "subscription_id"),
    ):
        pq.write_table(_numbered(rows, (key,), part), parts_folder.path / f"{name}-{part:03}.parquet")
    if part == 0:
        position = house.media.schema.get_field_index("cost_jpy")
        costs = pc.multiply(house.media["cost_jpy"], parts)
        folder.store("products", house.products)
        folder.store("media", house.media.set_column(position, house.media.schema.field("cost_jpy"), costs))


def _ranked(customers: pa.Table) -> pa.Table:
    """Any rank: what it costs to judge one does not hang on its worth."""
    field = customers.schema.get_field_index("client_rank")
    ranks = [f"R{number % 5}" for number in range(customers.num_rows)]
    return customers.set_column(field, customers.schema.field("client_rank"), pa.array(ranks))


def _numbered(rows: pa.Table, names: tuple[str, ...], part: int) -> pa.Table:
    for name in names:
        joined = pc.binary_join_element_wise(rows[name], pa.scalar(f"{part:03}"), "")
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), joined)
    return rows


def join_parts(folder: Folder) -> None:
    """All parts as one file per table, sorted by month as the lake's files are."""
    parts = folder.path / "parts"
    with duckdb.connect(str(parts / "join.duckdb"), config={"memory_limit": "3GB"}) as engine:
        for name, order in _SORTED.items():
            source = f"FROM '{parts}/{name}-*.parquet' ORDER BY {order}"
            engine.execute(f"COPY ({source}) TO '{folder.path}/{name}.parquet'")
    for name, keys in _SUMMED.items():
        rows = folder.engine.read_parquet(f"{parts}/{name}-*.parquet")
        sums = {column.name: rows[column.name].sum() for column in TABLES[name].columns if column.name not in keys}
        folder.store(name, rows.group_by(*keys).agg(**sums).order_by(*keys))


# --- the stages -------------------------------------------------------------------------------------------------------


def history_stage(folder: Folder) -> None:
    """CUSTOMER_HISTORY."""
    history = customer_history(folder.table("customer_months"), folder.table("customers"), LAST_MONTH, AS_OF)
    folder.store("customer_history", history)


def model_stage(folder: Folder) -> None:
    """The fitted forecast."""
    folder.store("forecast_model", fit_forecast(folder.table("customer_days"), AS_OF, _TERM_DAYS).to_json())


def forecast_stage(folder: Folder) -> None:
    """FORECASTS of everyone."""
    model = FittedForecast.from_json(folder.document("forecast_model"))
    buyers = forecast_customers(folder.table("customer_days"), model)
    margins = margin_rates(folder.table("customer_product_months"), folder.table("products")).to_pandas()
    folder.store(
        "forecasts", forecast_everyone(folder.frame("customer_history", EVERYONE_READS), buyers, model, margins)
    )


def segments_stage(folder: Folder) -> None:
    """The book, SEGMENTS, and FORMER_SEGMENTS, for which today's book stands in as one that was issued then."""
    forecasts, history = folder.arrow("forecasts"), folder.frame("customer_history", SEGMENTS_READ)
    book = issue_book(forecasts, AS_OF, CLIENT.settings.value_classes)
    folder.store("segments", assign_segments(book, forecasts, buyer_kinds(history)))
    months = folder.table("customer_months")
    then = customer_history(months, folder.table("customers"), THEN, THEN.last_day).select(*SEGMENTS_READ).to_pandas()
    since = months.filter(months.month > THEN.first_day)
    sales = since.group_by("customer_id").agg(sales_jpy=since.sales_jpy.sum()).to_pandas().set_index("customer_id")
    ranks = ClientRanks.delivered([folder.arrow("customers")], are_of_then=True)
    former = FormerBook(book, was_issued=True)
    folder.store("former_segments", former_segments(former, then, history, forecasts, sales["sales_jpy"], ranks))


def cpm_stage(folder: Folder) -> None:
    """CPM_CLASSES."""
    folder.store("cpm_classes", assign_cpm_classes(folder.frame("customer_history", SEGMENTS_READ), CLIENT.settings))


def alerts_stage(folder: Folder) -> None:
    """LAPSE_ALERTS and TEST_GROUPS."""
    model = FittedForecast.from_json(folder.document("forecast_model"))
    alerts = shopping_alert(folder.table("customer_days"), model, folder.arrow("forecasts"), CLIENT.settings)
    folder.store("lapse_alerts", alerts)
    groups = design_test(
        alerts.to_pandas(), folder.frame("segments"), campaign_id="alert", seed=1, channels=CLIENT.alert_channels
    )
    folder.store("test_groups", groups)


def diagnosis_stage(folder: Folder) -> None:
    """The second opinion."""
    folder.store("diagnosis", diagnose(_inputs(folder)).to_json())


def portfolio_tables_stage(folder: Folder) -> None:
    """CPM_MOVES, CROSS_SELL, DORMANT_CUSTOMERS and REGULAR_BUYERS."""
    inputs = _inputs(folder)
    for name, rows in portfolio_tables(inputs).items():
        folder.store(name, rows)
    days = folder.table("customer_days")
    folder.store("regular_buyers", regular_buyers_of(days, inputs.products, inputs.closed_months))


def portfolio_stage(folder: Folder) -> None:
    """The portfolio."""
    second_opinion = Diagnosis.from_json(folder.document("diagnosis"))
    folder.store("portfolio_diagnosis", portfolio_diagnosis(_portfolio_inputs(folder), second_opinion).to_json())


def questions_stage(folder: Folder) -> None:
    """Every question alone, with its CPU seconds; what several share falls to the first that asks."""
    inputs = _portfolio_inputs(folder)
    for report, questions in (("diagnosis", QUESTIONS), ("portfolio", PORTFOLIO_QUESTIONS)):
        for question in questions:
            start = time.process_time()
            finding = question(inputs)
            spent, told = time.process_time() - start, finding.verdict if finding else "left out"
            print(f"{report:10}{question.__name__:28}{spent:8.1f} CPU s  {told}", flush=True)


def _inputs(folder: Folder) -> DiagnosisInputs:
    return DiagnosisInputs(
        client=CLIENT,
        month=LAST_MONTH,
        as_of=AS_OF,
        months=months_between(LAST_MONTH.plus(-59), LAST_MONTH),
        history=folder.table("customer_history"),
        forecast_model=folder.document("forecast_model"),
        **{name: folder.table(name) for name in (*_PAST, *_OF_THE_MONTH)},
    )


def _portfolio_inputs(folder: Folder) -> DiagnosisInputs:
    return replace(_inputs(folder), **{name: folder.table(name) for name in _OF_THE_PORTFOLIO})


STAGES: dict[str, Callable[[Folder], None]] = {
    "history": history_stage,
    "model": model_stage,
    "forecast": forecast_stage,
    "segments": segments_stage,
    "cpm": cpm_stage,
    "alerts": alerts_stage,
    "diagnosis": diagnosis_stage,
    "portfolio_tables": portfolio_tables_stage,
    "portfolio": portfolio_stage,
    "questions": questions_stage,
    "join": join_parts,
}


def main() -> None:
    """Run the stage that is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=[*STAGES, "make"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("numbers", type=int, nargs="*", help="of `make`: part, its customers, parts in all")
    asked = parser.parse_args()
    if asked.stage == "make":
        make_part(Folder(asked.folder), *asked.numbers)
    else:
        STAGES[asked.stage](Folder(asked.folder))


if __name__ == "__main__":
    main()
