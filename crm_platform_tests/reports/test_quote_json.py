"""Whatever the price list answers is told in both languages, always without tax, and equal bytes for equal input."""

from __future__ import annotations

import datetime as dt
import json
from itertools import product
from typing import Any

import pytest

from crm_platform.periods import Month
from crm_platform.quotes import SERVICES, FeeBasis, PriceList, Use, quote
from crm_platform.reports import Wording, quote_document, quote_json

DELIVERED = dt.date(2025, 1, 20)
AMOUNTS = (0, 2_000_000_000, 10_000_000_000, 10_000_000_001)
WORDS = [Wording.of("ja"), Wording.of("en")]


def documents(wording: Wording) -> list[Any]:
    """A document for every amount, size, state of the year, day, specification, layout and retention."""
    years = [
        FeeBasis(Month(2024, 4), Month(2025, 3), months, amount, customers, is_closed, is_closed)
        for amount, (months, customers, is_closed) in product(AMOUNTS, [(12, 9, True), (5, 2_000_001, False)])
    ] + [FeeBasis(Month(2024, 4), Month(2025, 3), 5, 0, 9)]
    uses = [
        Use(day, former, same, is_standard, months, ("products: derived from order_lines",) if months else ())
        for day, former, same, is_standard, months in product(
            (DELIVERED, dt.date(2025, 9, 1)), (None, DELIVERED), (None, True, False), (True, False), (None, 3)
        )
    ]
    prices = PriceList.published()
    return [
        quote_document([quote(service, year, use, prices) for service in SERVICES], year, use, "acme", wording)
        for year, use in product(years, uses)
    ]


@pytest.mark.parametrize("wording", WORDS, ids=["ja", "en"])
def test_every_answer_of_the_list_has_its_words_and_no_word_is_without_an_answer(wording: Wording) -> None:
    told = documents(wording)
    used: dict[str, set[str]] = {kind: set() for kind in ("rule", "provisional", "note", "not_included", "item")}
    for one in (one for document in told for one in document["quotes"]):
        used["rule"] |= set(one["rule"]["key"].split("."))
        used["item"] |= {line["item"] for line in one["lines"]}
        for kind, name in (("provisional", "provisional"), ("note", "notes"), ("not_included", "not_included")):
            used[kind] |= {each["key"] for each in one[name]}
        assert one["rule"]["sentence"]
        assert one["individual_quote"] is (one["total_jpy"] is None) is (one["lines"] == [])
        assert one["is_provisional"] is (one["provisional"] != [])
    for kind, keys in used.items():
        assert {key.split(".")[2] for key in wording.texts if key.startswith(f"quote.{kind}.")} == keys
    assert {(document["currency"], document["tax"]) for document in told} == {("JPY", "excluded")}


@pytest.mark.parametrize(
    ("wording", "said", "both"),
    [
        (
            WORDS[0],
            "前年度受注金額（2024年4月〜2025年3月）は10,000,000,000円で、料金表の「100億円まで」",
            "個別見積です",
        ),
        (
            WORDS[1],
            "¥10,000,000,000 were ordered in the last business year",
            "“and more” it would be quoted individually",
        ),
    ],
    ids=["ja", "en"],
)
def test_a_quote_at_the_contradictory_limit_says_the_amount_its_year_and_both_readings(
    wording: Wording, said: str, both: str
) -> None:
    year, use = FeeBasis(Month(2024, 4), Month(2025, 3), 12, 10_000_000_000, 9), Use(DELIVERED)
    document = quote_document([quote("two_track", year, use, PriceList.published())], year, use, "acme", wording)
    sentence = document["quotes"][0]["rule"]["sentence"]
    assert said in sentence
    assert both in sentence
    assert quote_json(document) == quote_json(json.loads(quote_json(document)))
    assert json.loads(quote_json(document))["basis"]["ordered_jpy"] == 10_000_000_000
