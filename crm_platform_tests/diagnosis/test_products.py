import datetime as dt

from crm_platform.diagnosis.products import product_groups, product_pairs
from crm_platform.periods import Month
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


def test_the_planted_pair_comes_first_with_its_lift() -> None:
    finding = product_pairs(planted_inputs(pairs_house(), AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    best = finding.exhibits[0].rows[0]
    assert {best["first_product"], best["second_product"]} == {"A", "＠B"}
    assert (best["together"], best["lift"]) == (40, 40 * 200 / (40 * 40))


def test_a_client_s_text_that_looks_like_a_wording_key_is_not_one() -> None:
    inputs = planted_inputs(pairs_house(), AS_OF, products={"A": "@cosme", "@B": "B", "C": "C", "D": "D"})
    finding = product_groups(inputs)
    assert finding is not None
    names = {row["product_group"] for row in finding.exhibits[-1].rows}
    assert names == {"＠cosme", "B", "C", "D"}


def test_the_group_that_wins_customers_but_does_not_keep_them_is_an_issue() -> None:
    orders = [Order(f"t{n:03d}", dt.date(2023, 3, 1), product="trial") for n in range(80)]
    orders += [Order(f"m{n:03d}", dt.date(2023, 3, 1), product="main") for n in range(40)]
    orders += [Order(f"m{n:03d}", dt.date(2023, 9, 1), product="main") for n in range(36)]
    finding = product_groups(planted_inputs(orders, AS_OF, first_month=Month(2023, 1)))
    assert finding is not None
    assert (finding.verdict, finding.numbers["winner"], finding.numbers["keeper"]) == ("issue", "trial", "main")
    assert finding.numbers["winner_share_rate"] == 80 / 120
    assert finding.numbers["keeper_repeat_rate"] == 0.9
    assert finding.yen_effect_jpy == round(0.3 * 80 / 2 * 1000)
