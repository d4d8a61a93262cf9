"""The logbook form as files: one meeting, three formats."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from control_center.logbook.collect import collect
from control_center.logbook.form import FormDocument, keep_corrections
from control_center.logbook.render_docx import render_docx
from control_center.logbook.render_html import render_html
from control_center.logbook.render_pdf import render_pdf
from control_center.store import forms as form_store
from control_center.store.forms import FormLockedError, FormState

log = logging.getLogger(__name__)
_TRIES = 20
FORMATS: dict[str, Callable[[FormDocument], bytes]] = {
    "docx": render_docx,
    "pdf": render_pdf,
    "html": lambda document: render_html(document).encode(),
}


def document_of(engine: Engine, meeting_id: str, at: datetime) -> FormDocument:
    """The form as it was confirmed; before that, drawn anew with what people have corrected.

    Raises:
        UnknownMeetingError: There is no such meeting.
    """
    last = form_store.latest(engine, meeting_id)
    if last is not None and last.state is not FormState.DRAFT:
        return last.document
    fresh = collect(engine, meeting_id, at=at)
    return fresh if last is None else keep_corrections(fresh, last.document)


def draw(engine: Engine, meeting_id: str, file_format: str, at: datetime) -> bytes:
    """The form of a meeting in one of `FORMATS`.

    Raises:
        UnknownMeetingError: There is no such meeting.
    """
    return FORMATS[file_format](document_of(engine, meeting_id, at))


def file(directory: Path, meeting_id: str, file_format: str) -> Path:
    """Where the form of a meeting lies."""
    return directory / "forms" / f"{meeting_id}.{file_format}"


def signed_file(directory: Path, meeting_id: str) -> Path:
    """Where a form that came back signed is kept."""
    return directory / "forms" / "signed" / f"{meeting_id}.pdf"


def _redrawn(engine: Engine, meeting_id: str, at: datetime) -> FormDocument:
    """The form as it holds after this drawing; what a person corrects meanwhile is drawn in, never over."""
    for _ in range(_TRIES):
        last = form_store.latest(engine, meeting_id)
        document = document_of(engine, meeting_id, at)
        try:
            if form_store.redraw(engine, document, follows=0 if last is None else last.version, made_at=at) is not None:
                return document
        except FormLockedError as error:
            log.info("late news does not change the form: %s", error)
            return document_of(engine, meeting_id, at)
    raise AssertionError(f"{_TRIES} writers in a row were faster")


def draft_all(engine: Engine, directory: Path, meeting_id: str, at: datetime) -> list[Path]:
    """Add a draft to the chain of versions, and write it in every format, each file whole or not at all."""
    document = _redrawn(engine, meeting_id, at)
    written = []
    for file_format, render in FORMATS.items():
        path = file(directory, meeting_id, file_format)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(render(document))
        unfinished.replace(path)
        written.append(path)
    return written
