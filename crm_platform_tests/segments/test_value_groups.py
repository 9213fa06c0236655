from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.reports.wording import Wording
from crm_platform.segments import VALUE_GROUPS, value_group, vip_classes


def test_ten_classes_fold_to_the_four_names_of_the_trade():
    wording = Wording.of("ja")
    assert [wording.value_class(number) for number in range(1, 11)] == [
        "S1 VIP客",
        "S2 VIP客",
        "S3 VIP候補",
        "S4 VIP候補",
        "S5 一般客",
        "S6 一般客",
        "S7 一般客",
        "S8 一般客",
        "S9 休眠客",
        "S10 休眠客",
    ]
    assert Wording.of("en", 4).word("@value_class.2") == "S2 VIP candidate"


@given(st.integers(1, 200))
def test_groups_never_rise_downwards_and_every_name_is_used_from_four_classes_on(classes):
    places = [VALUE_GROUPS.index(value_group(number, classes)) for number in range(1, classes + 1)]
    assert places == sorted(places)
    assert classes < 4 or set(places) == {0, 1, 2, 3}
    assert vip_classes(classes) == [number for number, place in enumerate(places, 1) if place == 0]
    assert classes == 1 or 1 in vip_classes(classes)


@pytest.mark.parametrize("value_class", [0, 11, -1])
def test_a_class_that_does_not_exist_has_no_group(value_class):
    with pytest.raises(ValueError, match=f"no value class {value_class} of 10"):
        value_group(value_class, 10)
