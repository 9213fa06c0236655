"""Inside a term a class changes only by a reissue, and nothing that was issued is ever lost (R51)."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.clients import Client
from crm_platform.lake import MadeFrom
from crm_platform.orchestration.assets.segments import segment_book
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.client_month_asset import Shown, _make
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.segment_books import book_in_force, books_of, reissue_book, states_of
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.segments.value_classes import issue_book
from crm_platform.tables.analyses import FORECASTS, SEGMENT_BOOK

FIRST, LAST = Month(2024, 1), dt.date(2025, 12, 31)
EVENTS = ("next month", "rerun", "redelivery", "reissue", "killed reissue")


class House:
    """A client's lake, with forecasts that change whenever somebody orders."""

    def __init__(self, folder: Path) -> None:
        self.data = ClientData(Platform(data_folder=str(folder)), Client("acme", "Acme"))
        self.data.__dict__.update(data_from=FIRST.first_day, data_to=LAST)  # what its deliveries would say
        self.at, self.orders = self.data.at(FIRST), 0
        self.foresee()

    def foresee(self) -> None:
        self.orders += 1
        customers = [f"C{number:02d}" for number in range(12 + self.orders)]
        columns = {column.name: np.zeros(len(customers)) for column in FORECASTS.columns[1:]}
        expected = np.random.default_rng(self.orders).gamma(0.5, 9_000, len(customers))
        rows = FORECASTS.from_columns({**columns, "customer_id": customers, "expected_sales_jpy": expected})
        self.data.lake.write("acme", FORECASTS, self.at.month, rows, MadeFrom())

    def refresh(self) -> None:
        def compute(months: list[ClientMonth]) -> dict[ClientMonth, object]:
            return {at: issue_book(at.arrow("forecasts"), at.as_of, 10) for at in months}

        list(_make(segment_book.recipe, [[self.at]], compute, Shown()))

    def classes(self) -> dict[str, int]:
        month = book_in_force(self.at)
        assert month is not None
        book = self.data.lake.read("acme", SEGMENT_BOOK, month)
        return dict(zip(book["customer_id"].to_pylist(), book["value_class"].to_pylist(), strict=True))

    def happens(self, event: str) -> None:
        if event == "next month":
            self.at = self.data.at(self.at.month.plus(1))
        if event != "rerun":
            self.foresee()
        if event == "reissue":
            reissue_book(self.at, "the forecast was wrong")
        if event == "killed reissue":
            with breaking_off_at(self.orders % 2 + 1), pytest.raises(OSError, match="killed"):
                reissue_book(self.at, "the forecast was wrong")
        self.refresh()


@contextmanager
def breaking_off_at(rename: int) -> Iterator[list[Path]]:
    """The renames that come to be; the one of this number breaks off, as all after it would."""
    whole, renamed = Path.replace, list[Path]()

    def replace(path: Path, target: Path) -> Path:
        if len(renamed) + 1 == rename:
            raise OSError("killed")
        renamed.append(target)
        return whole(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        yield renamed


@settings(deadline=None, max_examples=8)
@given(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=12))
def test_a_class_changes_only_at_a_reissue_or_at_the_end_of_the_term(events):
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        house.refresh()
        issued, kept = house.at.month, {book.sha256 for book in books_of(house.data)}
        for event in events:
            before = house.classes() if house.at.month.minus(issued) < 6 else {}
            house.happens(event)
            if event == "reissue" or house.at.month.minus(issued) == 6:
                issued = house.at.month
                assert len(house.classes()) == 12 + house.orders
            else:
                assert house.classes() == before
            assert book_in_force(house.at) == issued
            books = books_of(house.data)
            assert kept <= {book.sha256 for book in books}
            kept = {book.sha256 for book in books}
            assert states_of(books, issued).count("in force") == 1


@pytest.fixture
def house(tmp_path: Path) -> House:
    found = House(tmp_path)
    found.refresh()
    return found


