"""Specifications become pictures, without a browser and without the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import vl_convert

from crm_platform.reports.exhibits.chart_fonts import chart_fonts


@lru_cache(maxsize=1)
def _fonts_registered() -> None:
    vl_convert.register_font_directory(str(chart_fonts()))


def svg_of(spec: Mapping[str, Any]) -> str:
    """The chart as SVG; its texts stay texts."""
    return _svg_of_text(json.dumps(spec))


@lru_cache(maxsize=256)  # a chart that did not change is drawn once
def _svg_of_text(spec: str) -> str:
    _fonts_registered()
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return svg


def png_of(spec: Mapping[str, Any], scale: float = 2.0) -> bytes:
    """The chart as PNG, `scale` pixels to the point."""
    return _png_of_text(json.dumps(spec), scale)


@lru_cache(maxsize=64)
def _png_of_text(spec: str, scale: float) -> bytes:
    _fonts_registered()
    png: bytes = vl_convert.vegalite_to_png(spec, scale=scale, allowed_base_urls=[])
    return png
