from __future__ import annotations

from typing import Any

import pytest

from crm_platform.clients.catalogue import client_from_toml
from crm_platform.clients.ordered_services import SERVICES
from crm_platform.refusals import Refused
from crm_platform.reports import Wording
from crm_platform.reports.left_out import ordered_and_left_out

FILES = dict.fromkeys(("quote.json", "letter/monthly_letter.pdf", *(f"{one}/list.csv" for one in SERVICES)), b"")
WRONG = ([], ["cpm"], "two_track", [["two_track"]], ["two_track", "two_track"])


def ordered(services: Any) -> tuple[str, ...]:
    return client_from_toml("acme", {"name": "Acme", "services": services}, "acme.toml").ordered_services


def test_a_client_that_names_no_services_gets_them_all_and_one_that_does_gets_those() -> None:
    assert client_from_toml("acme", {"name": "Acme"}, "acme.toml").ordered_services == ordered({}) == SERVICES
    assert ordered({"ordered": ["two_track", "second_opinion"]}) == ("second_opinion", "two_track")


@pytest.mark.parametrize(
    "services", [["two_track"], {"order": ["two_track"]}, *({"ordered": wrong} for wrong in WRONG)]
)
def test_services_that_do_not_exist_are_refused_with_those_that_do(services: Any) -> None:
    with pytest.raises(Refused) as refused:
        ordered(services)
    assert refused.value.file == "acme.toml"
    assert "ordered" in refused.value.remedy


@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_service_is_given_without_the_others_and_every_file_is_given_or_left_out(language: str) -> None:
    words = Wording.of(language)
    for service in SERVICES:
        given, left_out = ordered_and_left_out(FILES, [service], words)
        assert set(given) == {"quote.json", "letter/monthly_letter.pdf", f"{service}/list.csv"}
        assert {folder.rstrip("/") for folder in left_out} == set(SERVICES) - {service}
        assert {why["sentence"] for why in left_out.values()} == {words.text("left_out.not_ordered")}
    assert ordered_and_left_out(FILES, SERVICES, words) == (FILES, {})
