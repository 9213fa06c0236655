"""`customer_powers.csv`: every customer's levels, kind and offer (R53-R57), written column by column for millions."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.reports.csv_files import DEFAULT_ENCODING, FORMULA_STARTS, encoded, guarded
from crm_platform.reports.wording import Wording

_COLUMNS = {
    "retention_level": "retention_level",
    "purchasing_level": "purchasing_level",
    "profit_level": "profit_level",
    "buyer_kind": "buyer_kind",
    "action": "power_action",
}
_HEADERS = ("customer_id", "retention_power", "purchasing_power", "profitability", "buyer_kind", "power_action")
_LINE_END = "\r\n"
_FORMULA = f"^({'|'.join(re.escape(start) for start in FORMULA_STARTS)})"
_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"


def customer_powers_csv(customers: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,継続力,購買力,収益力,買い方,施策`: one row per customer, from `diagnosis.current_state.customer_list`.

    ValueError where a customer has two rows; Refused for a character that the encoding lacks.
    """
    ordered = customers.sort_by("customer_id")
    numbers = ordered["customer_id"].cast(pa.large_string()).combine_chunks()
    if len(pc.unique(numbers)) < len(numbers):
        raise ValueError("a customer has more than one row, where a list holds each customer once")
    columns = [_guarded(numbers), *(_worded(ordered[name], key, wording) for name, key in _COLUMNS.items())]
    header = pa.array([",".join(_quoted_cell(wording.text(f"csv.{name}")) for name in _HEADERS)], pa.large_string())
    lines = pa.concat_arrays([header, pc.binary_join_element_wise(*columns, _large(","))])
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(lines)], pa.int64()), lines)
    text = pc.binary_join(whole, _large(_LINE_END))[0].as_py()
    return encoded(f"{text}{_LINE_END}", encoding)


def _worded(values: pa.ChunkedArray, key: str, wording: Wording) -> pa.Array:
    """The words of each value, looked up once per different value."""
    coded = values.combine_chunks().dictionary_encode()
    words = [_quoted_cell(guarded(wording.text(f"{key}.{value}"))) for value in coded.dictionary.to_pylist()]
    return pa.array(words, pa.large_string()).take(coded.indices)


def _guarded(texts: pa.Array) -> pa.Array:
    """`csv_files.guarded` and the quotes of CSV, for a whole column."""
    computed = pc.and_(pc.match_substring_regex(texts, _FORMULA), pc.invert(pc.match_substring_regex(texts, _NUMBER)))
    safe = pc.if_else(computed, _joined(_large("'"), texts), texts)
    doubled = pc.replace_substring(safe, '"', '""')
    special = pc.match_substring_regex(safe, '[",\\r\\n]')
    return pc.if_else(special, _joined(_large('"'), doubled, _large('"')), safe)


def _joined(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _large(""))


def _large(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _quoted_cell(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if set(text) & set('",\r\n') else text
