"""Every KPI of the book month by month: the value now, a year before, its course, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ibis import _

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.kpis.buyers import active_sums, buyer_sums
from crm_platform.diagnosis.kpis.contacts import contact_sums
from crm_platform.diagnosis.kpis.declaration import Kpi
from crm_platform.diagnosis.kpis.kpis import KPIS
from crm_platform.diagnosis.kpis.media_costs import costed_media, monthly_costs, placed_media
from crm_platform.diagnosis.kpis.month_sums import MonthSums
from crm_platform.diagnosis.kpis.newcomers import brought_sums, newcomer_sums, trial_sums
from crm_platform.diagnosis.kpis.subscribers import event_sums, silence_sums, subscriber_sums
from crm_platform.diagnosis.kpis.sums import added
from crm_platform.diagnosis.rows import one_row
from crm_platform.diagnosis.spans import YEAR_MONTHS, index_of, month_of

SHOWN_MONTHS = 60


@dataclass(frozen=True)
class KpiSeries:
    """A KPI of one client.

    `monthly` has the value of each known month by itself, `judged` that of the `window_months` up to it, both by month
    (`index_of`) over five years at most. `missing` names the wording of the reason where nothing is known.
    """

    kpi: Kpi
    monthly: Mapping[int, Estimate]
    judged: Mapping[int, Estimate]
    first_settled: int
    missing: str | None = None

    @property
    def month(self) -> int | None:
        """The last month with a judged value."""
        return max(self.judged, default=None)

    @property
    def now(self) -> Estimate | None:
        """The judged value of that month."""
        return None if self.month is None else self.judged[self.month]

    @property
    def before(self) -> Estimate | None:
        """The judged value a year earlier; None where the first year of data is in it."""
        return None if self.month is None else dict(self.settled).get(self.month - YEAR_MONTHS)

    @property
    def settled(self) -> list[tuple[int, Estimate]]:
        """The judged values of the same month of each year, without those that the first year of data is in.

        No two of them share a customer's month, and none has a season.
        """
        last = self.month
        if last is None:
            return []
        months = range(last % YEAR_MONTHS, last + 1, YEAR_MONTHS)
        return [(month, self.judged[month]) for month in months if month in self.judged and month >= self.first_settled]


@dataclass(frozen=True)
class KpiBook:
    """Every KPI of a client by its key, in the order of the book, and the sums of which they are made."""

    series: Mapping[str, KpiSeries]
    sums: MonthSums

    def last_year(self, inputs: DiagnosisInputs) -> dict[str, float]:
        """The sums of the last twelve closed months; of fewer, where there are fewer."""
        return self.year_to(inputs.closed_index)

    def year_to(self, month: int) -> dict[str, float]:
        """The sums of the twelve months up to `month` (`index_of`)."""
        return added(self.sums.get(month - back, {}) for back in range(YEAR_MONTHS))


def kpi_values(inputs: DiagnosisInputs) -> KpiBook:
    """The book of KPIs filled with the client's values; computed once for the same inputs."""
    return inputs.once(_kpi_values)


def _kpi_values(inputs: DiagnosisInputs) -> KpiBook:
    sums, missing = month_sums(inputs)
    return KpiBook({kpi.key: _series(kpi, inputs, sums, missing) for kpi in KPIS}, sums)


def month_sums(inputs: DiagnosisInputs) -> tuple[MonthSums, dict[str, str]]:
    """All sums by month, and for each need that the data do not meet the reason why."""
    placed, missing = placed_media(inputs), _missing(inputs)
    media = [row["media_id"] for row in placed]
    sums = buyer_sums(inputs)
    parts = [active_sums(inputs), newcomer_sums(inputs)]
    parts += [] if "media_cost" in missing else [brought_sums(inputs, media)]
    parts += [] if "subscriptions" in missing else [silence_sums(inputs), subscriber_sums(inputs, media)]
    parts += [] if "trials" in missing else [trial_sums(inputs)]
    parts += [event_sums(inputs), contact_sums(inputs)]
    for part in parts:
        sums.add_all(part)
    for month, cost_jpy in monthly_costs(placed, inputs.as_of).items():
        sums.add(month, media_cost_jpy=cost_jpy, acquisition_cost_jpy=cost_jpy)
    for values in sums.values():
        values["repeaters"] = values.get("buyers", 0.0) - values.get("new_customers", 0.0)
        if "brought_discount_jpy" in values:
            values["acquisition_cost_jpy"] = values.get("acquisition_cost_jpy", 0.0) + values["brought_discount_jpy"]
    return sums, missing


def _missing(inputs: DiagnosisInputs) -> dict[str, str]:
    """By unmet need the wording key of its reason."""
    found = {}
    if not costed_media(inputs):
        found["media_cost"] = "@kpi_missing.no_media_cost"
    elif not placed_media(inputs):
        found["media_cost"] = "@kpi_missing.no_media_days"
    if not one_row(inputs.history.agg(orders=_.subscription_orders.sum().fill_null(0)))["orders"]:
        found["subscriptions"] = "@kpi_missing.no_subscriptions"
    if not one_row(inputs.products.agg(trials=_.is_trial.fill_null(False).sum().fill_null(0)))["trials"]:
        found["trials"] = "@kpi_missing.no_trials"
    if inputs.subscription_events is None or not _rows_in(inputs.subscription_events):
        found["subscription_events"] = "@kpi_missing.no_subscription_events"
    if inputs.contacts is None or not _rows_in(inputs.contacts):
        found["contacts"] = "@kpi_missing.no_contacts"
    return found


def _rows_in(table: object) -> int:
    return int(table.count().to_pyarrow().as_py())  # type: ignore[attr-defined]


def _series(
    kpi: Kpi, inputs: DiagnosisInputs, sums: Mapping[int, Mapping[str, float]], missing: dict[str, str]
) -> KpiSeries:
    first = index_of(inputs.months[0])
    settled = first + WARM_UP_MONTHS + kpi.window_months - 1
    reason = next((missing[need] for need in kpi.needs if need in missing), None)
    if reason:
        return KpiSeries(kpi, {}, {}, settled, reason)
    known = _known_months(kpi, inputs)
    monthly = {month: found for month in known if (found := kpi.measure(sums.get(month, {})))}
    judged = {
        month: found
        for month in known
        if month - kpi.window_months + 1 >= first
        and (found := kpi.measure(added(sums.get(month - back, {}) for back in range(kpi.window_months))))
    }
    # A value of long ago is none of now: contacts that ended, media that no longer cost.
    if not judged or max(judged) != known[-1]:
        return KpiSeries(kpi, monthly, {}, settled, "@kpi_missing.nothing_known")
    return KpiSeries(kpi, monthly, judged, settled)


def _known_months(kpi: Kpi, inputs: DiagnosisInputs) -> list[int]:
    """The closed months of the last five years whose value is complete by the as-of date, the earliest first."""
    last = inputs.closed_index - max(kpi.lag_months - 1, 0)
    while kpi.lag_days and (inputs.as_of - month_of(last).last_day).days < kpi.lag_days:
        last -= 1
    first = max(index_of(inputs.months[0]), last - SHOWN_MONTHS + 1)
    return list(range(first, last + 1))
