"""Targets and measures of a client's file (R130): what is read, and what is refused by its key."""

from __future__ import annotations

import datetime as dt
import tomllib
from typing import Any

import pytest

from crm_platform.clients import Client, KpiMeasure
from crm_platform.clients.catalogue import client_from_toml
from crm_platform.refusals import Refused


def client(text: str) -> Client:
    return client_from_toml("acme", tomllib.loads(f'name = "Acme"\n{text}'), "acme.toml")


def measure(**said: Any) -> dict[str, Any]:
    return {
        "name": "同梱物",
        "kpi": "f2_rate",
        "started_on": dt.date(2025, 4, 1),
        "hypothesis": "2回目が増える",
        "expected_change": 0.05,
    } | said


def test_targets_and_measures_are_read_as_written() -> None:
    text = '[[measures]]\nname = "冊子"\nkpi = "cpo"\nstarted_on = 2025-04-01\nhypothesis = "安くなる"\n'
    found = client(f"{text}expected_change = -500\n[kpi_targets]\nmrr = 3_000_000\nf2_rate = 0.4\n")
    assert dict(found.kpi_targets) == {"f2_rate": 0.4, "mrr": 3_000_000.0}
    assert found.measures == (KpiMeasure("冊子", "cpo", dt.date(2025, 4, 1), "安くなる", -500.0),)


def test_a_file_without_them_sets_none() -> None:
    assert (dict(client("").kpi_targets), client("").measures) == ({}, ())


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"kpi_targets": 5}, "kpi_targets"),
        ({"kpi_targets": {"f2": 0.4}}, "kpi_targets.f2"),
        ({"kpi_targets": {"f2_rate": "0.4"}}, "kpi_targets.f2_rate"),
        ({"kpi_targets": {"f2_rate": True}}, "kpi_targets.f2_rate"),
        ({"kpi_targets": {"f2_rate": -0.1}}, "kpi_targets.f2_rate"),
        ({"kpi_targets": {"f2_rate": float("nan")}}, "kpi_targets.f2_rate"),
        ({"measures": {"name": "x"}}, "measures"),
        ({"measures": [5]}, "measures[1]"),
        ({"measures": [measure(), {"name": "x"}]}, "measures[2]"),
        ({"measures": [measure(kpi="f2")]}, "measures[1].kpi"),
        ({"measures": [measure(kpi=["f2_rate"])]}, "measures[1].kpi"),
        ({"measures": [measure(started_on="2025-04-01")]}, "measures[1].started_on"),
        ({"measures": [measure(started_on=dt.datetime(2025, 4, 1))]}, "measures[1].started_on"),
        ({"measures": [measure(expected_change=0)]}, "measures[1].expected_change"),
        ({"measures": [measure(expected_change="more")]}, "measures[1].expected_change"),
        ({"measures": [measure(name=" ")]}, "measures[1].name"),
        ({"measures": [measure(hypothesis="a\nb")]}, "measures[1].hypothesis"),
        ({"measures": [measure()] * 51}, "measures"),
    ],
    ids=str,
)
def test_a_target_or_measure_that_says_nothing_is_refused_by_its_key(said: dict[str, Any], key: str) -> None:
    with pytest.raises(Refused) as refusal:
        client_from_toml("acme", {"name": "Acme", **said}, "acme.toml")
    assert (refusal.value.file, refusal.value.column) == ("acme.toml", key)


def test_an_unknown_kpi_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Refused, match="f2_rate"):
        client('[kpi_targets]\n"F2転換率" = 0.4')
