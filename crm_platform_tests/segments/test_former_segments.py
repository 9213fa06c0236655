from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_platform.forecast import share_that_moves
from crm_platform.segments.former import ClientRanks, FormerBook, former_segments
from crm_platform.segments.value_classes import issue_book
from crm_platform.tables.analyses import FORECASTS, FORMER_SEGMENTS
from crm_platform.tables.delivered import CUSTOMERS
from crm_platform_tests.oracles.known_histories import history_of, sales_after
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

THEN, NOW = dt.date(2021, 12, 31), dt.date(2022, 6, 30)
NO_RANKS = ClientRanks(pd.Series(dtype=object), are_of_then=False)


def _by_past_sales(history: pd.DataFrame) -> pa.Table:
    """FORECASTS by the plainest of forecasts."""
    rows = history.sort_values("customer_id")
    columns = {column.name: np.zeros(len(rows)) for column in FORECASTS.columns[1:]}
    expected = rows["sales_12m_jpy"].to_numpy(dtype=float)
    return FORECASTS.from_columns({**columns, "customer_id": rows["customer_id"], "expected_sales_jpy": expected})


@pytest.fixture(scope="module")
def looked_back() -> dict[str, pd.DataFrame]:
    purchases = simulate_buyers(600, seed=8, days=1_000)
    then, now = (history_of(purchases, pd.Timestamp(day)) for day in (THEN, NOW))
    return {"then": then, "now": now, "sales": sales_after(purchases, pd.Timestamp(THEN), 181)}


def _former(looked_back: dict[str, pd.DataFrame], ranks: ClientRanks = NO_RANKS, classes: int = 10) -> pa.Table:
    then, now = looked_back["then"], looked_back["now"]
    book = issue_book(_by_past_sales(then), THEN, classes)
    return former_segments(FormerBook(book, True), then, now, _by_past_sales(now), looked_back["sales"], ranks)


def test_every_customer_of_the_former_book_is_there_with_the_class_of_then_and_the_sales_since(looked_back):
    found = _former(looked_back)
    assert FORMER_SEGMENTS.faults(found) == []
    frame = found.to_pandas().set_index("customer_id")
    book = issue_book(_by_past_sales(looked_back["then"]), THEN, 10).to_pandas().set_index("customer_id")
    assert frame["value_class"].to_dict() == book["value_class"].to_dict()
    assert frame["sales_since_jpy"].sum() == looked_back["sales"].reindex(frame.index).fillna(0).sum()


def test_nobody_moves_where_today_is_as_it_was_then(looked_back):
    same = {**looked_back, "now": looked_back["then"]}
    frame = _former(same, classes=7).to_pandas()
    assert share_that_moves(frame["value_class"], frame["value_class_now"]) == 0
    assert share_that_moves(frame["rfm_class"], frame["rfm_class_now"]) == 0
    assert frame["value_class"].max() == 7
    assert frame["rfm_class"].max() <= 7


def test_a_book_of_customers_who_were_not_known_then_looks_back_on_nobody(looked_back):
    book = issue_book(_by_past_sales(looked_back["now"].tail(3)), THEN, 10)
    then = looked_back["then"][~looked_back["then"]["customer_id"].isin(book["customer_id"].to_pylist())]
    now = looked_back["now"]
    found = former_segments(FormerBook(book, False), then, now, _by_past_sales(now), looked_back["sales"], NO_RANKS)
    assert found.num_rows == 0
    assert found.schema.equals(FORMER_SEGMENTS.arrow_schema)


def test_the_later_master_has_the_rank_and_a_blank_is_none(looked_back):
    def master(**ranks: str | None) -> pa.Table:
        return CUSTOMERS.from_columns({"customer_id": list(ranks), "client_rank": list(ranks.values())})

    ranks = ClientRanks.delivered([master(C000001="A", C000002="B"), master(C000002=" C ", C000003="  ")], True)
    assert ranks.of.to_dict() == {"C000001": "A", "C000002": "C"}
    known = _former(looked_back, ranks).to_pandas().set_index("customer_id")
    assert known["client_rank"].dropna().to_dict() == {
        name: rank for name, rank in ranks.of.items() if name in known.index
    }
    assert known["rank_is_of_then"].all()
    assert ClientRanks.delivered([], False).of.empty
