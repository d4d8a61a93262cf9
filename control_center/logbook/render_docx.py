"""Form II as a Word document whose boxes are clicked (``w14:checkbox`` content controls)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import docx
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt

from control_center.logbook import docx_parts as word
from control_center.logbook.form import FormDocument
from control_center.logbook.printed import Box, Printed, PrintedLine, PrintedRow, printed

COLUMNS_MM = (14, 40, 85, 108)
SIZE_PT = 13
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def render_docx(document: FormDocument) -> bytes:
    """Set the form; the same document gives the same bytes."""
    form = printed(document)
    made = docx.Document()
    _page(made)
    made_at = document.drafted_at or document.ends_at or _EPOCH
    properties = made.core_properties
    properties.title, properties.author, properties.comments, properties.language = form.title, "", "", "vi-VN"
    properties.created = properties.modified = made_at.astimezone(UTC).replace(tzinfo=None)
    _heading(made, form)
    _table(made, form)
    if form.signatures:
        _signatures(made, form)
    raw = io.BytesIO()
    made.save(raw)
    return word.without_clock(raw.getvalue())


def _page(made: Any) -> None:
    """A4 landscape with the margins, letters and page number of Nghị định 30/2020/NĐ-CP."""
    section = made.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.LANDSCAPE, Mm(297), Mm(210)
    section.top_margin = section.bottom_margin = section.right_margin = Mm(20)
    section.left_margin, section.header_distance = Mm(30), Mm(10)
    section.different_first_page_header_footer = True
    number = section.header.paragraphs[0]
    number.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field = parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr="PAGE"><w:r><w:t>2</w:t></w:r></w:fldSimple>')
    number._p.append(field)
    word.set_letters(made, SIZE_PT)
    made.styles["Header"].font.size = Pt(SIZE_PT)


def _heading(made: Any, form: Printed) -> None:
    title = made.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.space_after = Pt(8)
    words = title.add_run(form.title)
    words.bold, words.font.size = True, Pt(14)
    for label, said in form.fields:
        line = made.add_paragraph()
        line.add_run(f"{label} ")
        if said:
            line.add_run(said).bold = True
        else:
            line.paragraph_format.tab_stops.add_tab_stop(Mm(247), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
            line.add_run("\t")
    line.paragraph_format.space_after = Pt(8)


def _table(made: Any, form: Printed) -> None:
    """The table as one piece of XML: five hundred rows through the library's objects would take half a minute."""
    table = made.add_table(rows=0, cols=len(form.columns))
    table.style, table.alignment, table.autofit = "Table Grid", WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(table.columns, COLUMNS_MM, strict=True):
        column.width = Mm(width)
    margins = '<w:top w:w="30" w:type="dxa"/><w:bottom w:w="30" w:type="dxa"/>'
    # The schema wants it before tblLook, which python-docx has already written.
    table._tbl.tblPr.find(qn("w:tblLook")).addprevious(parse_xml(f"<w:tblCellMar {nsdecls('w')}>{margins}</w:tblCellMar>"))
    boxes = word.BoxMaker()
    head = [
        word.cell(width, [word.paragraph([word.run(name, bold=True)], centred=True)])
        for width, name in zip(COLUMNS_MM, form.columns, strict=True)
    ]
    rows = [word.row(head, header=True)]
    for section in form.sections:
        rows.append(
            word.row(
                [
                    word.cell(COLUMNS_MM[0], [word.paragraph([word.run(section.number, bold=True)], centred=True)]),
                    word.cell(sum(COLUMNS_MM[1:]), [word.paragraph([word.run(section.name, bold=True)])], span=3),
                ],
                keep_next=True,
            )
        )
        rows += [_site_row(row, form, boxes) for row in section.rows]
    if form.signatures:
        rows[-1] = word.kept_with_next(rows[-1])  # a signature never stands alone on its page
    for row in parse_xml(f"<w:tbl {word.NAMESPACES}>{''.join(rows)}</w:tbl>"):
        table._tbl.append(row)


def _site_row(row: PrintedRow, form: Printed, boxes: word.BoxMaker) -> str:
    state = [word.paragraph([*_pair(row.boxes, f"{row.number}. {row.name}", boxes)])]
    if len(row.sentences) > 1:
        state.append(word.paragraph([word.run(form.description)]))
        state += [word.paragraph([word.run(f"– {sentence}")], hanging=True) for sentence in row.sentences]
    else:
        state.append(word.paragraph([word.run(" ".join((form.description, *row.sentences)))]))
    if row.note:
        state.append(word.paragraph([word.run(row.note, note=True)]))
    devices = [word.paragraph([word.run(form.devices)]), *(_device_line(line, row, boxes) for line in row.lines)]
    cells = (
        [word.paragraph([word.run(row.number)], centred=True)],
        [word.paragraph([word.run(row.name)])],
        state,
        devices,
    )
    return word.row([word.cell(width, paragraphs) for width, paragraphs in zip(COLUMNS_MM, cells, strict=True)])


def _device_line(line: PrintedLine, row: PrintedRow, boxes: word.BoxMaker) -> str:
    parts = [word.run(f"{line.name} "), *_pair(line.boxes, f"{row.number}. {row.name} – {line.name}", boxes), word.run(";")]
    if line.note:
        parts += [word.run(f" {line.note}", note=True)]
    return word.paragraph(parts, hanging=True)


def _pair(pair: tuple[Box, Box], whose: str, boxes: word.BoxMaker) -> Iterable[str]:
    first, second = pair
    return (boxes.box(first, whose), word.run(f"\u00a0{first.word} "), boxes.box(second, whose), word.run(f"\u00a0{second.word}"))


def _signatures(made: Any, form: Printed) -> None:
    """The confirmation of Điều 12.3, on one page with its space to sign."""
    gap = made.add_paragraph()
    gap.paragraph_format.space_after = Pt(0)
    gap.paragraph_format.keep_with_next = True
    table = made.add_table(rows=2, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    date = table.cell(0, 1).paragraphs[0]
    date.alignment = WD_ALIGN_PARAGRAPH.CENTER
    date.add_run(form.date_line).italic = True
    for column, (who, how) in enumerate(form.signatures):
        cell = table.cell(1, column)
        first, second, space = cell.paragraphs[0], cell.add_paragraph(), cell.add_paragraph()
        first.alignment = second.alignment = WD_ALIGN_PARAGRAPH.CENTER
        first.add_run(who).bold = True
        second.add_run(how).italic = True
        space.paragraph_format.space_after = Mm(22)
    for row in table.rows:
        row._tr.get_or_add_trPr().append(parse_xml(f"<w:cantSplit {nsdecls('w')}/>"))
    for cell in table.rows[0].cells:
        for paragraph in cell.paragraphs:
            paragraph.paragraph_format.keep_with_next = True