def test_a_reissue_in_the_month_of_issue_keeps_the_former_book_beside_it_and_says_why(house: House) -> None:
    (former,) = books_of(house.data)
    before = house.classes()
    house.foresee()
    reissued = reissue_book(house.at, " wholesale orders were counted twice ")
    assert house.classes() != before
    assert (reissued.issue, reissued.reason) == (2, "wholesale orders were counted twice")
    assert (reissued.former_month, reissued.former_sha256) == ("2024-01", former.sha256)
    first, second = books_of(house.data)
    assert (first.sha256, first.is_former, second) == (former.sha256, True, reissued)
    assert states_of([first, second], house.at.month) == ["superseded by 2024-01, issue 2", "in force"]


def test_a_later_reissue_begins_a_term_of_its_own_and_leaves_the_months_before_it_alone(house: House) -> None:
    before = house.classes()
    house.at = house.data.at(Month(2024, 4))
    house.foresee()
    reissued = reissue_book(house.at, "new products")
    assert (reissued.valid_from, reissued.valid_to) == (dt.date(2024, 5, 1), dt.date(2024, 10, 31))
    assert book_in_force(house.data.at(Month(2024, 9))) == Month(2024, 4)
    assert book_in_force(house.data.at(Month(2024, 10))) is None
    house.at = house.data.at(Month(2024, 3))
    assert house.classes() == before
    assert states_of(books_of(house.data), Month(2024, 4)) == ["superseded by 2024-04, issue 1", "in force"]


def test_a_reissue_that_breaks_off_at_any_rename_leaves_the_former_book_in_force(house: House) -> None:
    before, lake = house.classes(), house.data.lake
    record = lake.root / "acme" / "segment_book" / "2024-01.json"
    said = record.read_bytes()
    house.foresee()
    broken_off = 0
    for rename in range(1, 10):
        with breaking_off_at(rename):
            try:
                reissue_book(house.at, "the forecast was wrong")
            except OSError:
                broken_off += 1
            else:
                break
        assert record.read_bytes() == said
        assert house.classes() == before
        assert [book.is_former for book in books_of(house.data) if not book.is_former] == [False]
    assert broken_off >= 2
    assert house.classes() != before
    assert [book.issue for book in books_of(house.data)] == [1, 2]


def test_a_book_issued_within_a_month_holds_to_the_last_day_of_its_term(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.data.__dict__["data_to"] = dt.date(2024, 1, 15)
    house.refresh()
    for data_to, holds in ((dt.date(2024, 7, 14), True), (dt.date(2024, 7, 15), False), (dt.date(2024, 7, 31), False)):
        house.data.__dict__["data_to"] = data_to
        assert (book_in_force(house.data.at(Month(2024, 7))) == FIRST) is holds, data_to


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes() + b"x")])
def test_a_changed_book_is_refused_by_name_and_never_issued_anew(house: House, damage) -> None:
    (file,) = (house.data.lake.root / "acme" / "segment_book").glob("*.parquet")
    damage(file)
    for ask in (house.refresh, lambda: reissue_book(house.at, "why not"), lambda: books_of(house.data)):
        with pytest.raises(Refused, match=r"segment_book/2024-01.*missing or damaged"):
            ask()


def test_a_changed_former_book_is_refused_by_name(house: House) -> None:
    house.foresee()
    reissue_book(house.at, "the forecast was wrong")
    (file,) = (house.data.lake.root / "acme" / "segment_book" / "former").glob("*.parquet")
    file.write_bytes(b"changed")
    with pytest.raises(Refused, match=r"former/2024-01.*former segment_book.*missing or damaged"):
        books_of(house.data)


def test_what_cannot_be_reissued_is_refused_in_words(house: House) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        reissue_book(house.at, "  ")
    with pytest.raises(Refused, match="would be the same"):
        reissue_book(house.at, "again")
    with pytest.raises(Refused, match=r"no book of 'acme' is in force at 2024-09.*refresh --client acme"):
        reissue_book(house.data.at(Month(2024, 9)), "too late")
    assert len(books_of(house.data)) == 1
