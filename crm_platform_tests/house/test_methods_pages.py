"""docs/methods/: every method has its page, and every number of a paper the test that asserts it."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

from crm_platform_tests.forecast.battery import MODELS

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "docs" / "methods"
INDEX = FOLDER / "README.md"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
HEADINGS = [
    "What it answers",
    "What it assumes",
    "The formulas",
    "How it is fitted",
    "When it fails, and what takes over",
    "How we know it is right",
    "Sources",
]
FEWEST_WORDS = 3  # of a section

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


@every_page
def test_a_page_has_the_fixed_headings_something_under_each_and_at_most_eighty_lines(page: Path) -> None:
    text = page.read_text("utf-8")
    sections = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    assert sections[1::2] == HEADINGS
    assert [name for name, said in zip(HEADINGS, sections[2::2], strict=True) if len(said.split()) < FEWEST_WORDS] == []
    assert len(text.splitlines()) <= 80
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 160
    assert "¥" in sections[2] or "円" in sections[2], "the worked example in yen"


def test_every_module_of_the_forecast_the_segments_and_the_alerts_is_the_code_of_a_page() -> None:
    told = {path for page in PAGES for path in _code_of(page)}
    modules = {
        path.relative_to(PROJECT).as_posix()
        for chapter in ("forecast", "segments", "alerts")
        for path in (PROJECT / "crm_platform" / chapter).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert modules - told == set()
    assert [path for path in told if not (PROJECT / path).exists()] == []


def test_the_index_leads_to_every_page() -> None:
    assert set(re.findall(r"\]\(([\w-]+)\.md\)", INDEX.read_text("utf-8"))) == {page.stem for page in PAGES}


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=lambda path: path.stem)
def test_links_lead_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text("utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), flags=re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=lambda path: path.stem)
def test_formulas_are_closed_and_nothing_in_them_is_eaten_by_markdown(page: Path) -> None:
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```math\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert text.count("```") == 2 * len(blocks)
    prose = re.sub(r"^```math\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    around, inline = prose.split("$")[::2], prose.split("$")[1::2]
    assert len(around) == len(inline) + 1
    for formula in [*blocks, *inline]:
        assert formula.count("{") == formula.count("}"), formula
    # GitHub takes a formula for one only between spaces or punctuation.
    assert [words for words in around[:-1] if not re.search(r"[\s(\[|]$", words)] == []
    assert [words for words in around[1:] if not re.match(r"[\s.,;:)?|-]", words)] == []
    assert [formula for formula in inline if re.search(r"\\[^a-zA-Z]|\n", formula) and "`" not in formula] == []


@every_page
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    named = _tests_of(page)
    assert named
    for path, tests in named.items():
        assert tests, path
        assert [test for test in tests if test not in _functions(PROJECT / path)] == [], path


@every_page
def test_every_published_number_is_asserted_in_the_test_named_beside_it(page: Path) -> None:
    for digits, path in _published_of(page):
        asserted = _numbers(PROJECT / path)
        assert [number for number in digits if number not in asserted] == []
        assert path in _tests_of(page)


def test_every_published_fit_of_the_battery_is_on_a_page() -> None:
    told = {frozenset(digits) for page in PAGES for digits, _ in _published_of(page)}
    for model in MODELS.values():
        if model.published and model.published_log_likelihood:
            assert frozenset({*model.published, model.published_log_likelihood}) in told, model.name


# --- inside -----------------------------------------------------------------------------------------------------------


def _code_of(page: Path) -> list[str]:
    (paragraph,) = re.findall(r"^Code: (.*?)\n\n", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+\.py)`", paragraph)


def _proofs(page: Path) -> str:
    return page.read_text("utf-8").split("## How we know it is right")[1].split("\n## ")[0]


def _tests_of(page: Path) -> dict[str, list[str]]:
    """Test file → the tests named after it; a table names files only, whose tests follow in the list."""
    listed = "\n".join(line for line in _proofs(page).splitlines() if not line.startswith("|"))
    named: dict[str, list[str]] = {}
    tests: list[str] = []
    for path, test in re.findall(r"`(crm_platform_tests/[\w/]+\.py)`|`(test_\w+)`", listed):
        if path:
            tests = named.setdefault(path, [])
        else:
            tests.append(test)
    return named


def _published_of(page: Path) -> list[tuple[list[float], str]]:
    """The rows of the table of published numbers: the numbers, and the test file beside them."""
    rows = re.findall(r"^\|[^|]*\|([^|]*)\| `([^`|]+\.py)` \|$", _proofs(page), flags=re.MULTILINE)
    return [
        ([float(number) for number in re.findall(r"-?\d*\.\d+", cell.replace("−", "-"))], path) for cell, path in rows
    ]


@lru_cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef)}


def _numbers(path: Path) -> set[float]:
    """Every number in a test file and in the test modules that it imports."""
    imported = [node.module for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom) and node.module]
    own = [PROJECT / f"{name.replace('.', '/')}.py" for name in imported if name.startswith("crm_platform_tests.")]
    found: set[float] = set()
    for file in (path, *own):
        for node in ast.walk(_tree(file)):
            if (
                isinstance(node, ast.UnaryOp)
                and isinstance(node.op, ast.USub)
                and isinstance(node.operand, ast.Constant)
            ):
                found.add(-float(node.operand.value))
            elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
                found.add(float(node.value))
    return found
