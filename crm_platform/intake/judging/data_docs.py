"""The Data Docs site of great-expectations, as files that open anywhere: one style sheet inside, no script, no address.

The contents are those of great-expectations' own renderers; `pages/` replaces the frame around them, which elsewhere
loads eleven files from the network, and says what was not judged and why.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

_PAGES = Path(__file__).parent / "pages"
_OF_THE_RUN = ("batch_markers", "batch_spec", "validation_id", "checkpoint_id")
_LINK_TO_SUITE = re.compile(r'href="[./]*/expectations/(\w+)\.html"')


def data_docs_site(
    results: Mapping[str, ExpectationSuiteValidationResult],
    verdicts: Sequence[Mapping[str, Any]],
    about: Mapping[str, str],
) -> dict[str, str]:
    """Path → HTML: `index.html` with every verdict; of each frame its validation and its expectations.

    The same results give the same bytes.
    """
    view = _view()
    pages = {
        "index.html": view.env.get_template("index.j2").render(verdicts=verdicts, about=about, frames=list(results))
    }
    for name, result in results.items():
        for path, title, document in _documents(name, result):
            html = view.env.get_template("frame.j2").render(**document, title=title, about=about)
            pages[path] = _LINK_TO_SUITE.sub(r'href="\1_expectations.html"', html)
    return {path: _tidy(html) for path, html in pages.items()}


def _documents(name: str, result: ExpectationSuiteValidationResult) -> list[tuple[str, str, dict[str, Any]]]:
    """(path, title, contents) of the pages of one frame, as great-expectations renders them."""
    from great_expectations import ExpectationSuite  # noqa: PLC0415
    from great_expectations.render.renderer.page_renderer import (  # noqa: PLC0415
        ExpectationSuitePageRenderer,
        ValidationResultsPageRenderer,
    )

    validation = ValidationResultsPageRenderer().render(_without_traces_of_the_run(result, name))
    declared = [one.expectation_config for one in result.results if one.expectation_config]
    expectations = ExpectationSuitePageRenderer().render(ExpectationSuite(name, expectations=[*declared]))  # type: ignore[no-untyped-call]
    return [
        (f"{name}.html", f"Validation of {name}", validation.to_json_dict()),
        (f"{name}_expectations.html", f"What is expected of {name}", expectations.to_json_dict()),
    ]


def _view() -> Any:
    """The view of great-expectations, which finds our pages before its own."""
    from great_expectations.render.view.view import DefaultJinjaPageView  # noqa: PLC0415
    from jinja2 import ChoiceLoader, FileSystemLoader  # noqa: PLC0415

    view = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([FileSystemLoader(_PAGES), *filter(None, [view.env.loader])])
    return view


def _without_traces_of_the_run(
    result: ExpectationSuiteValidationResult, frame: str
) -> ExpectationSuiteValidationResult:
    """A copy that does not know when and by which run it was made."""
    clean = copy.deepcopy(result)
    meta: dict[str, Any] = clean.meta  # type: ignore[assignment]
    for key in _OF_THE_RUN:
        meta.pop(key, None)
    meta["batch_kwargs"] = {"data_asset_name": frame}
    return clean


def _tidy(html: str) -> str:
    """Without the blank lines and the trailing blanks that templates leave."""
    return re.sub(r"\n(\s*\n)+", "\n", re.sub(r"[ \t]+\n", "\n", html)).strip() + "\n"
