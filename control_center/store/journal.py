"""What the sites have said: the durable journal, the state that holds, and what could not be read.

The payload is kept as it came (`data`, JSON text), so that keys of a newer agent are not lost; columns beside it are
what is searched by.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from control_center.store.base import Base, UtcDateTime


class EventRow(Base):
    """One event of one site; (site, boot, seq) names it, however often it comes."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_site_and_time", "site", "time"), Index("events_by_meeting", "meeting"))

    site: Mapped[str] = mapped_column(String(40), primary_key=True)
    boot: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(40))
    """Tag of the event: onset, cleared, interruption, check, lifecycle, overflow."""
    meeting: Mapped[str] = mapped_column(String(200), default="")
    time: Mapped[datetime] = mapped_column(UtcDateTime())
    """When it was written, by the site's clock."""
    clock_offset_ms: Mapped[float | None]
    """Site's clock minus the center's, as far as the site knew."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    data: Mapped[str] = mapped_column(Text)


class FiguresRow(Base):
    """A minute or so of rolled-up figures of one site."""

    __tablename__ = "figures"
    __table_args__ = (Index("figures_by_site_and_begin", "site", "begins_at"),)

    site: Mapped[str] = mapped_column(String(40), primary_key=True)
    boot: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    meeting: Mapped[str] = mapped_column(String(200), default="")
    time: Mapped[datetime] = mapped_column(UtcDateTime())
    clock_offset_ms: Mapped[float | None]
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime())
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
    data: Mapped[str] = mapped_column(Text)


class ComponentStateRow(Base):
    """The latest verdict of one component of one site."""

    __tablename__ = "component_states"

    site: Mapped[str] = mapped_column(String(40), primary_key=True)
    component: Mapped[str] = mapped_column(String(80), primary_key=True)
    time: Mapped[datetime] = mapped_column(UtcDateTime())
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
    data: Mapped[str] = mapped_column(Text)


class StatusRow(Base):
    """The latest birth or death of one site's agent."""

    __tablename__ = "statuses"

    site: Mapped[str] = mapped_column(String(40), primary_key=True)
    boot: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    time: Mapped[datetime] = mapped_column(UtcDateTime())
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
    data: Mapped[str] = mapped_column(Text)


class QuarantineRow(Base):
    """Messages of one topic that were refused for one reason: how many, and the latest of them."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("quarantine_by_topic_and_reason", "topic", "reason", unique=True),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    topic: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(Text)
    payload: Mapped[str] = mapped_column(Text)
    """The beginning of the latest one, bytes that are no text escaped."""
    first_at: Mapped[datetime] = mapped_column(UtcDateTime())
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When the latest one came."""
    count: Mapped[int] = mapped_column(BigInteger, default=1)
