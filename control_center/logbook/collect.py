"""Read from the store what a form rests on. All instants come out by the center's clock (R48)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from contract.catalog import FAULTS, FaultSpec
from contract.meetings import Meeting
from contract.messages import CheckDone, Cleared, Event, Interruption, Lifecycle, Onset
from control_center.incidents.model import Incident
from control_center.logbook.draft import draft
from control_center.logbook.evidence import Record, SiteEvidence
from control_center.logbook.form import FormDocument
from control_center.store import incidents, registry
from control_center.store.journal import EventRow

log = logging.getLogger(__name__)


class UnknownMeetingError(LookupError):
    """No such meeting is registered."""


def collect(engine: Engine, meeting_id: str, *, at: datetime | None = None, faults: Mapping[str, FaultSpec] = FAULTS) -> FormDocument:
    """Draft form II of a meeting from all that is stored of it now.

    Args:
        engine: The center's database.
        meeting_id: A registered meeting.
        at: Stands in the document as the time of drafting; now if not given.
        faults: The catalog.

    Raises:
        UnknownMeetingError: There is no such meeting.
    """
    record = registry.meeting(engine, meeting_id)
    if record is None:
        raise UnknownMeetingError(meeting_id)
    meeting = record.as_meeting()
    return draft(meeting, read_evidence(engine, meeting), drafted_at=at or datetime.now(UTC), faults=faults)


def read_evidence(engine: Engine, meeting: Meeting) -> list[SiteEvidence]:
    """What is stored of every site of `meeting`, in the order of its participations."""
    sites = [part.site for part in meeting.participations]
    first, last = meeting.plan.boundaries()[0], meeting.plan.boundaries()[-1]
    records: dict[str, list[Record]] = {site: [] for site in sites}
    for row in _events(engine, meeting.id, sites, first, last):
        event = _decoded(row)
        if event is not None:
            records[row.site].append(_by_our_clock(row, event))
    told: dict[str, list[Incident]] = {site: [] for site in sites}
    for incident in incidents.between(engine, first, last):
        if incident.site in told:
            told[incident.site].append(incident)
    known = {site.id: site for site in registry.sites(engine)}
    names = _names(known, sites)
    return [
        SiteEvidence(
            site=site,
            name=names[site],
            records=tuple(records[site]),
            incidents=tuple(told[site]),
            not_fitted=frozenset(part for part, source in known[site].capabilities.items() if source == "none")
            if site in known
            else frozenset(),
        )
        for site in sites
    ]


def _names(known: Mapping[str, registry.Site], sites: Iterable[str]) -> dict[str, str]:
    """What the form prints as "Tên cơ quan": the unit; with the site's own name behind it where a unit has several."""
    wanted = {site: known.get(site) for site in sites}
    units = Counter(site.unit for site in wanted.values() if site is not None and site.unit)
    names = {}
    for site_id, site in wanted.items():
        if site is None:
            names[site_id] = site_id
        elif not site.unit:
            names[site_id] = site.name
        else:
            names[site_id] = site.unit if units[site.unit] == 1 or site.unit == site.name else f"{site.unit} ({site.name})"
    return names


def _events(engine: Engine, meeting: str, sites: list[str], first: datetime, last: datetime) -> list[EventRow]:
    """Events that name the meeting, and those of its sites that name none and were written within its phases."""
    an_hour = timedelta(hours=1)  # a site's clock may be wrong; what is too early or late by ours is dropped below
    within = (EventRow.meeting == "") & (EventRow.time >= first - an_hour) & (EventRow.time <= last + an_hour)
    query = (
        select(EventRow).where((EventRow.meeting == meeting) | within).order_by(EventRow.site, EventRow.time, EventRow.boot, EventRow.seq)
    )
    wanted = set(sites)
    with Session(engine) as session:
        rows = [row for row in session.scalars(query) if row.site in wanted]
    return [row for row in rows if row.meeting or first <= row.time - _offset(row) <= last]


def _offset(row: EventRow) -> timedelta:
    return timedelta(milliseconds=row.clock_offset_ms or 0.0)


def _decoded(row: EventRow) -> Event | None:
    try:
        event: Event = msgspec.json.decode(row.data, type=Event)
    except msgspec.MsgspecError as error:
        log.warning("event %s:%s:%s cannot be read for the form: %s", row.site, row.boot, row.seq, error)
        return None
    return event


def _by_our_clock(row: EventRow, event: Event) -> Record:
    """The event with the offset of the site's clock taken out of every instant that it tells."""
    return Record(id=f"{row.site}:{row.boot}:{row.seq}", at=row.time - _offset(row), event=_shifted(event, -_offset(row)))


def _shifted(event: Event, by: timedelta) -> Event:
    replace = msgspec.structs.replace
    if not by:
        return event
    if isinstance(event, Onset):
        found = event.finding
        return replace(event, finding=replace(found, since=found.since + by)) if found.since is not None else event
    if isinstance(event, CheckDone):
        verdicts = tuple(
            replace(one, at=one.at + by, findings=tuple(replace(f, since=f.since + by) if f.since else f for f in one.findings))
            for one in event.verdicts
        )
        return replace(event, began_at=event.began_at + by, ended_at=event.ended_at + by, verdicts=verdicts)
    if isinstance(event, Cleared | Interruption):
        return replace(event, began_at=event.began_at + by, ended_at=event.ended_at + by)
    if isinstance(event, Lifecycle):
        seen = None if event.last_seen_at is None else event.last_seen_at + by
        return replace(event, at=event.at + by, last_seen_at=seen)
    return event
