from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_platform.diagnosis.accuracy.segment_stability import segment_stability
from crm_platform.diagnosis.current_state import client_rank, missed_customers
from crm_platform.diagnosis.current_state.client_rank import NO_RANK, OTHER_RANKS, cell_rows
from crm_platform.diagnosis.current_state.rank_order import RankOrder, order_of_ranks
from crm_platform.diagnosis.current_state.rank_scores import scores_of
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.forecast import normalised_gini, top_share
from crm_platform.segments import vip_classes
from crm_platform.tables.analyses import FORMER_SEGMENTS
from crm_platform.tables.delivered import CUSTOMERS
from crm_platform_tests.diagnosis.planted import Order, planted_inputs

AS_OF = dt.date(2023, 12, 31)
CUSTOMERS_OF_THE_HOUSE = 100


@pytest.fixture(scope="module")
def house() -> DiagnosisInputs:
    """Customer 0 buys most and customer 99 least, long ago and since."""
    days = [dt.date(2022, 12, 1), dt.date(2023, 9, 1)]
    return planted_inputs([Order(f"C{n:03d}", day, 100 * (100 - n)) for n in range(100) for day in days], AS_OF)


def _looked_back(
    house: DiagnosisInputs, ranks: Mapping[int, str | None], *, of_then: bool = False, **columns: object
) -> DiagnosisInputs:
    names = [f"C{n:03d}" for n in range(CUSTOMERS_OF_THE_HOUSE)]
    tenth = np.arange(CUSTOMERS_OF_THE_HOUSE) // 10 + 1
    former = pd.DataFrame(
        {
            "customer_id": names,
            "value_class": tenth,
            "expected_sales_jpy": 0.0,
            "was_issued": True,
            "rfm_class": tenth,
            "value_class_now": tenth,
            "rfm_class_now": tenth,
            "sales_since_jpy": [100 * (100 - n) for n in range(CUSTOMERS_OF_THE_HOUSE)],
            "client_rank": [ranks.get(n) for n in range(CUSTOMERS_OF_THE_HOUSE)],
            "rank_is_of_then": of_then,
            **columns,
        }
    )
    master = CUSTOMERS.from_columns({"customer_id": names, "client_rank": [ranks.get(n) for n in range(len(names))]})
    return dataclasses.replace(
        house,
        former_segments=ibis.memtable(FORMER_SEGMENTS.from_pandas(former)),
        customers=ibis.memtable(master),
    )


