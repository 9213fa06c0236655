"""Scores as a file: CSV, TSV or Parquet as its name says, there whole or not at all."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from crm_platform.lake.files import write_whole
from crm_platform.refusals import Refused

_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
_NEEDS_QUOTES = r"""[",\t\r\n]"""
_ENDINGS = (*_DELIMITERS, ".parquet")


def refuse_target(path: Path) -> None:
    """Refused where `path` names no file that scores can be written to; nothing is written."""
    if _ending(path) not in _ENDINGS or (_ending(path) == ".parquet" and _is_packed(path)):
        ways = ".csv, .tsv, .txt (also with .gz) or .parquet"
        raise Refused(f"{path.name} does not say how to write it.", f"Let its name end in {ways}.", file=str(path))
    if not path.parent.is_dir():
        raise Refused(f"there is no folder {path.parent}.", "Make it first, or name another.", file=str(path))
    if path.is_dir():
        raise Refused("this is a folder.", "Name a file in it.", file=str(path))


def write_scores(scores: pd.DataFrame, path: Path) -> None:
    """Write them; text is UTF-8 with a header line, numbers with every digit, a .gz without a clock's time."""
    refuse_target(path)
    table = pa.Table.from_pandas(scores, preserve_index=False)
    content = io.BytesIO()
    if _ending(path) == ".parquet":
        pq.write_table(table, content, compression="zstd")
    else:
        plain = not pc.any(pc.match_substring_regex(table["customer_id"].cast(pa.string()), _NEEDS_QUOTES)).as_py()
        style = "none" if plain else "needed"  # which quotes every id
        options = pacsv.WriteOptions(delimiter=_DELIMITERS[_ending(path)], quoting_style=style, quoting_header="none")
        pacsv.write_csv(table, content, options)
    packed = gzip.compress(content.getvalue(), mtime=0) if _is_packed(path) else content.getvalue()
    write_whole(path, packed)


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _ending(path: Path) -> str:
    return (path.with_suffix("") if _is_packed(path) else path).suffix.lower()
