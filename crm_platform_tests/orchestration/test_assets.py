"""What the assets add to the chapters."""

from __future__ import annotations

import datetime as dt
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crm_platform.demo import make_demo
from crm_platform.lake import MadeFrom, digest_of
from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR, PREVIEW
from crm_platform.orchestration.assets.letter import gaps_of
from crm_platform.orchestration.assets.segments import as_booked, book_in_force
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.client_month_asset import Shown, _make
from crm_platform.orchestration.recipe import Recipe
from crm_platform.orchestration.term_models import as_it_was, learn_anew
from crm_platform.periods import Month
from crm_platform.segments.value_classes import issue_book
from crm_platform.tables import TABLES
from crm_platform_tests.end_to_end.installation import PROJECT, Installation


@pytest.fixture
def at(tmp_path: Path) -> ClientMonth:
    installation, demo = Installation.at(tmp_path / "data"), make_demo(customers=20, months=10)
    installation.deliver(demo, tmp_path / "files")
    return ClientData(installation.platform, installation.platform.catalogue.load("demo")).at(demo.last_month)


def test_an_input_that_changes_while_a_month_is_computed_leaves_the_month_stale(at: ClientMonth) -> None:
    state = ["before"]
    recipe = Recipe("backtest", "alerts", further_inputs=lambda _: {"state": digest_of(state)})

    def compute(months: list[ClientMonth]) -> dict[ClientMonth, str]:
        made_of = state[0]
        state[0] = "after"
        return dict.fromkeys(months, made_of)

    list(_make(recipe, [[at]], compute, Shown()))
    assert at.document("backtest") == "before"
    assert not recipe.is_current(at)
    list(_make(recipe, [[at]], compute, Shown()))
    assert at.document("backtest") == "after"
    assert recipe.is_current(at)


def test_an_earlier_months_book_never_takes_the_place_of_a_later_one_and_holds_for_six_months(at: ClientMonth) -> None:
    issue(at, "2020-08", classes=10)
    issue(at, "2020-10", classes=10)
    held = {
        month: book_in_force(at.data.at(Month.parse(month))) for month in ("2020-07", "2020-09", "2020-10", "2021-03")
    }
    assert {month: held[month] and str(held[month]) for month in held} == {
        "2020-07": None,
        "2020-09": "2020-08",
        "2020-10": "2020-10",
        "2021-03": "2020-10",
    }
    assert book_in_force(at.data.at(Month(2021, 4))) is None


def test_what_a_term_learned_holds_until_code_settings_or_somebody_asks_to_learn_anew(at: ClientMonth) -> None:
    issue(at, "2020-10", classes=10)
    learns = Recipe("backtest", "alerts", carry=as_it_was)
    knows_nothing = Recipe("targets_backtest", "two_track", carry=as_it_was)
    began, later, renewed, last = (
        at.data.at(Month.parse(f"20{month}")) for month in ("20-10", "20-12", "21-01", "21-02")
    )

    def told(month: ClientMonth) -> str:
        list(_make(learns, [[month]], lambda asked: {one: f"learned in {one.month}" for one in asked}, Shown()))
        assert learns.is_current(month)
        return month.document("backtest")

    list(_make(knows_nothing, [[began]], dict.fromkeys, Shown()))
    book = Recipe("former_book", "segments", carry=as_it_was)
    list(_make(book, [[began]], lambda asked: dict.fromkeys(asked, TABLES["former_book"].empty()), Shown()))
    assert book.held_month(later) is None
    assert [told(began), told(later), told(renewed)] == ["learned in 2020-10"] * 3
    assert knows_nothing.held_month(later) is None
    assert replace(learns, settings=lambda _: "another").held_month(later) is None
    assert replace(learns, chapter="reports").held_month(later) is None
    learn_anew(renewed, "the prices changed")
    assert learns.why_stale(renewed)
    assert [told(renewed), told(last), told(later)] == [
        "learned in 2021-01",
        "learned in 2021-01",
        "learned in 2020-10",
    ]


def test_a_changed_number_of_classes_waits_for_the_next_book(at: ClientMonth) -> None:
    issue(at, str(at.month), classes=4)
    assert at.client.settings.value_classes == 10
    assert as_booked(at).settings.value_classes == 4
    assert replace(as_booked(at), settings=at.client.settings) == at.client


def issue(at: ClientMonth, month: str, *, classes: int) -> None:
    """Store a book for twenty customers."""
    expected = pa.array([float(n) for n in range(1, 21)])
    forecasts = pa.table({"customer_id": [f"C{n:02d}" for n in range(20)], "expected_sales_jpy": expected})
    when = at.data.at(Month.parse(month))
    book = issue_book(forecasts, when.as_of, classes)
    at.data.lake.write(at.client.id, TABLES["segment_book"], when.month, book, MadeFrom())


@pytest.mark.needs_program("make", "make")
def test_what_a_client_orders_decides_of_its_deliverables_and_preview_alone(at: ClientMonth) -> None:
    ordered = ClientData(at.data.platform, replace(at.client, ordered_services=("two_track",))).at(at.month)
    recipes = [asset.recipe for asset in (*EVERY_MONTH, *MONTHS_ASKED_FOR, PREVIEW)]
    differing = [one.name for one in recipes if one.made_from(at) != one.made_from(ordered)]
    assert differing == ["deliverables", "preview"]


def test_the_letter_is_told_of_days_without_an_order_that_chance_does_not_explain_and_of_whole_months() -> None:
    def run(first: str, last: str, beyond: float | None, days: int = 9) -> dict[str, Any]:
        return {"first_day": first, "last_day": last, "days": days, "beyond_plausible": beyond}

    runs = [
        run("", "", 0.0, days=0),  # an order every day
        run("2025-01-02", "2025-01-10", 0.9),
        run("2025-02-02", "2025-02-12", 1.1),
        run("2025-03-31", "2025-05-01", None),  # too young to say what is plausible
        run("2025-06-02", "2025-07-30", None),
    ]
    assert gaps_of(runs) == [
        (dt.date(2025, 2, 2), dt.date(2025, 2, 12)),
        (dt.date(2025, 3, 31), dt.date(2025, 5, 1)),
    ]


def test_make_clean_leaves_deliveries_and_books_alone() -> None:
    said = subprocess.run(["make", "-n", "clean"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert ".venv" in said
    assert "data/" not in said
