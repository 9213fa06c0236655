"""This month's diagnoses and figures beside last month's: whose verdict turned, what to do first, what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from crm_platform.diagnosis.finding import Diagnosis, Finding
from crm_platform.letter.letter import Figure, Letter, Shared, Turned
from crm_platform.periods import Month

_ORDER = ("issue", "healthy", "undetermined")


def turned_verdicts(now: Mapping[str, Diagnosis], former: Mapping[str, Diagnosis]) -> tuple[Turned, ...]:
    """Every question whose verdict differs from last month's: new issues first, then what is healthy now.

    `now` and `former` are diagnoses by report. A question that two reports show is named once, by the first.
    """
    before = dict(_questions(former))
    found = [
        Turned(report, _plain(finding), before[key][1].verdict, _value(before[key][1]))
        for key, (report, finding) in _questions(now)
        if key in before and before[key][1].verdict != finding.verdict
    ]
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.finding.verdict), -_yen(one.finding))))


def questions_in_both(now: Mapping[str, Diagnosis], former: Mapping[str, Diagnosis]) -> dict[str, int]:
    """How many of each report's questions both months answer."""
    before = dict(_questions(former))
    return dict(Counter(report for key, (report, _) in _questions(now) if key in before))


def shared_questions(now: Mapping[str, Diagnosis], former: Mapping[str, Diagnosis]) -> tuple[Shared, ...]:
    """Every question that several reports show now, in the order of the first."""
    reports: dict[str, list[str]] = {}
    for report, diagnosis in now.items():
        for finding in diagnosis.findings:
            reports.setdefault(finding.key, []).append(report)
    before = dict(_questions(former))
    return tuple(Shared(key, tuple(shown), key in before) for key, shown in reports.items() if len(shown) > 1)


def beside_former_letter(figures: Sequence[Figure], figures_month: Month, former: Letter | None) -> tuple[Figure, ...]:
    """The figures of `figures_month`, each with what the `former` letter said of the month before where it differs."""
    if former is None or former.figures_month != str(figures_month.plus(-1)):
        return tuple(figures)
    told = {figure.key: figure.now for figure in former.figures}
    return tuple(
        replace(figure, last_month_told=told[figure.key])
        if figure.last_month is not None and told.get(figure.key, figure.last_month) != figure.last_month
        else figure
        for figure in figures
    )


def planned_actions(now: Mapping[str, Diagnosis]) -> tuple[tuple[str, Finding], ...]:
    """(report, finding) of all that have somebody to act on, without their exhibits.

    Issues first, the largest yen at stake before the others; then the rest, the largest expected yen first.
    """
    planned = [
        (report, _plain(finding))
        for _, (report, finding) in _questions(now)
        if finding.action is not None and finding.action.customers > 0 and finding.action.expected_jpy > 0
    ]
    return tuple(sorted(planned, key=lambda one: _urgency(one[1])))


def _urgency(finding: Finding) -> tuple[bool, int, int]:
    expected_jpy = finding.action.expected_jpy if finding.action else 0
    is_issue = finding.verdict == "issue"
    return not is_issue, -_yen(finding) if is_issue else 0, -expected_jpy


def _questions(diagnoses: Mapping[str, Diagnosis]) -> Iterator[tuple[str, tuple[str, Finding]]]:
    """Each question by key with its report, the first report's answer where several show it."""
    seen: set[str] = set()
    for report, diagnosis in diagnoses.items():
        for finding in diagnosis.findings:
            if finding.key not in seen:
                seen.add(finding.key)
                yield finding.key, (report, finding)


def _plain(finding: Finding) -> Finding:
    return replace(finding, exhibits=(), trend=None)


def _value(finding: Finding) -> float | None:
    return finding.measured.value if finding.measured else None


def _yen(finding: Finding) -> int:
    return abs(finding.yen_effect_jpy or 0)
