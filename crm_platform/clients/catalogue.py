"""The catalogue: one TOML per client in `data/clients/`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crm_platform.clients.alert_channels import Channel, channels_from_toml
from crm_platform.clients.client import CSV_ENCODINGS, LANGUAGES, Client, valid_client_id
from crm_platform.clients.forecast_settings import ForecastSettings
from crm_platform.clients.kpi_settings import measures_from_toml, targets_from_toml
from crm_platform.clients.mapping.presets import with_preset
from crm_platform.clients.ordered_services import services_from_toml
from crm_platform.clients.project_settings import ProjectSettings
from crm_platform.clients.retention_settings import RetentionSettings
from crm_platform.clients.schedule_settings import ScheduleSettings
from crm_platform.clients.settings import Settings
from crm_platform.clients.two_track_settings import TwoTrackSettings
from crm_platform.refusals import Refused

_KNOWN = {
    "name",
    "language",
    "csv_encoding",
    "business_year_start_month",
    "settings",
    "forecast",
    "two_track",
    "alert_channels",
    "kpi_targets",
    "measures",
    "project",
    "schedule",
    "services",
    "retention",
    "admission",
    "personal_data",
    "preset",
    "tables",
}


@dataclass(frozen=True)
class Catalogue:
    """The clients whose files lie in `folder`."""

    folder: Path

    def ids(self) -> list[str]:
        """Every client's id, in order."""
        return sorted(path.stem for path in self.folder.glob("*.toml"))

    def load(self, client_id: str) -> Client:
        """The client; Refused where it is unknown or its file is wrong."""
        path = self.folder / f"{valid_client_id(client_id)}.toml"
        if not path.exists():
            known = ", ".join(self.ids()) or "none yet"
            raise Refused(
                f"there is no client '{client_id}' (known: {known}).",
                f"Add it: crm-platform clients add {client_id} --name NAME",
            )
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Refused(f"the file is not valid TOML: {error}.", "Mend that line.", file=path.name) from error
        return client_from_toml(client_id, values, path.name)

    def add(self, client_id: str, name: str, language: str = "ja", preset: str | None = None) -> Path:
        """Write the file of a new client who delivers in the standard layout, or in that of the cart `preset` names.

        Refused where the id is taken or there is no such preset.
        """
        path = self.folder / f"{valid_client_id(client_id)}.toml"
        if path.exists():
            raise Refused(f"the client '{client_id}' exists already.", f"Edit {path.name} or choose another id.")
        with_preset({} if preset is None else {"preset": preset}, path.name)
        client_from_toml(client_id, {"name": name, "language": language}, path.name)
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        self.folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(f'name = "{quoted}"\nlanguage = "{language}"\n')
            file.write(f'preset = "{preset}"\n' if preset else "")
        return path


def client_from_toml(client_id: str, values: dict[str, Any], file: str) -> Client:
    """A client from the parsed TOML; Refused names the key that is wrong."""
    for key in values:
        if key not in _KNOWN:
            raise Refused(f"'{key}' is not known here.", f"Use {', '.join(sorted(_KNOWN))}.", file=file, column=key)
    language = values.get("language", "ja")
    encoding = values.get("csv_encoding", "utf-8-sig")
    first_month = values.get("business_year_start_month", 4)
    if not isinstance(values.get("name"), str) or not values["name"].strip() or not values["name"].isprintable():
        raise Refused("the client has no name.", 'Write name = "…", in printable characters.', file=file, column="name")
    if language not in LANGUAGES:
        raise Refused(f"the language is {language!r}.", 'Write "ja" or "en".', file=file, column="language")
    if encoding not in CSV_ENCODINGS:
        raise Refused(
            f"the encoding is {encoding!r}.", 'Write "utf-8-sig" or "cp932".', file=file, column="csv_encoding"
        )
    if type(first_month) is not int or first_month not in range(1, 13):
        raise Refused(
            f"the business year starts in month {first_month!r}.",
            "Write 1 to 12.",
            file=file,
            column="business_year_start_month",
        )
    channels = channels_from_toml(values.get("alert_channels", {}), file)
    return Client(
        id=client_id,
        name=values["name"],
        language=language,
        csv_encoding=encoding,
        business_year_start_month=first_month,
        settings=_settings(values.get("settings", {}), channels, file),
        forecast=ForecastSettings.from_toml(values.get("forecast", {}), file),
        two_track=TwoTrackSettings.from_toml(values.get("two_track", {}), file),
        intake={key: values[key] for key in ("admission", "personal_data", "preset", "tables") if key in values},
        channels_given=channels,
        kpi_targets=targets_from_toml(values.get("kpi_targets", {}), file),
        measures=measures_from_toml(values.get("measures", []), file),
        project=ProjectSettings.from_toml(values.get("project", {}), file),
        schedule=ScheduleSettings.from_toml(values.get("schedule", {}), file),
        retention=RetentionSettings.from_toml(values.get("retention", {}), file),
        ordered_services=services_from_toml(values.get("services", {}), file),
    )


def _settings(values: dict[str, Any], channels: tuple[Channel, ...], file: str) -> Settings:
    """The settings; a contact is planned at the mean cost of the channels, unless the file says what it costs."""
    settings = Settings.from_toml(values, file)
    if not channels or "alert_unit_cost_jpy" in values:
        return settings
    return replace(settings, alert_unit_cost_jpy=round(sum(one.unit_cost_jpy * one.share for one in channels)))
