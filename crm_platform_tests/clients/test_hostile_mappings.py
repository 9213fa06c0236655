"""Words in a client's file that nobody would write on purpose: refused by their key, never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from crm_platform.clients import Client
from crm_platform.intake import rules_of
from crm_platform.refusals import Refused


@pytest.mark.parametrize("preset", ["ec-cube-4", "shopify"])
@pytest.mark.parametrize("said", [{"columns": 5}, {"columns": [["order_id"]]}, {"set_aside": [{"rule": []}]}])
def test_nonsense_over_a_preset_is_refused(preset: str, said: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="order_lines"):
        rules_of(Client("acme", "Acme", intake={"preset": preset, "tables": {"order_lines": said}}))


@pytest.mark.parametrize(
    "source",
    [
        {"ordered_at": {"column": "受注日", "format": "%Y-%m-%d %d"}},
        {"ordered_at": {"column": "受注日", "format": "%Y-%m-%d%"}},
        {"line_no": {"number_within": "line_no"}},
        {"unit_price_jpy": {"column": "単価", "times": 10**400}},
        {"unit_price_jpy": {"column": "単価", "times": 1e30}},
        {"unit_price_jpy": {"column": "単価", "divided_by": 1e-300}},
        {"unit_price_jpy": {"column": "単価", "divided_by": float("nan")}},
    ],
    ids=str,
)
def test_a_source_that_cannot_be_carried_out_is_refused_by_its_column(source: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=next(iter(source))):
        rules_of(Client("acme", "Acme", intake={"tables": {"order_lines": {"columns": source}}}))


@pytest.mark.parametrize(
    "written", ["%m/%d/%Y", "%d.%m.%Y %H:%M:%S", "%Y年%m月%d日", "%d/%m/%Y %I:%M %p", "%Y%m%dT%H%M%S%z"]
)
def test_a_usual_spelling_of_dates_is_understood(written: str) -> None:
    columns = {"ordered_at": {"column": "受注日", "format": written}}
    assert rules_of(Client("acme", "Acme", intake={"tables": {"order_lines": {"columns": columns}}}))
