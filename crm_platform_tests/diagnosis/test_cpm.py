"""The customer portfolio: accounts that close, verdicts that only chance can fool, and RFM beside it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections import Counter

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_platform.clients import Settings
from crm_platform.diagnosis import cpm
from crm_platform.diagnosis.cpm.accounts import Account, Ledger
from crm_platform.diagnosis.cpm.actions import proposed, size_rows
from crm_platform.diagnosis.cpm.beside_rfm import cell_rows
from crm_platform.diagnosis.cpm.classes import GROWN_CLASSES, class_rows, grown_share, grown_shares
from crm_platform.diagnosis.cpm.cross_selling import half_year_rows, purchase_rows, take_up_counts
from crm_platform.diagnosis.cpm.moves import PILLARS, account_rows, verdict_on_accounts
from crm_platform.diagnosis.cpm.past_classes import classes_then
from crm_platform.diagnosis.finding import Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month, months_between
from crm_platform.reports.wording import Wording
from crm_platform.segments.cpm import CpmThresholds, assign_cpm_classes
from crm_platform.segments.cpm_cross_sell import cross_sell
from crm_platform.segments.cpm_moves import cpm_moves
from crm_platform.tables.analyses import CPM_CLASS_NAMES
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders
from crm_platform_tests.diagnosis.planted_months import spent_each

AS_OF = dt.date(2023, 12, 31)
GROUPS = {"P1": "茶", "P2": "菓子", "P3": "器", "P4": "茶"}
YEAR = months_between(Month(2023, 1), Month(2023, 12))


def with_tables(inputs: DiagnosisInputs) -> DiagnosisInputs:
    """The inputs with the portfolio's own tables, as its assets make them."""
    settings = inputs.client.settings
    amount = inputs.cpm_classes.amount_threshold_jpy.max().to_pyarrow().as_py()
    moves = cpm_moves(
        inputs.customer_months, inputs.history, inputs.months, inputs.as_of, CpmThresholds.of(settings, amount)
    )
    offers = cross_sell(
        inputs.customer_product_months,
        inputs.customer_months,
        inputs.products,
        inputs.history,
        inputs.cpm_classes,
        inputs.closed_months,
        settings,
    )
    return dataclasses.replace(inputs, cpm_moves=ibis.memtable(moves), cross_sell=ibis.memtable(offers))


@pytest.fixture(scope="module")
def house() -> DiagnosisInputs:
    return with_tables(planted_inputs(random_orders(200, 48, seed=7), AS_OF, products=GROUPS, ranks=True))


@pytest.fixture(scope="module")
def findings(house: DiagnosisInputs) -> dict[str, Finding]:
    found = [getattr(cpm, name)(house) for name in cpm.__all__]
    return {finding.key: finding for finding in found}


def test_the_class_of_a_past_day_is_told_by_the_rule_of_the_present_and_counted_alike(house: DiagnosisInputs) -> None:
    def classes(table: ibis.Table) -> dict[str, str]:
        rows = table.select("customer_id", "cpm_class").to_pyarrow().to_pylist()
        return {row["customer_id"]: row["cpm_class"] for row in rows}

    assert classes(classes_then(house, AS_OF)) == classes(house.cpm_classes)
    assert house.cpm_moves is not None
    ledger = Ledger.of(house.cpm_moves)
    for month in (Month(2021, 2), Month(2022, 12), Month(2023, 12)):
        assert Counter(ledger.closing(month)) == Counter(classes(classes_then(house, month.last_day)).values())


def test_every_class_and_any_two_together_close_with_what_they_opened_with_and_what_came_and_left(
    house: DiagnosisInputs,
) -> None:
    assert house.cpm_moves is not None
    ledger = Ledger.of(house.cpm_moves)
    rows = account_rows(ledger, YEAR)
    assert all(row["opening"] + row["came"] - row["left"] == row["closing"] for row in rows)
    assert {row["cpm_class"]: row["closing"] for row in rows} == {
        row["cpm_class"]: row["customers"] for row in class_rows(house)
    }
    both, single = ledger.account(PILLARS, YEAR), [ledger.account((name,), YEAR) for name in PILLARS]
    assert both.change == sum(account.change for account in single)
    promoted = ledger.moves(YEAR)["steady_active", "premium_active"]
    assert promoted > 0
    assert both.came + promoted <= sum(account.came for account in single)


