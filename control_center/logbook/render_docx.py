"""Form II as a Word document whose boxes are clicked (``w14:checkbox`` content controls)."""

from __future__ import annotations

import io
import re
import zipfile
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

from control_center.logbook.form import FormDocument
from control_center.logbook.printed import EMPTY_BOX, TICKED_BOX, Box, Printed, PrintedLine, PrintedRow, printed

LETTERS = "Times New Roman"
"""Word has it; where it is missing, Tinos has its metrics and all Vietnamese letters."""
BOX_LETTERS = "MS Gothic"
"""What Word itself sets boxes in; elsewhere the font system falls back to one that has them (DejaVu Sans)."""
COLUMNS_MM = (14, 40, 85, 108)
SIZE_PT = 13
_W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
_NAMESPACES = f'{nsdecls("w")} xmlns:w14="{_W14}"'
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
    return _without_clock(raw.getvalue())


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
    style = made.styles["Normal"]
    style.font.name, style.font.size = LETTERS, Pt(SIZE_PT)
    fonts = style.element.rPr.rFonts
    for kind in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(kind), LETTERS)
    style.element.rPr.append(parse_xml(f'<w:lang {nsdecls("w")} w:val="vi-VN" w:eastAsia="vi-VN"/>'))
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(0), Pt(2)
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
    boxes = _BoxMaker()
    head = [_cell(width, [_paragraph([_run(word, bold=True)], centred=True)]) for width, word in zip(COLUMNS_MM, form.columns, strict=True)]
    rows = [_row(head, header=True)]
    for section in form.sections:
        rows.append(
            _row(
                [
                    _cell(COLUMNS_MM[0], [_paragraph([_run(section.number, bold=True)], centred=True)]),
                    _cell(sum(COLUMNS_MM[1:]), [_paragraph([_run(section.name, bold=True)])], span=3),
                ],
                keep_next=True,
            )
        )
        rows += [_site_row(row, form, boxes) for row in section.rows]
    if form.signatures:
        rows[-1] = _kept_with_next(rows[-1])  # a signature never stands alone on its page
    for row in parse_xml(f"<w:tbl {_NAMESPACES}>{''.join(rows)}</w:tbl>"):
        table._tbl.append(row)


def _site_row(row: PrintedRow, form: Printed, boxes: _BoxMaker) -> str:
    state = [_paragraph([*_pair(row.boxes, f"{row.number}. {row.name}", boxes)])]
    if len(row.sentences) > 1:
        state.append(_paragraph([_run(form.description)]))
        state += [_paragraph([_run(f"– {sentence}")], hanging=True) for sentence in row.sentences]
    else:
        state.append(_paragraph([_run(" ".join((form.description, *row.sentences)))]))
    if row.note:
        state.append(_paragraph([_run(row.note, note=True)]))
    devices = [_paragraph([_run(form.devices)]), *(_device_line(line, row, boxes) for line in row.lines)]
    cells = (
        [_paragraph([_run(row.number)], centred=True)],
        [_paragraph([_run(row.name)])],
        state,
        devices,
    )
    return _row([_cell(width, paragraphs) for width, paragraphs in zip(COLUMNS_MM, cells, strict=True)])


def _device_line(line: PrintedLine, row: PrintedRow, boxes: _BoxMaker) -> str:
    parts = [_run(f"{line.name} "), *_pair(line.boxes, f"{row.number}. {row.name} – {line.name}", boxes), _run(";")]
    if line.note:
        parts += [_run(f" {line.note}", note=True)]
    return _paragraph(parts, hanging=True)


def _pair(pair: tuple[Box, Box], whose: str, boxes: _BoxMaker) -> Iterable[str]:
    first, second = pair
    return (boxes.box(first, whose), _run(f"\u00a0{first.word} "), boxes.box(second, whose), _run(f"\u00a0{second.word}"))


class _BoxMaker:
    """Makes the content controls; each needs an id of its own within the document."""

    def __init__(self) -> None:
        self._made = 0

    def box(self, box: Box, whose: str) -> str:
        """One clickable box; its title says whose it is, for people who cannot see the table."""
        self._made += 1
        letters = f'w:ascii="{BOX_LETTERS}" w:hAnsi="{BOX_LETTERS}" w:eastAsia="{BOX_LETTERS}" w:hint="eastAsia"'
        alias = _escaped(f"{whose} {box.word}"[:250])
        return (
            f'<w:sdt><w:sdtPr><w:alias w:val="{alias}"/><w:tag w:val="box-{self._made}"/><w:id w:val="{100000 + self._made}"/>'
            f'<w14:checkbox><w14:checked w14:val="{int(box.ticked)}"/>'
            f'<w14:checkedState w14:val="{ord(TICKED_BOX):04X}" w14:font="{BOX_LETTERS}"/>'
            f'<w14:uncheckedState w14:val="{ord(EMPTY_BOX):04X}" w14:font="{BOX_LETTERS}"/></w14:checkbox></w:sdtPr>'
            f"<w:sdtContent><w:r><w:rPr><w:rFonts {letters}/></w:rPr><w:t>{box.glyph}</w:t></w:r></w:sdtContent></w:sdt>"
        )


def _row(cells: Iterable[str], *, header: bool = False, keep_next: bool = False) -> str:
    row = f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' * header}</w:trPr>{''.join(cells)}</w:tr>"
    return _kept_with_next(row) if keep_next else row


def _kept_with_next(row: str) -> str:
    return row.replace("<w:pPr>", "<w:pPr><w:keepNext/>")


def _cell(width_mm: float, paragraphs: Iterable[str], *, span: int = 1) -> str:
    merged = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    return f'<w:tc><w:tcPr><w:tcW w:w="{Mm(width_mm).twips}" w:type="dxa"/>{merged}</w:tcPr>{"".join(paragraphs)}</w:tc>'


def _paragraph(runs: Iterable[str], *, centred: bool = False, hanging: bool = False) -> str:
    indent = '<w:ind w:left="220" w:hanging="220"/>' if hanging else ""
    space = '<w:spacing w:before="0" w:after="0" w:line="240" w:lineRule="auto"/>'
    align = '<w:jc w:val="center"/>' if centred else ""
    return f"<w:p><w:pPr>{space}{indent}{align}</w:pPr>{''.join(runs)}</w:p>"


def _run(text: str, *, bold: bool = False, note: bool = False) -> str:
    style = "<w:b/>" * bold + '<w:i/><w:sz w:val="24"/>' * note
    return f'<w:r><w:rPr>{style}</w:rPr><w:t xml:space="preserve">{_escaped(text)}</w:t></w:r>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


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


def _without_clock(made: bytes) -> bytes:
    """The same package with fixed times in its archive, and Word's font table told what stands in for Times New Roman."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            part = before.read(name)
            if name == "word/fontTable.xml":
                part = _with_stand_ins(part)
            after.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), part, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _with_stand_ins(font_table: bytes) -> bytes:
    """Say what to set instead where a font is missing (ECMA-376 part 1, 17.8.3.1 altName)."""
    text = font_table.decode()
    for name, stand_in in ((LETTERS, "Tinos"), (BOX_LETTERS, "DejaVu Sans")):
        head, alternative = f'<w:font w:name="{name}">', f'<w:altName w:val="{stand_in}"/>'
        if head in text:
            before, _, after = text.partition(head)
            text = before + head + alternative + re.sub(r"^\s*<w:altName[^>]*/>", "", after)
        else:
            text = text.replace("</w:fonts>", f"{head}{alternative}</w:font></w:fonts>")
    return text.encode()
