import csv
import io

import pytest

from crm_platform.history.subscriptions import REPAIR_RULES
from crm_platform.reports import Wording
from crm_platform.reports.acceptance import subscription_repairs_csv


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_rule_that_repairs_subscriptions_is_told_in_words_with_its_count_and_examples(language: str) -> None:
    repairs = [{"rule": rule, "count": count, "examples": ["T1", "T2"]} for count, rule in enumerate(REPAIR_RULES, 1)]
    content = subscription_repairs_csv(repairs, Wording.of(language)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content, newline="")))[1:]
    assert [(row[1], row[3]) for row in rows] == [(str(one["count"]), "T1, T2") for one in repairs]
    assert len({row[0] for row in rows}) == len(REPAIR_RULES)
    assert all(row[2] for row in rows)
