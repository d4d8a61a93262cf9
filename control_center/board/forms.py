"""The logbook form as the pages hand it out; drawn by `control_center.logbook.files`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from control_center.logbook import UnknownMeetingError, files
from control_center.store import forms as form_store
from control_center.store.forms import FormState

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
    """Reads or draws a meeting's form, and makes its files. Blocking; called from a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def state(self, meeting: str) -> FormState:
        """Whether the form is still a draft, confirmed or locked."""
        last = form_store.latest(self._engine, meeting)
        return FormState.DRAFT if last is None else last.state

    def make(self, meeting: str, kind: str, at: datetime) -> MadeForm | None:
        """The form as ``html``, ``docx`` or ``pdf``; None for another kind or meeting."""
        if kind not in _TYPES:
            return None
        try:
            content = files.draw(self._engine, meeting, kind, at)
        except UnknownMeetingError:
            return None
        return MadeForm(content=content, media_type=_TYPES[kind], name=file_name(meeting, kind), shown=kind == "html")
