"""The delivered tables as assets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset, client_months_asset
from crm_platform.orchestration.recipe import Recipe, rows_digest


def lines_of(at: ClientMonth) -> pa.Table:
    """The order lines of one month, all deliveries merged."""
    lines = at.data.merged["order_lines"]
    ordered_at = lines["ordered_at"]
    first, after = (midnight(day) for day in (at.month.first_day, at.month.plus(1).first_day))
    return lines.filter(pc.and_(pc.greater_equal(ordered_at, first), pc.less(ordered_at, after)))


def midnight(day: dt.date) -> pa.Scalar:
    """The day's first instant, to compare order times with."""
    return pa.scalar(dt.datetime.combine(day, dt.time()), pa.timestamp("s"))


def master_recipe(name: str) -> Recipe:
    """A master: the whole of it, as the latest delivery knows it."""
    return Recipe(name, "intake", further_inputs=lambda at: {"deliveries": rows_digest(at.data.merged[name])})


@client_months_asset(
    Recipe("order_lines", "intake", further_inputs=lambda at: {"deliveries": rows_digest(lines_of(at))})
)
def order_lines(months: Sequence[ClientMonth]) -> Mapping[ClientMonth, pa.Table]:
    """Order lines (取引明細) of the month, admitted and merged over all deliveries: the latest delivery wins."""
    return {at: lines_of(at) for at in months}


@client_month_asset(master_recipe("products"))
def products(at: ClientMonth) -> pa.Table:
    """Product master (商品マスター), as the latest delivery knows it."""
    return at.data.merged["products"]


@client_month_asset(master_recipe("customers"))
def customers(at: ClientMonth) -> pa.Table:
    """Customer master without personal data (顧客マスター), as the latest delivery knows it."""
    return at.data.merged["customers"]


@client_month_asset(master_recipe("media"))
def media(at: ClientMonth) -> pa.Table:
    """Media master with costs (媒体マスター), as the latest delivery knows it."""
    return at.data.merged["media"]
