"""A client leans on the parameters of clients that agreed to share them, and on nothing else of anybody."""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from crm_platform.forecast import FittedForecast, fit_forecast
from crm_platform.forecast.prior import ClientParameters, pool
from crm_platform.forecast.purchases import ENOUGH_REPEATERS
from crm_platform.lake import MadeFrom
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.shared_parameters import (
    lent_by_model,
    others,
    prior_digest,
    prior_digest_of_then,
    prior_of,
    prior_of_then,
)
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform_tests.oracles.known_histories import days_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

MONTH = Month(2022, 6)
R = {
    "north": 0.5,
    "south": 0.6,
    "west": 0.7,
    "secret": 9.0,
    "small": 8.0,
}  # what tells one client's model from another's


@lru_cache
def _fitted() -> FittedForecast:
    return fit_forecast(days_of(simulate_buyers(1_600, seed=3)), dt.date(2022, 6, 30), 184)


def _model_of(client: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(json.dumps(_fitted().to_json()))
    stored["experts"]["spending"]["purchases"]["pareto"]["r"] = R[client]
    return stored


class House:
    """An installation with a small client and others whose forecasts were fitted."""

    def __init__(self, folder: Path) -> None:
        self.platform = Platform(data_folder=str(folder))
        (folder / "clients").mkdir(parents=True)
        self.settings("small", use_prior=True, share_parameters=True)
        self.fitted("small", MONTH)

    def settings(self, client: str, **forecast: bool) -> None:
        lines = [f"{name} = {str(value).lower()}" for name, value in forecast.items()]
        text = "\n".join([f'name = "{client}"', "[forecast]", *lines])
        (self.platform.data / "clients" / f"{client}.toml").write_text(text)

    def fitted(self, client: str, month: Month) -> None:
        self.platform.lake.write_document(client, "forecast_model", month, _model_of(client), MadeFrom())

    def shares(self, *clients: str, month: Month = MONTH) -> None:
        for client in clients:
            self.settings(client, share_parameters=True)
            self.fitted(client, month)

    @property
    def at(self) -> ClientMonth:
        data = ClientData(self.platform, self.platform.catalogue.load("small"))
        data.__dict__.update(data_from=dt.date(2020, 1, 1), data_to=MONTH.last_day)  # what its deliveries would say
        return data.at(MONTH)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def _paces(lent: list[ClientParameters]) -> list[float]:
    return sorted(each.r for each in lent)


def test_a_client_that_asks_gets_the_prior_of_three_that_share_its_own_left_out(house: House) -> None:
    house.shares("north", "south", "west")
    prior = prior_of(house.at)
    assert prior is not None
    assert prior.clients == 3
    assert _paces(others(house.at)) == [0.5, 0.6, 0.7]  # 8.0, its own, is not among them
    lent = lent_by_model(_fitted())
    assert lent is not None
    assert prior == pool([replace(lent, r=R[client]) for client in ("north", "south", "west")])


def test_a_neighbour_whose_file_or_forecast_is_broken_stops_nobody_and_is_named(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.shares("north", "south", "west", "secret")
    house.settings("small", use_prior=True, share_parameters=True)
    (house.platform.data / "clients" / "secret.toml").write_text("name = ")
    monkeypatch.setattr(logging.getLogger("dagster"), "propagate", True)  # to where caplog listens
    prior = prior_of(house.at)
    assert prior is not None
    assert prior.clients == 3
    assert "'secret' cannot be read and lends nothing: secret.toml" in caplog.text
    (stored,) = (house.platform.data / "lake" / "west" / "forecast_model").glob("*.document.json")
    stored.write_bytes(b"{")
    with pytest.raises(Refused, match=r"only 2 other clients.*Not readable: secret, west\."):
        prior_of(house.at)


def test_nothing_is_read_of_a_client_that_does_not_share(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.shares("north", "south", "west")
    before = prior_of(house.at), prior_digest(house.at)
    house.settings("secret", share_parameters=False)
    house.fitted("secret", MONTH)
    read, document = [], type(house.platform.lake).read_document

    def watched(lake: Any, client: str, *rest: Any) -> Any:
        read.append(client)
        return document(lake, client, *rest)

    monkeypatch.setattr(type(house.platform.lake), "read_document", watched)
    assert (prior_of(house.at), prior_digest(house.at)) == before
    assert set(read) == {"north", "south", "west"}


def test_a_client_that_does_not_ask_reads_nothing_of_anybody(house: House) -> None:
    house.shares("north", "south", "west")
    house.settings("small", use_prior=False)
    before = prior_digest(house.at)
    house.shares("secret")
    assert prior_of(house.at) is None
    assert prior_digest(house.at) == before


@pytest.mark.parametrize("sharing", [(), ("north", "south")])
def test_fewer_than_three_others_are_refused_with_what_to_do(house: House, sharing: tuple[str, ...]) -> None:
    house.shares(*sharing)
    house.settings("west", share_parameters=True)  # shares, but has no forecast yet
    with pytest.raises(Refused, match=f"only {len(sharing)} other clients") as refused:
        prior_of(house.at)
    assert "use_prior" in refused.value.remedy


def test_what_is_lent_is_of_this_month_or_before_the_latest_of_it(house: House) -> None:
    house.shares("north", "south", "west", month=MONTH.plus(-1))
    before = prior_digest(house.at)
    assert _paces(others(house.at)) == [0.5, 0.6, 0.7]
    house.shares("secret", month=MONTH.plus(1))
    assert prior_digest(house.at) == before


def test_looking_back_to_when_too_few_shared_stops_no_run(house: House) -> None:
    then = house.at.earlier(6)
    assert then is not None
    house.shares("north", "south", "west")
    before = prior_digest_of_then(house.at)
    assert prior_of(house.at) is not None
    assert prior_of_then(then) is None
    house.shares("north", "south", "west", month=then.month)
    lent = prior_of_then(then)
    assert lent is not None
    assert lent.clients == 3
    assert prior_digest_of_then(house.at) != before  # the former model is stale then


def test_who_may_lean_on_others_lends_them_nothing(house: House) -> None:
    house.shares("north", "south", "west")
    stored = _model_of("west")
    house.platform.lake.write_document(
        "west", "forecast_model", MONTH, {**stored, "repeaters": ENOUGH_REPEATERS - 1}, MadeFrom()
    )
    assert _paces(others(house.at)) == [0.5, 0.6]


def test_what_is_lent_is_eight_rounded_numbers(house: House) -> None:
    house.shares("north")
    (lent,) = others(house.at)
    assert all(float(f"{value:.1e}") == value for value in asdict(lent).values())
    assert len(asdict(lent)) == 8
