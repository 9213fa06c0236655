"""One report in which every hostile name stands in every place that a client's text can reach."""

from __future__ import annotations

from dataclasses import replace

from crm_platform.diagnosis.finding import Action, Diagnosis, Exhibit, Row
from crm_platform.reports import Report, diagnosis_report
from crm_platform_tests.reports import invented

NAMES = invented.HOSTILE_NAMES


def _exhibits() -> dict[str, tuple[Exhibit, ...]]:
    """The names as bars, rows, lines, points and rows of a heatmap, by the key of the finding that shows them."""
    bars = tuple({"product": name, "sales": 9_000_000 - 800_000 * n} for n, name in enumerate(NAMES))
    rows = tuple({"name": name, "month": "2025-06", "sales": 1_234_567 - n} for n, name in enumerate(NAMES))
    lines: list[Row] = [
        {"cycle": cycle, "rate": 0.9**cycle - n / 40, "course": name}
        for n, name in enumerate(NAMES)
        for cycle in range(1, 4)
    ]
    points = tuple({"cpo": 4000 + 900 * n, "ltv": 9000 + 500 * n, "medium": name} for n, name in enumerate(NAMES))
    cells = tuple({"since": since, "cohort": name, "rate": 0.5 / (since + 1)} for name in NAMES for since in range(3))
    rate = {"x_unit": "count", "y_unit": "rate"}
    return {
        "invented_products": (
            Exhibit("names", "bar", bars, x="product", y="sales", y_unit="jpy"),
            Exhibit("name_table", "table", rows, columns=(("name", "text"), ("month", "month"), ("sales", "jpy"))),
        ),
        "invented_retention": (
            Exhibit("lines", "line", tuple(lines), x="cycle", y="rate", series="course", **rate),  # type: ignore[arg-type]
        ),
        "invented_media": (
            Exhibit("media", "scatter", points, x="cpo", y="ltv", x_unit="jpy", y_unit="jpy", series="medium"),
        ),
        "invented_f2": (
            Exhibit("cohorts", "heatmap", cells, x="since", y="rate", series="cohort", **rate),  # type: ignore[arg-type]
        ),
    }


def diagnosis() -> Diagnosis:
    """A finding per name, whose title and action say it; four of them show all names in exhibits."""
    shown = _exhibits()
    plain = invented.diagnosis()
    ordered = sorted(plain.findings, key=lambda finding: finding.key not in shown)
    findings = tuple(
        replace(
            finding,
            exhibits=shown.get(finding.key, ()),
            numbers={**finding.numbers, "name": name},
            verdict="issue",
            action=Action(name, 617, "@action_channel.post_phone", 100_000),
        )
        for finding, name in zip(ordered, NAMES, strict=False)
    )
    return replace(plain, client=NAMES[1], findings=findings)


def report(language: str) -> Report:
    """The report on all of them."""
    return diagnosis_report(diagnosis(), language, invented.wording(language))
