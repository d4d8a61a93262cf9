"""Form II as PDF/A, set by typst: the same document gives the same bytes on the same machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typst

from control_center.logbook.form import FormDocument
from control_center.logbook.printed import Box, Printed, printed

TEMPLATE = Path(__file__).with_name("form.typ")


def render_pdf(document: FormDocument, *, system_fonts: bool = True) -> bytes:
    """Set the form.

    Args:
        document: What to print.
        system_fonts: Whether the machine's fonts may be used (Tinos, DejaVu Sans); without them typst's own serve.

    Returns:
        A PDF/A-2a file; an ordinary PDF if the text holds a character that no font on this machine has, because
        PDF/A allows no empty glyph and a form must come out all the same.
    """
    made_at = document.drafted_at or document.ends_at
    stamp = int(made_at.timestamp()) if made_at is not None else 0
    inputs = {"form": msgspec.json.encode(_for_typst(printed(document))).decode()}
    try:
        return _compile(inputs, stamp, system_fonts=system_fonts, archival=True)
    except typst.TypstError:
        return _compile(inputs, stamp, system_fonts=system_fonts, archival=False)


def _compile(inputs: dict[str, str], stamp: int, *, system_fonts: bool, archival: bool) -> bytes:
    """One run of typst; PDF/A-2a (ISO 19005-2: tagged, fonts embedded) where it is `archival`."""
    return typst.compile(
        str(TEMPLATE),
        sys_inputs=inputs,
        ignore_system_fonts=not system_fonts,
        pdf_standards="a-2a" if archival else None,
        timestamp=stamp,
    )


def _for_typst(form: Printed) -> object:
    """Plain values, the boxes with their glyphs."""

    def boxes(pair: tuple[Box, Box]) -> list[dict[str, str]]:
        return [{"word": box.word, "glyph": box.glyph} for box in pair]

    sections = [
        {
            "number": section.number,
            "name": section.name,
            "rows": [
                {
                    "number": row.number,
                    "name": row.name,
                    "boxes": boxes(row.boxes),
                    "sentences": row.sentences,
                    "note": row.note,
                    "lines": [{"name": line.name, "boxes": boxes(line.boxes), "note": line.note} for line in row.lines],
                }
                for row in section.rows
            ],
        }
        for section in form.sections
    ]
    return {**msgspec.structs.asdict(form), "sections": sections}
