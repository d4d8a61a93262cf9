"""Pieces of a Word document written as XML: five hundred rows through the library's objects would take half a minute."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any

from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt

from control_center.logbook.printed import EMPTY_BOX, TICKED_BOX, Box

LETTERS = "Times New Roman"
"""Word has it; where it is missing, Tinos has its metrics and all Vietnamese letters."""
BOX_LETTERS = "MS Gothic"
"""What Word itself sets boxes in; elsewhere the font system falls back to one that has them (DejaVu Sans)."""
_W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
NAMESPACES = f'{nsdecls("w")} xmlns:w14="{_W14}"'


def set_letters(made: Any, size_pt: float) -> None:
    """Letters, language and spacing of the whole document."""
    style = made.styles["Normal"]
    style.font.name, style.font.size = LETTERS, Pt(size_pt)
    fonts = style.element.rPr.rFonts
    for kind in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(kind), LETTERS)
    style.element.rPr.append(parse_xml(f'<w:lang {nsdecls("w")} w:val="vi-VN" w:eastAsia="vi-VN"/>'))
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(0), Pt(2)


class BoxMaker:
    """Makes the content controls; each needs an id of its own within the document."""

    def __init__(self) -> None:
        self._made = 0

    def box(self, box: Box, whose: str) -> str:
        """One clickable box; its title says whose it is, for people who cannot see the table."""
        self._made += 1
        letters = f'w:ascii="{BOX_LETTERS}" w:hAnsi="{BOX_LETTERS}" w:eastAsia="{BOX_LETTERS}" w:hint="eastAsia"'
        alias = escaped(f"{whose} {box.word}"[:250])
        return (
            f'<w:sdt><w:sdtPr><w:alias w:val="{alias}"/><w:tag w:val="box-{self._made}"/><w:id w:val="{100000 + self._made}"/>'
            f'<w14:checkbox><w14:checked w14:val="{int(box.ticked)}"/>'
            f'<w14:checkedState w14:val="{ord(TICKED_BOX):04X}" w14:font="{BOX_LETTERS}"/>'
            f'<w14:uncheckedState w14:val="{ord(EMPTY_BOX):04X}" w14:font="{BOX_LETTERS}"/></w14:checkbox></w:sdtPr>'
            f"<w:sdtContent><w:r><w:rPr><w:rFonts {letters}/></w:rPr><w:t>{box.glyph}</w:t></w:r></w:sdtContent></w:sdt>"
        )


def row(cells: Iterable[str], *, header: bool = False, keep_next: bool = False) -> str:
    """A table's row, kept on one page; `header` repeats it on every page, `keep_next` keeps it with the one below."""
    made = f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' * header}</w:trPr>{''.join(cells)}</w:tr>"
    return kept_with_next(made) if keep_next else made


def kept_with_next(row: str) -> str:
    """The row, on one page with what follows."""
    return row.replace("<w:pPr>", "<w:pPr><w:keepNext/>")


def cell(width_mm: float, paragraphs: Iterable[str], *, span: int = 1) -> str:
    """A cell of a row, over `span` columns."""
    merged = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    return f'<w:tc><w:tcPr><w:tcW w:w="{Mm(width_mm).twips}" w:type="dxa"/>{merged}</w:tcPr>{"".join(paragraphs)}</w:tc>'


def paragraph(runs: Iterable[str], *, centred: bool = False, hanging: bool = False) -> str:
    """A paragraph of a cell."""
    indent = '<w:ind w:left="220" w:hanging="220"/>' if hanging else ""
    space = '<w:spacing w:before="0" w:after="0" w:line="240" w:lineRule="auto"/>'
    align = '<w:jc w:val="center"/>' if centred else ""
    return f"<w:p><w:pPr>{space}{indent}{align}</w:pPr>{''.join(runs)}</w:p>"


def run(text: str, *, bold: bool = False, note: bool = False) -> str:
    """Words of a paragraph; a note is smaller and slanted."""
    style = "<w:b/>" * bold + '<w:i/><w:sz w:val="24"/>' * note
    return f'<w:r><w:rPr>{style}</w:rPr><w:t xml:space="preserve">{escaped(text)}</w:t></w:r>'


def escaped(text: str) -> str:
    """Text as XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def without_clock(made: bytes) -> bytes:
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
