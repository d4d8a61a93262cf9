"""Meetings of a year, counted for the yearly report (R42, R44). Pure apart from reading the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import Engine

from control_center.incidents.model import Incident
from control_center.incidents.rules import CONNECTIVITY, down_s
from control_center.meetings.working_days import VIETNAM
from control_center.store import incidents as incident_store
from control_center.store import registry

COLUMNS = ("Mã cuộc họp", "Thời gian", "Nội dung", "Đơn vị chủ trì", "Số điểm cầu", "Họp khẩn", "Số sự cố", "Mất kết nối (giây)")


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one year.

    Attributes:
        rows: One per meeting, in the order of `COLUMNS`.
        by_site: Meetings and alarmed incidents per site id.
    """

    year: int
    rows: tuple[tuple[str | int | float, ...], ...]
    by_site: dict[str, tuple[int, int]]


def of_year(engine: Engine, year: int) -> Statistics:
    """Count the meetings that began in a year of Vietnam's calendar, cancelled ones apart."""
    held = [one for one in registry.meetings(engine) if one.plan.live.begins_at.astimezone(VIETNAM).year == year]
    rows, meetings, faults = [], Counter[str](), Counter[str]()
    for one in held:
        happened = incident_store.of_meeting(engine, one.id)
        meetings.update(part.site for part in one.sites)
        faults.update(incident.site for incident in happened)
        rows.append(_row(one, happened))
    return Statistics(year=year, rows=tuple(rows), by_site={site: (meetings[site], faults[site]) for site in sorted(meetings)})


def _row(one: registry.MeetingRecord, happened: Sequence[Incident]) -> tuple[str | int | float, ...]:
    begins = one.plan.live.begins_at.astimezone(VIETNAM)
    lost = sum(down_s(incident) for incident in happened if incident.code in CONNECTIVITY)
    return (
        one.id,
        f"{begins:%d/%m/%Y %H:%M}",
        one.title,
        one.organizer,
        len(one.sites),
        "x" if one.emergency else "",
        len(happened),
        round(lost, 1),
    )