def a_year_of(changes: dict[tuple[str, str], int]) -> ibis.Table:
    """CPM_MOVES of four years: 2,000 of each class throughout, and `changes` once, in the middle of the last year."""
    rows = []
    counts = Counter(dict.fromkeys(CPM_CLASS_NAMES, 2000))
    for month in months_between(Month(2020, 1), Month(2023, 12)):
        moves = changes if month == Month(2023, 6) else {}
        stay = counts.copy()
        for (former, now), customers in moves.items():
            rows.append((month.first_day, former, now, customers))
            stay[former] -= customers
            counts[former] -= customers
            counts[now] += customers
        rows += [(month.first_day, name, name, stay[name]) for name in CPM_CLASS_NAMES]
    return ibis.memtable(pd.DataFrame(rows, columns=["month", "former_class", "cpm_class", "customers"]))


@pytest.mark.parametrize(
    ("changes", "verdict", "lost"),
    [
        ({("premium_active", "premium_lapsed"): 400}, "issue", 400),
        ({("steady_active", "steady_lapsed"): 400}, "issue", 400),
        ({("premium_lapsed", "premium_active"): 400}, "healthy", None),  # the mirror
        ({("steady_active", "premium_active"): 400}, "healthy", None),  # who rises is not lost
        (
            {("premium_active", "premium_lapsed"): 120, ("premium_lapsed", "premium_active"): 80},
            "healthy",
            40,
        ),  # by chance
        ({("premium_active", "premium_lapsed"): 500, ("toddler_active", "steady_active"): 500}, "issue", 500),
    ],
)
def test_good_customers_who_leave_are_an_issue_and_good_customers_who_rise_are_not(
    house: DiagnosisInputs, changes: dict[tuple[str, str], int], verdict: str, lost: int | None
) -> None:
    finding = cpm.cpm_moves(dataclasses.replace(house, cpm_moves=a_year_of(changes)))
    assert finding is not None
    assert (finding.verdict, finding.numbers["lost"]) == (verdict, lost)
    assert (finding.yen_effect_jpy is not None) == (verdict == "issue")


def test_a_portfolio_in_which_nothing_changes_is_called_shrinking_once_in_740_at_most() -> None:
    random = np.random.default_rng(5)
    came, left = random.poisson(900, (2, 20_000))
    accounts = [Account(2000, int(a), int(b), 2000 + int(a) - int(b)) for a, b in zip(came, left, strict=True)]
    found = Counter(verdict_on_accounts(account, account, None) for account in accounts)
    assert found["issue"] <= 20_000 / 740
    assert found["healthy"] == 20_000 - found["issue"]


def test_a_young_history_gets_no_verdict_on_its_moves(house: DiagnosisInputs) -> None:
    finding = cpm.cpm_moves(dataclasses.replace(house, months=house.months[-35:]))
    assert finding is not None
    assert (finding.verdict, finding.numbers["least_months"]) == ("undetermined", 36)