def _by_fifths(*words: str) -> dict[int, str]:
    return {n: words[n * len(words) // CUSTOMERS_OF_THE_HOUSE] for n in range(CUSTOMERS_OF_THE_HOUSE)}


@pytest.mark.parametrize(
    ("means", "ranks", "basis"),
    [
        ({"B": 9, "S": 1, "A": 5, "SS": 0}, ("SS", "S", "A", "B"), "letters"),
        ({"Ｂランク": 9, "rank a": 1}, ("rank a", "Ｂランク"), "letters"),
        ({"1": 90, "2": 50, "10": 1}, ("1", "2", "10"), "numbers"),
        ({"1": 1, "2": 50, "10": 90}, ("10", "2", "1"), "numbers"),
        ({"1位": 90, "2位": 50}, ("1位", "2位"), "numbers"),
        ({"シルバー": 20, "ゴールド": 90, "一般": 3}, ("ゴールド", "シルバー", "一般"), "past_sales"),
        ({"A": 1, "VIP": 90, "B": 5}, ("VIP", "B", "A"), "past_sales"),
    ],
)
def test_letters_and_numbers_mean_what_they_say_and_words_what_their_customers_bought(means, ranks, basis):
    assert order_of_ranks(means) == RankOrder(ranks, basis)


def test_a_rank_that_is_upside_down_is_an_issue_with_the_yen_that_its_top_misses(house):
    finding = client_rank(_looked_back(house, _by_fifths("D", "C", "B", "A", "S")))
    assert finding is not None
    assert finding.verdict == "issue"
    assert finding.numbers["rank_gini"] < 0 < finding.numbers["segments_gini"]
    assert finding.numbers["top_rank"] == "S"
    by_rank, by_segment = (sum(100 * (100 - n) for n in chosen) for chosen in (range(80, 100), range(20)))
    assert finding.numbers["top_rank_sales_jpy"] == by_rank
    assert finding.numbers["as_many_by_segment_jpy"] == by_segment
    assert finding.yen_effect_jpy == by_segment - by_rank


def test_only_a_rank_that_could_not_know_the_sales_is_called_healthy(house):
    finer = {n: str(n) for n in range(CUSTOMERS_OF_THE_HOUSE)}
    found = {of_then: client_rank(_looked_back(house, finer, of_then=of_then)) for of_then in (True, False)}
    assert [found[of_then].verdict for of_then in (True, False)] == ["healthy", "undetermined"]
    assert found[True].numbers["rank_source"] == "@rank_source.then"
    assert found[False].numbers["rank_source"] == "@rank_source.today"


def test_a_rank_that_is_right_but_coarse_is_no_issue(house):
    """Two ranks cannot order as finely as ten classes; but they put the right half on top."""
    finding = client_rank(_looked_back(house, _by_fifths("A", "B"), of_then=True))
    assert finding.verdict == "healthy"
    assert finding.numbers["rank_gini"] == finding.numbers["segments_gini"] < 1


def test_a_rank_that_orders_as_well_but_for_chance_is_no_issue(house):
    """Both orders are right but for two customers each, a little farther apart in the rank: chance may explain it."""
    half = {n: "AB"[n >= 50] for n in range(CUSTOMERS_OF_THE_HOUSE)}
    ranks = half | {40: "B", 60: "A"}
    classes = np.where(np.arange(100) < 50, 1, 2)
    classes[[41, 59]] = 2, 1
    finding = client_rank(_looked_back(house, ranks, of_then=True, value_class=classes))
    assert finding.numbers["rank_gini"] < finding.numbers["segments_gini"]
    assert (finding.verdict, finding.yen_effect_jpy) == ("healthy", None)


def test_the_scores_are_normalised_ginis_and_their_error_that_of_resampled_customers():
    random = np.random.default_rng(5)
    people = 1_500
    sales = np.where(random.uniform(size=people) < 0.4, random.lognormal(8, 1, people).round(), 0.0)
    near, far = (np.argsort(np.argsort(-sales + random.normal(0, noise, people))) for noise in (2_000, 6_000))
    places, classes = far * 5 // people, near * 10 // people + 1
    scores = scores_of(places, classes, sales)
    ginis = [normalised_gini(-order.astype(float), sales) for order in (places, classes)]
    assert [scores.rank_gini, scores.segments_gini] == pytest.approx(ginis)
    top = int((places == 0).sum())
    assert scores.as_many_by_segment_jpy == round(top_share(-classes.astype(float), sales, top / people) * sales.sum())
    drawn = [random.integers(0, people, people) for _ in range(300)]
    leads = [scores_of(places[at], classes[at], sales[at]).lead.value for at in drawn]
    assert scores.lead.error == pytest.approx(np.std(leads), rel=0.15)


def test_a_book_that_put_everybody_into_its_best_class_is_told_of_too(house):
    everybody = np.ones(CUSTOMERS_OF_THE_HOUSE, dtype=np.int64)
    finding = segment_stability(_looked_back(house, {}, value_class=everybody, value_class_now=everybody))
    assert finding is not None
    assert (finding.numbers["classes"], finding.numbers["vip_fallen_customers"]) == (10, 0)


def test_words_are_ordered_by_the_sales_before_the_half_year_that_judges_them() -> None:
    orders = [
        *(Order(f"C{n:03d}", dt.date(2023, 3, 1), 5_000 if n < 50 else 100) for n in range(100)),
        *(Order(f"C{n:03d}", dt.date(2023, 9, 1), 10 if n < 50 else 90_000) for n in range(100)),
    ]
    finding = client_rank(_looked_back(planted_inputs(orders, AS_OF), _by_fifths("ゴールド", "一般")))
    assert finding is not None
    assert (finding.numbers["top_rank"], finding.numbers["order_basis"]) == ("ゴールド", "@rank_order_basis.past_sales")


def test_cells_hold_every_customer_and_every_yen_and_name_who_has_no_rank(house):
    ranks = {n: rank for n, rank in _by_fifths("A", "B", "@C").items() if n % 7}
    inputs = _looked_back(house, ranks)
    former = inputs.former_segments.to_pandas()
    cells = cell_rows(inputs.former_segments, order_of_ranks({"A": 1, "B": 1, "@C": 1}))
    assert sum(row["customers"] for row in cells) == CUSTOMERS_OF_THE_HOUSE
    assert sum(row["sales_jpy"] for row in cells) == former["sales_since_jpy"].sum()
    without = sum(row["customers"] for row in cells if row["client_rank"] == NO_RANK)
    assert without == CUSTOMERS_OF_THE_HOUSE - len(ranks)
    assert {row["client_rank"] for row in cells} == {"A", "B", "＠C", NO_RANK}
    own = inputs.former_segments.mutate(client_rank=inputs.former_segments.customer_id)
    many = cell_rows(own, RankOrder(tuple(former["customer_id"]), "x"))
    assert [row["client_rank"] for row in many][-1] == OTHER_RANKS
    assert sum(row["customers"] for row in many) == CUSTOMERS_OF_THE_HOUSE


def test_the_missed_are_exactly_the_vips_outside_the_top_rank(house):
    inputs = _looked_back(house, _by_fifths("B", "A", "A", "A", "A"))
    segments = inputs.segments.to_pandas()
    vips = set(segments.loc[segments["value_class"].isin(vip_classes(inputs.value_classes)), "customer_id"])
    held = {f"C{n:03d}" for n in range(20, 100)}
    found = missed_customers(inputs.segments, inputs.customers, "A", inputs.value_classes).to_pandas()
    assert vips - held
    assert found["customer_id"].tolist() == sorted(vips - held)
    finding = client_rank(inputs)
    assert finding is not None
    assert finding.numbers["missed_customers"] == finding.concerned_customers == len(vips - held)


@pytest.mark.parametrize("ranks", [{}, dict.fromkeys(range(100), "A"), dict.fromkeys(range(100), "  ")])
def test_no_rank_or_one_for_all_is_no_question(house, ranks):
    assert client_rank(_looked_back(house, ranks)) is None


def test_without_a_half_year_to_look_back_on_only_the_missed_are_told(house):
    inputs = dataclasses.replace(_looked_back(house, _by_fifths("A", "B")), former_segments=None)
    finding = client_rank(inputs)
    assert finding is not None
    assert (finding.verdict, finding.exhibits, finding.yen_effect_jpy) == ("undetermined", (), None)
    assert finding.numbers["missed_customers"] == finding.concerned_customers


def test_the_share_that_moves_is_the_planted_one_and_decides_the_verdict(house):
    tenth = np.arange(CUSTOMERS_OF_THE_HOUSE) // 10 + 1
    few, many = np.where(np.arange(100) % 10 == 0, 11 - tenth, tenth), np.roll(tenth, 10)
    verdicts = []
    for ours, rfm in ((few, many), (many, few)):
        finding = segment_stability(_looked_back(house, {}, value_class_now=ours, rfm_class_now=rfm))
        assert finding is not None
        assert finding.numbers["moved_rate"] == pytest.approx((ours != tenth).mean())
        assert finding.numbers["rfm_moved_rate"] == pytest.approx((rfm != tenth).mean())
        verdicts.append(finding.verdict)
    assert verdicts == ["healthy", "issue"]
    assert finding.numbers["vip_fallen_rate"] == pytest.approx(0.5)  # of classes 1 and 2, those of 2 became 1: 1 fell


def test_fewer_than_thirty_customers_are_no_verdict_on_stability(house):
    inputs = _looked_back(house, {})
    few = dataclasses.replace(inputs, former_segments=inputs.former_segments.filter(lambda t: t.customer_id < "C029"))
    finding = segment_stability(few)
    assert finding is not None
    assert finding.verdict == "undetermined"
    assert segment_stability(dataclasses.replace(house, former_segments=ibis.memtable(FORMER_SEGMENTS.empty()))) is None
