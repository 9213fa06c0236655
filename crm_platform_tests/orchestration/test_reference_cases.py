"""A client with too few one-off buyers leans on those that share, or its two-track part stops: visibly, and alone."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_platform.demo import make_demo
from crm_platform.lake import MadeFrom
from crm_platform.orchestration.assets.two_track import HAS_A_CASE, two_track_business
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.partitions import partition_key, register_client
from crm_platform.orchestration.reference_cases import TWO_TRACK_YEAR, lent_cases, lent_digest
from crm_platform.periods import Month
from crm_platform.two_track.business import stopped_notice
from crm_platform_tests.end_to_end.installation import Installation
from crm_platform_tests.two_track.business.shop import cells_of, year_of
from crm_platform_tests.two_track.business.test_reference_cases import LENDER, TINY

OWN = year_of([*cells_of("continuing", [(3_000, 300)]), *cells_of("stopped", [(3_000, 300)])])  # 10 %: nobody else's


class House:
    """An installation with a tiny client, and others whose years are in the lake."""

    def __init__(self, delivered: Path, month: Month, folder: Path) -> None:
        shutil.copytree(delivered, folder / "data")
        self.platform, self.month = Installation(folder / "data").platform, month
        self.shares("demo", OWN.to_json())
        self.sets("demo", share_parameters=True, use_reference_cases=True)

    def sets(self, client: str, **two_track: bool) -> None:
        lines = [f"{name} = {str(value).lower()}" for name, value in two_track.items()]
        text = "\n".join([f'name = "{client}"', "[two_track]", 'kinds_of_goods = ["drink"]', *lines])
        (self.platform.data / "clients" / f"{client}.toml").write_text(text)

    def shares(self, client: str, year: Mapping[str, Any] | None) -> None:
        self.platform.lake.write_document(client, TWO_TRACK_YEAR, self.month, year, MadeFrom())
        self.sets(client, share_parameters=True)

    @property
    def at(self) -> ClientMonth:
        return ClientData(self.platform, self.platform.catalogue.load("demo")).at(self.month)

    def made(self) -> tuple[dg.ExecuteInProcessResult, Any]:
        """A run of the asset alone, on a year of seven one-off buyers."""
        self.platform.lake.write_document("demo", TWO_TRACK_YEAR, self.month, TINY.to_json(), MadeFrom())
        with dg.DagsterInstance.ephemeral() as instance:
            register_client(instance, "demo")
            result = dg.materialize(
                [two_track_business.definition],
                partition_key=partition_key("demo", self.month),
                resources={"platform": self.platform},
                instance=instance,
            )
        return result, self.at.document("two_track_business")


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Month]:
    folder = tmp_path_factory.mktemp("delivered")
    installation, demo = Installation.at(folder / "data"), make_demo(customers=20, months=10)
    installation.deliver(demo, folder / "files")
    return installation.data, demo.last_month


@pytest.fixture
def house(delivered: tuple[Path, Month], tmp_path: Path) -> House:
    return House(*delivered, tmp_path)


def test_three_others_that_share_are_lent_and_nothing_of_a_client_that_does_not_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for client in ("north", "south", "west", "secret"):
        house.shares(client, LENDER.to_json())
    house.sets("secret", share_parameters=False)
    read, document = [], type(house.platform.lake).read_document

    def watched(lake: Any, client: str, *rest: Any) -> Any:
        read.append(client)
        return document(lake, client, *rest)

    monkeypatch.setattr(type(house.platform.lake), "read_document", watched)
    lent = lent_cases(house.at)
    assert [case.continuing_rate for case in lent] == [0.23] * 3  # its own 10 % is not among them
    assert set(read) == {"north", "south", "west"}
    (house.platform.data / "clients" / "broken.toml").write_text("name = ")
    assert lent_cases(house.at) == lent  # a neighbour whose file is broken stops nobody
    text = json.dumps([case.to_json() for case in lent])
    assert not any(name in text for name in ("north", "group", "TV"))
    before = lent_digest(house.at)
    house.sets("demo", share_parameters=True)
    assert lent_cases(house.at) == []
    assert lent_digest(house.at) != before


def test_without_a_case_the_run_goes_on_the_check_says_why_and_three_cases_clear_it(house: House) -> None:
    result, stored = house.made()
    assert result.success  # what is downstream of it, every other report, is still made
    notice = stopped_notice(stored)
    assert notice is not None
    assert "subscribers who bought one-off: 7" in notice
    assert "0 of 0 reference cases are comparable" in notice
    assert set(stored) == {"status", "buyers_on_file", "notice"}  # no figure that a report could print
    (check,) = (each for each in result.get_asset_check_evaluations() if each.check_name == HAS_A_CASE)
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.metadata["reason"].value == notice
    for client, rate in (("north", 300), ("south", 345), ("west", 400)):
        year = dataclasses.replace(
            LENDER, cells=(*cells_of("continuing", [(1_500, rate)]), *cells_of("stopped", [(2_000, 124)]))
        )
        house.shares(client, year.to_json())
    result, stored = house.made()
    assert (stored["status"], stored["cases"], stopped_notice(stored)) == ("inferred", 3, None)
    assert all(each.passed for each in result.get_asset_check_evaluations())
