"""Form II as one self-contained page, or as a fragment for the board."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from control_center.logbook.form import FormDocument
from control_center.logbook.printed import printed

_HERE = Path(__file__).parent
_TEMPLATES = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=False)


def form_css() -> str:
    """Style of the form, for a page that embeds the fragment."""
    return (_HERE / "form.css").read_text(encoding="utf-8")


def render_html(document: FormDocument, *, fragment: bool = False) -> str:
    """Set the form.

    Args:
        document: What to print.
        fragment: Only the ``<article class="form2">``, without style, to be put into a page that has `form_css`.
            Rows carry ``data-site``; what a tick rests on stands in ``title``.
    """
    page = _TEMPLATES.get_template("form.html")
    style = Markup(form_css())  # noqa: S704 -- our own file
    return page.render(form=printed(document), css=style, fragment=fragment, meeting=document.meeting)
