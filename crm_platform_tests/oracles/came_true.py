"""What former forecasts and alerts of real customers must hold beside the yardsticks, whatever the shop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def assert_came_true(origins: Iterable[Mapping[str, Any]]) -> None:
    """The origins of a track record: better than every yardstick, classes in order, the alerted fell more often."""
    for one in origins:
        ours, lapse = one["methods"]["ours"], one["lapse"]
        assert all(ours["gini"] > one["methods"][name]["gini"] for name in ("rfm", "recency", "past_sales")), one
        assert ours["top_decile_share"] > one["methods"]["rfm"]["top_decile_share"], one["as_of"]
        assert one["class_inversions"] == 0, one["as_of"]
        assert lapse["alerted_fall_rate"] > lapse["natural_fall_rate"] > lapse["other_fall_rate"], one["as_of"]
        for name, sign in lapse["signs"].items():
            assert lapse["auc"] > sign["auc"], (one["as_of"], name)
        assert lapse["first_tenth_fall_rate"] > lapse["natural_fall_rate"] + 0.1, one["as_of"]
