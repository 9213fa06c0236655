import datetime as dt
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pytest

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.products import brands, next_purchases, product_groups, product_pairs, product_series
from crm_platform.diagnosis.products.next_purchases import outcomes_by_year
from crm_platform.diagnosis.products.pairs import log_lift, ranked
from crm_platform.periods import Month
from crm_platform.reports import Wording
from crm_platform.reports.actions import action_of
from crm_platform.tables.delivered import PRODUCTS
from crm_platform_tests.diagnosis.planted import Order, planted_inputs

AS_OF = dt.date(2023, 12, 31)


def pairs_house() -> list[Order]:
    orders = []
    for n in range(200):
        day = dt.date(2023, 2, 1 + n % 28)
        if n < 40:
            orders += [Order(f"c{n:03d}", day, product="A"), Order(f"c{n:03d}", day, product="@B")]
        elif n < 120:
            orders += [Order(f"c{n:03d}", day, product="C"), Order(f"c{n:03d}", day, product="D")]
        else:
            orders += [Order(f"c{n:03d}", day, product="C" if n % 2 else "D")]
    return orders


def with_brands(inputs: DiagnosisInputs, of: dict[str, str | None]) -> DiagnosisInputs:
    products = PRODUCTS.from_columns(
        {"product_id": list(of), "product_name": list(of), "category": list(of), "brand": list(of.values())}
    )
    return replace(inputs, products=ibis.memtable(products))


# --- bought together --------------------------------------------------------------------------------------------------


