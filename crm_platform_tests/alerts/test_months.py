"""Upper customers, dormancy and cost per customer kept, month by month (R89)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.alerts import alert_months, upper_threshold_jpy
from crm_platform.clients import Settings
from crm_platform.periods import Month, Term, months_between
from crm_platform.tables.alerts import ALERT_MONTHS
from crm_platform_tests.oracles.known_histories import days_of

FIRST, AS_OF = Month(2022, 1), dt.date(2024, 6, 30)
MONTHS = months_between(FIRST, Month.of(AS_OF))


def purchases_of(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "purchased_on", "sales_jpy"])
    return frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"]))


def told(purchases: pd.DataFrame, as_of: dt.date = AS_OF, results: Any = (), **chosen: Any) -> pd.DataFrame:
    """ALERT_MONTHS of these purchases, a row per month by its name."""
    months = months_between(FIRST, Month.of(as_of))
    found = alert_months(days_of(purchases), months, as_of, Settings(**chosen), results)
    assert ALERT_MONTHS.faults(found) == []
    frame: pd.DataFrame = found.to_pandas()
    return frame.set_index(frame["month"].map(lambda day: str(Month.of(pd.Timestamp(day).date()))))


def random_purchases(seed: int, rows: int = 260) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    day = pd.Timestamp(FIRST.first_day) + pd.to_timedelta(chance.integers(0, 930, rows), unit="D")
    frame = pd.DataFrame({"customer_id": [f"C{n:02d}" for n in chance.integers(0, 25, rows)], "purchased_on": day})
    frame["sales_jpy"] = chance.integers(1, 9_000, rows) * (chance.random(rows) < 0.9)
    frame["returned_jpy"] = chance.integers(1, 9_000, rows) * (chance.random(rows) < 0.15)
    return frame.drop_duplicates(["customer_id", "purchased_on"])


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 10**6), st.dates(dt.date(2023, 1, 5), AS_OF), st.integers(0, 400), st.floats(0, 1))
def test_every_month_closes_as_it_opened_plus_in_less_out_and_the_next_opens_as_it_closed(seed, as_of, silent, share):
    found = told(random_purchases(seed), as_of, lapse_silent_days=silent, alert_top_share=share)
    assert list(found.index) == [str(month) for month in months_between(FIRST.plus(12), Month.of(as_of))]
    moved = found["upper_opening"] + found["upper_in"] - found["upper_out"]
    assert moved.tolist() == found["upper_closing"].tolist()
    assert found["upper_opening"].tolist()[1:] == found["upper_closing"].tolist()[:-1]
    assert (found["became_dormant"] <= found["active_opening"]).all()
    assert found["is_complete"].tolist()[:-1] == [True] * (len(found) - 1)


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 10**6), st.dates(dt.date(2023, 2, 1), AS_OF), st.integers(1, 300))
def test_each_end_of_a_month_counts_whom_a_look_at_that_day_alone_would_count(seed, as_of, silent):
    """Another way to the same numbers: no state is carried on, every customer is asked anew at every end."""
    purchases = random_purchases(seed)
    found = told(purchases, as_of, lapse_silent_days=silent, alert_top_share=0.4)
    threshold = upper_threshold_jpy(days_of(purchases), as_of, 0.4)
    everyone = [Known(rows) for _, rows in purchases.groupby("customer_id")]
    for month, row in zip(months_between(FIRST.plus(12), Month.of(as_of)), found.itertuples(), strict=True):
        end, before = min(month.last_day, as_of), month.plus(-1).last_day
        term_days = Term.after(as_of).days
        moves = [tuple(one.is_upper(day, threshold, term_days) for day in (before, end)) for one in everyone]
        assert (row.upper_in, row.upper_out) == (moves.count((False, True)), moves.count((True, False)))
        assert row.upper_closing == sum(now for _, now in moves)
        active = [one for one in everyone if one.gap(before) < silent]
        ends = [before + dt.timedelta(days=n) for n in range(1, (end - before).days + 1)]
        assert row.active_opening == len(active)
        assert row.became_dormant == sum(any(one.gap(day) == silent for day in ends) for one in active)


class Known:
    """One customer's purchases, asked in the plainest way."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.days = [
            (day.date(), sales, sales - returned)
            for day, sales, returned in zip(rows["purchased_on"], rows["sales_jpy"], rows["returned_jpy"], strict=True)
        ]

    def is_upper(self, on: dt.date, threshold: float | None, term_days: int) -> bool:
        """Whether the customer has sales in the last term and brought the threshold in the last two."""
        one, two = (
            sum(net for day, _, net in self.days if 0 <= (on - day).days < terms * term_days) for terms in (1, 2)
        )
        return threshold is not None and one > 0 and two >= threshold

    def gap(self, on: dt.date) -> int:
        """Days since the last purchase; very many before the first."""
        return min(((on - day).days for day, sales, _ in self.days if sales > 0 and day <= on), default=10**6)


