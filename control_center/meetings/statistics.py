"""Meetings of a year, counted for the yearly report (R42, R44). The regulation's Phụ lục III is not at hand: columns are chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Engine

from contract import catalog
from control_center.incidents.model import Incident
from control_center.incidents.rules import CONNECTIVITY, down_s
from control_center.meetings.working_days import VIETNAM
from control_center.store import incidents as incident_store
from control_center.store import registry

Cell: TypeAlias = str | int | float


class Held(NamedTuple):
    """One meeting and what went wrong in it."""

    record: registry.MeetingRecord
    happened: Sequence[Incident]
    names: Mapping[str, str]


class Column(NamedTuple):
    """One column: its head, and what stands in it."""

    head: str
    cell: Callable[[Held], Cell]


def _lost_s(held: Held) -> float:
    return round(sum(down_s(incident) for incident in held.happened if incident.code in CONNECTIVITY), 1)


def _of_component(component: str) -> Callable[[Held], Cell]:
    return lambda held: sum(incident.component == component for incident in held.happened)


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "id": Column("Mã cuộc họp", lambda held: held.record.id),
        "begins": Column("Thời gian", lambda held: f"{held.record.plan.live.begins_at.astimezone(VIETNAM):%d/%m/%Y %H:%M}"),
        "hours": Column(
            "Số giờ họp", lambda held: round((held.record.plan.live.ends_at - held.record.plan.live.begins_at).total_seconds() / 3600, 2)
        ),
        "title": Column("Nội dung", lambda held: held.record.title),
        "organizer": Column("Đơn vị chủ trì", lambda held: held.record.organizer),
        "chair": Column("Người chủ trì", lambda held: held.record.chair),
        "place": Column("Địa điểm", lambda held: held.record.place),
        "sites": Column("Số điểm cầu", lambda held: len(held.record.sites)),
        "site_names": Column("Các điểm cầu", lambda held: "; ".join(held.names.get(part.site, part.site) for part in held.record.sites)),
        "attendees": Column("Số người dự", lambda held: sum(part.attendees or 0 for part in held.record.sites)),
        "emergency": Column("Họp khẩn", lambda held: "x" if held.record.emergency else ""),
        "late": Column("Đăng ký muộn", lambda held: "x" if held.record.late else ""),
        "incidents": Column("Số sự cố", lambda held: len(held.happened)),
        "lost_s": Column("Mất kết nối (giây)", _lost_s),
        "camera": Column("Sự cố camera", _of_component("camera")),
        "microphone": Column("Sự cố micro", _of_component("microphone")),
        "link": Column("Sự cố đường truyền", _of_component("link")),
        "codec": Column("Sự cố bộ kết nối", _of_component("codec")),
        "cables": Column("Sự cố dây cáp, nguồn", _of_component("cables")),
        "faults": Column("Các sự cố", lambda held: "; ".join(sorted({catalog.title(incident.code) for incident in held.happened}))),
    }
)
DEFAULT = ("id", "begins", "title", "organizer", "sites", "emergency", "incidents", "lost_s")


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one year.

    Attributes:
        heads: Words above the columns.
        rows: One per meeting, by begin, in the order of `heads`.
        by_site: Meetings and alarmed incidents per site id.
        by_component: Alarmed incidents per component.
    """

    year: int
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    by_site: dict[str, tuple[int, int]]
    by_component: dict[str, int]
    names: dict[str, str]


def of_year(engine: Engine, year: int, columns: Sequence[str] = DEFAULT) -> Statistics:
    """Count the meetings that began in a year of Vietnam's calendar, cancelled ones apart.

    Raises:
        ValueError: naming the columns that are none.
    """
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or not columns:
        raise ValueError(f"no such columns: {', '.join(unknown)}; use {', '.join(COLUMNS)}")
    names = {site.id: site.name for site in registry.sites(engine)}
    held = [one for one in registry.meetings(engine) if one.plan.live.begins_at.astimezone(VIETNAM).year == year]
    rows, meetings, faults, components = [], Counter[str](), Counter[str](), Counter[str]()
    for one in held:
        happened = incident_store.of_meeting(engine, one.id)
        meetings.update(part.site for part in one.sites)
        faults.update(incident.site for incident in happened)
        components.update(incident.component for incident in happened)
        rows.append(tuple(COLUMNS[name].cell(Held(one, happened, names)) for name in columns))
    return Statistics(
        year=year,
        heads=tuple(COLUMNS[name].head for name in columns),
        rows=tuple(rows),
        by_site={site: (meetings[site], faults[site]) for site in sorted(meetings)},
        by_component=dict(sorted(components.items())),
        names=names,
    )
