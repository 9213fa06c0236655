"""How well the values of a column fit what its header says that it is: their type, and what they do within orders."""

from __future__ import annotations

from crm_platform.intake.drafting.profile import ColumnProfile
from crm_platform.intake.drafting.samples import Orders, Sample
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.tables.table import DAY, FLAG, INSTANT, TEXT, WHOLE

_OF_LINES = {"product_id", "quantity", "unit_price_jpy"}
_OF_ORDERS = {"customer_id", "ordered_at"}
_MOST_CODES = 60
_EMPTY, _WEAK, _REPEATED = 0.8, 0.75, 0.93


def fit_of(sample: Sample, profile: ColumnProfile, table: str, target: str, orders: Orders | None) -> tuple[float, str]:
    """How well the values fit the column, 0 to 1, and what they say."""
    fit, note = type_fit(profile, table, target)
    if not fit or profile.is_empty:
        return fit, note
    if target == DELIVERED[table].key[0] and table != "order_lines":
        return (fit, "every value is there once") if profile.unique else (fit * _REPEATED, "values repeat")
    if target == "line_no" and orders is not None and not _numbers_lines(sample, profile.header, orders):
        return 0.0, "not unique within the order"
    if orders is not None and orders.several.any():
        return _fit_of_orders(sample, profile, target, orders, (fit, note))
    return fit, note


def _fit_of_orders(
    sample: Sample, profile: ColumnProfile, target: str, orders: Orders, otherwise: tuple[float, str]
) -> tuple[float, str]:
    """What is of a line differs between the rows of an order; what is of an order does not."""
    fit = otherwise[0]
    constant = orders.is_constant(sample, profile.header)
    if target in _OF_LINES and constant and profile.distinct > 1:
        return fit * _WEAK, "the same on every row of an order"
    if target in _OF_ORDERS and not constant:
        return fit * _WEAK, "differs within orders"
    return otherwise


def type_fit(profile: ColumnProfile, table: str, target: str) -> tuple[float, str]:
    """How well the type of the values fits the column, 0 to 1, and what they say."""
    column = DELIVERED[table][target]
    needed = column.required and target not in {"customer_id"}
    if profile.is_empty:
        return (0.0 if needed or target == "line_no" else _EMPTY), "empty in the sample"
    numeric = profile.kind in {"number", "flag"}
    if column.type in {DAY, INSTANT}:
        return (1.0, "dates") if profile.kind == "date" else (0.0, "")
    if column.type == FLAG:
        return (1.0, "0 and 1") if profile.kind == "flag" else (0.0, "")
    if column.type != TEXT:
        fits = numeric and (profile.whole or column.type != WHOLE or column.unit == "JPY")
        return (1.0, f"numbers from {profile.minimum} to {profile.maximum}") if fits else (0.0, "")
    if column.allowed:
        few = profile.kind != "date" and profile.distinct <= _MOST_CODES
        return (1.0, f"{profile.distinct} different values") if few else (0.0, "")
    return (0.0, "") if profile.kind == "date" else (1.0, "")


def _numbers_lines(sample: Sample, header: str, orders: Orders) -> bool:
    index = sample.rows.columns[header].index.astype("int64")
    pairs = orders.of_row.astype("int64") * (int(index.max(initial=0)) + 1) + index
    return len(set(pairs.tolist())) == len(pairs)
