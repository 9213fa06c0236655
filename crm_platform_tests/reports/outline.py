"""The outline of a small invented report, a line per part: `python -m crm_platform_tests.reports.outline` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from crm_platform.reports import Report, diagnosis_report
from crm_platform.reports.pages import Grid, Picture, Section
from crm_platform_tests.reports import invented

STORED = Path(__file__).with_name("outline.txt")
_FINDINGS = ("invented_retention", "invented_classes", "invented_media", "invented_products")


def small_report(language: str) -> Report:
    """Four findings: a line chart, grouped bars with a table, a scatter, and names as bars and rows."""
    plain = invented.diagnosis()
    findings = tuple(finding for finding in plain.findings if finding.key in _FINDINGS)
    return diagnosis_report(replace(plain, findings=findings), language, invented.wording(language))


def outline(report: Report) -> str:
    """Every part of the page model with its texts; of tables the size and the first and last row."""
    return "\n".join([f"{report.language}: {report.title} / {report.client} / {report.as_of}", *_parts(report), ""])


def _parts(report: Report) -> Iterator[str]:
    yield f"cover: {' / '.join(report.cover_lines)}"
    if report.front:
        yield f"front: {report.front.conclusion} | {report.front.counts}"
        yield f"front first: {report.front.first_action} | {report.front.first_facts}"
        yield from (f"front issue: {point.number} {point.title} | {point.worth}" for point in report.front.issues)
        yield f"front lists: {report.front.healthy} | {report.front.undetermined} | {report.front.further_issues}"
    yield f"summary: {report.summary.title} | {report.summary.comment.claim} | {report.summary.comment.evidence}"
    yield from (f"tile: {tile.label} {tile.value} {tile.change} {tile.direction}" for tile in report.summary.tiles)
    yield from _exhibit(report.summary.picture)
    yield from _exhibit(report.summary.overview)
    for chapter in report.chapters:
        yield f"{chapter.anchor}: {chapter.label} {chapter.name}"
        for section in chapter.sections:
            yield from _section(section)
    yield f"actions: {report.actions.title}"
    yield from _exhibit(report.actions.table)
    for table in report.appendix.tables:
        yield from _exhibit(table)


def _section(section: Section) -> Iterator[str]:
    yield f"{section.anchor}: {section.verdict_label} {section.title} | {section.question} | {section.threshold}"
    yield from (f"  fact: {fact}" for fact in section.facts)
    for exhibit in section.exhibits:
        yield from (f"  {line}" for line in _exhibit(exhibit))
    yield f"  comment: {section.comment.claim} | {section.action} | {section.action_facts}"
    yield from (f"  lineage: {line}" for line in section.lineage)


def _exhibit(exhibit: Picture | Grid | None) -> Iterator[str]:
    if exhibit is None:
        return
    grid = exhibit.data if isinstance(exhibit, Picture) else exhibit
    kind = "chart" if isinstance(exhibit, Picture) else "table"
    width = "half" if exhibit.half else "whole"
    yield f"{kind} {exhibit.key}, {width} width, {len(grid.rows)} rows: {exhibit.title} | {exhibit.source}"
    numeric = "".join("n" if each else "w" for each in grid.numeric)
    yield f"  {' , '.join(grid.headers)} ({numeric}) {grid.remark}".rstrip()
    yield from (f"  {' , '.join(row)}" for row in dict.fromkeys((grid.rows[0], grid.rows[-1])))


if __name__ == "__main__":
    print("\n".join(outline(small_report(language)) for language in ("ja", "en")), end="")
