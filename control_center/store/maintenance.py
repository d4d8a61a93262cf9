"""Planned work at a site: a span in which its faults are written down and alarm nobody (R53)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Engine, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from control_center.incidents.model import Incident
from control_center.store.base import Base, UtcDateTime
from control_center.store.registry import NfcText, SiteRow, bump


class MaintenanceRow(Base):
    """Table of windows."""

    __tablename__ = "maintenance"

    id: Mapped[int] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(String(40), index=True)
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    reason: Mapped[str] = mapped_column(NfcText)
    author: Mapped[str] = mapped_column(NfcText)


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """One window: whose, from when, until when, what is done, and who planned it."""

    site: str
    begins_at: datetime
    ends_at: datetime
    reason: str
    author: str
    id: int = 0

    def holds(self, at: datetime) -> bool:
        """Whether it is on."""
        return self.begins_at <= at < self.ends_at


def plan(engine: Engine, wanted: Maintenance) -> Maintenance:
    """Write a window down.

    Raises:
        ValueError: saying what is missing, for people.
    """
    if wanted.ends_at <= wanted.begins_at:
        raise ValueError("bảo trì phải kết thúc sau khi bắt đầu")
    if not wanted.reason.strip() or not wanted.author.strip():
        raise ValueError("cần ghi nội dung bảo trì và người lập")
    with Session(engine) as session, session.begin():
        if session.get(SiteRow, wanted.site) is None:
            raise ValueError(f"điểm cầu «{wanted.site}» chưa có trong danh bạ")
        row = MaintenanceRow(
            site=wanted.site, begins_at=wanted.begins_at, ends_at=wanted.ends_at, reason=wanted.reason, author=wanted.author
        )
        session.add(row)
        bump(session)
        session.flush()
        return _window(row)


def end(engine: Engine, number: int, at: datetime) -> Maintenance | None:
    """End a window before its time; None if there is no such one. One that is over stays as it was."""
    with Session(engine) as session, session.begin():
        row = session.get(MaintenanceRow, number)
        if row is None:
            return None
        row.ends_at = max(row.begins_at, min(row.ends_at, at))
        bump(session)
        return _window(row)


def windows(engine: Engine, *, ends_after: datetime, site: str = "") -> list[Maintenance]:
    """Windows that end after an instant, by begin."""
    query = select(MaintenanceRow).where(MaintenanceRow.ends_at > ends_after).order_by(MaintenanceRow.begins_at, MaintenanceRow.id)
    if site:
        query = query.where(MaintenanceRow.site == site)
    with Session(engine) as session:
        return [_window(row) for row in session.scalars(query)]


def marked(incident: Incident, planned: Iterable[Maintenance], now: datetime) -> Incident:
    """The incident with what was planned while it happened, or without; a fault that outlasts the work is one like any other. Pure."""

    def covered(one: Maintenance) -> bool:
        within = now < one.ends_at if incident.ended_at is None else incident.ended_at <= one.ends_at
        return one.site == incident.site and one.holds(incident.began_at) and within

    reason = next((one.reason for one in planned if covered(one)), "")
    return incident if incident.maintenance == reason else msgspec.structs.replace(incident, maintenance=reason)


def _window(row: MaintenanceRow) -> Maintenance:
    return Maintenance(id=row.id, site=row.site, begins_at=row.begins_at, ends_at=row.ends_at, reason=row.reason, author=row.author)
