from __future__ import annotations

from pathlib import Path

from crm_platform.orchestration import assets
from crm_platform.orchestration.code_digest import ASSET_FILES, CHAPTERS


def test_every_file_of_assets_belongs_to_a_chapter_whose_tables_its_change_makes_anew() -> None:
    files = {path.stem for path in Path(assets.__file__).parent.glob("*.py")} - {"__init__"}
    watched = {name for chapter in CHAPTERS for name in ASSET_FILES.get(chapter, (chapter,))}
    assert files <= watched
