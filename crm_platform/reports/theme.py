"""Every colour and size of the reports (REPORT_STYLE: colour by meaning; the blue–orange axis is safe for all eyes)."""

from __future__ import annotations

from typing import Final

NAVY: Final = "#0B3C6F"  # ours, totals, healthy
BLUE: Final = "#2B6CB0"
SKY: Final = "#6FA3DC"
TEAL: Final = "#00796B"  # new, growing, up
MINT: Final = "#7CC4BA"
AMBER: Final = "#F2C14E"  # warning
ORANGE: Final = "#D9730D"
RUST: Final = "#B4530A"  # the one thing to notice; down
SLATE: Final = "#5B6B7B"
GREY: Final = "#9AA5B1"  # inactive
SILVER: Final = "#CBD3DB"
HAIRLINE: Final = "#E3E8ED"
PALE: Final = "#F4F7FA"
INK: Final = "#1F2933"
BLACK: Final = "#05080B"  # on cells of middle shade
QUIET: Final = "#55626F"  # sources and captions; 6.2 : 1 on white
PAPER: Final = "#FFFFFF"

LAYERS: Final = (NAVY, BLUE, SKY, TEAL, MINT, AMBER, ORANGE, SLATE, GREY, SILVER)  # best layer first, inactive last
FEW_LAYERS: Final = (NAVY, SKY, TEAL, AMBER, GREY)
LINES: Final = (NAVY, ORANGE, TEAL, SKY, GREY)
MEANINGS: Final = {  # CPM: active classes in blues and teals, lapsed ones in greys
    "@cpm.premium_active": NAVY,
    "@cpm.trend_active": BLUE,
    "@cpm.steady_active": SKY,
    "@cpm.toddler_active": MINT,
    "@cpm.first_active": TEAL,
    "@cpm.premium_lapsed": "#5B6B7B",
    "@cpm.trend_lapsed": "#7B8894",
    "@cpm.steady_lapsed": "#9AA5B1",
    "@cpm.toddler_lapsed": "#B5BFC8",
    "@cpm.first_lapsed": "#D3D9DF",
}
HEAT_RAMP: Final = ("#EAF1F9", "#0B3C6F")  # one hue, from few to many

FONT: Final = "Noto Sans CJK JP"

CHART_WIDTH: Final = 470  # points: the type area of an A4 page; the HTML page scales it up
HALF_WIDTH: Final = 227
CHART_HEIGHT: Final = 124
LABEL_SIZE: Final = 8.0
AXIS_SIZE: Final = 7.5
LINE_GAP: Final = 10.5  # between direct labels, so that none touches its neighbour

CHAPTER_SIZE: Final = 16.0
TITLE_SIZE: Final = 13.5
TITLE_WIDTH: Final = 470.0
CHART_TITLE_SIZE: Final = 10.5
BODY_SIZE: Final = 9.2
TABLE_SIZE: Final = 8.4
CELL_MARGIN: Final = 10.0  # left and right of a cell together


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of `#RRGGBB`, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mixed(low: str, high: str, share: float) -> str:
    """The colour `share` of the way from `low` to `high`."""
    pairs = zip(channels(low), channels(high), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Relative luminance, 0 black to 1 white (WCAG 2.2)."""

    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(channel) for channel in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(background: str) -> str:
    """The text colour that reads better on `background`."""
    return max((BLACK, PAPER), key=lambda ink: contrast(ink, background))
