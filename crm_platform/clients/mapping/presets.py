"""Presets: the mapping of a cart's unmodified export (R07), one TOML each in `clients/presets/`.

A client names one with `preset = "…"`. What its own file says goes first: columns and codes key by key, rules that set
rows aside by their name, every other key as a whole.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from crm_platform.refusals import Refused

PRESETS = ("ec-cube-4", "ecforce", "rakuten-rms", "shopify")

_Words = Mapping[str, Any]


def with_preset(intake: _Words, file: str) -> dict[str, Any]:
    """The intake rules with those of the preset that they name; Refused where there is no such preset."""
    name = intake.get("preset")
    if name is None:
        return dict(intake)
    if name not in PRESETS:
        raise Refused(f"there is no preset {name!r}.", f"Use one of {', '.join(PRESETS)}.", file=file, column="preset")
    preset = _read(name)
    merged = {**intake}
    for key in ("admission", "personal_data"):
        if isinstance(intake.get(key, {}), Mapping) and key in preset:
            merged[key] = {**preset[key], **intake.get(key, {})}
    own = intake.get("tables", {})
    if isinstance(own, Mapping):
        tables = preset["tables"]
        merged["tables"] = {table: _table(tables.get(table, {}), own.get(table, {})) for table in {**tables, **own}}
    return merged


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("crm_platform.clients").joinpath("presets", f"{name}.toml").read_text("utf-8"))


def _table(preset: _Words, own: Any) -> Any:
    if not isinstance(own, Mapping):
        return own  # refused where the words are read
    if own.get("absent") is True or (preset.get("absent") and own):
        return own
    merged = {**preset, **own}
    for key in ("columns", "derived_columns"):
        if isinstance(own.get(key, {}), Mapping) and key in preset:
            merged[key] = {**preset[key], **own.get(key, {})}
    if isinstance(own.get("codes", {}), Mapping) and "codes" in preset:
        merged["codes"] = _codes(preset["codes"], own.get("codes", {}))
    if isinstance(own.get("set_aside", []), list) and "set_aside" in preset:
        merged["set_aside"] = _by_name(preset["set_aside"], own.get("set_aside", []))
    if "discount_jpy" in _named(own.get("columns")) and "order_discount" not in own:
        merged.pop("order_discount", None)
    return merged


def _codes(preset: _Words, own: _Words) -> dict[str, Any]:
    both = {key: {**preset[key], **own[key]} for key in own if key in preset and isinstance(own[key], Mapping)}
    return {**preset, **own, **both}


def _by_name(preset: list[Any], own: list[Any]) -> list[Any]:
    """The preset's rules in their order, each replaced by the client's of the same name; then the client's others."""
    names = [rule.get("rule") if isinstance(rule, Mapping) else None for rule in own]
    named = {name: rule for name, rule in zip(names, own, strict=True) if isinstance(name, str)}
    known = [rule["rule"] for rule in preset]
    others = [rule for name, rule in zip(names, own, strict=True) if name not in known]
    return [named.get(rule["rule"], rule) for rule in preset] + others


def _named(said: Any) -> _Words:
    """The keys of a table; none of what is no table, which is refused where the words are read."""
    return said if isinstance(said, Mapping) else {}
