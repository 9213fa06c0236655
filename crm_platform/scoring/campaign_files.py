"""A campaign measured from plain files of groups, orders and contacts, without a client (R85).

Groups come as `customer_id, group`, which the delivered test_groups.csv (顧客番号, グループ) is as well. Without an
alert there is no predicted fall: who was retained is judged by what he bought in as many days before the start.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.alerts.measuring.campaign_contacts import UnitCosts
from crm_platform.alerts.measuring.measurement import CampaignResult, measure_campaign
from crm_platform.intake.reading.raw_rows import code_form
from crm_platform.intake.reading.text_column import TextColumn
from crm_platform.periods import Term
from crm_platform.refusals import Refused
from crm_platform.scoring.customer_days import days_before
from crm_platform.scoring.order_columns import Delivered, Orders, Source, texts_of, typed_orders
from crm_platform.scoring.order_files import delivered_columns, read_orders
from crm_platform.tables.alerts import TEST_GROUPS

_SPELLINGS = {"顧客番号": "customer_id", "グループ": "group", "test_group": "group", "チャネル": "channel"}
_CONTACT_SPELLINGS = {"顧客番号": "customer_id", "unit_cost_jpy": "unit_cost", "チャネル": "channel"}
_GROUPS = {"1": "treated", "2": "control", "treated": "treated", "control": "control"}  # ① and ② are 1 and 2 in NFKC
_NO_CHANNEL = "(none)"
_MOST_DAYS = 3_660  # ten years; no test is read for longer


def measure_files(
    groups: Path,
    orders: Path,
    started_on: dt.date,
    days: int,
    *,
    contacts: Path | None = None,
    as_of: dt.date | None = None,
    unit_cost: float | None = None,
) -> CampaignResult:
    """The result of the campaign whose groups are in `groups`, in the currency of the orders; named by that file.

    Args:
        groups: `customer_id`, `group` (①, ②, treated or control), and `channel` if there is one.
        orders: `customer_id`, `ordered_on`, `amount`, as `read_orders` reads them; also from before the start.
        started_on: first day of the window.
        days: how many days it has.
        contacts: `customer_id`, `contacted_on`, and `channel` and `unit_cost` if there are any.
        as_of: last day known; that of the last order by default.
        unit_cost: cost of a contact whose own row names none.

    Raises:
        Refused: the window or the cost is none, a file lacks a column, a row cannot be relied on, or
            `measure_campaign` refuses.
        OSError: a file cannot be read.
    """
    if not 1 <= days <= _MOST_DAYS:
        raise Refused(f"the window is {days} days long.", f"Give it at least one day, at most {_MOST_DAYS:,}.")
    if unit_cost is not None and not 0 <= unit_cost < float("inf"):
        raise Refused(f"the cost of a contact is {unit_cost}.", "Give an amount, 0 or more.")
    bought = read_orders(orders)
    known_to = as_of or bought.ordered_on.max().astype(object)
    if bought.ordered_on.min() > np.datetime64(known_to, "D"):
        raise Refused(f"no order is dated up to {known_to}.", "Name a later last day.", file=orders.name)
    scored = days_before(bought, known_to + dt.timedelta(days=1))
    labels = {str(customer): f"{place:09}" for place, customer in enumerate(scored.customer_ids.to_pylist())}
    campaign_id = groups.name.partition(".")[0]
    return measure_campaign(
        _read_groups(groups, campaign_id, labels),
        scored.days,
        Term(started_on, started_on + dt.timedelta(days=days - 1)),
        known_to,
        contacts=_read_contacts(contacts, campaign_id, labels) if contacts else None,
        unit_costs=UnitCosts(otherwise=unit_cost),
        unit_jpy=scored.unit,
    )


# --- inside -----------------------------------------------------------------------------------------------------------


def _read_groups(path: Path, campaign_id: str, labels: Mapping[str, str]) -> pa.Table:
    """TEST_GROUPS of a file, customers named as in the days; Refused names the first row that is in no group."""
    columns, source = delivered_columns(path, ("customer_id", "group"), ("channel",), _SPELLINGS)
    customers = _customers(columns["customer_id"], source, labels)
    written = _texts("group", columns["group"], source)
    groups = [_GROUPS.get(code_form(text).removeprefix("グループ")) for text in written]
    unknown = np.array([group is None for group in groups])
    remedy = "Write ① or treated for who was contacted, ② or control for who was not."
    source.refuse("group", unknown, columns["group"], "names no group", remedy)
    channels = _texts("channel", columns["channel"], source) if "channel" in columns else [""] * len(groups)
    planned = [
        (channel or None) if group == "treated" else None for channel, group in zip(channels, groups, strict=True)
    ]
    return TEST_GROUPS.from_columns(
        {
            "customer_id": pa.array(customers, pa.string()),
            "campaign_id": pa.array([campaign_id] * len(groups), pa.string()),
            "test_group": pa.array(groups, pa.string()),
            "channel": pa.array(planned, pa.string()),
            "stratum": pa.array([1] * len(groups), pa.int64()),
        }
    )


def _read_contacts(path: Path, campaign_id: str, labels: Mapping[str, str]) -> pa.Table:
    """CONTACTS of a file, customers named as in the days; costs may be fractions in a currency with cents."""
    columns, source = delivered_columns(
        path, ("customer_id", "contacted_on"), ("channel", "unit_cost"), _CONTACT_SPELLINGS
    )
    source = replace(source, called={"ordered_on": "contacted_on", "amount": "unit_cost"})
    given, unknown = _with_a_cost(columns["unit_cost"]) if "unit_cost" in columns else (None, None)
    read = _typed({**columns, "unit_cost": given} if given is not None else columns, source)
    customers = read.customer_ids.cast(pa.string()).take(pa.array(read.customer))
    channels = _texts("channel", columns["channel"], source) if "channel" in columns else [""] * len(customers)
    costs = pa.nulls(len(customers), pa.float64()) if unknown is None else pa.array(read.amount, mask=unknown)
    return pa.table(
        {
            "customer_id": pa.array([_label(who, labels) for who in customers.to_pylist()], pa.string()),
            "campaign_id": pa.array([campaign_id] * len(customers), pa.string()),
            "contacted_on": pa.array(read.ordered_on).cast(pa.date32()),
            "channel": pa.array([channel or _NO_CHANNEL for channel in channels], pa.string()),
            "unit_cost_jpy": costs,
        }
    )


def _with_a_cost(delivered: Delivered) -> tuple[Delivered, npt.NDArray[np.bool_]]:
    """The costs with 0 in every empty cell, and which cells are empty: such a contact's cost is not known."""
    if isinstance(delivered, TextColumn):
        texts = delivered.texts
        empty = pc.equal(texts, "")
        return TextColumn.of(pc.if_else(empty, "0", texts)), np.asarray(empty.to_numpy(zero_copy_only=False))
    empty = pc.is_null(delivered)
    nothing = pa.scalar(0).cast(delivered.type) if not pa.types.is_null(delivered.type) else None
    filled = pa.array([0.0] * len(delivered)) if nothing is None else pc.fill_null(delivered, nothing)
    return filled, np.asarray(empty.to_numpy(zero_copy_only=False))


