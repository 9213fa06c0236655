from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from crm_platform.clients import Client
from crm_platform.lake import MadeFrom
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.nothing_without import nothing_without
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables.delivered import MEDIA

MONTH = Month(2025, 3)


@nothing_without("media", "the known answer")
def asked(at: ClientMonth) -> str:
    """What is asked."""
    return f"computed for {at.month}"


def month_with(folder: Path, rows: pa.Table | None) -> ClientMonth:
    platform = Platform(data_folder=str(folder))
    if rows is not None:
        platform.lake.write("acme", MEDIA, MONTH, rows, MadeFrom({}, "", ""))
    return ClientData(platform, Client("acme", "試験商店")).at(MONTH)


def test_a_month_whose_table_has_no_row_is_given_the_known_answer_and_one_with_a_row_is_asked(tmp_path: Path) -> None:
    nothing = pa.nulls(1, pa.string())
    one = MEDIA.from_columns({**dict.fromkeys(MEDIA.names, nothing), "media_id": pa.array(["tv"])})
    assert asked(month_with(tmp_path / "none", MEDIA.empty())) == "the known answer"
    assert asked(month_with(tmp_path / "one", one)) == "computed for 2025-03"


def test_a_table_that_is_not_there_is_refused_and_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no media for 2025-03"):
        asked(month_with(tmp_path, None))


def test_the_asset_still_says_what_it_means() -> None:
    assert (asked.__name__, asked.__doc__) == ("asked", "What is asked.")
