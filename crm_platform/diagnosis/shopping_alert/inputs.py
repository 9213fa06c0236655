"""What the alert's report reads: the alerted customers of one client and month, and what is known of such customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from crm_platform.clients import Client
from crm_platform.diagnosis.finding import Scalar
from crm_platform.periods import Month

Json = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class AlertInputs:
    """One client's shopping alert of one month (ショッピングアラート).

    Frames: `lapse_alerts` (LAPSE_ALERTS), `test_groups` (TEST_GROUPS), `alert_months` (ALERT_MONTHS), `upper` (every
    upper customer, 上位顧客: `customer_id`, `lapse_risk`); of `segments` (SEGMENTS) and `forecasts` (FORECASTS) only
    the alerted customers' rows are read. `order_value_jpy` is the alerted customers' 客単価.
    JSON: `backtest` as `track_record` gives it, `falls` as the fitted forecast holds it (before and after per peer
    group), `campaigns` as `CampaignResult.to_json` tells each; None or empty where nothing is known.
    `weak_season_rate` is the term ahead as a share of the one behind, where season alone makes it weaker.
    """

    client: Client
    month: Month
    as_of: dt.date
    first_month: Month
    lapse_alerts: pd.DataFrame
    test_groups: pd.DataFrame
    alert_months: pd.DataFrame
    upper: pd.DataFrame
    segments: pd.DataFrame
    forecasts: pd.DataFrame
    order_value_jpy: int = 0
    backtest: Json | None = None
    falls: Json | None = None
    campaigns: Sequence[Json] = ()
    weak_season_rate: float | None = None
    forecast_notes: Sequence[Mapping[str, Scalar]] = field(default=())

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """The alerted customers in order of number, with `value_class` (null for who appeared since the book)."""
        classes = self.segments[["customer_id", "value_class"]]
        joined = self.lapse_alerts.merge(classes, on="customer_id", how="left", validate="1:1")
        return joined.sort_values("customer_id").reset_index(drop=True)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """The customers of the test in order of number, with what alert and forecast say of them."""
        known = self.test_groups.merge(self.lapse_alerts, on="customer_id", how="left", validate="1:1")
        buys = self.forecasts[["customer_id", "retention_power_rate"]]
        known = known.merge(buys, on="customer_id", how="left", validate="1:1")
        return known.sort_values("customer_id").reset_index(drop=True)

    @property
    def natural_fall_rate(self) -> float | None:
        """自然低下率: mean risk of all upper customers, alerted or not; None where there are none."""
        return mean_of(self.upper["lapse_risk"])

    @property
    def period(self) -> dict[str, Scalar]:
        """The true span of the data and the as-of month, for titles and sources (R05)."""
        return {"first_month": str(self.first_month), "last_month": str(self.month)}


def mean_of(values: pd.Series) -> float | None:
    """The mean of what is known; None where nothing is."""
    known = values.dropna()
    return float(known.mean()) if len(known) else None


def yen_of(values: pd.Series) -> int:
    """The sum in whole yen; 0 over no rows."""
    return round(float(values.sum()))
