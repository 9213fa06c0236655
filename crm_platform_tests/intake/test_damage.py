"""Whatever arrives: a refusal with a remedy, or accounts that close. And whatever was written well is read back."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.clients.mapping import TableMapping
from crm_platform.intake import DeliveredFile
from crm_platform.intake.reading.raw_rows import read_rows
from crm_platform.refusals import Refused
from crm_platform.tables import TABLES
from crm_platform_tests.intake.deliveries import LINE_HEADERS, examine, line, masters, text_of

SOUND = text_of([LINE_HEADERS, *[line(f"A{n}") for n in range(8)]]).encode("cp932")
HEADER_BYTES = len(text_of([LINE_HEADERS]).encode("cp932"))
DAMAGE = st.tuples(
    st.integers(0, len(SOUND)),
    st.integers(0, 12),
    st.one_of(
        st.sampled_from(
            [b'"', b"\t", b"\r\n", b"\r", b"\n", b"\x81", b"\xff", b"\0", b'"\n"', b"9" * 18, b"-", "返品".encode()]
        ),
        st.binary(max_size=4),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(DAMAGE, min_size=1, max_size=6), st.booleans())
def test_damaged_files_are_refused_or_their_accounts_close(damages, spare_header):
    content = SOUND
    for place, removed, inserted in damages:
        at = max(place, HEADER_BYTES) if spare_header else place
        content = content[:at] + inserted + content[at + removed :]
    try:
        admitted = examine([*masters(), DeliveredFile("order_lines.tsv", content)])
    except Refused as refusal:
        assert refusal.file
        assert refusal.remedy
        return
    account = admitted.receipt["accounts"]["order_lines"]
    assert account["delivered"] == account["admitted"] + account["quarantined"]
    assert account["admitted"] == admitted.tables["order_lines"].num_rows
    assert (
        account["amount_jpy"]["delivered"] == account["amount_jpy"]["admitted"] + account["amount_jpy"]["quarantined"]
    )
    assert all(TABLES[name].faults(table) == [] for name, table in admitted.tables.items())


CELLS = st.text(st.sampled_from('ab"\t,\n 青①　'), max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12),
    st.sampled_from(["\t", ","]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_whatever_a_sound_writer_wrote_is_read_back(rows, delimiter, quoting):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")
    writer.writerows([["key", "青", "b", "c"], *[[f"k{n}", *row] for n, row in enumerate(rows)]])
    read = read_rows(DeliveredFile("x.tsv", out.getvalue().encode("cp932")), TableMapping("products"))
    assert read.broken == ()
    found = [read.columns[name].texts.to_pylist() for name in ("青", "b", "c")]
    assert list(zip(*found, strict=True)) == [tuple(cell.strip() for cell in row) for row in rows]
    lines = out.getvalue().split("\n")
    assert all(f"k{n}" in lines[number - 1] for n, number in enumerate(read.row_numbers))
