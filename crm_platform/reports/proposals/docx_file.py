"""A proposal as DOCX, for the client to edit: the same texts, with headings, header rows and language marked."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from typing import Any, Final

from docx import Document
from docx.document import Document as Docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from crm_platform.reports import theme
from crm_platform.reports.glyphs import broken
from crm_platform.reports.pages import Grid
from crm_platform.reports.proposals.document import Block, Form, Points, Proposal, Said
from crm_platform.reports.proposals.pdf_file import relative_widths

OFFICE_FONT: Final = "Yu Gothic"  # every Office has it; ours cannot be carried inside
LOCALES: Final = {"ja": "ja-JP", "en": "en-GB"}
TEXT_WIDTH_MM: Final = 166.0
_BODY, _SMALL, _CELL = 9.4, 7.0, 8.4
_LEADING = 1.5  # told to the point: left to itself, Office sets this font almost twice as high
SHORT_COLUMN, OTHER_FONT = 100.0, 1.2  # points; how much wider than ours the font of an Office may be
WHOLE_ROWS: Final = 9  # of a table that no page's end parts
_SAME_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say


def write_docx(proposal: Proposal) -> bytes:
    """The proposal as DOCX; equal proposals give equal bytes."""
    document = Document()
    _set_up(document, proposal)
    _title(document, proposal)
    for part in proposal.parts:
        document.add_heading(part.heading, level=2)
        for block in part.blocks:
            _add(document, block)
    written = io.BytesIO()
    document.save(written)
    return _without_clock(written.getvalue())


def _title(document: Docx, proposal: Proposal) -> None:
    _line(document, proposal.kind, size=12, bold=True, colour=theme.NAVY)
    _line(document, proposal.addressed_to)
    _line(document, proposal.dated, colour=theme.QUIET)
    _line(document, proposal.name_label, size=8, bold=True, colour=theme.QUIET)
    _heading(document, proposal)
    _add(document, proposal.form)


def _heading(document: Docx, proposal: Proposal) -> None:
    """The name of the plan; in Japanese its lines break between phrases, as in the PDF."""
    is_japanese = proposal.language == "ja"
    lines = broken(proposal.name, theme.CHAPTER_SIZE, theme.TITLE_WIDTH) if is_japanese else [proposal.name]
    heading = document.add_heading(lines[0], level=1)
    for line in lines[1:]:
        heading.add_run().add_break()
        heading.add_run(line)


# --- blocks -----------------------------------------------------------------------------------------------------------


def _add(document: Docx, block: Block) -> None:
    if isinstance(block, Said):
        _said(document.add_paragraph(), block)
    elif isinstance(block, Points):
        for item in block.items:
            _said(document.add_paragraph(style="List Bullet"), item)
    elif isinstance(block, Form):
        _form(document, block)
    else:
        _grid(document, block)


def _said(paragraph: Paragraph, said: Said) -> None:
    """A statement: lead, numbers and source, each on a line of its own."""
    looks: dict[str, dict[str, Any]] = {
        said.lead: {"bold": True},
        said.text: {},
        said.source: {"size": _SMALL, "colour": theme.QUIET},
    }
    for place, text in enumerate(said.texts):
        if place:
            paragraph.add_run().add_break()
        _run(paragraph, text, **looks[text])


def _form(document: Docx, form: Form) -> None:
    rows = [(label, form.mark) for label in form.labels]
    table = document.add_table(rows=len(rows), cols=2)
    _lay_out(table, (1.0, 3.0), "")
    for row, (label, mark) in zip(table.rows, rows, strict=True):
        _write(row.cells[0], label, bold=True)
        _write(row.cells[1], mark, size=_SMALL, colour=theme.QUIET)
        for cell in row.cells:
            _rule(cell, theme.QUIET)


def _grid(document: Docx, grid: Grid) -> None:
    if grid.title:
        title = _line(document, grid.title, bold=True)
        title.paragraph_format.keep_with_next = True
    table = document.add_table(rows=1, cols=len(grid.headers))
    _lay_out(table, _office_widths(grid), grid.title or grid.headers[0])
    heads = table.rows[0]
    heads._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # read as headers, repeated on the next page
    for cell, header, number in zip(heads.cells, grid.headers, grid.numeric, strict=True):
        _write(cell, header, bold=True, colour=theme.QUIET, right=number)
        _rule(cell, theme.NAVY)
    for row in grid.rows:
        for cell, text, number in zip(table.add_row().cells, row, grid.numeric, strict=True):
            _write(cell, text, right=number)
            _rule(cell, theme.HAIRLINE)
    _keep_together(table)
    after = document.add_paragraph()
    if grid.source:
        _run(after, grid.source, size=_SMALL, colour=theme.QUIET)


def _office_widths(grid: Grid) -> list[float]:
    """Points per column: short columns as wide as their text needs in another font, sentences share what is left."""
    needed = relative_widths(grid)
    short = [width * OTHER_FONT if width <= SHORT_COLUMN else 0.0 for width in needed]
    long = [0.0 if kept else width for kept, width in zip(short, needed, strict=True)]
    left = Mm(TEXT_WIDTH_MM).pt - sum(short)
    if not sum(long) or left < len(needed) * SHORT_COLUMN / 2:
        return needed
    return [kept or left * width / sum(long) for kept, width in zip(short, long, strict=True)]


def _keep_together(table: Table) -> None:
    """No row is parted by a page's end; the rows stay with one another and with the source below them."""
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell in row.cells:
            cell.paragraphs[0].paragraph_format.keep_with_next = len(table.rows) <= WHOLE_ROWS


