import pytest

from crm_platform.clients.ordered_services import SERVICES
from crm_platform.orchestration.runs import notices_of

STOPPED = {"status": "stopped", "notice": "too few buyers of its own, and no case to compare"}


@pytest.mark.parametrize(
    ("ordered", "case", "told"),
    [
        (SERVICES, STOPPED, [f"no two-track report: {STOPPED['notice']}"]),
        (("second_opinion", "shopping_alert"), STOPPED, []),
        (SERVICES, {"status": "own_data"}, []),
        (SERVICES, None, []),
    ],
)
def test_a_report_that_is_missing_is_told_only_where_it_was_ordered(ordered, case, told):
    assert notices_of(ordered, case) == told
