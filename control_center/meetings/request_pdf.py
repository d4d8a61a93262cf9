"""Phụ lục I as PDF/A, set by typst."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import typst

from control_center.logbook.printed import EMPTY_BOX, TICKED_BOX
from control_center.meetings.request import Printed

TEMPLATE = Path(__file__).with_name("request.typ")


def render_pdf(form: Printed, at: datetime) -> bytes:
    """Set the form; the same words give the same bytes on the same machine.

    Args:
        form: What it says.
        at: Its date of making.

    Returns:
        A PDF/A-2a file; an ordinary PDF if no font on this machine has some character of it.
    """
    words = msgspec.structs.asdict(form) | {"needs": [(name, TICKED_BOX if crossed else EMPTY_BOX) for name, crossed in form.needs]}
    inputs = {"form": msgspec.json.encode(words).decode()}
    try:
        return _compile(inputs, at, archival=True)
    except typst.TypstError:
        return _compile(inputs, at, archival=False)


def _compile(inputs: dict[str, str], at: datetime, *, archival: bool) -> bytes:
    return typst.compile(str(TEMPLATE), sys_inputs=inputs, pdf_standards="a-2a" if archival else None, timestamp=int(at.timestamp()))