@pytest.mark.parametrize(("others_jpy", "verdict"), [(40_000, "issue"), (500, "healthy")])
def test_half_of_the_sales_must_come_from_those_who_stayed(
    house: DiagnosisInputs, others_jpy: int, verdict: str
) -> None:
    grown = house.cpm_classes.filter(house.cpm_classes.cpm_class.isin(GROWN_CLASSES)).select("customer_id")
    stayed, others = house.history.semi_join(grown, "customer_id"), house.history.anti_join(grown, "customer_id")
    spent = spent_each(house, stayed, 10_000).union(spent_each(house, others, others_jpy))
    finding = cpm.cpm_portfolio(dataclasses.replace(house, customer_months=spent))
    assert finding is not None
    sizes = [table.count().to_pyarrow().as_py() for table in (stayed, others)]
    grown_jpy, total_jpy = 10_000 * sizes[0], 10_000 * sizes[0] + others_jpy * sizes[1]
    assert finding.numbers["grown_share_rate"] == grown_jpy / total_jpy
    assert finding.verdict == verdict
    assert finding.yen_effect_jpy == ((total_jpy - 2 * grown_jpy) // 2 if verdict == "issue" else None)


def test_of_fewer_than_thirty_buyers_no_share_is_judged(house: DiagnosisInputs) -> None:
    others = house.cpm_classes.filter(~house.cpm_classes.cpm_class.isin(GROWN_CLASSES)).select("customer_id")
    few = [house.history.semi_join(others, "customer_id").order_by("customer_id").limit(people) for people in (29, 30)]
    spent = [spent_each(house, people, 1_000) for people in few]
    found = [cpm.cpm_portfolio(dataclasses.replace(house, customer_months=each)) for each in spent]
    assert [finding.verdict for finding in found if finding] == ["undetermined", "issue"]


def test_the_share_through_the_years_ends_with_that_of_today(house: DiagnosisInputs) -> None:
    *_, last = grown_shares(house, [Month(2022, 12), Month(2023, 12)])
    now = grown_share(house)
    assert (last.grown_jpy, last.sales_jpy) == (now.grown_jpy, now.sales_jpy)
    assert now.rate is not None
    assert last.rate == now.rate


def test_the_line_that_is_not_set_is_the_proposal_and_one_far_off_is_an_issue(house: DiagnosisInputs) -> None:
    unset = cpm.cpm_actions(house)
    assert unset is not None
    assert (unset.numbers["off_jpy"], unset.numbers["moved_customers"], unset.yen_effect_jpy) == (0, 0, None)
    assert unset.verdict != "issue"
    for factor in (0.2, 5):  # too low a line and too high a one
        settings = Settings(cpm_amount_jpy=round(proposed(house).value * factor))
        classes = assign_cpm_classes(house.history.to_pandas(), settings)
        client = dataclasses.replace(house.client, settings=settings)
        far = cpm.cpm_actions(dataclasses.replace(house, client=client, cpm_classes=ibis.memtable(classes)))
        assert far is not None
        assert far.verdict == "issue"
        assert far.action is not None
        assert far.numbers["moved_customers"] == far.action.customers
        assert far.action.customers > 0


def test_the_sizes_under_another_line_are_those_of_classes_cut_by_it(house: DiagnosisInputs) -> None:
    cut = assign_cpm_classes(house.history.to_pandas(), Settings(cpm_amount_jpy=70_000))["cpm_class"].to_pylist()
    rows = size_rows(house)
    assert Counter({row["cpm_class"].removeprefix("@cpm."): row["published_customers"] for row in rows}) == Counter(cut)
    for line in ("customers", "proposed_customers", "published_customers"):
        assert sum(row[line] for row in rows) == len(cut)


def test_nothing_is_said_to_change_from_nobody_to_nobody_nor_nobody_to_be_worth_keeping() -> None:
    once = [Order(f"c{n}", dt.date(2021 + n % 3, 1 + n % 12, 5), 1_000) for n in range(120)]
    house = planted_inputs(once, AS_OF, first_month=Month(2020, 1))
    actions, portfolio = cpm.cpm_actions(house), cpm.cpm_portfolio(house)
    assert actions is not None
    assert portfolio is not None
    assert (actions.numbers["premium_active"], portfolio.numbers["steady_active"], portfolio.verdict) == (0, 0, "issue")
    for language in ("ja", "en"):
        words = Wording.of(language)
        kept = words.known_sentences("cpm_portfolio.comment.issue", portfolio.numbers)
        moved = words.known_sentences("cpm_actions.comment.healthy", actions.numbers)
        assert not re.search(r"(客0人|\bthe 0 )", kept)
        assert not re.search(r"(0人から0人|from 0 to 0)", moved)
        assert words.formatted(actions.numbers["first_active"], "count") in moved


def test_every_class_has_one_action_channel_and_time_and_the_action_of_the_list(
    findings: dict[str, Finding],
) -> None:
    rows = findings["cpm_actions"].exhibits[0].rows
    assert [row["cpm_class"] for row in rows] == [f"@cpm.{name}" for name in CPM_CLASS_NAMES]
    for words in (Wording.of("ja"), Wording.of("en")):
        for row, name in zip(rows, CPM_CLASS_NAMES, strict=True):
            assert words.word(row["action"]) == words.text(f"cpm_action.{name}")
            assert words.word(row["channel"]) and words.word(row["timing"])


def test_the_cells_of_cpm_by_rfm_hold_every_customer_and_yen_of_six_months_ago(house: DiagnosisInputs) -> None:
    former = house.former_segments
    assert former is not None
    cells = cell_rows(house)
    assert sum(row["customers"] for row in cells) == former.count().to_pyarrow().as_py()
    assert sum(row["sales_jpy"] for row in cells) == former.sales_since_jpy.sum().to_pyarrow().as_py()


@pytest.mark.parametrize(
    ("rfm_class", "hidden_jpy", "verdict"), [(9, 30_000, "issue"), (9, 10, "healthy"), (1, 30_000, "healthy")]
)
def test_lapsed_premium_customers_whom_rfm_leaves_out_are_an_issue_where_they_bring_more_than_whom_it_takes(
    house: DiagnosisInputs, rfm_class: int, hidden_jpy: int, verdict: str
) -> None:
    then = classes_then(house, dt.date(2023, 6, 30))
    lapsed = then.cpm_class == "premium_lapsed"
    former = then.select(
        "customer_id",
        rfm_class=ibis.ifelse(lapsed, rfm_class, 3),
        sales_since_jpy=ibis.ifelse(lapsed, hidden_jpy, 3_000),
    )
    everybody = former.union(former.limit(1).mutate(customer_id=ibis.literal("nobody"), rfm_class=10))
    finding = cpm.rfm_beside_cpm(dataclasses.replace(house, former_segments=everybody))
    assert finding is not None
    assert finding.numbers["hidden_then"] == (finding.numbers["lapsed_then"] if rfm_class == 9 else 0)
    assert finding.verdict == verdict
    assert finding.measured is not None
    has_range = finding.measured.low is not None
    assert has_range == bool(finding.numbers["hidden_then"]), "of nobody there is no range to print"


def test_where_no_premium_customer_had_lapsed_nothing_is_drawn_of_them(house: DiagnosisInputs) -> None:
    then = classes_then(house, dt.date(2023, 6, 30)).filter(ibis._.cpm_class != "premium_lapsed")
    former = then.select("customer_id", rfm_class=3, sales_since_jpy=3_000)
    finding = cpm.rfm_beside_cpm(dataclasses.replace(house, former_segments=former))
    assert finding is not None
    assert (finding.numbers["lapsed_then"], finding.exhibits) == (0, ())


def test_the_second_group_is_counted_at_the_purchase_with_which_it_came() -> None:
    start = dt.date(2022, 3, 1)
    days = [start + dt.timedelta(number) for number in (0, 9, 18, 58, 98)]  # three of them in one month
    orders = [Order("old", dt.date(2020, 1, 1))]
    for number in range(100):  # of 100, 20 take it at once, 10 with the second purchase, 5 with the fourth
        name = f"C{number:03d}"
        orders += [Order(name, day, 1_000, "P1") for day in days[: 1 if number >= 80 else 5]]
        at = 0 if number < 20 else 1 if number < 30 else 3 if number < 35 else None
        if at is not None:
            orders.append(Order(name, days[at], 500, "P2"))
    inputs = planted_inputs(orders, AS_OF, products=GROUPS)
    counts = take_up_counts(inputs)
    assert sum(row["customers"] for row in counts) == 100
    taken = [(row["customers"], row["takers"]) for row in purchase_rows(counts)]
    assert taken == [(100, 20), (60, 10), (50, 0), (50, 5), (45, 0)]
    (half,) = [row for row in half_year_rows(inputs, counts) if row["customers"]]
    assert (half["month"], half["customers"], half["takers"]) == ("2022-06", 100, 35)


def test_the_list_names_no_first_buyer_and_the_finding_counts_it(
    house: DiagnosisInputs, findings: dict[str, Finding]
) -> None:
    assert house.cross_sell is not None
    numbers = findings["cross_sell"].numbers
    assert numbers["first_listed"] == 0
    assert numbers["listed"] == house.cross_sell.count().to_pyarrow().as_py()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_sentence_of_the_chapter_is_without_its_number(findings: dict[str, Finding], language: str) -> None:
    words = Wording.of(language)
    for finding in findings.values():
        assert finding.sources and finding.measured is not None
        for verdict in ("healthy", "issue", "undetermined"):
            for part in ("title", "comment", "action"):
                key = f"{finding.key}.{part}.{verdict}"
                assert words.filled(key, finding.numbers)
                assert all("{" in sentence for sentence in sentences(words.texts[key])), key


def sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"。|(?<=\.)\s", text) if sentence.strip()]


def test_every_finding_answers_with_action_source_and_threshold(findings: dict[str, Finding]) -> None:
    assert list(findings) == cpm.__all__
    for finding in findings.values():
        assert finding.chapter == "cpm"
        assert finding.verdict != "issue" or finding.action is not None
        assert finding.numbers["last_month"] == "2023-12"
        assert (finding.threshold is None) == (finding.measured is not None and finding.measured.compared is None)