def test_an_upper_customer_comes_with_the_sale_and_goes_when_two_terms_or_a_silent_one_have_passed():
    regular = [("REGULAR", f"{month}-10", 3_000) for month in MONTHS]  # 36,000 in every year
    found = told(
        purchases_of(
            *regular,
            ("ONCE", "2023-03-15", 40_000),  # counts for a year, but is silent after six months
            ("FADING", "2023-02-10", 30_000),  # leaves the two terms in February
            *[("FADING", f"{month}-20", 1_000) for month in months_between(Month(2023, 3), Month(2024, 6))],
        ),
        alert_top_share=0.3,  # the best one of three: REGULAR's amount is the threshold
    )
    assert found["upper_in"].to_dict() == {month: int(month in ("2023-03", "2023-08")) for month in found.index}
    assert [month for month in found.index if found["upper_out"][month]] == ["2023-09", "2024-02"]
    assert found["upper_closing"].iloc[-1] == 1


def test_within_a_month_both_terms_end_with_the_as_of_date():
    found = told(
        purchases_of(
            ("KEPT", "2023-06-18", 5_000),
            ("KEPT", "2023-12-18", 5_000),
            ("LOST", "2023-06-17", 5_000),
            ("LOST", "2023-12-18", 5_000),
            ("SILENT", "2023-12-17", 20_000),
        ),
        dt.date(2024, 6, 17),
        alert_top_share=0.5,  # the best two of three: KEPT's 10,000
    )
    assert found["upper_closing"].iloc[-2:].tolist() == [3, 1]


def test_who_passes_the_silence_is_dormant_even_if_a_purchase_follows_in_the_same_month():
    found = told(
        purchases_of(
            ("GONE", "2023-01-10", 1_000),  # silent for 60 days on 11 March
            ("BACK", "2023-01-12", 1_000),
            ("BACK", "2023-03-20", 1_000),
            ("EARLY", "2023-01-14", 1_000),
            ("EARLY", "2023-03-15", 1_000),  # on the very day on which 60 days would have passed
        ),
        lapse_silent_days=60,
    )
    assert found.loc["2023-03", ["active_opening", "became_dormant"]].tolist() == [3, 2]
    assert found["dormancy_rate"]["2023-03"] == pytest.approx(2 / 3)
    assert pd.isna(found["dormancy_rate"]["2024-01"])  # nobody is left


def test_the_threshold_is_the_least_of_the_best_share_of_all_who_ever_bought():
    sales = [(f"C{n:02d}", "2024-03-01", 1_000 * n) for n in range(1, 11)]
    long_ago = [("OLD", "2023-01-30", 99_000)]
    days = days_of(purchases_of(*sales, *long_ago))
    assert upper_threshold_jpy(days, AS_OF, 0.3) == 7_000  # four of eleven
    assert upper_threshold_jpy(days, AS_OF, 0.27) == 8_000
    assert upper_threshold_jpy(days, AS_OF, 0.0) is None
    assert upper_threshold_jpy(days, dt.date(2022, 6, 30), 0.3) is None


def test_what_is_ordered_after_the_as_of_date_and_the_order_of_rows_change_nothing():
    purchases, as_of = random_purchases(3), dt.date(2024, 2, 17)
    known = purchases[purchases["purchased_on"] <= pd.Timestamp(as_of)]
    assert told(purchases, as_of).equals(told(known, as_of))
    assert told(known.sample(frac=1, random_state=1), as_of).equals(told(known, as_of))


def test_a_history_of_a_year_has_no_row_and_a_longer_one_starts_with_the_thirteenth_month():
    purchases = random_purchases(1)
    assert told(purchases, dt.date(2022, 12, 31)).empty
    assert list(told(purchases, dt.date(2023, 1, 31)).index) == ["2023-01"]
    old = purchases_of(("A", "2010-01-01", 1), ("A", "2024-06-01", 1))
    months = months_between(Month(2010, 1), Month(2024, 6))
    found = alert_months(days_of(old), months, AS_OF, Settings(), [])
    assert (found.num_rows, found["month"][0].as_py()) == (60, dt.date(2019, 7, 1))


def result(started_on: str, cost_jpy: float | None, retained: float, sure: bool = True) -> dict[str, Any]:
    """The keys that are read of `CampaignResult.to_json`."""
    per_retained = {"value": 1.0} if sure else None
    return {
        "started_on": started_on,
        "contacts": 100,
        "cost_jpy": cost_jpy,
        "retained_customers": retained,
        "worth": {"cost_per_retained_jpy": per_retained},
    }


def test_campaigns_count_in_the_month_in_which_they_began_and_doubtful_ones_have_no_cost_per_customer():
    results = [
        result("2024-01-05", 10_000.0, 4.0),
        result("2024-01-20", 20_000.0, 2.0),
        result("2024-03-01", 5_000.0, 0.4, sure=False),
        result("2024-05-01", 5_000.0, -3.0, sure=False),
    ]
    found = told(random_purchases(1), results=results)
    columns = ["contacts", "contact_cost_jpy", "retained_customers", "cost_per_retained_jpy"]
    assert found.loc["2024-01", columns].tolist() == [200, 30_000, 6.0, 5_000.0]
    assert found.loc["2024-05", "retained_customers"] == -3.0
    assert pd.isna(found["cost_per_retained_jpy"].drop("2024-01")).all()
    assert found.loc["2024-02", ["contacts", "contact_cost_jpy"]].tolist() == [0, 0]
    assert pd.isna(found["retained_customers"]["2024-02"])
