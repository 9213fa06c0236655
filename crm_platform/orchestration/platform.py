"""Where everything lies: the one resource of the assets."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import dagster as dg

from crm_platform.clients import Catalogue
from crm_platform.lake import Lake

DATA_FOLDER_VARIABLE = "CRM_PLATFORM_DATA"


class Platform(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folders of an installation below one data folder: clients, inbox, lake, outbox."""

    data_folder: str

    @classmethod
    def here(cls) -> Platform:
        """The data folder named by the environment, else `data` in the present folder."""
        return cls(data_folder=str(Path(os.environ.get(DATA_FOLDER_VARIABLE, "data")).resolve()))

    @property
    def data(self) -> Path:
        """The folder that holds all others."""
        return Path(self.data_folder)

    @property
    def catalogue(self) -> Catalogue:
        """The clients."""
        return Catalogue(self.data / "clients")

    @property
    def inbox(self) -> Path:
        """Deliveries as they came."""
        return self.data / "inbox"

    @property
    def lake(self) -> Lake:
        """The tables."""
        return _lake(self.data / "lake")

    @property
    def outbox(self) -> Path:
        """The deliverables."""
        return self.data / "outbox"


@cache
def _lake(root: Path) -> Lake:
    return Lake(root)
