"""Who delivers and how their files look: the catalogue of clients, their settings, the mapping of their columns.

Belongs here: what `data/clients/<client>.toml` says. Does not: reading a client's rows.
"""

from crm_platform.clients.alert_channels import Channel
from crm_platform.clients.catalogue import Catalogue
from crm_platform.clients.client import Client, valid_client_id
from crm_platform.clients.forecast_settings import ForecastSettings
from crm_platform.clients.kpi_settings import KPI_KEYS, KpiMeasure
from crm_platform.clients.mapping import IntakeRules, parse_intake_rules
from crm_platform.clients.own_folder import client_folder
from crm_platform.clients.project_settings import ProjectSettings
from crm_platform.clients.retention_settings import RetentionSettings
from crm_platform.clients.schedule_settings import ScheduleSettings, day_in
from crm_platform.clients.settings import Settings

__all__ = [
    "KPI_KEYS",
    "Catalogue",
    "Channel",
    "Client",
    "ForecastSettings",
    "IntakeRules",
    "KpiMeasure",
    "ProjectSettings",
    "RetentionSettings",
    "ScheduleSettings",
    "Settings",
    "client_folder",
    "day_in",
    "parse_intake_rules",
    "valid_client_id",
]
