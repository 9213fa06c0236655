"""Tables as HTML, with what a cell stands for beside what it says, so that a page can sort numbers as numbers."""

from __future__ import annotations

import re
from html import escape

from crm_platform.reports import theme
from crm_platform.reports.grids import column_widths
from crm_platform.reports.pages import SIGNS, Grid
from crm_platform.reports.wording import Wording

_NUMBER = r"(?P<number>[\d,]*\.?\d+)"
_SIGNED = re.compile(rf"(?P<sign>[+−-]?)¥?{_NUMBER}")
_YEAR = re.compile(r"\d{4}")
_NAME_POINTS = 12 * theme.TABLE_SIZE  # a name so wide is not broken
_SENTENCE_POINTS = 24 * theme.TABLE_SIZE  # texts so wide are sentences, in more than one line anyway
_DENSE_POINTS = 470.0  # a table that needs more on paper is set smaller there, too


def table_html(grid: Grid, words: Wording) -> str:
    """The table, scrolled sideways where it is wider than its place, and the remark on what it leaves out."""
    values = Values(words)
    widths = column_widths(grid)
    kinds = [_kind(width, numeric) for width, numeric in zip(widths, grid.numeric, strict=True)]
    dense = ' class="dense"' if sum(min(width, _SENTENCE_POINTS) for width in widths) > _DENSE_POINTS else ""
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(header)}</th>'
        for kind, header in zip(kinds, grid.headers, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(_cell(cell, kind, values) for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in grid.rows
    )
    label = escape(words.text("report.table_of", title=grid.title or words.text("actions.title")))
    remark = f'<p class="source">{escape(grid.remark)}</p>' if grid.remark else ""
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{label}">'
        f"<table{dense}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{remark}"
    )


def _kind(width: float, is_numeric: bool) -> str:
    """How a column is set that needs `width` points on one line: a name in one line, words and sentences in several."""
    if is_numeric:
        return "number"
    return "name" if width <= _NAME_POINTS else "words" if width <= _SENTENCE_POINTS else "sentence"


class Values:
    """What cells of tables stand for in one language: yen of `1.20億円`, months since year 0 of `2025年6月`."""

    def __init__(self, words: Wording) -> None:
        self._amounts = [(_amount(scale.pattern), scale.from_jpy) for scale in words.money]
        self._months = {
            words.formatted(f"0000-{number:02}", "month").replace("0000", "#"): number for number in range(1, 13)
        }

    def of(self, cell: str, is_number: bool) -> float | None:
        """The number to sort by; None for words and for a cell without a value."""
        if not is_number:
            return self._month(cell)
        for amount, factor in self._amounts:
            if found := amount.fullmatch(cell):
                return _read(found) * factor
        begins = _SIGNED.match(cell)
        return _read(begins) if begins else None

    def _month(self, cell: str) -> float | None:
        year = _YEAR.search(cell)
        number = self._months.get(cell.replace(year[0], "#", 1)) if year else None
        return int(year[0]) * 12 + number if year and number else None


def _amount(pattern: str) -> re.Pattern[str]:
    return re.compile(r"(?P<sign>[+−-]?)" + re.escape(pattern.format("#")).replace(r"\#", _NUMBER))


def _read(found: re.Match[str]) -> float:
    return float(found["number"].replace(",", "")) * (-1 if found["sign"] in ("−", "-") else 1)


def _cell(text: str, kind: str, values: Values) -> str:
    """A cell's text; the verdict `issue` stands out."""
    value = values.of(text, kind == "number")
    known = "" if value is None else f' data-value="{value:.12g}"'
    shown = f'<strong class="down">{escape(text)}</strong>' if text.startswith(SIGNS["issue"]) else escape(text)
    return f'<td class="{kind}"{known}>{shown}</td>'
