"""Rules that delivered rows break, what to do about each, and the quarantine that keeps such rows (隔離)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform.intake.mapping.breaches import Breach, Origin
from crm_platform.intake.reading.splitting import Broken
from crm_platform.intake.reading.text_column import Mask, Positions, TextColumn, union_of
from crm_platform.tables.delivered import QUARANTINED_ROWS

REMEDIES = {
    "field_count": "Deliver as many fields as the header has; put a value that holds the delimiter in quotation marks.",
    "quotation": "Close every quotation mark, and double one that belongs to a value.",
    "unreadable_bytes": "Export the row again in the encoding of the rest of the file.",
    "not_a_date": "Write it as 2025-06-30 or 2025/06/30 23:15; a number such as 45838 is a date that Excel saved so.",
    "not_a_number": "Write a plain number, for example 1234 or -1,234.",
    "not_whole": "Write a whole number.",
    "not_a_flag": "Write 1 or 0.",
    "missing": "Fill it in; it is required.",
    "below_minimum": "Correct the value; it is lower than is possible (a discount with a minus: times = -1).",
    "above_maximum": "Correct the value; it is higher than is possible.",
    "before_first_month": "Correct the date; the platform begins with January 2009.",
    "in_the_future": "Correct the date; it is later than the day of the delivery.",
    "implausible_date": "Correct the date; it is before 1900 or more than two years ahead.",
    "unknown_customer": "Deliver the customer in the customer master, written alike (Excel takes leading zeros away).",
    "unknown_product": "Deliver the product in the product master, written alike (Excel takes leading zeros away).",
    "duplicate_key": "Deliver each key once; this is a repeated one.",
    "zero_quantity": "Correct the quantity, or leave the line out.",
    "negative_standing_quantity": "Give a credit line the status returned or cancelled (返品, キャンセル).",
    "negative_price": "Write a credit as a negative quantity.",
    "discount_above_amount": "Correct the discount; it is more than quantity × price.",
    "personal_data": "Take the name, address or number out of this value; it is never stored.",
    "cancelled_but_standing": "Give the line the status cancelled or returned, or leave the day of cancellation empty.",
    "customer_differs_within_order": "Give every line of an order the same customer.",
    "rounded_by_spreadsheet": "Export it again and do not save it in a spreadsheet: the last digits are lost.",
    "unreadable_order_discount": "Write a number and a quantity in the order's discount row.",
    "stop_before_start": "Correct the day; the subscription starts later and had no delivery until then.",
    "amount_too_large": "Correct quantity and price; the line exceeds a trillion yen.",
}


def one_per_column(breaches: Sequence[Breach]) -> list[Breach]:
    """The same breaches, those of the same rule and delivered column as one (two targets may read one column)."""
    merged: dict[tuple[str, str], Breach] = {}
    for breach in breaches:
        former = merged.get((breach.rule, breach.column))
        rows = breach.rows if former is None else breach.rows | former.rows
        merged[breach.rule, breach.column] = Breach(breach.rule, breach.column, rows, breach.texts)
    return list(merged.values())


def masked(text: str) -> str:
    """The value masked: of a number, date or code the first and last character are kept, of any other text none."""
    if len(text) < 3 or not text.isascii():
        return "*" * min(len(text), 12)
    return f"{text[0]}{'*' * min(len(text) - 2, 10)}{text[-1]}"


def any_breach(breaches: Sequence[Breach], rows: int) -> Mask:
    """Rows that break at least one rule."""
    return union_of((breach.rows for breach in breaches), rows)


def quarantine_breaches(
    delivery_id: str, table: str, origin: Origin, breaches: Sequence[Breach], among: Mask
) -> list[pa.Table]:
    """QUARANTINED_ROWS of these breaches, for the rows in `among` (rows set aside are in nobody's way).

    Lines of one delivered row that break a rule with the same value are told once.
    """
    parts = []
    for breach in breaches:
        rows = _once_per_value(np.flatnonzero(breach.rows & among), origin, breach.texts)
        if len(rows):
            names = np.array(origin.files, dtype=object)[origin.file_of[rows]]
            values = [masked(text) for text in breach.texts.at(rows)] if breach.texts else [None] * len(rows)
            parts.append(_part(delivery_id, table, list(names), origin.row_numbers[rows], breach, values))
    return parts


def _once_per_value(rows: Positions, origin: Origin, texts: TextColumn | None) -> Positions:
    cells = {"file": origin.file_of[rows], "row": origin.row_numbers[rows], "value": texts.index[rows] if texts else 0}
    first: Positions = rows[~pd.DataFrame(cells, index=rows).duplicated(keep="first").to_numpy()]
    return first


def quarantine_broken(delivery_id: str, table: str, file: str, broken: Sequence[Broken]) -> list[pa.Table]:
    """QUARANTINED_ROWS of the rows that could not be read at all."""
    return [
        QUARANTINED_ROWS.from_columns(
            {
                "delivery_id": [delivery_id] * len(broken),
                "file_name": [file] * len(broken),
                "row_number": pa.array([item.row_number for item in broken], pa.int64()),
                "table": [table] * len(broken),
                "column": [item.column for item in broken],
                "masked_value": [item.met for item in broken],
                "rule": [item.rule for item in broken],
                "remedy": [REMEDIES[item.rule] for item in broken],
            }
        )
    ] * bool(broken)


def _part(
    delivery_id: str, table: str, files: list[str], row_numbers: Positions, breach: Breach, values: Sequence[str | None]
) -> pa.Table:
    rows = len(files)
    columns = {
        "delivery_id": [delivery_id] * rows,
        "file_name": files,
        "row_number": row_numbers,
        "table": [table] * rows,
        "column": [breach.column] * rows,
        "masked_value": pa.array(values, pa.string()),
        "rule": [breach.rule] * rows,
        "remedy": [REMEDIES[breach.rule]] * rows,
    }
    return QUARANTINED_ROWS.from_columns(columns)
