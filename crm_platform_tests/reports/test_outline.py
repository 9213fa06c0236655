from crm_platform_tests.reports.outline import STORED, outline, small_report


def test_the_page_model_of_a_small_report_is_as_stored():
    """Where a change is meant, write the file anew: `python -m crm_platform_tests.reports.outline` prints it."""
    made = "\n".join(outline(small_report(language)) for language in ("ja", "en"))
    assert made.splitlines() == STORED.read_text("utf-8").splitlines()
