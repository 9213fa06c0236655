"""Channels of the shopping alert: what a client's file may say of them, and what is refused by its key (R92)."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from crm_platform.clients import Channel, Client, Settings
from crm_platform.clients.catalogue import client_from_toml
from crm_platform.refusals import Refused


def client(text: str) -> Client:
    return client_from_toml("acme", tomllib.loads(f'name = "Acme"\n{text}'), "acme.toml")


def test_channels_are_read_by_name_whatever_their_order_in_the_file() -> None:
    cards = '"DM 葉書" = { unit_cost_jpy = 100, share = 0.7 }'
    found = client(f"[alert_channels]\noutbound = {{ unit_cost_jpy = 300, share = 0.3 }}\n{cards}")
    assert found.alert_channels == (Channel("DM 葉書", 100, 0.7), Channel("outbound", 300, 0.3))


def test_a_contact_is_planned_at_the_mean_cost_of_the_channels_unless_the_file_says_what_it_costs() -> None:
    channels = (
        "[alert_channels]\ncall = { unit_cost_jpy = 300, share = 0.3 }\ndm = { unit_cost_jpy = 101, share = 0.7 }"
    )
    assert client(channels).settings.alert_unit_cost_jpy == 161
    assert client(f"[settings]\nalert_unit_cost_jpy = 90\n{channels}").settings.alert_unit_cost_jpy == 90


def test_without_channels_there_is_one_at_the_cost_of_a_contact() -> None:
    assert client("[settings]\nalert_unit_cost_jpy = 80").alert_channels == (Channel("dm", 80, 1.0),)
    assert Client("acme", "Acme", settings=Settings(alert_unit_cost_jpy=70)).alert_channels[0].unit_cost_jpy == 70


@pytest.mark.parametrize(
    ("said", "key"),
    [
        (5, ""),
        ({"dm": 5}, ".dm"),
        ({"dm": {"unit_cost_jpy": 100}}, ".dm"),
        ({"dm": {"unit_cost_jpy": 100, "share": 1, "colour": 1}}, ".dm"),
        ({"dm": {"unit_cost_jpy": -1, "share": 1}}, ".dm.unit_cost_jpy"),
        ({"dm": {"unit_cost_jpy": 1.5, "share": 1}}, ".dm.unit_cost_jpy"),
        ({"dm": {"unit_cost_jpy": True, "share": 1}}, ".dm.unit_cost_jpy"),
        ({"dm": {"unit_cost_jpy": 10**13, "share": 1}}, ".dm.unit_cost_jpy"),
        ({"dm": {"unit_cost_jpy": 1, "share": 0}}, ".dm.share"),
        ({"dm": {"unit_cost_jpy": 1, "share": True}}, ".dm.share"),
        ({"dm": {"unit_cost_jpy": 1, "share": "all"}}, ".dm.share"),
        ({"dm": {"unit_cost_jpy": 1, "share": float("nan")}}, ".dm.share"),
        ({"dm": {"unit_cost_jpy": 1, "share": float("inf")}}, ".dm.share"),
        ({"dm": {"unit_cost_jpy": 1, "share": 0.5}, "mail": {"unit_cost_jpy": 1, "share": 0.4}}, ""),
        ({"": {"unit_cost_jpy": 1, "share": 1}}, ""),
        ({" dm": {"unit_cost_jpy": 1, "share": 1}}, ""),
        ({"d\nm": {"unit_cost_jpy": 1, "share": 1}}, ""),
        ({"d\u202em": {"unit_cost_jpy": 1, "share": 1}}, ""),
        ({"d" * 61: {"unit_cost_jpy": 1, "share": 1}}, ""),
    ],
    ids=str,
)
def test_a_channel_that_nobody_could_use_is_refused_by_its_key(said: Any, key: str) -> None:
    with pytest.raises(Refused) as refusal:
        client_from_toml("acme", {"name": "Acme", "alert_channels": said}, "acme.toml")
    assert (refusal.value.file, refusal.value.column) == ("acme.toml", f"alert_channels{key}")
