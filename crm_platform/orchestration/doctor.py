"""Is this installation sound?"""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import dagster as dg
import ibis
from packaging.requirements import Requirement

from crm_platform.lake import store_of
from crm_platform.orchestration.platform import Platform
from crm_platform.refusals import Refused
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT

FREE_DISK_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Checked:
    """One thing looked at, what was found, and what to do where it is not sound."""

    subject: str
    found: str
    sound: bool
    remedy: str = ""


def examine_installation(platform: Platform, instance: dg.DagsterInstance) -> list[Checked]:
    """Everything that a run needs, in the order in which it would fail."""
    return [
        _python(),
        *_packages(),
        *(_place(place) for place in (platform.data, platform.inbox, platform.lake.root, platform.outbox)),
        _disk(platform.data),
        _clients(platform),
        _engine(),
        _trees(),
        _fonts(),
        _instance(instance),
    ]


def _python() -> Checked:
    return Checked("Python", sys.version.split()[0], sys.version_info >= (3, 11), "Install Python 3.11 or later.")


def _packages() -> Iterator[Checked]:
    """The installed versions against the pins of pyproject.toml, without extras; one line when all agree."""
    wrong = []
    stated = [Requirement(line) for line in requires("crm-platform") or []]
    pins = [pin for pin in stated if pin.marker is None or pin.marker.evaluate({"extra": ""})]
    for pin in pins:
        try:
            if version(pin.name) not in pin.specifier:
                wrong.append(f"{pin.name} {version(pin.name)} instead of {pin.specifier}")
        except PackageNotFoundError:
            wrong.append(f"{pin.name} is missing")
    found = "; ".join(wrong) or f"all {len(pins)} as pinned"
    yield Checked("packages", found, not wrong, "Run: make install")


def _place(place: Path) -> Checked:
    """Whether files can be written there, and workers can wait for each other."""
    probe, store, subject = place / f".{uuid.uuid4().hex}", store_of(place), f"folder {place.name}"
    try:
        store.write_whole(probe, b"")
        probe.unlink()
        keeps_others_out = store.keeps_others_out(place)
    except OSError as error:
        return Checked(subject, str(error), False, f"Make {place} writable.")
    remedy = f"Lay {place} on storage that honours conditional puts (If-None-Match), on which locks rely."
    return Checked(subject, str(place) if keeps_others_out else f"no locks at {place}", keeps_others_out, remedy)


def _disk(folder: Path) -> Checked:
    free = shutil.disk_usage(folder).free
    return Checked("disk", f"{free / 1024**3:,.0f} GiB free", free > FREE_DISK_BYTES, "Free at least 2 GiB.")


def _clients(platform: Platform) -> Checked:
    ids = platform.catalogue.ids()
    try:
        for client_id in ids:
            platform.catalogue.load(client_id)
    except Refused as refused:
        return Checked("clients", refused.problem, False, f"{refused.place}: {refused.remedy}")
    return Checked("clients", ", ".join(ids) or "none yet: crm-platform clients add ID --name NAME", sound=True)


def _engine() -> Checked:
    answer = ibis.duckdb.connect().execute(ibis.literal(6) * 7)
    return Checked("engine", f"Ibis on DuckDB {version('duckdb')}", answer == 42, "Reinstall: make clean install")


def _trees() -> Checked:
    """LightGBM brings all but the OpenMP runtime of GCC, which a slim system lacks."""
    try:
        import lightgbm  # noqa: PLC0415  half a second, and the very thing that may fail
    except ImportError as error:
        return Checked("boosted trees", str(error), False, "Run: make install")
    except OSError as error:
        remedy = "Install the OpenMP runtime; on Debian and Ubuntu: apt-get install libgomp1"
        return Checked("boosted trees", f"LightGBM does not load: {error}", False, remedy)
    return Checked("boosted trees", f"LightGBM {lightgbm.__version__}", True)


def _fonts() -> Checked:
    missing = [str(path) for path in (REGULAR_FONT, BOLD_FONT) if not path.exists()]
    return Checked("fonts", ", ".join(missing) or "Noto Sans JP, Regular and Bold", not missing, "Run: make install")


def _instance(instance: dg.DagsterInstance) -> Checked:
    runs = instance.get_runs_count()
    return Checked("Dagster instance", f"{instance.root_directory}, {runs} runs", True)
