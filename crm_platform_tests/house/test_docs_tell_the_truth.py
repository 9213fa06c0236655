from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from crm_platform.cli import app
from crm_platform.tables.dictionary import data_dictionary

PROJECT = Path(__file__).parents[2]
DOCS = sorted([PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")])
CHAPTERS = sorted(path.parent.name for path in (PROJECT / "crm_platform").glob("*/__init__.py"))


def test_the_data_dictionary_is_what_the_declarations_say() -> None:
    assert (PROJECT / "docs" / "data_dictionary.md").read_text("utf-8") == data_dictionary()


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(doc: Path) -> None:
    text = doc.read_text("utf-8")
    named = re.findall(r"`((?:crm_platform|crm_platform_tests|docs|data/clients)/[\w./-]+)`", text)
    missing = [path for path in named if "acme" not in path and not (PROJECT / path).exists()]  # acme: the reader's
    assert missing == []


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(doc: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", doc.read_text("utf-8"))
    assert [link for link in links if not (doc.parent / link).exists()] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_is_in_the_architecture_and_says_what_belongs_in_it(chapter: str) -> None:
    assert f"`{chapter}`" in (PROJECT / "docs" / "architecture.md").read_text("utf-8")
    opening = (PROJECT / "crm_platform" / chapter / "__init__.py").read_text("utf-8")
    assert "Belongs here:" in opening


def test_every_command_of_the_command_line_is_in_the_readme() -> None:
    commands = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    readme = (PROJECT / "README.md").read_text("utf-8")
    assert commands
    assert [command for command in commands if f"crm-platform {command}" not in readme] == []


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = {name for doc in DOCS for name in re.findall(r"`make ([a-z]+)", doc.read_text("utf-8"))}
    assert named <= targets


def test_lock_and_build_files_name_no_address() -> None:
    for name in ("requirements.lock", "Makefile", ".ci/run"):
        assert "://" not in (PROJECT / name).read_text("utf-8"), name
