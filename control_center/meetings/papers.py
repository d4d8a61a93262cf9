"""Files that are made of a registered meeting: the registration form (Phụ lục I) and the calendar."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from control_center.config import NamesSettings
from control_center.meetings import calendars
from control_center.meetings.request import printed
from control_center.meetings.request_docx import render_docx
from control_center.meetings.request_pdf import render_pdf
from control_center.store import registry

FORMATS = ("docx", "pdf", "ics")


def make(engine: Engine, meeting_id: str, file_format: str, names: NamesSettings, at: datetime) -> bytes | None:
    """One of `FORMATS` of a meeting; None if there is no such meeting or format. `at` is now."""
    record = registry.meeting(engine, meeting_id)
    if record is None or file_format not in FORMATS:
        return None
    sites = {site.id: site for site in registry.sites(engine)}
    if file_format == "ics":
        return calendars.write(record, sites, at)
    form = printed(record, sites, names)
    return render_docx(form, record.registered_at) if file_format == "docx" else render_pdf(form, record.registered_at)
