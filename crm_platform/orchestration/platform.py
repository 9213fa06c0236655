"""Where everything lies: the one resource of the assets."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import dagster as dg

from crm_platform.clients import Catalogue
from crm_platform.lake import Lake, place_of
from crm_platform.orchestration.dead_runs import names_its_process, process_tag
from crm_platform.orchestration.partitions import CLIENT_TAG, client_of_months

DATA_FOLDER_VARIABLE = "CRM_PLATFORM_DATA"
LAKE_VARIABLE, OUTBOX_VARIABLE = "CRM_PLATFORM_LAKE", "CRM_PLATFORM_OUTBOX"


class Platform(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folders of an installation below one data folder: clients, inbox, lake, outbox.

    Lake and outbox may lie elsewhere, in another folder or in a bucket (`s3://bucket/prefix`).
    """

    data_folder: str
    lake_address: str = ""
    outbox_address: str = ""

    @classmethod
    def here(cls) -> Platform:
        """The data folder, lake and outbox named by the environment, else `data` in the present folder."""
        return cls(
            data_folder=str(Path(os.environ.get(DATA_FOLDER_VARIABLE, "data")).resolve()),
            lake_address=os.environ.get(LAKE_VARIABLE, ""),
            outbox_address=os.environ.get(OUTBOX_VARIABLE, ""),
        )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Let the run name its process, and its client, where whoever began it has not: the UI, say."""
        run, instance = context.run, context.instance
        if not run or not instance:
            return
        missing = {} if names_its_process(run) else process_tag(run.run_id)
        if CLIENT_TAG not in run.tags and (client := client_of_months(run.tags)):
            missing[CLIENT_TAG] = client
        if missing:
            instance.add_run_tags(run.run_id, missing)

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
        """The tables; of a lake in a bucket, the folder of the data holds copies."""
        return _lake(self.lake_address, self.data / "lake")

    @property
    def outbox(self) -> Path:
        """The deliverables."""
        return place_of(self.outbox_address) if self.outbox_address else self.data / "outbox"


@cache
def _lake(address: str, folder: Path) -> Lake:
    return Lake(place_of(address), copies=folder) if address else Lake(folder)
