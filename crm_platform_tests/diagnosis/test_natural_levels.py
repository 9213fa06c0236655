from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.diagnosis.current_state.natural_levels import LEAST_OF_A_LEVEL, Cell, Place, levels_of

PLACES: list[Place] = [(row, column) for row in range(3) for column in range(4)]


def _cells(rates: dict[Place, tuple[int, int]]) -> dict[Place, Cell]:
    return {at: Cell(people, bought, bought) for at, (people, bought) in rates.items()}


def test_levels_that_the_next_half_year_does_not_confirm_are_merged() -> None:
    places = [(1, 90), (1, 365), (1, 9999)]
    learned = _cells(dict(zip(places, [(1000, 600), (1000, 200), (2000, 40)], strict=True)))
    alike = {**learned, (1, 365): Cell(1000, 590, 590)}
    kept, merged = levels_of(places, learned, learned, "rate"), levels_of(places, learned, alike, "rate")
    assert [estimate.value for estimate in kept.tested if estimate] == pytest.approx([0.6, 0.2, 0.02])
    assert [kept.level_of[at] for at in places] == [1, 2, 3]
    assert len(merged.tested) == 2
    assert [kept.is_high(level) for level in kept.numbers] == [True, False, False]  # 840 of 4,000 are 21 %


def test_an_empty_place_goes_where_its_row_and_column_point() -> None:
    full = {(row, column): (400, 380 if row + column == 0 else 20) for row in range(2) for column in range(2)}
    full |= {(0, 2): (400, 380), (1, 0): (400, 360)}
    learned = _cells(full)
    levels = levels_of(PLACES, learned, learned, "rate")
    assert levels.level_of[1, 2] <= levels.level_of[1, 1]
    assert set(levels.level_of) == set(PLACES)


counts = st.dictionaries(st.sampled_from(PLACES), st.tuples(st.integers(1, 3_000), st.floats(0, 1)), max_size=12)


@given(counts, counts, st.sampled_from(["rate", "jpy"]))
@settings(max_examples=60, deadline=None)
def test_any_two_half_years_give_every_place_one_level_and_levels_that_do_not_overlap(before, since, kind) -> None:
    unit = 1 if kind == "rate" else 7_000
    learned, tested = (
        {at: Cell(n, round(n * rate) * unit, round(n * rate) * unit**2) for at, (n, rate) in found.items()}
        for found in (before, since)
    )
    levels = levels_of(PLACES, learned, tested, kind)
    assert set(levels.level_of) == set(PLACES)
    assert set(levels.level_of.values()) <= set(levels.numbers)
    if len(levels.tested) > 1:
        assert all(upper.low > lower.high for upper, lower in pairwise(levels.tested))
        for level in levels.numbers:
            assert sum(tested[at].people for at in tested if levels.level_of[at] == level) >= LEAST_OF_A_LEVEL
