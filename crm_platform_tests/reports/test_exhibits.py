import dataclasses
import json
from itertools import pairwise

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.diagnosis.finding import Exhibit
from crm_platform.reports import exhibit_png, theme
from crm_platform.reports.exhibits import chart_spec, is_drawable, svg_of
from crm_platform.reports.exhibits.bars import bridge_edges
from crm_platform.reports.exhibits.canvas import Frame, axis_around, axis_from_zero
from crm_platform.reports.exhibits.labels import Label, category_names, dodged, names_below
from crm_platform_tests.reports import invented

JA = invented.wording("ja")
CHARTS = {
    exhibit.key: exhibit
    for finding in invented.diagnosis().findings
    for exhibit in finding.exhibits
    if exhibit.kind != "table"
}
VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)


@pytest.mark.parametrize("key", CHARTS)
def test_every_kind_of_chart_is_a_png_with_a_width_fixed_beforehand(key):
    png = exhibit_png(CHARTS[key], JA)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 2 * theme.CHART_WIDTH


@pytest.mark.parametrize("key", CHARTS)
def test_a_chart_without_rows_is_not_drawn_and_one_of_a_single_row_is(key):
    exhibit = CHARTS[key]
    assert not is_drawable(dataclasses.replace(exhibit, rows=()))
    single = dataclasses.replace(exhibit, rows=exhibit.rows[-1:])
    assert svg_of(chart_spec(single, JA)).startswith("<svg")


@pytest.mark.parametrize("key", CHARTS)
def test_every_chart_keeps_to_the_schema_of_vega_lite(key):
    alt.LayerChart.validate({part: said for part, said in chart_spec(CHARTS[key], JA).items() if part != "config"})


def test_names_of_classes_break_before_their_state_and_never_touch_their_neighbours():
    values = [f"@cpm.{stage}_{state}" for stage in ("first", "steady", "premium") for state in ("active", "lapsed")]
    assert names_below(values, "text", JA, 6 * 40)["@cpm.first_active"] == "初回\n現役客"
    assert "\n" not in names_below(values, "text", JA, 6 * 80)["@cpm.first_active"]


def test_names_that_do_not_fit_stand_as_their_codes():
    values = [f"@value_class.{number}" for number in range(1, 11)]
    assert list(names_below(values, "text", JA, 10 * 24).values()) == [f"S{number}" for number in range(1, 11)]


def test_a_table_is_no_chart():
    with pytest.raises(ValueError, match="is no chart"):
        exhibit_png(Exhibit("t", "table", ({"a": 1},), columns=(("a", "count"),)), JA)


def test_hostile_names_stay_text_in_a_drawing_and_refer_to_nothing():
    svg = svg_of(chart_spec(CHARTS["names"], JA))
    assert "<image" not in svg
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


def test_only_the_highlighted_bar_is_rust():
    spec = json.dumps(chart_spec(CHARTS["hazard"], JA))
    assert spec.count(theme.RUST) > 0
    plain = json.dumps(chart_spec(dataclasses.replace(CHARTS["hazard"], highlight=None), JA))
    assert theme.RUST not in plain


def test_categories_keep_the_order_of_the_rows():
    rows = tuple({"x": name, "y": 1.0} for name in ("乙", "甲", "丁", "丙"))
    svg = svg_of(chart_spec(Exhibit("e", "bar", rows, x="x", y="y"), JA))
    assert sorted("甲乙丙丁", key=lambda name: svg.index(f">{name}<")) == ["乙", "甲", "丁", "丙"]


def test_two_categories_of_one_name_stay_two():
    long = "同じ名前で始まる長い長い商品の名前その"
    assert len(set(category_names([long + "一", long + "二"], "text", JA, 60).values())) == 2


@given(VALUES)
def test_a_bar_axis_holds_zero_and_every_value_with_few_ticks(values):
    axis = axis_from_zero(values)
    slack = 1e-8 * (axis.high - axis.low)
    assert axis.low <= min([0.0, *values]) + slack
    assert axis.high >= max([0.0, *values]) - slack
    assert 2 <= len(axis.ticks) <= 7


@given(VALUES)
def test_a_line_axis_holds_every_value(values):
    axis = axis_around(values)
    slack = 1e-8 * (axis.high - axis.low)
    assert axis.low - slack <= min(values)
    assert max(values) <= axis.high + slack


@given(st.floats(0, 100), st.lists(st.floats(0, 1000), min_size=1))
def test_a_place_on_the_axis_is_read_back(value, values):
    axis, frame = axis_from_zero(values), Frame(400, 200, 30, 30)
    assert axis.value_at(axis.y_of(value, frame), frame) == pytest.approx(value, abs=1e-6)


@given(st.lists(st.floats(0, 120), min_size=1, max_size=10))
def test_direct_labels_keep_apart_in_their_order(heights):
    placed = dodged([Label(str(n), theme.NAVY, height) for n, height in enumerate(heights)], 120)
    ys = [label.placed_y for label in placed]
    assert [label.y for label in placed] == sorted(heights)
    assert all(after - before >= theme.LINE_GAP - 1e-6 for before, after in pairwise(ys))


