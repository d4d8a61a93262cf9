"""The logbook form, Phụ lục II: drafted from the store, each tick with its evidence; set as DOCX, PDF and HTML."""

from __future__ import annotations

from control_center.logbook.collect import UnknownMeetingError, collect
from control_center.logbook.draft import draft
from control_center.logbook.form import FormDocument, Tick, blank_form, corrected, keep_corrections
from control_center.logbook.render_docx import render_docx
from control_center.logbook.render_html import form_css, render_html
from control_center.logbook.render_pdf import render_pdf

__all__ = [
    "FormDocument",
    "Tick",
    "UnknownMeetingError",
    "blank_form",
    "collect",
    "corrected",
    "draft",
    "form_css",
    "keep_corrections",
    "render_docx",
    "render_html",
    "render_pdf",
]
