"""What a diagnosis reads: one client's facts of all months, and each customer as known at the end of the last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import ibis
import pandas as pd
from ibis import _

from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE
from crm_platform.clients import Client
from crm_platform.diagnosis.finding import Scalar
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, Span, index_column, index_of, last_span
from crm_platform.periods import Month
from crm_platform.tables import alerts, analyses

VALUE_MONTHS = (3, 6, 12, 24, 36)  # after which the 売上 of a new customer is told (LTV)
Made = TypeVar("Made")
WARM_UP_MONTHS = 12  # who appears in the first year of data may be an old customer: no verdict rests on it
_OF_THE_MONTH = {
    "history": analyses.CUSTOMER_HISTORY,
    "forecasts": analyses.FORECASTS,
    "segments": analyses.SEGMENTS,
    "cpm_classes": analyses.CPM_CLASSES,
    "lapse_alerts": alerts.LAPSE_ALERTS,
    "test_groups": alerts.TEST_GROUPS,
}


@dataclass(frozen=True, eq=False)
class DiagnosisInputs:
    """The tables of one client and month, as Ibis expressions on one backend; a data frame is wrapped as one.

    `customer_days` and the sums by month span `months` (all months of history, in order, the last being `month`);
    `history`, `forecasts`, `segments`, `cpm_classes`, `lapse_alerts` and `test_groups` are those of `month`.
    `backtest` says how a former forecast came true; None where history is short.
    The appendix prints the numbers of `forecast_model`, the JSON of the fitted forecast, and names the `segment_book`
    in force. `customers` is the master with the client's own ranks; `former_segments` has no row where history is
    short. The last six are read by the portfolio only; `subscription_events` and `contacts` are as delivered.
    `subscriptions` and `known_subscription_events` are None where the client has no subscription.
    """

    client: Client
    month: Month
    as_of: dt.date
    months: Sequence[Month]
    customer_months: ibis.Table
    customer_product_months: ibis.Table
    product_months: ibis.Table
    media_months: ibis.Table
    products: ibis.Table
    media: ibis.Table
    history: ibis.Table
    forecasts: ibis.Table
    segments: ibis.Table
    cpm_classes: ibis.Table
    lapse_alerts: ibis.Table
    test_groups: ibis.Table
    backtest: Mapping[str, Any] | None = None
    forecast_model: Mapping[str, Any] | None = None
    customers: ibis.Table | None = None
    former_segments: ibis.Table | None = None
    segment_book: Mapping[str, Any] | None = None
    cpm_moves: ibis.Table | None = None
    cross_sell: ibis.Table | None = None
    dormant_customers: ibis.Table | None = None
    subscription_events: ibis.Table | None = None
    contacts: ibis.Table | None = None
    _made: dict[Callable[[DiagnosisInputs], Any], Any] = field(default_factory=dict, init=False, repr=False)
    customer_days: ibis.Table | None = None
    subscriptions: ibis.Table | None = None
    two_track_values: ibis.Table | None = None
    two_track_business: Mapping[str, Any] | None = None
    known_subscription_events: ibis.Table | None = None
    subscription_deliveries: ibis.Table | None = None
    targets: ibis.Table | None = None
    one_off_candidates: ibis.Table | None = None
    one_off_model: Mapping[str, Any] | None = None
    targets_backtest: Mapping[str, Any] | None = None
    contact_dates: ibis.Table | None = None
    product_supply: ibis.Table | None = None
    contact_dates_backtest: Mapping[str, Any] | None = None
    three_s_months: ibis.Table | None = None
    three_s_design_effects: Mapping[str, float] | None = None
    continuation_curves: Mapping[str, Any] | None = None
    stop_risk: Mapping[str, Any] | None = None
    stop_warnings: ibis.Table | None = None
    regular_buyers: ibis.Table | None = None

    def __post_init__(self) -> None:
        for name, table in _OF_THE_MONTH.items():
            rows_given = getattr(self, name)
            if isinstance(rows_given, pd.DataFrame):
                object.__setattr__(self, name, ibis.memtable(table.from_pandas(rows_given)))

    def once(self, make: Callable[[DiagnosisInputs], Made]) -> Made:
        """What `make` makes of these inputs, made at the first call only: several questions read it."""
        if make not in self._made:
            self._made[make] = make(self)
        made: Made = self._made[make]
        return made

    # --- time ---------------------------------------------------------------------------------------------------------

    @cached_property
    def closed_months(self) -> list[Month]:
        """The months whose last day is known; a month still running would look like a fall."""
        return list(self.months) if self.as_of >= self.month.last_day else list(self.months[:-1])

    def span(self, length: int, back: int = 0) -> Span | None:
        """The last `length` closed months, or those `back` months earlier; None where history is too short."""
        return last_span(self.closed_months, length, back)

    @property
    def closed_index(self) -> int:
        """The last closed month as a count (see `index_of`); the month before the first where none is closed."""
        return index_of(self.closed_months[-1]) if self.closed_months else index_of(self.months[0]) - 1

    @property
    def closed_year(self) -> Span:
        """The last twelve closed months, or as many as there are; the running one where none is closed."""
        months = self.closed_months[-YEAR_MONTHS:] or list(self.months)
        return Span(months[0], months[-1])

    @property
    def value_classes(self) -> int:
        """How many value classes the book in force has."""
        return self.client.settings.value_classes

    # --- expressions that several findings share ----------------------------------------------------------------------

    @cached_property
    def purchases(self) -> ibis.Table:
        """Months of a customer with at least one purchase day."""
        return self.customer_months.filter(_.purchase_days > 0)

    @cached_property
    def buyers(self) -> ibis.Table:
        """`history` of everyone who ever bought, with `cohort`: the month of the first purchase as a count."""
        bought = self.history.filter(_.first_purchased_on.notnull())
        return bought.mutate(cohort=index_column(bought.first_purchased_on))

    @cached_property
    def new_customers(self) -> ibis.Table:
        """`buyers` without those registered before the first month of data, whose first purchase is not in it."""
        return self.buyers.filter(_.registered_on >= self.months[0].first_day)

    @cached_property
    def ages(self) -> ibis.Table:
        """CUSTOMER_MONTHS of new customers with `age`: months since the first purchase."""
        traits = self.new_customers.select("customer_id", "cohort", "first_media_id", "first_product_id")
        facts = self.customer_months.select(
            "customer_id", "month", "purchase_days", "sales_jpy", "subscription_orders", "last_purchased_on"
        )
        joined = facts.inner_join(traits, "customer_id")
        return joined.mutate(age=index_column(joined.month) - joined.cohort).filter(_.age >= 0)

    @cached_property
    def beginnings(self) -> ibis.Table:
        """One row per new customer: how it began and what followed; computed once and held, as many questions read it.

        Month 0 is that of the first purchase. `value_<n>m_jpy`: 売上 of months 0 to n-1; `purchases_12m` and
        `tenure_12m_days`: purchase days and first-to-last day in months 0 to 11; `months_bought_6m`: of months 1 to 6;
        `subscribed_6m`: a subscription order in months 0 to 6; `days_to_second`: null without a second purchase;
        `is_silent`: no purchase in the last six closed months nor since. A figure is whole only for cohorts that have
        its months behind them.
        """
        followed = self.ages.filter(_.age < max(VALUE_MONTHS)).group_by("customer_id")
        sums = followed.agg(
            **{f"value_{months}m_jpy": yen_sum(_.sales_jpy, _.age < months) for months in VALUE_MONTHS},
            purchases_12m=yen_sum(_.purchase_days, _.age < 12),
            last_purchased_12m_on=_.last_purchased_on.max(where=_.age < 12),
            months_bought_6m=_.count(where=(_.purchase_days > 0) & _.age.between(1, 6)),
            subscribed_6m=_.count(where=(_.subscription_orders > 0) & (_.age <= 6)) > 0,
        )
        joined = self.new_customers.inner_join(sums, "customer_id")
        return joined.select(
            "cohort",
            "first_media_id",
            "first_product_id",
            "first_order_kind",
            *(f"value_{months}m_jpy" for months in VALUE_MONTHS),
            "purchases_12m",
            "months_bought_6m",
            "subscribed_6m",
            is_subscriber=joined.subscription_orders > 0,
            purchases=joined.purchase_days,
            is_silent=joined.last_purchased_on < (self.closed_months or self.months)[-1].plus(-5).first_day,
            days_to_second=joined.second_purchased_on.delta(joined.first_purchased_on, unit="day"),
            tenure_12m_days=joined.last_purchased_12m_on.delta(joined.first_purchased_on, unit="day"),
        ).cache()

    # --- figures that several findings share --------------------------------------------------------------------------

    @cached_property
    def year_of_sales(self) -> ibis.Table:
        """`customer_id, sales_12m_jpy`: 売上 of `closed_year` of everyone with a line in it; computed once and held.

        A month still running is left out, so that any groups' sales add up to those of the house.
        """
        inside = self.customer_months.filter(self.closed_year.holds(_.month))
        return inside.group_by("customer_id").agg(sales_12m_jpy=yen_sum(_.sales_jpy)).cache()

    @cached_property
    def monthly_sales_jpy(self) -> list[int]:
        """売上 of every closed month, in order; 0 where a month has no line."""
        sums = self.customer_months.group_by("month").agg(sales_jpy=yen_sum(_.sales_jpy)).order_by("month")
        found = {row["month"]: row["sales_jpy"] for row in rows(sums)}
        return [found.get(month.first_day, 0) for month in self.closed_months]

    @cached_property
    def order_value_jpy(self) -> int:
        """売上 of a purchase day over all history (客単価); 0 where nothing was bought."""
        sums = one_row(self.history.agg(sales_jpy=yen_sum(_.sales_jpy), purchase_days=yen_sum(_.purchase_days)))
        return round(sums["sales_jpy"] / sums["purchase_days"]) if sums["purchase_days"] else 0

    @property
    def response_rate(self) -> float:
        """What share of contacted customers an action is taken to move: 5 %, the seed's own example (003:133)."""
        return ASSUMED_RESPONSE_RATE

    @property
    def period(self) -> dict[str, Scalar]:
        """The true span of the data, for titles and sources (R05)."""
        first, last = self.months[0], (self.closed_months or self.months)[-1]
        return {"first_month": str(first), "last_month": str(last), "months": len(self.closed_months)}
