"""The logbook form as files: drawn by `control_center.logbook`, handed out by the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from control_center.logbook.form import FormDocument
from control_center.logbook.render_docx import render_docx
from control_center.logbook.render_html import render_html
from control_center.logbook.render_pdf import render_pdf
from control_center.store.registry import MeetingRecord

DraftForm = Callable[[str], FormDocument | None]
"""Draws the form of a meeting, by its id, from the store; None if there is nothing to draw. Blocking."""

DOWNLOADS = {"docx": "DOCX (Word)", "pdf": "PDF"}
_TYPES = {
    "html": "text/html; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}


@dataclass(frozen=True, kw_only=True)
class MadeForm:
    """One file of a form; `shown` if a browser should show it rather than save it."""

    content: bytes
    media_type: str
    name: str
    shown: bool


def file_name(meeting: str, kind: str) -> str:
    """Name under which a browser saves the form: ASCII, no path."""
    return f"nhat-ky-{re.sub(r'[^A-Za-z0-9._-]+', '-', meeting).strip('.-') or 'cuoc-hop'}.{kind}"


class Forms:
    """Makes the files of a meeting's form."""

    def __init__(self, draft: DraftForm) -> None:
        self._draft = draft

    def make(self, record: MeetingRecord, kind: str) -> MadeForm | None:
        """The form as ``html``, ``docx`` or ``pdf``; None for another kind or when there is nothing to draw."""
        if kind not in _TYPES:
            return None
        document = self._draft(record.id)
        return (
            None
            if document is None
            else MadeForm(content=_render(document, kind), media_type=_TYPES[kind], name=file_name(record.id, kind), shown=kind == "html")
        )


def _render(document: FormDocument, kind: str) -> bytes:
    if kind == "pdf":
        return render_pdf(document)
    return render_docx(document) if kind == "docx" else render_html(document).encode()
