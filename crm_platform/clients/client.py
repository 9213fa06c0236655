"""A client of the platform: who it is, in which language it reads, and how its files look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_platform.clients.alert_channels import DEFAULT_CHANNEL, Channel
from crm_platform.clients.forecast_settings import ForecastSettings
from crm_platform.clients.kpi_settings import KpiMeasure
from crm_platform.clients.ordered_services import SERVICES
from crm_platform.clients.project_settings import ProjectSettings
from crm_platform.clients.retention_settings import RetentionSettings
from crm_platform.clients.schedule_settings import ScheduleSettings
from crm_platform.clients.settings import Settings
from crm_platform.clients.two_track_settings import TwoTrackSettings
from crm_platform.refusals import Refused

LANGUAGES = ("ja", "en")
CSV_ENCODINGS = ("utf-8-sig", "cp932")
_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def valid_client_id(text: str) -> str:
    """`text` if it may name a client, a folder and a Dagster partition; Refused otherwise."""
    if not _CLIENT_ID.fullmatch(text):
        raise Refused(
            f"'{text}' cannot be a client id.",
            "Use small letters, digits, '-' and '_', beginning with a letter or digit, 63 characters at most.",
        )
    return text


@dataclass(frozen=True)
class Client:
    """One file of the catalogue."""

    id: str
    name: str
    language: str = "ja"
    csv_encoding: str = "utf-8-sig"
    business_year_start_month: int = 4
    settings: Settings = field(default_factory=Settings)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    two_track: TwoTrackSettings = field(default_factory=TwoTrackSettings)
    intake: Mapping[str, Any] = field(
        default_factory=dict
    )  # `preset`, `admission`, `personal_data`, `tables` as written
    channels_given: tuple[Channel, ...] = ()  # `[alert_channels]`; read `alert_channels`
    kpi_targets: Mapping[str, float] = field(default_factory=dict)  # `[kpi_targets]`, in the order of KPI_KEYS
    measures: tuple[KpiMeasure, ...] = ()  # `[[measures]]`, by their start
    project: ProjectSettings = field(default_factory=ProjectSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    ordered_services: tuple[str, ...] = SERVICES  # `[services]`, in the order of SERVICES

    @property
    def alert_channels(self) -> tuple[Channel, ...]:
        """How alerted customers are contacted, by name; one channel `dm` where the file names none."""
        return self.channels_given or (Channel(DEFAULT_CHANNEL, self.settings.alert_unit_cost_jpy, 1.0),)
