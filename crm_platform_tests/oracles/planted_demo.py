"""What the diagnosis must find in the demo client: each plant, by its name, with its size.

The demo counts every plant's size in the measure of the question that looks for it (`crm_platform.demo.plant_sizes`).
Counted in the very house that is diagnosed, it tells whether both count alike; an interval is about what lies behind
the customers who happened to come, so it must hold the size of the same house with ten times as many others.
`python -m crm_platform_tests.benchmarks.diagnosis --demo FOLDER` prints both; of a demo of 20,000 the latter are
`TRUE_SIZES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa

from crm_platform.demo import Demo, make_demo
from crm_platform.demo.house import POSITION, PRODUCTS
from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.finding import Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform_tests.oracles.house_inputs import inputs_of
from crm_platform_tests.oracles.house_tables import House
from crm_platform_tests.oracles.houses import Clock, Plants
from crm_platform_tests.oracles.planted_houses import Size, size_of

TIMES = 10
OTHER_CUSTOMERS = 7  # seed of the larger house

TRUE_SIZES: Mapping[str, float] = {
    "pair": 3.936,
    "lapse_point": 0.1178,
    "client_rank": 0.6273,
    "declined_group": 0.4535,
    "worst_channel": 0.1378,
    "broken_cohort": 0.0727,
    "rising": 1_390_800,
    "falling": -619_920,
}


@dataclass(frozen=True)
class DemoPlant:
    """A plant of the demo: the finding that looks for it, and by which of its numbers it names it."""

    finding: str
    names: Mapping[str, Scalar]
    is_yen: bool = False
    row: str | None = None  # of the table of series, whose line has the size; else the size is the finding's own

    def found(self, finding: Finding) -> bool:
        """Whether the finding names the plant, first of its kind."""
        return all(finding.numbers[name] == value for name, value in self.names.items())

    def size(self, finding: Finding) -> Size:
        """The size with its interval, as the finding or its exhibit states it."""
        if self.row is None:
            return size_of(finding)
        tables = [exhibit for exhibit in finding.exhibits if exhibit.key == "series_table"]
        line = next(row for row in tables[0].rows if row["series_name"] == self.row)
        return Size(*(float(line[f"series_{name}_jpy"] or 0) for name in ("slope", "low", "high")))


def demo_plants(planted: Mapping[str, Any]) -> dict[str, DemoPlant]:
    """The plants that the demo states (`planted` of its truth)."""
    pair = [PRODUCTS[POSITION[code]].name for code in planted["products_bought_together"]]
    rising, falling = (planted["series"][name]["category"] for name in ("rising", "falling"))
    subscribers = {"point_purchase": planted["lapse_point"]["order"], "point_group": "@order_kind.subscription"}
    return {
        "pair": DemoPlant("product_pairs", {"best_first": pair[0], "best_second": pair[1]}),
        "worst_channel": DemoPlant("media_quality", {"medium": planted["worst_channel"]["channel"]}),
        "broken_cohort": DemoPlant("cohort_break", {"quarter": planted["broken_cohort"]["last_month"]}),
        "lapse_point": DemoPlant("lapse_points", subscribers),
        "declined_group": DemoPlant("stagnant_groups", {"group": planted["declined_group"]["sex"]}),
        "client_rank": DemoPlant("client_rank", {}),
        "rising": DemoPlant("product_series", {"rising": rising}, is_yen=True, row=rising),
        "falling": DemoPlant("product_series", {"told": falling}, is_yen=True, row=falling),
    }


def sizes_of(planted: Mapping[str, Any]) -> dict[str, float]:
    """The size of every plant as the demo states it."""
    plants = {**planted, **planted["series"]}
    return {name: plant["size"] for name, plant in plants.items() if isinstance(plant, dict) and "size" in plant}


def true_sizes(customers: int, seed: int, months: int) -> dict[str, float]:
    """The sizes in the same house with ten times as many customers, other ones; yen for as many as there are."""
    larger = make_demo(TIMES * customers, seed=OTHER_CUSTOMERS, months=months, placed_by=seed)
    found = sizes_of(larger.truth.planted)
    return {name: size / TIMES if name in ("rising", "falling") else size for name, size in found.items()}


def diagnosed(demo: Demo) -> DiagnosisInputs:
    """What the diagnosis reads of a demo of 60 months, whose house ranks its customers itself; a simple forecast."""
    names = ("order_lines", "customers", "products", "media", "subscription_events")
    inputs = inputs_of(House(**{name: demo.tables[name] for name in names}, clock=Clock(demo.months), plants=Plants()))
    if inputs.former_segments is None:
        raise ValueError("a demo of 60 months has segments of six months ago")
    former = inputs.former_segments.drop("client_rank", "rank_is_of_then").to_pyarrow()
    customers = demo.tables["customers"]
    rank = dict(zip(customers["customer_id"].to_pylist(), customers["client_rank"].to_pylist(), strict=True))
    ranks = pa.array([rank[customer] for customer in former["customer_id"].to_pylist()], pa.string())
    former = former.append_column("client_rank", ranks).append_column(
        "rank_is_of_then", pa.array([False] * former.num_rows)
    )
    return dataclasses.replace(inputs, customers=ibis.memtable(customers), former_segments=ibis.memtable(former))
