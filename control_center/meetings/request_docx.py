"""Phụ lục I as a Word document."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import parse_xml
from docx.shared import Mm, Pt

from control_center.logbook import docx_parts as word
from control_center.logbook.printed import Box
from control_center.meetings.request import Printed

COLUMNS_MM = (14, 47, 45, 24, 30)
SIZE_PT = 13
WIDTH_MM = 160


def render_docx(form: Printed, at: datetime) -> bytes:
    """Set the form on A4 upright with the margins and letters of Nghị định 30/2020/NĐ-CP; `at` is its date of making."""
    made = docx.Document()
    section = made.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = section.right_margin = Mm(20)
    section.left_margin = Mm(30)
    word.set_letters(made, SIZE_PT)
    properties = made.core_properties
    properties.title, properties.author, properties.comments, properties.language = form.title, "", "", "vi-VN"
    properties.created = properties.modified = at.astimezone(UTC).replace(tzinfo=None)
    _head(made, form.head)
    _centred(made, form.title, bold=True, size_pt=14)
    _centred(made, form.to)
    for line in form.lines:
        _line(made, line)
    _table(made, form)
    _boxes(made, form)
    made.add_paragraph(form.plea)
    _signatures(made, form)
    raw = io.BytesIO()
    made.save(raw)
    return word.without_clock(raw.getvalue())


def _head(made: Any, pairs: tuple[tuple[str, str], ...]) -> None:
    table = made.add_table(rows=len(pairs), cols=2)
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for row, pair in zip(table.rows, pairs, strict=True):
        for cell, text, width in zip(row.cells, pair, (56, 104), strict=True):
            cell.width = Mm(width)
            paragraph = cell.paragraphs[0]
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            run = paragraph.add_run(text)
            run.bold, run.font.size = True, Pt(12)


def _centred(made: Any, text: str, *, bold: bool = False, size_pt: float = SIZE_PT) -> None:
    paragraph = made.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Mm(15)
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(8)
    run = paragraph.add_run(text)
    run.bold, run.font.size = bold, Pt(size_pt)


def _line(made: Any, pairs: tuple[tuple[str, str], ...]) -> None:
    """Label and what is filled in, or dots; two on a line where both fit, else one below the other."""
    long = any(len(f"{label} {said}") > 38 for label, said in pairs)
    stops = [WIDTH_MM / len(pairs) * number for number in range(1, len(pairs) + 1)]
    paragraph = None
    for number, (label, said) in enumerate(pairs):
        if paragraph is None or long:
            paragraph = made.add_paragraph()
            for stop in [WIDTH_MM] if long else stops:
                paragraph.paragraph_format.tab_stops.add_tab_stop(
                    Mm(stop), WD_TAB_ALIGNMENT.LEFT, WD_TAB_LEADER.SPACES if said else WD_TAB_LEADER.DOTS
                )
        paragraph.add_run(f"{label} ")
        if said:
            paragraph.add_run(said).bold = True
        if not said or (not long and number + 1 < len(pairs)):
            paragraph.add_run("\t")


def _table(made: Any, form: Printed) -> None:
    table = made.add_table(rows=0, cols=len(form.columns))
    table.style, table.alignment, table.autofit = "Table Grid", WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(table.columns, COLUMNS_MM, strict=True):
        column.width = Mm(width)
    heads = [
        word.cell(width, [word.paragraph([word.run(name, bold=True)], centred=True)])
        for width, name in zip(COLUMNS_MM, form.columns, strict=True)
    ]
    rows = [word.row(heads, header=True)]
    for cells in form.rows:
        set_cells = [
            word.cell(width, [word.paragraph([word.run(text)], centred=name in {form.columns[0], form.columns[3]})])
            for width, text, name in zip(COLUMNS_MM, cells, form.columns, strict=True)
        ]
        rows.append(word.row(set_cells))
    for row in parse_xml(f"<w:tbl {word.NAMESPACES}>{''.join(rows)}</w:tbl>"):
        table._tbl.append(row)


def _boxes(made: Any, form: Printed) -> None:
    heading = made.add_paragraph(form.other)
    heading.paragraph_format.space_before = Pt(6)
    maker = word.BoxMaker()
    runs = [
        piece
        for name, crossed in form.needs
        for piece in (maker.box(Box(name, crossed), form.other), word.run(f"\N{NO-BREAK SPACE}{name} "))
    ]
    made._body._body.insert_element_before(parse_xml(word.paragraph(runs).replace("<w:p>", f"<w:p {word.NAMESPACES}>", 1)), "w:sectPr")


def _signatures(made: Any, form: Printed) -> None:
    date = made.add_paragraph()
    date.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    date.paragraph_format.keep_with_next = True
    date.paragraph_format.space_before = Pt(8)
    date.add_run(form.date_line).italic = True
    table = made.add_table(rows=1, cols=2)
    table.rows[0]._tr.get_or_add_trPr().append(parse_xml(f"<w:cantSplit {word.NAMESPACES}/>"))
    for cell, (who, how) in zip(table.rows[0].cells, form.signatures, strict=True):
        first, second = cell.paragraphs[0], cell.add_paragraph()
        first.alignment = second.alignment = WD_ALIGN_PARAGRAPH.CENTER
        first.add_run(who).bold = True
        second.add_run(how).italic = True
        second.paragraph_format.space_after = Mm(22)