def test_the_planted_pair_comes_first_with_its_lift_and_what_a_basket_is() -> None:
    finding = product_pairs(planted_inputs(pairs_house(), AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    best = finding.exhibits[0].rows[0]
    assert {best["first_product"], best["second_product"]} == {"A", "＠B"}
    assert (best["together"], best["in_year"], best["lift"]) == (40, 40, 40 * 200 / (40 * 40))
    assert finding.numbers["pair_basis"] == "@pair_basis.day"


def test_only_pairs_bought_together_more_often_than_by_chance_are_shown_as_such() -> None:
    baskets = ["AB"] * 30 + ["AC"] * 25 + ["A"] * 100 + ["C"] * 100
    orders = [Order(f"c{n}", dt.date(2023, 2, 1), product=one) for n, both in enumerate(baskets) for one in both]
    finding = product_pairs(planted_inputs(orders, AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    assert [{row["first_product"], row["second_product"]} for row in finding.exhibits[0].rows] == [{"A", "B"}]
    assert [one.key for one in finding.exhibits] == ["pairs"], "groups of one product each would tell the same again"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_pair_bought_together_no_more_often_than_by_chance_is_neither_named_nor_offered(language: str) -> None:
    baskets = ["AB"] * 25 + ["A"] * 50 + ["B"] * 50 + ["C"] * 25  # lift 25 × 150 ÷ 75² = 0.67
    orders = [Order(f"c{n}", dt.date(2023, 2, 1), product=one) for n, both in enumerate(baskets) for one in both]
    finding = product_pairs(planted_inputs(orders, AS_OF, first_month=Month(2022, 1)))
    assert finding is not None
    assert {finding.numbers[name] for name in finding.numbers if name.startswith("best_")} == {None}
    assert "pairs" not in [one.key for one in finding.exhibits]
    words = Wording.of(language)
    for verdict in ("healthy", "issue"):
        offered = action_of(replace(finding, verdict=verdict), words)
        assert words.formatted(finding.numbers["single_customers"], "count") in offered
        assert "—" not in offered


def test_products_that_the_same_customers_buy_on_different_days_are_told_as_pairs_of_the_year() -> None:
    orders = [Order(f"c{n}", dt.date(2023, 2, 1), product="A") for n in range(30)]
    orders += [Order(f"c{n}", dt.date(2023, 5, 1), product="B") for n in range(60)]
    orders += [Order(f"c{n}", dt.date(2023, 5, 1), product="C") for n in range(60, 120)]
    finding = product_pairs(planted_inputs(orders, AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    assert finding.numbers["pair_basis"] == "@pair_basis.year"
    assert (finding.numbers["best_together"], finding.numbers["best_lift"]) == (30, pytest.approx(30 * 120 / (30 * 60)))


def test_who_bought_a_product_on_three_days_of_a_month_is_counted_on_two_and_the_report_says_so() -> None:
    days = [dt.date(2022, 6, day) for day in (2, 12, 22)]
    orders = [Order(f"c{n}", day, product=product) for n in range(30) for day in days for product in ("甲", "乙")]
    orders += [Order(f"x{n}", day, product="丙") for n in range(30) for day in days[:1]]
    finding = product_pairs(planted_inputs(orders, dt.date(2022, 6, 30), first_month=Month(2021, 7)))
    assert finding is not None
    pair = next(exhibit for exhibit in finding.exhibits if exhibit.key == "pairs").rows[0]
    assert pair["support_rate"] == 2 / 3  # of 60 seen baskets and 30 others; in truth 90 of 120
    for language, told in (("ja", "最初と最後の日だけを数える"), ("en", "the first and the last day count")):
        texts = Wording.of(language).texts
        notes = [texts[f"product_pairs.exhibits.{of}.note"] for of in ("pairs", "group_pairs", "brand_pairs")]
        assert all(told in note for note in notes)


def test_the_error_of_a_lift_is_that_of_drawing_whole_customers_anew() -> None:
    random = np.random.default_rng(4)
    baskets = random.integers(1, 9, 3_000)
    taste = random.beta(0.5, 0.5, 3_000)
    first, second = (random.binomial(baskets, 0.2 + 0.5 * taste) for _ in range(2))
    both = random.binomial(np.minimum(first, second), 0.6)
    columns = {"both": both, "baskets": baskets, "first": first, "second": second}
    drawn = [log_lift(sums_of(columns, random.integers(0, 3_000, 3_000))).value for _ in range(400)]
    assert log_lift(sums_of(columns, np.arange(3_000))).error == pytest.approx(float(np.std(drawn)), rel=0.12)


def sums_of(columns: dict[str, Any], chosen: Any) -> dict[str, int]:
    held = {name: values[chosen] for name, values in columns.items()}
    products = {f"{a}_{b}": int((held[a] * held[b]).sum()) for a in held for b in held}
    return {**{name: int(values.sum()) for name, values in held.items()}, **products}


def test_a_rare_pair_that_chance_made_large_comes_after_a_sure_one() -> None:
    def counted(name: str, both: int, first: int, second: int, everyone: int = 100_000) -> dict[str, Any]:
        ids = {"first_id": name, "second_id": "z", "both": both, "first": first, "second": second, "baskets": everyone}
        squares = {f"{one}_{one}": ids[one] for one in ("both", "first", "second", "baskets")}
        mixed = {"both_first": both, "both_second": both, "first_second": both, "both_baskets": both}
        return ids | squares | mixed | {"first_baskets": first, "second_baskets": second}

    rare, sure = counted("rare", 20, 1_000, 600), counted("sure", 3_000, 10_000, 12_000)
    first, second = ranked([rare, sure, *(counted(f"c{n}", 50, 1_000, 5_000) for n in range(300))])[:2]
    assert (first["first_id"], first["lift"]) == ("sure", pytest.approx(2.5))
    assert first["lift_low"] < 2.5 < first["lift_high"]
    assert second["first_id"] == "rare"
    assert second["lift"] > first["lift"]


# --- winning and keeping ----------------------------------------------------------------------------------------------


def test_a_client_s_text_that_looks_like_a_wording_key_is_not_one() -> None:
    inputs = planted_inputs(pairs_house(), AS_OF, products={"A": "@cosme", "@B": "B", "C": "C", "D": "D"})
    finding = product_groups(inputs)
    assert finding is not None
    names = {row["product_group"] for row in finding.exhibits[-1].rows}
    assert names == {"＠cosme", "B", "C", "D"}
    assert brands(inputs) is None
    branded = brands(with_brands(inputs, {"A": "@x", "@B": "@x", "C": "Y", "D": None}))
    assert branded is not None
    found = {row["product_group"]: row["sales_12m_jpy"] for row in table(branded, "groups")}
    assert found == {"＠x": 80_000, "Y": 120_000, "@product_level.no_brand": 120_000}


def trial_house(trial_repeats: int) -> list[Order]:
    """Of 2022's new customers 80 began with a trial and 40 with the main product; 36 of these bought again."""
    began, again = dt.date(2022, 9, 1), dt.date(2022, 12, 1)
    orders = [Order("old", dt.date(2020, 1, 1), product="main")]
    for year in (0, 1):  # the next year's new customers, of whom half a year is not over, win as many
        shift = dt.timedelta(days=365 * year)
        orders += [Order(f"t{year}{n:03d}", began + shift, product="trial") for n in range(80)]
        orders += [Order(f"m{year}{n:03d}", began + shift, product="main") for n in range(40)]
    orders += [Order(f"t0{n:03d}", again, product="main") for n in range(trial_repeats)]
    return orders + [Order(f"m0{n:03d}", again, product="main") for n in range(36)]


def test_the_group_that_wins_customers_but_does_not_keep_them_is_an_issue_and_one_that_does_is_not() -> None:
    weak, strong = (product_groups(planted_inputs(trial_house(repeats), AS_OF)) for repeats in (24, 72))
    assert weak is not None and strong is not None
    assert (weak.verdict, strong.verdict) == ("issue", "healthy")
    assert (weak.numbers["winner"], weak.numbers["winner_share_rate"]) == ("trial", 80 / 120)
    assert (weak.numbers["winner_repeat_rate"], weak.numbers["others_repeat_rate"]) == (0.3, 0.9)
    assert weak.yen_effect_jpy == round(0.6 * 80 / 2 * 1000)
    assert weak.numbers["weakness"] == "@winner_weakness.below"
    assert weak.action is not None
    assert weak.action.customers == 80


def powers_house(*, dear_jpy: int, dear_months: int) -> list[Order]:
    """A hundred buy A every month, a hundred buy B, ten of them both; 20 buy C, too few to be told apart."""
    months = [dt.date(2023, month, 5) for month in range(1, 13)]
    orders = [Order(f"a{n:03d}", day, dear_jpy + n, "A") for n in range(100) for day in months[-dear_months:]]
    orders += [Order(f"b{n:03d}", day, 3_000 + n, "B") for n in range(90) for day in months[-3:]]
    orders += [Order(f"a{n:03d}", months[-1], 3_000, "B") for n in range(10)]
    return orders + [Order(f"c{n:03d}", months[-1], 500, "C") for n in range(20)]


@pytest.mark.parametrize("question", [product_groups, brands])
def test_the_powers_of_a_group_are_the_means_over_its_buyers_of_the_year_and_the_surely_strongest_is_named(
    question: Any,
) -> None:
    orders = [Order(f"z{n:03d}", dt.date(2021, 5, 1), 80_000, "B") for n in range(50)]  # who buys no more
    orders += powers_house(dear_jpy=9_000, dear_months=12)
    inputs = with_brands(planted_inputs(orders, AS_OF), {"A": "A", "B": "B", "C": "C"})
    finding = question(inputs)
    assert finding is not None
    foreseen = {row["customer_id"]: row for row in inputs.forecasts.to_pyarrow().to_pylist()}
    buyers = {name: {one.customer for one in orders if one.product == name and one.day.year == 2023} for name in "ABC"}
    told = {row["product_group"]: row for row in table(finding, "powers")}
    assert list(told) == ["A", "B"]
    for name, row in told.items():
        known = [foreseen[customer] for customer in buyers[name]]
        others = [foreseen[customer] for customer in set().union(*buyers.values()) - buyers[name]]
        assert row["power_buyers"] == len(known) == 100
        assert row["power_retention_rate"] == pytest.approx(mean_of(known, "retention_power_rate"))
        assert row["power_purchasing_jpy"] == pytest.approx(mean_of(known, "purchasing_power_jpy"))
        assert row["power_profit_jpy"] == pytest.approx(mean_of(known, "profitability_jpy"), abs=0.5)
        assert row["power_others_jpy"] == pytest.approx(mean_of(others, "profitability_jpy"), abs=0.5)
        assert row["power_low_jpy"] < row["power_profit_jpy"] < row["power_high_jpy"]
    assert finding.numbers["power_group"] == "A"
    assert finding.numbers["power_profit_jpy"] == told["A"]["power_profit_jpy"]
    for language in ("ja", "en"):
        words = Wording.of(language)
        comment = words.known_sentences("product_groups.comment.healthy", finding.numbers)
        assert words.formatted(finding.numbers["power_profit_jpy"], "yen") in comment


def mean_of(people: list[dict[str, Any]], column: str) -> float:
    return float(np.mean([one[column] for one in people]))


def test_no_group_is_named_as_the_strongest_where_chance_could_have_made_it() -> None:
    house = powers_house(dear_jpy=3_000, dear_months=3)
    finding = product_groups(planted_inputs([one for one in house if one.product != "C"], AS_OF))
    assert finding is not None
    assert len(table(finding, "powers")) == 2
    assert {value for name, value in finding.numbers.items() if name.startswith("power_")} == {None}


def test_the_group_named_as_keeping_customers_stands_in_the_chart_and_in_both_tables_however_little_it_sells() -> None:
    then, now = dt.date(2023, 3, 1), dt.date(2023, 9, 1)
    orders = [Order(f"g{g:02d}c{n:02d}", then, product=f"G{g:02d}") for g in range(17) for n in range(31)]
    orders += [Order(f"g{g:02d}c{n:02d}", then, product=f"G{g:02d}") for g in range(16) for n in range(31)]
    orders += [Order(f"g16c{n:02d}", now, product="G00") for n in range(31)]
    finding = product_groups(planted_inputs(orders, AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    assert finding.numbers["keeper"] == "G16"
    assert ["G16" in [row["product_group"] for row in one.rows] for one in finding.exhibits] == [True] * 4
    assert len(finding.exhibits[1].rows) == 16


# --- what comes next --------------------------------------------------------------------------------------------------


def test_what_follows_a_first_purchase_is_counted_as_it_was_planted() -> None:
    first = dt.date(2023, 3, 31)
    orders = [Order("old", dt.date(2021, 1, 1), product="C"), Order("c0", dt.date(2022, 2, 1), product="C")]
    orders += [Order(f"c{n}", first, product="A") for n in range(50)]
    orders += [Order(f"c{n}", first, product="B") for n in range(50)]  # on the same day: not after it
    orders += [Order(f"c{n}", dt.date(2023, 4, 1), product="A") for n in range(10)]
    orders += [Order(f"c{n}", dt.date(2023, 9, 30), product="C") for n in range(5, 25)]
    orders += [Order(f"c{n}", dt.date(2023, 10, 1), product="A") for n in range(25, 50)]  # six months and a day
    inputs = planted_inputs(orders, AS_OF)
    begun = outcomes_by_year(inputs)[-1]["groups"]["A"]
    assert {name: begun[name] for name in ("people", "nothing", "same", "other", "next_group", "next_people")} == {
        "people": 50, "nothing": 25, "same": 10, "other": 15, "next_group": "C", "next_people": 20
    }  # fmt: skip
    finding = next_purchases(inputs)
    assert finding is not None
    row = next(row for row in table(finding, "rates") if row["product_group"] == "A")
    assert row["nothing_low_rate"] < 0.5 < row["nothing_high_rate"]
    for name in ("A", "B"):
        shares = [bar["share_rate"] for bar in finding.exhibits[0].rows if bar["group"] == name]
        assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(("before", "now", "verdict"), [(60, 15, "issue"), (15, 60, "healthy"), (90, 85, "healthy")])
def test_a_group_whose_first_buyers_stop_coming_back_is_an_issue_and_its_mirror_is_none(
    before: int, now: int, verdict: str
) -> None:
    orders = [Order("old", dt.date(2020, 1, 1))]
    for year, again in ((2021, before), (2022, now)):
        orders += [Order(f"{year}-{n}", dt.date(year, 9, 1)) for n in range(100)]
        orders += [Order(f"{year}-{n}", dt.date(year, 11, 1)) for n in range(again)]
    finding = next_purchases(planted_inputs(orders, dt.date(2023, 7, 31)))
    assert finding is not None
    assert (finding.verdict, finding.numbers["again_rate"]) == (verdict, now / 100)
    assert finding.yen_effect_jpy == (round(45 / 2 * 1000) if verdict == "issue" else None)


# --- series -----------------------------------------------------------------------------------------------------------


def series_house(*, mirrored: bool = False) -> DiagnosisInputs:
    """Five years of three hundred buyers of each product a year; F loses and R wins a tenth of its price each year."""
    random = np.random.default_rng(8)
    change = {"R": 100, "F": -100, "S": 0, "T": 0}
    orders = []
    for year in range(5):
        for product, step in change.items():
            jpy = 1000 + step * ((4 - year) if mirrored else year)
            days = random.integers(0, 365, 300)
            orders += [
                Order(f"{product}{year}-{n}", dt.date(2019 + year, 1, 1) + dt.timedelta(int(day)), jpy, product)
                for n, day in enumerate(days)
            ]
    inputs = planted_inputs(orders, AS_OF, first_month=Month(2019, 1))
    return with_brands(inputs, {"R": "X", "F": "Y", "S": "Z", "T": "Z"})


def test_the_planted_rising_and_falling_series_come_first_with_their_size_and_the_mirror_exchanges_them() -> None:
    for mirrored, falls, rises in ((False, "F", "R"), (True, "R", "F")):
        finding = product_series(series_house(mirrored=mirrored))
        assert finding is not None
        assert (finding.verdict, finding.numbers["told"], finding.numbers["rising"]) == ("issue", falls, rises)
        assert (finding.numbers["falling_series"], finding.numbers["rising_series"]) == (1, 1)
        assert finding.measured is not None
        assert finding.measured.low is not None and finding.measured.high is not None
        assert finding.measured.low < -30_000 < finding.measured.high
        assert finding.yen_effect_jpy == pytest.approx(15_000, rel=0.2)
        # Brands X and Y are one group each and not told twice; Z is two.
        assert {row["series_name"] for row in table(finding, "series_table")} == {"R", "F", "S", "T", "Z"}


def table(finding: Finding, key: str) -> list[dict[str, Any]]:
    return [dict(row) for exhibit in finding.exhibits if exhibit.key == key for row in exhibit.rows]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_house_of_one_product_offers_that_again_and_no_other(language: str) -> None:
    orders = [Order("old", dt.date(2020, 1, 1))]
    for year in (2021, 2022, 2023):
        orders += [Order(f"{year}-{n}", dt.date(year, 2, 1)) for n in range(200)]
        orders += [Order(f"{year}-{n}", dt.date(year, 5, 1)) for n in range(80)]
    finding = next_purchases(planted_inputs(orders, AS_OF))
    assert finding is not None
    assert finding.numbers["next_group"] is None
    words = Wording.of(language)
    for verdict in ("healthy", "issue"):
        offered = action_of(replace(finding, verdict=verdict), words)
        assert words.formatted(finding.numbers["nothing_customers"], "count") in offered
        assert "—" not in offered


def test_the_chart_of_courses_draws_the_series_that_its_title_names() -> None:
    """The largest group stays as it is and is told; the small one, which rises, is drawn beside it."""
    random = np.random.default_rng(11)
    orders = []
    for product, jpy, a_year, buyers in (("L", 1_000, 0, 900), ("S", 100, 100, 600)):
        for year in range(5):
            days = [dt.date(2019 + year, 1, 1) + dt.timedelta(int(day)) for day in random.integers(0, 365, buyers)]
            spent = jpy + year * a_year
            orders += [Order(f"{product}{year}-{n}", day, spent, product) for n, day in enumerate(days)]
    finding = product_series(planted_inputs(orders, AS_OF, first_month=Month(2019, 1)))
    assert finding is not None
    assert (finding.verdict, finding.numbers["told"], finding.numbers["rising"]) == ("healthy", "L", "S")
    (courses,) = [exhibit for exhibit in finding.exhibits if exhibit.key == "courses"]
    assert courses.highlight == "L"
    assert [*dict.fromkeys(row["series"] for row in courses.rows)] == ["L", "S"]
