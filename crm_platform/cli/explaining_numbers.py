"""`crm-platform explain --report letter` and `--report preview`: numbers that no finding of the report holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Column
from rich.table import Table as Grid

from crm_platform.cli.console import out

if TYPE_CHECKING:
    from crm_platform.diagnosis.finding import Scalar
    from crm_platform.diagnosis.lineage import ToldNumbers
    from crm_platform.orchestration.client_month import ClientMonth
    from crm_platform.orchestration.explaining_numbers import WithoutFindings
    from crm_platform.reports import Wording

_NAMES = {  # where the wording of the letter and of the preview names each part's numbers, by their key
    "figures": "letter.figure.{key}",
    "course": "letter.course.y",
    "bridge": "report.comment",
    "compared": "letter.turned.question",
    "turned": "{key}.name",
    "actions": "{key}.name",
    "contacts": "letter.contact.{key}",
    "forecast": "appendix.forecast",
    "delivery": "letter.note.delivery",
    "counts": "preview.analysis.{key}",
}
_FEW = 3  # values told in a list of all numbers


def explain_numbers(at: ClientMonth, report: WithoutFindings, asked: str | None) -> None:
    """All numbers of the report, or those asked for with the tables, months and deliveries behind them."""
    from crm_platform.cli.explaining import print_lineage
    from crm_platform.orchestration.assets.drawn_reports import words_of
    from crm_platform.orchestration.explaining_numbers import lineage_of_numbers, numbers_asked_for, numbers_told

    told, words = numbers_told(at, report), words_of(at).of_report(report)
    if asked is None:
        print_all(told, words)
        return
    names = {one.key: _name(one, words) for one in told}
    for one in numbers_asked_for(told, asked, names, report):
        print_numbers(at, report, one, words)
        print_lineage(*lineage_of_numbers(at, one))


def print_all(told: Sequence[ToldNumbers], words: Wording) -> None:
    """Where each stands, its key and name, and its first values."""
    grid = Grid("part", Column("key", no_wrap=True), Column("name", overflow="fold"), Column("values", overflow="fold"))
    for one in told:
        values = [f"{_word(name, words)} {_word(value, words)}" for name, value in one.values.items()]
        more = ", …" if len(values) > _FEW else ""
        grid.add_row(one.part, one.key, _name(one, words), ", ".join(values[:_FEW]) + more)
    out.print(grid)


def print_numbers(at: ClientMonth, report: str, told: ToldNumbers, words: Wording) -> None:
    """Every value by its name, and the finding that they are taken from."""
    out.print(f"{at.client.id} {at.month}, {report}, {told.part}: {_name(told, words)}", markup=False)
    grid = Grid("number", "value")
    for name, value in told.values.items():
        grid.add_row(_word(name, words), _word(value, words))
    out.print(grid)
    if told.finding is not None:
        months = (at.month, at.month.plus(-1)) if told.part == "turned" else (at.month,)
        for month in months:
            finding = f"crm-platform explain {told.finding[1]} --report {told.finding[0]}"
            out.print(
                f"the finding: {finding} --client {at.client.id} --month {month}", highlight=False, soft_wrap=True
            )


def _name(told: ToldNumbers, words: Wording) -> str:
    return words.text(_NAMES[told.part].format(key=told.key))


def _word(value: Scalar, words: Wording) -> str:
    return words.word(value) if value is None or isinstance(value, str) else str(value)
