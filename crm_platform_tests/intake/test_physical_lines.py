"""Lines that are split by counting, held against the csv module of the standard library."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from crm_platform.intake.reading import physical_lines
from crm_platform.intake.reading.physical_lines import PhysicalLines

LINES = st.lists(st.text('a",\r', max_size=8), min_size=1, max_size=6).map(lambda lines: "\n".join(lines) + "\n")
VALUES = st.text('a",; \t', max_size=6)


@given(LINES)
def test_a_line_that_is_not_odd_holds_the_fields_that_a_csv_reader_finds_in_it(text: str):
    lines = PhysicalLines.of(text.encode(), ",")
    for position in range(len(lines)):
        if not lines.odd[position]:
            line = lines[position].decode()
            found = next(csv.reader(io.StringIO(line, newline=""), strict=True)) or [""]
            assert len(found) == lines.delimiters[position] + 1


@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=5), st.sampled_from(["\r\n", "\n"]))
def test_no_line_that_a_csv_writer_writes_is_odd(rows: list[list[str]], end: str):
    written = io.StringIO()
    csv.writer(written, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    lines = PhysicalLines.of(written.getvalue().encode(), ",")
    assert not lines.odd.any()
    assert (lines.delimiters + 1).tolist() == [len(row) for row in rows]


@given(LINES, st.integers(1, 12))
def test_where_a_block_of_bytes_ends_changes_nothing(text: str, block_bytes: int):
    whole = PhysicalLines.of(text.encode(), ",")
    before, physical_lines._BLOCK_BYTES = physical_lines._BLOCK_BYTES, block_bytes
    try:
        blocks = PhysicalLines.of(text.encode(), ",")
    finally:
        physical_lines._BLOCK_BYTES = before
    for part in ("starts", "delimiters", "odd"):
        assert getattr(blocks, part).tolist() == getattr(whole, part).tolist()


def test_a_quotation_over_two_lines_and_a_mark_within_a_word_are_odd():
    lines = PhysicalLines.of(b'"a,\nb",c\na"b,c\n"a" ,b\n"say ""a,b""",c\n', ",")
    assert lines.odd.tolist() == [True, True, True, True, False]
    assert lines.delimiters[-1] == 1
