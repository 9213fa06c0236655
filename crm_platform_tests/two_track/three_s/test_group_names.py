from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from ibis import _

from crm_platform.periods import Month
from crm_platform.two_track.three_s.group_names import group_names
from crm_platform_tests.diagnosis.planted import Order
from crm_platform_tests.diagnosis.planted_newcomers import newcomer_inputs

INPUTS = newcomer_inputs(
    [Order("c", dt.date(2023, 1, 5), 3000, medium="tv")],
    dt.date(2023, 1, 31),
    first_month=Month(2023, 1),
    media={"tv": ("通販番組", 1000)},
)


def group(of: str, name: str | None) -> dict[str, Any]:
    return {"of": of, "name": name}


def test_products_and_media_bear_the_names_of_the_masters_and_codes_that_these_lack_stay() -> None:
    named = dataclasses.replace(
        INPUTS,
        products=INPUTS.products.mutate(product_name=_.product_id + "茶"),
        media=INPUTS.media.mutate(media_name=_.media_id + "の番組"),
    )
    groups = [group(of, name) for of, name in (("product", "P1"), ("product", "P9"), ("medium", "tv"), ("medium", "x"))]
    assert group_names(named, groups) == {
        ("product", "P1"): "P1茶",
        ("product", "P9"): "P9",
        ("medium", "tv"): "tvの番組",
        ("medium", "x"): "x",
    }


def test_a_course_and_a_product_of_the_same_code_are_two_groups_and_the_nameless_one_has_no_name() -> None:
    names = group_names(INPUTS, [group("course", "P1"), group("product", "P1"), group("all", None)])
    assert set(names) == {("course", "P1"), ("product", "P1")}
    assert names["course", "P1"] == "P1"


def test_a_code_that_would_read_as_one_of_our_words_does_not() -> None:
    assert group_names(INPUTS, [group("course", "@action_segment")]) == {
        ("course", "@action_segment"): "＠action_segment"
    }