def _typed(columns: Mapping[str, Delivered], source: Source) -> Orders:
    """A contact is read as an order is: whose, on which day, for how much."""
    rows = len(
        columns["customer_id"].index if isinstance(columns["customer_id"], TextColumn) else columns["customer_id"]
    )
    nothing = TextColumn.constant("0", rows)
    read = typed_orders(
        {
            "customer_id": columns["customer_id"],
            "ordered_on": columns["contacted_on"],
            "amount": columns.get("unit_cost", nothing),
        },
        source,
    )
    source.refuse("amount", read.amount < 0, columns.get("unit_cost", nothing), "is below 0", "Write what it cost.")
    return read


def _customers(delivered: Delivered, source: Source, labels: Mapping[str, str]) -> list[str]:
    texts = _texts("customer_id", delivered, source)
    empty = np.array([not text for text in texts])
    source.refuse("customer_id", empty, delivered, "names no customer", "Name the customer of each row.")
    return [_label(text, labels) for text in texts]


def _label(customer: str, labels: Mapping[str, str]) -> str:
    """The name that the days know; who never ordered keeps the own number, after all of these."""
    return labels.get(customer, f"never ordered: {customer}")


def _texts(column: str, delivered: Delivered, source: Source) -> Sequence[str]:
    if isinstance(delivered, pa.Array) and pa.types.is_dictionary(delivered.type):
        delivered = delivered.dictionary_decode()
    found = texts_of(delivered)
    if found is None:
        raise source.refuse_type(column, delivered.type if isinstance(delivered, pa.Array) else "text", "Write text.")
    texts: list[str] = pc.fill_null(found.distinct.take(pa.array(found.index)), "").to_pylist()
    return texts
