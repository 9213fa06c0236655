from __future__ import annotations

import re
from pathlib import Path

from crm_platform.orchestration import assets
from crm_platform.orchestration.code_digest import ASSET_FILES, CHAPTERS


def test_every_file_of_assets_belongs_to_a_chapter_whose_tables_its_change_makes_anew() -> None:
    files = {path.stem for path in Path(assets.__file__).parent.glob("*.py")} - {"__init__"}
    watched = {name for chapter in CHAPTERS for name in ASSET_FILES.get(chapter, (chapter,))}
    assert files <= watched


def test_what_a_chapters_assets_take_from_a_file_without_an_asset_is_watched_by_that_chapter() -> None:
    sources = {path.stem: path.read_text("utf-8") for path in Path(assets.__file__).parent.glob("*.py")}
    without_asset = {name for name, source in sources.items() if not re.search(r"^@client_months?_asset", source, re.M)}
    assert {"lists", "drawn_reports", "study_gate"} <= without_asset
    for chapter in CHAPTERS:
        watched = ASSET_FILES.get(chapter, (chapter,))
        for name in set(watched) & set(sources):
            taken = set(re.findall(r"^from crm_platform\.orchestration\.assets\.(\w+) import", sources[name], re.M))
            assert taken & without_asset <= set(watched), (chapter, name)