@given(st.integers(0, 10**9), st.lists(st.integers(-(10**8), 10**8), max_size=8))
def test_a_waterfall_leads_from_its_first_total_to_its_last(first, steps):
    edges = bridge_edges([first, *steps, first + sum(steps)])
    assert edges[0] == (0.0, first)
    assert edges[-1] == (0.0, first + sum(steps))
    assert all(before[1] == after[0] for before, after in pairwise(edges[:-1]))


def test_a_waterfall_whose_steps_do_not_add_up_is_an_error():
    with pytest.raises(ValueError, match="not to its total"):
        bridge_edges([100, 10, 120])


def test_text_on_a_heat_cell_is_readable_on_every_shade():
    shades = [theme.mixed(*theme.HEAT_RAMP, step / 20) for step in range(21)]
    assert min(theme.contrast(theme.ink_on(shade), shade) for shade in shades) >= 4.4


@pytest.mark.parametrize("colour", [theme.QUIET, theme.NAVY, theme.RUST, theme.TEAL, theme.INK])
def test_every_text_colour_is_readable_on_paper_and_on_the_comment_box(colour):
    assert min(theme.contrast(colour, theme.PAPER), theme.contrast(colour, theme.PALE)) >= 4.5


def test_a_calibration_has_one_scale_for_both_axes_so_that_the_diagonal_means_right():
    spec = chart_spec(CHARTS["calibration"], JA)
    (dots,) = (layer for layer in spec["layer"] if layer["mark"]["type"] == "point")
    x, y = (dots["encoding"][axis]["scale"] for axis in ("x", "y"))
    assert x == y
    assert x["type"] == "sqrt"
    assert spec["width"] == spec["height"]
    (line,) = (layer for layer in spec["layer"] if layer["mark"]["type"] == "line")
    assert [(end["x"], end["y"]) for end in spec["datasets"][line["data"]["name"]]] == [
        (0, 0),
        tuple(2 * [x["domain"][1]]),
    ]


def test_each_of_several_lorenz_curves_is_named_in_its_own_colour():
    spec = chart_spec(CHARTS["curves"], JA)
    rows = [row for rows in spec["datasets"].values() for row in rows if "series" in row]
    colours = {row["series"]: row["colour"] for row in rows}
    assert list(colours) == ["<本診断>", "RFM"]
    assert len(set(colours.values())) == 2
    svg = svg_of(spec)
    assert "&lt;本診断&gt;" in svg
    assert all(colour.lower() in svg.lower() for colour in colours.values())


def _rows(spec):
    """Every row of data in a specification."""
    return [row for rows in spec["datasets"].values() for row in rows]


def test_bars_of_one_height_are_a_table_since_they_compare_nothing():
    bars = Exhibit("a", "bar", tuple({"x": name, "y": 251} for name in "甲乙丙"), x="x", y="y")
    assert not is_drawable(bars)
    assert is_drawable(dataclasses.replace(bars, rows=(*bars.rows, {"x": "丁", "y": 252})))
    assert exhibit_png(bars, JA).startswith(b"\x89PNG"), "where only a picture can be shown they are drawn all the same"


def test_of_many_points_the_farthest_each_way_carry_their_names_and_no_share_is_beyond_all():
    rows = tuple({"x": n / 100, "y": 1 - n / 60, "name": f"P{n}"} for n in range(20))
    points = Exhibit("a", "scatter", rows, x="x", y="y", x_unit="rate", y_unit="rate", series="name")
    spec = chart_spec(points, JA)
    assert [row["name"] for row in _rows(spec) if row.get("name")] == ["P0", "P19"]
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"][1] == 100


def test_points_of_a_calibration_that_touch_do_not_write_their_names_over_one_another():
    values = (0, 1, 2, 3, 400, 9000, 60000)
    rows = tuple({"x": value, "y": value, "name": str(place)} for place, value in enumerate(values))
    spec = chart_spec(Exhibit("a", "calibration", rows, x="x", y="y", y_unit="jpy", series="name"), JA)
    named = list(dict.fromkeys(row["name"] for row in _rows(spec) if row.get("name")))
    assert named == ["0", "4", "5", "6"]


def test_a_step_that_rounds_to_nothing_has_no_sign():
    rows = tuple({"x": name, "y": value} for name, value in zip("前増減今", (1.1e9, 3e5, -4e6, 1.0963e9), strict=True))
    spec = chart_spec(Exhibit("a", "waterfall", rows, x="x", y="y", y_unit="jpy"), JA)
    assert {row["label"] for row in _rows(spec) if "label" in row} == {"11.0", "0.0"}


def test_a_heatmap_names_its_rows_on_top_where_there_is_room():
    rows = tuple({"x": n, "y": n, "row": "A"} for n in range(3))
    heat = Exhibit("a", "heatmap", rows, x="x", y="y", series="row")
    names = ("顧客ランク ↓　価値層", "人数")
    assert "人数（人）　顧客ランク ↓　価値層 →" in json.dumps(chart_spec(heat, JA, names), ensure_ascii=False)
    narrow = json.dumps(chart_spec(heat, JA, names, 120), ensure_ascii=False)
    assert "人数（人）　価値層 →" in narrow and "顧客ランク" not in narrow
