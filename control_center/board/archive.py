"""What the pages read from the store: meetings, past incidents, contacts. Blocking; the handlers call it from a thread."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from contract.messages import CheckDone
from control_center.board.alerts import Contact
from control_center.incidents.model import Incident
from control_center.store import figures, registry
from control_center.store import incidents as incident_store
from control_center.store.figures import Stretch
from control_center.store.journal import EventRow
from control_center.store.registry import MeetingRecord

_CHECK = "check"
"""Type under which the journal keeps a `CheckDone`."""


class Archive:
    """Reads the store for the pages."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def contacts(self) -> dict[str, tuple[Contact, ...]]:
        """Whom to phone for each site: its own people first, then those for all sites (also under the empty id)."""
        everybody = registry.contacts(self._engine)
        for_all = tuple(_contact(one) for one in everybody if not one.site)
        sites = {site.id for site in registry.sites(self._engine)} | {one.site for one in everybody if one.site}
        own = {site: tuple(_contact(one) for one in everybody if one.site == site) for site in sites}
        return {"": for_all} | {site: people + for_all for site, people in own.items()}

    def site_names(self) -> dict[str, str]:
        """Name of each registered site."""
        return {site.id: site.name for site in registry.sites(self._engine)}

    def meetings(self) -> list[MeetingRecord]:
        """All meetings, the latest first, cancelled ones too."""
        return registry.meetings(self._engine, cancelled=True)[::-1]

    def meeting(self, meeting_id: str) -> MeetingRecord | None:
        """One meeting."""
        return registry.meeting(self._engine, meeting_id)

    def incidents_between(self, begins_at: datetime, ends_at: datetime, site: str = "") -> list[Incident]:
        """Alarmed incidents that touch a span, the latest first."""
        return incident_store.between(self._engine, begins_at, ends_at, site)[::-1]

    def incidents_of_meeting(self, meeting_id: str) -> list[Incident]:
        """Alarmed incidents of a meeting, by begin."""
        return incident_store.of_meeting(self._engine, meeting_id)

    def incident(self, incident_id: str) -> Incident | None:
        """One incident."""
        return incident_store.incident(self._engine, incident_id)

    def history(self, incident_id: str) -> list[tuple[datetime, Incident]]:
        """Every state an incident was in, with the time at which it was written down."""
        return incident_store.history(self._engine, incident_id)

    def checks_of_meeting(self, meeting_id: str) -> list[tuple[str, CheckDone]]:
        """Proofs that checks ran for a meeting, each with its site, the latest first."""
        wanted = (EventRow.meeting == meeting_id) & (EventRow.type == _CHECK)
        with Session(self._engine) as session:
            rows = session.execute(select(EventRow.site, EventRow.data).where(wanted).order_by(EventRow.time.desc()))
            return [(site, msgspec.json.decode(data, type=CheckDone)) for site, data in rows]

    def figures(self, site: str, begins_at: datetime, ends_at: datetime) -> Iterator[Stretch]:
        """Figures of a site over a span."""
        return figures.between(self._engine, site, begins_at, ends_at)

    def acknowledge(self, incident_id: str, by: str, at: datetime) -> Incident | None:
        """Acknowledge an incident; None if there is no such one."""
        return incident_store.acknowledge(self._engine, incident_id, by=by, at=at)


def _contact(one: registry.Contact) -> Contact:
    return Contact(name=one.name, phone=one.phone, duty=one.role.value)