def _lay_out(table: Table, widths: Sequence[float], caption: str) -> None:
    """Columns of these relative widths over the width of the text, and the name that a screen reader says."""
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(TEXT_WIDTH_MM * width / sum(widths))
        for cell in column.cells:
            cell.width = column.width
    if caption:
        named = OxmlElement("w:tblCaption")
        named.set(qn("w:val"), caption)
        table._tbl.tblPr.append(named)


def _write(cell: _Cell, text: str, right: bool = False, **look: Any) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.space_after, paragraph.paragraph_format.line_spacing = Pt(2), Pt(_CELL * _LEADING)
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if right else WD_ALIGN_PARAGRAPH.LEFT
    _run(paragraph, text, **{"size": _CELL, **look})


def _rule(cell: _Cell, colour: str) -> None:
    """A line below the cell."""
    borders, below = OxmlElement("w:tcBorders"), OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "0"), ("color", colour.removeprefix("#"))):
        below.set(qn(f"w:{name}"), value)
    borders.append(below)
    cell._tc.get_or_add_tcPr().append(borders)


def _line(document: Docx, text: str, **look: Any) -> Paragraph:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(2)
    _run(paragraph, text, **look)
    return paragraph


def _run(paragraph: Paragraph, text: str, size: float = _BODY, bold: bool = False, colour: str = theme.INK) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, RGBColor.from_string(colour.removeprefix("#"))


# --- page, styles, properties -----------------------------------------------------------------------------------------


def _set_up(document: Docx, proposal: Proposal) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(22)
    section.top_margin = section.bottom_margin = Mm(18)
    foot = section.footer.paragraphs[0]
    _run(foot, f"{proposal.confidential}  {proposal.kind}  ", size=_SMALL, colour=theme.QUIET)
    _page_number(foot)
    for name, size, colour in (
        ("Normal", _BODY, theme.INK),
        ("List Bullet", _BODY, theme.INK),
        ("Heading 1", theme.CHAPTER_SIZE, theme.NAVY),
        ("Heading 2", 11.0, theme.NAVY),
    ):
        _set_style(document.styles[name], size, colour)
    _say_language(document, proposal.language)
    _describe(document, proposal)


def _set_style(style: Any, size: float, colour: str) -> None:
    """The style in our size, in the font that every Office has; the template's theme font would win otherwise."""
    style.font.name, style.font.size = OFFICE_FONT, Pt(size)
    style.font.color.rgb = RGBColor.from_string(colour.removeprefix("#"))
    style.paragraph_format.space_after, style.paragraph_format.line_spacing = Pt(4), Pt(size * _LEADING)
    if style.name.startswith("Heading"):
        style.paragraph_format.space_before = Pt(6 if style.name.endswith("1") else 12)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in [name for name in fonts.attrib if name.endswith("Theme")]:
        del fonts.attrib[name]
    fonts.set(qn("w:eastAsia"), OFFICE_FONT)


def _say_language(document: Docx, language: str) -> None:
    for said in document.styles.element.iter(qn("w:lang")):
        said.set(qn("w:val"), LOCALES[language])
        said.set(qn("w:eastAsia"), LOCALES["ja"])


def _describe(document: Docx, proposal: Proposal) -> None:
    """Title, author and days of the document; no clock."""
    day = dt.datetime.fromisoformat(proposal.as_of)
    properties = document.core_properties
    properties.title, properties.author = f"{proposal.kind} {proposal.name}"[:255], proposal.client
    properties.language, properties.comments, properties.last_modified_by = LOCALES[proposal.language], "", ""
    properties.created = properties.modified = day


def _page_number(paragraph: Paragraph) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)


def _without_clock(content: bytes) -> bytes:
    """The same package, with no time of day in it."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as read, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for part in read.infolist():
            entry = zipfile.ZipInfo(part.filename, _SAME_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, read.read(part.filename))
    return written.getvalue()
