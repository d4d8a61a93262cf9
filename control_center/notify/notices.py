"""What is said of an incident outside the board: one line and a few more, in Vietnamese. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from contract import catalog
from control_center.incidents.model import Incident, IncidentState
from control_center.meetings.working_days import VIETNAM
from control_center.sites.phone import whom_to_phone
from control_center.store.registry import Contact


class Notice(NamedTuple):
    """Subject and body of one message."""

    title: str
    body: str


def notice(incident: Incident, site_name: str, contacts: Sequence[Contact], *, unseen: bool = False) -> Notice:
    """Tell of an incident that opened or closed, with whom to phone (R7); or that nobody has acknowledged it (R54)."""
    over = incident.state is IncidentState.CLOSED
    began = f"{incident.began_at.astimezone(VIETNAM):%H:%M:%S ngày %d/%m/%Y}"
    lines = [catalog.sentence(incident.as_finding()), f"Bắt đầu: {began}"]
    if over and incident.ended_at is not None:
        lasted = (incident.ended_at - incident.began_at).total_seconds()
        lines.append(f"Kết thúc: {incident.ended_at.astimezone(VIETNAM):%H:%M:%S} (sau {lasted:.1f} giây)".replace(".", ","))
    else:
        lines.append(catalog.advice(incident.as_finding()))
        lines += [f"Liên hệ: {one.name} {one.phone}".strip() for one in whom_to_phone(incident, contacts, lambda one: one.role)]
    word = "ĐÃ HẾT" if over else "CHƯA AI TIẾP NHẬN" if unseen else "SỰ CỐ"
    return Notice(f"[{word}] {site_name}: {catalog.title(incident.code)}", "\n".join(line for line in lines if line))
