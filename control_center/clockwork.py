"""What the center does by the clock: notice changes of the register, say who is in which phase, hand out agendas, draft forms."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from contract import topics
from contract.meetings import Meeting, Phase
from contract.messages import Payload
from contract.topics import Kind
from control_center.incidents.model import Incident, IncidentState
from control_center.live import Live
from control_center.logbook import files
from control_center.meetings import agenda
from control_center.store import incidents as incident_store
from control_center.store import limits as limits_store
from control_center.store import registry
from control_center.switchboard import Switchboard

log = logging.getLogger(__name__)
TICK_S = 0.25
REMEMBERED = timedelta(hours=24)
"""Forms get a fresh draft from late news for this long."""
SETTLE = timedelta(seconds=3)
"""What belongs together comes within this time after the last phase, and after late news."""
STEPS = 100
"""A form that could not be drawn is tried again after this many settling times."""


class Publish(Protocol):
    """How agendas are sent; `Ingest.publish`."""

    def __call__(self, topic: str, payload: Payload, *, retain: bool = False) -> bool:
        """Send."""
        ...


class Listeners(NamedTuple):
    """Whom the clockwork tells.

    Attributes:
        sites_changed: The register of sites is another one now.
        expect: The sites whose silence counts: those in a live meeting.
        path_heard_at: When liveness last heard each site.
    """

    publish: Publish
    sites_changed: Callable[[Mapping[str, registry.Site]], None]
    expect: Callable[[frozenset[str]], None]
    path_heard_at: Callable[[], Mapping[str, datetime]]


class _Register(NamedTuple):
    revisions: tuple[int, int]
    sites: dict[str, registry.Site]
    records: list[registry.MeetingRecord]
    limits: dict[str, limits_store.LimitsVersion]
    named: list[Incident]


class Clockwork:
    """Ticks in the service's loop; reads the store in a thread."""

    def __init__(self, engine: Engine, directory: Path, live: Live, switchboard: Switchboard, clock: Callable[[], datetime]) -> None:
        self.sites: dict[str, registry.Site] = {}
        self._engine = engine
        self._directory = directory
        self._live = live
        self._switchboard = switchboard
        self._clock = clock
        self._revisions: tuple[int, int] = (-1, -1)
        self._meetings: list[Meeting] = []
        self._agendas: dict[str, tuple[Meeting, ...]] = {}
        self._limits: dict[str, limits_store.LimitsVersion] = {}
        self._limits_sent: dict[str, str] = {}
        """Version that each site was sent last."""
        self._expected: frozenset[str] = frozenset()
        self._forms_due: dict[str, datetime] = {}
        self._forms_made: set[str] = set()
        self._trouble = ""

    def load(self) -> None:
        """Read the register for the first time; before the parts start."""
        self._take_up(self._read(self._clock()))

    async def run(self, listeners: Listeners) -> None:
        """Tick for ever."""
        self._tell_sites(listeners)
        while True:
            now = self._clock()
            try:
                await self._notice_changes(now, listeners)
                self._trouble = ""
            except SQLAlchemyError as error:
                if not self._trouble:
                    log.exception("the register cannot be read; the last one holds")
                self._trouble = str(error)
            self._tell_phases(now, listeners)
            self._switchboard.watched(listeners.path_heard_at())
            self._switchboard.tick(now)
            await self._draft_what_is_due(now)
            await asyncio.sleep(TICK_S)

    def late_news(self, meeting: str) -> None:
        """Say that something about a meeting has come; a form that was already drafted is drafted again."""
        if meeting in self._forms_made:
            self._forms_due[meeting] = self._clock() + SETTLE

    def note(self, incident: Incident) -> None:
        """Take in a changed incident, for the forms."""
        if incident.meeting and incident.state is IncidentState.CLOSED:
            self.late_news(incident.meeting)

    # The register

    async def _notice_changes(self, now: datetime, listeners: Listeners) -> None:
        found = await asyncio.to_thread(self._read_if_changed, now)
        if found is None:
            return
        sites_before = self.sites
        self._take_up(found)
        if self.sites != sites_before:
            self._tell_sites(listeners)
        for incident in found.named:
            self._switchboard.acknowledged(incident.id, incident.acknowledged_by, incident.acknowledged_at or now)

    def _read_if_changed(self, now: datetime) -> _Register | None:
        return None if self._revisions_now() == self._revisions else self._read(now)

    def _revisions_now(self) -> tuple[int, int]:
        return registry.revision(self._engine), registry.revision(self._engine, incident_store.ACKNOWLEDGEMENTS)

    def _read(self, now: datetime) -> _Register:
        revisions = self._revisions_now()  # before the rest: what changes meanwhile is noticed next time
        return _Register(
            revisions=revisions,
            sites={site.id: site for site in registry.sites(self._engine)},
            limits=limits_store.holding(self._engine),
            records=registry.meetings(self._engine, ends_after=now - REMEMBERED),
            named=[one for one in incident_store.recent(self._engine, now - REMEMBERED) if one.acknowledged_by],
        )

    def _take_up(self, found: _Register) -> None:
        self._revisions = found.revisions
        self.sites = found.sites
        self._limits = found.limits
        self._meetings = [record.as_meeting() for record in found.records]

    def _tell_sites(self, listeners: Listeners) -> None:
        self._switchboard.know({site.id: site.name for site in self.sites.values()})
        listeners.sites_changed(self.sites)

    # Phases and agendas

    def _tell_phases(self, now: datetime, listeners: Listeners) -> None:
        duties = agenda.duties(self._meetings, now)
        phase, meeting = agenda.on_board(self._meetings, now)
        self._live.tell_meeting(meeting, phase)
        expected = frozenset(site for site, duty in duties.items() if duty.phase is Phase.LIVE)
        if expected != self._expected:
            self._expected = expected
            listeners.expect(expected)
        self._switchboard.duties(duties, now)
        for site in self.sites:
            wanted = agenda.agenda_of(site, self._meetings, now)
            if self._agendas.get(site) != wanted.meetings:
                self._agendas[site] = wanted.meetings
                listeners.publish(topics.agenda(site), wanted, retain=True)
        self._tell_limits(listeners)

    def _tell_limits(self, listeners: Listeners) -> None:
        """What is still normal, retained, so that a site that is away finds it when it comes back."""
        for site in self.sites:
            limits = limits_store.of_site(site, self._limits)
            if limits is not None and self._limits_sent.get(site) != limits.version:
                self._limits_sent[site] = limits.version
                listeners.publish(topics.site_topic(site, Kind.LIMITS), limits, retain=True)

    # Forms

    async def _draft_what_is_due(self, now: datetime) -> None:
        for meeting in agenda.over(self._meetings, now, REMEMBERED):
            if meeting.id not in self._forms_made and meeting.id not in self._forms_due:
                if files.file(self._directory, meeting.id, "pdf").exists():
                    self._forms_made.add(meeting.id)
                else:
                    self._forms_due[meeting.id] = now + SETTLE
        for meeting_id in [one for one, due_at in self._forms_due.items() if due_at <= now]:
            del self._forms_due[meeting_id]
            try:
                written = await asyncio.to_thread(files.draft_all, self._engine, self._directory, meeting_id, now)
            except Exception:
                log.exception("the form of %s could not be drafted; tried again", meeting_id)
                self._forms_due[meeting_id] = now + SETTLE * STEPS
            else:
                log.info("form of %s drafted: %s", meeting_id, ", ".join(str(path) for path in written))
                self._forms_made.add(meeting_id)
