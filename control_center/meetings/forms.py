"""The logbook form as files: one meeting, three formats."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from control_center.logbook.collect import collect
from control_center.logbook.form import FormDocument
from control_center.logbook.render_docx import render_docx
from control_center.logbook.render_html import render_html
from control_center.logbook.render_pdf import render_pdf

log = logging.getLogger(__name__)
FORMATS: dict[str, Callable[[FormDocument], bytes]] = {
    "docx": render_docx,
    "pdf": render_pdf,
    "html": lambda document: render_html(document).encode(),
}


def draw(engine: Engine, meeting_id: str, file_format: str) -> bytes:
    """The form of a meeting as ``docx``, ``pdf`` or ``html``.

    Raises:
        LookupError: if there is no such meeting.
    """
    try:
        document = collect(engine, meeting_id)
    except LookupError:
        raise LookupError(f"no meeting {meeting_id!r}; see `control-center meeting list --all`") from None
    return FORMATS[file_format](document)


def file(directory: Path, meeting_id: str, file_format: str) -> Path:
    """Where the form of a meeting lies."""
    return directory / "forms" / f"{meeting_id}.{file_format}"


def draft_all(engine: Engine, directory: Path, meeting_id: str) -> list[Path]:
    """Write the form in every format, each whole or not at all."""
    document = collect(engine, meeting_id)
    written = []
    for file_format, render in FORMATS.items():
        path = file(directory, meeting_id, file_format)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(render(document))
        unfinished.replace(path)
        written.append(path)
    return written
