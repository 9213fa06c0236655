"""The KPIs of the trade (R112, R114, R127, R130): one declared book, their values by month, targets and measures."""

from crm_platform.diagnosis.kpis.kpis import KPIS
from crm_platform.diagnosis.kpis.series import KpiBook, KpiSeries, kpi_values

__all__ = ["KPIS", "KpiBook", "KpiSeries", "kpi_values"]
