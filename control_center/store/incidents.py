"""Incidents, and the log of all that was ever known of them, which is only added to.

The row of an incident says what holds now; every change of it is kept in the log as the whole incident, with the time
at which the center wrote it down.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, Engine, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState, Place, Span
from control_center.store.base import Base, PlainText, UtcDateTime
from control_center.store.registry import NfcText, bump

ACKNOWLEDGEMENTS = "acknowledged"
"""Name of the revision that counts acknowledgements."""


class IncidentRow(Base):
    """Table of incidents as they are known now."""

    __tablename__ = "incidents"
    id: Mapped[str] = mapped_column(PlainText, primary_key=True)
    site: Mapped[str] = mapped_column(PlainText)
    code: Mapped[str] = mapped_column(PlainText)
    component: Mapped[str] = mapped_column(PlainText)
    target: Mapped[str] = mapped_column(NfcText, default="")
    severity: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(14), index=True)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    spans: Mapped[str] = mapped_column(Text, default="[]")
    meeting: Mapped[str] = mapped_column(PlainText, default="", index=True)
    figure: Mapped[float | None]
    limit: Mapped[float | None]
    unit: Mapped[str] = mapped_column(PlainText, default="")
    frequency_hz: Mapped[float | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    place: Mapped[str] = mapped_column(String(10), default=Place.UNKNOWN.value)
    seen_by_site: Mapped[bool] = mapped_column(default=False)
    seen_by_center: Mapped[bool] = mapped_column(default=False)
    times: Mapped[int] = mapped_column(default=1)
    group: Mapped[str] = mapped_column(PlainText, default="")
    acknowledged_by: Mapped[str] = mapped_column(NfcText, default="")
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    maintenance: Mapped[str] = mapped_column(NfcText, default="")
    __table_args__ = (Index("ix_incidents_site_began_at", "site", "began_at"),)


class IncidentLogRow(Base):
    """Table of every state an incident was ever in; a trigger refuses to change or delete a row of it."""

    __tablename__ = "incident_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident: Mapped[str] = mapped_column(PlainText, ForeignKey("incidents.id"), index=True)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(14))
    document: Mapped[str] = mapped_column(Text)


_SPANS = tuple[Span, ...]
_COPIED = tuple(name for name in Incident.__struct_fields__ if name not in {"id", "spans", "severity", "state", "place", "details"})


def save(engine: Engine, changed: Iterable[Incident], at: datetime) -> None:
    """Write incidents and their log in one transaction; what is already so is not logged again.

    An acknowledgement that was written from elsewhere meanwhile is kept.
    """
    with Session(engine) as session, session.begin():
        for incident in changed:
            _put(session, incident, at)


def _put(session: Session, incident: Incident, at: datetime) -> None:
    row = session.get(IncidentRow, incident.id)
    if row is None:
        row = IncidentRow(id=incident.id)
        session.add(row)
    else:
        present = _incident(row)
        if present.acknowledged_by and not incident.acknowledged_by:
            incident = acknowledged(incident, by=present.acknowledged_by, at=present.acknowledged_at or at)
        if present == incident:
            return
    for name in _COPIED:
        setattr(row, name, getattr(incident, name))
    row.severity, row.state, row.place = incident.severity.value, incident.state.value, incident.place.value
    row.spans, row.details = msgspec.json.encode(incident.spans).decode(), dict(incident.details)
    session.flush()
    document = msgspec.json.encode(incident).decode()
    session.add(IncidentLogRow(incident=incident.id, written_at=at, state=incident.state.value, document=document))


def acknowledged(incident: Incident, *, by: str, at: datetime) -> Incident:
    """The incident with somebody's name on it; the first to acknowledge stays."""
    if incident.acknowledged_by:
        return incident
    state = IncidentState.ACKNOWLEDGED if incident.state is IncidentState.OPEN else incident.state
    return msgspec.structs.replace(incident, state=state, acknowledged_by=by, acknowledged_at=at)


def acknowledge(engine: Engine, incident_id: str, *, by: str, at: datetime) -> Incident | None:
    """Acknowledge an incident; None if there is no such one. A running service notices within a second."""
    with Session(engine) as session, session.begin():
        row = session.get(IncidentRow, incident_id)
        if row is None:
            return None
        incident = acknowledged(_incident(row), by=by, at=at)
        _put(session, incident, at)
        bump(session, ACKNOWLEDGEMENTS)
        return incident


def incident(engine: Engine, incident_id: str) -> Incident | None:
    """One incident, None if there is no such one."""
    with Session(engine) as session:
        row = session.get(IncidentRow, incident_id)
        return None if row is None else _incident(row)


def lasting(engine: Engine) -> list[Incident]:
    """Those that are not closed, by begin."""
    return _where(engine, IncidentRow.state != IncidentState.CLOSED.value)


def recent(engine: Engine, since: datetime) -> list[Incident]:
    """Those not closed, and those that ended at or after `since`; what the incident engine starts from."""
    return _where(engine, (IncidentRow.state != IncidentState.CLOSED.value) | (IncidentRow.ended_at >= since))


def of_meeting(engine: Engine, meeting_id: str, *, suspicions: bool = False) -> list[Incident]:
    """Those that belong to a meeting, by begin; quiet suspicions that passed only if asked for."""
    condition = IncidentRow.meeting == meeting_id
    return _where(engine, condition if suspicions else condition & IncidentRow.opened_at.is_not(None))


def between(engine: Engine, begins_at: datetime, ends_at: datetime, site: str = "") -> list[Incident]:
    """Alarmed ones that touch [begins_at, ends_at), of one site if given, by begin."""
    touches = (IncidentRow.began_at < ends_at) & (IncidentRow.ended_at.is_(None) | (IncidentRow.ended_at >= begins_at))
    condition = touches & IncidentRow.opened_at.is_not(None)
    return _where(engine, condition & (IncidentRow.site == site) if site else condition)


def history(engine: Engine, incident_id: str) -> list[tuple[datetime, Incident]]:
    """Every state an incident was in, with the time at which it was written down."""
    query = select(IncidentLogRow).where(IncidentLogRow.incident == incident_id).order_by(IncidentLogRow.id)
    with Session(engine) as session:
        return [(row.written_at, msgspec.json.decode(row.document, type=Incident)) for row in session.scalars(query)]


def _where(engine: Engine, condition: Any) -> list[Incident]:
    with Session(engine) as session:
        return [
            _incident(row) for row in session.scalars(select(IncidentRow).where(condition).order_by(IncidentRow.began_at, IncidentRow.id))
        ]


def _incident(row: IncidentRow) -> Incident:
    return Incident(
        id=row.id,
        severity=Severity(row.severity),
        state=IncidentState(row.state),
        place=Place(row.place),
        spans=msgspec.json.decode(row.spans, type=_SPANS),
        details=dict(row.details),
        **{name: getattr(row, name) for name in _COPIED},
    )
