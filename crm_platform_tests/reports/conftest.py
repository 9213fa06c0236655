import pytest

from crm_platform.diagnosis.finding import Diagnosis
from crm_platform.reports import Report, diagnosis_report, write_html, write_pdf
from crm_platform_tests.reports import invented

_MADE: dict[str, Report] = {}


def _report(language: str) -> Report:
    if language not in _MADE:
        _MADE[language] = diagnosis_report(invented.diagnosis(), language, invented.wording(language))
    return _MADE[language]


@pytest.fixture(params=["ja", "en"])
def report(request) -> Report:
    return _report(request.param)


@pytest.fixture(scope="session")
def japanese_report() -> Report:
    return _report("ja")


@pytest.fixture(scope="session")
def report_read_back() -> Report:
    """The same report, made anew of the diagnosis as the lake gives it back."""
    diagnosis = Diagnosis.from_json(invented.diagnosis().to_json())
    return diagnosis_report(diagnosis, "ja", invented.wording("ja"))


@pytest.fixture(scope="session")
def japanese_pdf(japanese_report) -> bytes:
    return write_pdf(japanese_report)


@pytest.fixture(scope="session")
def japanese_html(japanese_report) -> str:
    return write_html(japanese_report).decode()
