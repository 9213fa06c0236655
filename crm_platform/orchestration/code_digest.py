"""A digest of the code that makes a table, so that changed code makes it anew."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import crm_platform
from crm_platform.lake import digest_of

CHAPTERS = (
    "periods",
    "clients",
    "tables",
    "lake",
    "intake",
    "facts",
    "history",
    "subscriptions",
    "forecast",
    "segments",
    "alerts",
    "diagnosis",
    "portfolio",
    "two_track",
    "letter",
    "quotes",
    "reports",
    "preview",
)
ASSET_FILES = {  # where they are not `assets/<chapter>.py` alone
    "two_track": ("two_track", "three_s", "contact_dates"),
    "reports": ("reports", "lists", "drawn_reports", "study_gate", "quotes", "proposals", "outbox_index"),
    "preview": ("preview", "drawn_reports", "study_gate"),
}
_ENGINES = (
    "duckdb", "ibis-framework", "numpy", "pandas", "pyarrow", "scipy",
    "altair", "budoux", "fonttools", "great-expectations", "lxml", "noto-cjk-sans-jp-bold",
    "noto-cjk-sans-jp-regular", "python-docx", "typst", "vl-convert-python",
)  # fmt: skip
_SOURCES = {".py", ".toml", ".typ", ".css", ".js", ".j2"}
_PACKAGE = Path(crm_platform.__file__).parent


def engine_versions() -> dict[str, str]:
    """The versions of what computes and draws."""
    return {name: version(name) for name in _ENGINES}


@cache
def code_digest(chapter: str) -> str:
    """Digest of the sources of `chapter` and all before it, of its assets, and of the engines' versions."""
    folders = [_PACKAGE / name for name in CHAPTERS[: CHAPTERS.index(chapter) + 1]]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in _SOURCES]
    assets = _PACKAGE / "orchestration" / "assets"
    files += [assets / f"{name}.py" for name in ASSET_FILES.get(chapter, (chapter,))]
    return digest_of({"sources": _digests(files), "engines": engine_versions()})


def installed_code() -> str:
    """Digest of all sources as they lie on disk now, and of the engines' versions."""
    sources = _digests(path for path in _PACKAGE.rglob("*") if path.suffix in _SOURCES)
    return digest_of({"sources": sources, "engines": engine_versions()})


def _digests(files: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(_PACKAGE).as_posix(): digest_of(path.read_bytes()) for path in files}


LOADED_CODE = installed_code()  # when this process began: a server may outlive the installation of another version
