"""What a form rests on: the stored words of one site, drawn together into episodes.

An episode is one fault that came and, mostly, went. The center's incidents come first (they are merged from both ends
and corrected by backfill); what only the site told (onset, clearance, check, confirmed interruption) is added where no
incident covers it, and otherwise stands behind the incident as further evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from contract.catalog import FaultSpec, FormEffect
from contract.findings import Component, Finding, Severity, State
from contract.meetings import Meeting, Phase, Window
from contract.messages import CheckDone, Cleared, Event, Interruption, Onset
from control_center.incidents.model import Incident, Place, Span
from control_center.incidents.rules import CONNECTIVITY, PLACE_OF, place_of

_SAME_MOMENT = timedelta(seconds=2)
"""Two ends that tell of one event may differ by this much in when it began or ended."""
MEASURED = (State.OK, State.WARNING, State.FAULT)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One stored event of a site.

    Attributes:
        id: Message id, ``site:boot:seq``.
        at: When the site wrote it, UTC.
        event: What it says.
    """

    id: str
    at: datetime
    event: Event


class SiteEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that is stored of one site about one meeting.

    Attributes:
        site: Id of the site.
        name: Name of the unit, as the form prints it.
        records: Its own events.
        incidents: What the center made of them.
        not_fitted: Components that the register says the room does not have; its own check says so too, if it came.
    """

    site: str
    name: str
    records: tuple[Record, ...] = ()
    incidents: tuple[Incident, ...] = ()
    not_fitted: frozenset[str] = frozenset()


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of one target, from begin to end.

    Attributes:
        finding: Figure, limit and target; what the catalog's sentence is made of.
        effect: What it does to the form.
        began_at: True begin as far as known, UTC.
        ended_at: True end; None while nobody has told one.
        gone_by: A later look that did not find it any more, when nobody told the end.
        ids: Messages and incidents that tell of it.
        place: Where a link fault lies.
        times: How often it came and went within this one episode.
        spans: Each of those times, where they are known; empty for a single one.
        common: Whether other sites had it at the same time from one cause.
    """

    finding: Finding
    effect: FormEffect
    began_at: datetime
    ids: tuple[str, ...]
    ended_at: datetime | None = None
    gone_by: datetime | None = None
    place: Place = Place.UNKNOWN
    times: int = 1
    spans: tuple[Span, ...] = ()
    common: bool = False

    @property
    def lasting(self) -> bool:
        """Whether it stood to the end, as far as anybody knows."""
        return self.ended_at is None and self.gone_by is None

    @property
    def last_known_at(self) -> datetime | None:
        """By when it was over; None if it lasts."""
        return self.ended_at or self.gone_by

    def overlaps(self, begins_at: datetime, ends_at: datetime | None, slack: timedelta = timedelta()) -> bool:
        """Whether it shares an instant with the span, `slack` granted on either side."""
        over = self.last_known_at
        return (ends_at is None or self.began_at <= ends_at + slack) and (over is None or over + slack >= begins_at)

    def family(self) -> tuple[str, str]:
        """What two tellings of one fault have in common."""
        return ("link.*", "") if self.finding.code in CONNECTIVITY else self.finding.key


def final_checks(evidence: SiteEvidence, meeting: Meeting) -> tuple[tuple[str, CheckDone], ...]:
    """Checks made after the meeting had ended, oldest first, with their message ids."""
    checks = [(record.id, record.event) for record in evidence.records if isinstance(record.event, CheckDone)]
    over = [pair for pair in checks if pair[1].phase is Phase.WRAP_UP or pair[1].began_at >= meeting.plan.live.ends_at]
    return tuple(sorted(over, key=lambda pair: pair[1].ended_at))


def episodes(evidence: SiteEvidence, meeting: Meeting, faults: Mapping[str, FaultSpec]) -> tuple[Episode, ...]:
    """Episodes that touch a phase of the meeting, by begin; advisories (severity info, no effect) are left out."""

    def effect(code: str) -> FormEffect:
        spec = faults.get(code)
        return FormEffect.TOLD if spec is None else spec.effect

    # Incidents are merged already: two of them are two things, even where they overlap (the MCU, then the whole link).
    merged = [one for one in (_of_incident(known, effect(known.code)) for known in evidence.incidents if known.alarmed) if _counts(one)]
    for candidate in _told(evidence, faults, effect):
        if _counts(candidate):
            _absorb_or_keep(merged, candidate)
    checks = sorted(
        ((one.id, one.event) for one in evidence.records if isinstance(one.event, CheckDone)), key=lambda pair: pair[1].began_at
    )
    found = _add_sightings(merged, checks, effect)
    closed = [_closed_by_checks(episode, checks) for episode in merged] + found
    windows = [window for window in (meeting.plan.rehearsal, meeting.plan.precheck, meeting.plan.live, meeting.plan.wrap_up) if window]
    return tuple(sorted((one for one in closed if _touches(one, windows)), key=lambda one: (one.began_at, one.finding.key)))


def _counts(episode: Episode) -> bool:
    return episode.finding.severity is not Severity.INFO and episode.effect is not FormEffect.NONE


def _touches(episode: Episode, windows: Iterable[Window]) -> bool:
    return any(episode.began_at < window.ends_at and episode.overlaps(window.begins_at, window.ends_at) for window in windows)


def _told(evidence: SiteEvidence, faults: Mapping[str, FaultSpec], effect: Callable[[str], FormEffect]) -> list[Episode]:
    """Every telling of the site as an episode of its own; checks are looked at later."""
    told: list[Episode] = []
    ends = [(one.id, one.event) for one in evidence.records if isinstance(one.event, Cleared)]
    for record in evidence.records:
        if isinstance(record.event, Onset):
            found = record.event.finding
            began_at = found.since or record.at
            end = _end_of(found, began_at, ends)
            if end is not None:
                ends.remove(end)
            told.append(_of_onset(record.id, found, began_at, end, effect(found.code)))
    told += [_of_cleared(message_id, one, faults.get(one.code), effect(one.code)) for message_id, one in ends]
    told += [
        _of_interruption(one.id, one.event, effect("link.down"))
        for one in evidence.records
        if isinstance(one.event, Interruption) and one.event.confirmed
    ]
    return told


def _end_of(found: Finding, began_at: datetime, ends: Iterable[tuple[str, Cleared]]) -> tuple[str, Cleared] | None:
    """The clearance that belongs to an onset; the two may name its begin a little apart, corrected by different clock offsets."""
    mine = [pair for pair in ends if (pair[1].code, pair[1].target) == found.key and abs(pair[1].began_at - began_at) <= _SAME_MOMENT]
    return min(mine, key=lambda pair: abs(pair[1].began_at - began_at), default=None)


def _of_incident(incident: Incident, effect: FormEffect) -> Episode:
    return Episode(
        finding=incident.as_finding(),
        effect=effect,
        began_at=incident.began_at,
        ended_at=incident.ended_at,
        ids=(incident.id,),
        place=incident.place if incident.place is not Place.UNKNOWN else PLACE_OF.get(incident.code, Place.UNKNOWN),
        times=max(incident.times, len(incident.spans)),
        spans=incident.spans if len(incident.spans) > 1 else (),
        common=bool(incident.group),
    )


def _of_onset(message_id: str, found: Finding, began_at: datetime, end: tuple[str, Cleared] | None, effect: FormEffect) -> Episode:
    ids = (message_id,) if end is None else (message_id, end[0])
    return Episode(
        finding=found,
        effect=effect,
        began_at=began_at,
        ended_at=None if end is None else end[1].ended_at,
        ids=ids,
        place=PLACE_OF.get(found.code, Place.UNKNOWN),
        times=1 if end is None else end[1].times,
    )


def _of_cleared(message_id: str, cleared: Cleared, spec: FaultSpec | None, effect: FormEffect) -> Episode:
    """An end whose begin never came: it tells both instants itself."""
    severity = Severity.WARNING if spec is None else spec.severity_at(cleared.phase)
    found = Finding(code=cleared.code, severity=severity, component=cleared.component, target=cleared.target)
    return Episode(
        finding=found,
        effect=effect,
        began_at=cleared.began_at,
        ended_at=cleared.ended_at,
        ids=(message_id,),
        place=PLACE_OF.get(cleared.code, Place.UNKNOWN),
        times=cleared.times,
    )


def _of_interruption(message_id: str, gap: Interruption, effect: FormEffect) -> Episode:
    found = Finding(code="link.down", severity=Severity.CRITICAL, component=Component.LINK, figure=gap.duration_s, unit="s")
    return Episode(finding=found, effect=effect, began_at=gap.began_at, ended_at=gap.ended_at, ids=(message_id,), place=place_of(gap))


def _absorb_or_keep(merged: list[Episode], candidate: Episode) -> None:
    """Absorb a telling into the episode that it tells of, or keep it as one of its own."""
    for index, known in enumerate(merged):
        if known.family() == candidate.family() and known.overlaps(candidate.began_at, candidate.ended_at, _SAME_MOMENT):
            merged[index] = msgspec.structs.replace(
                known,
                ended_at=known.ended_at or candidate.ended_at,
                ids=known.ids + tuple(one for one in candidate.ids if one not in known.ids),
                place=known.place if known.place is not Place.UNKNOWN else candidate.place,
                finding=_richer(known.finding, candidate.finding),
            )
            return
    merged.append(candidate)


def _richer(known: Finding, other: Finding) -> Finding:
    """The finding with figures, keeping the severity that the better informed one gave."""
    if known.figure is None and other.figure is not None and other.code == known.code:
        return msgspec.structs.replace(other, severity=known.severity)
    return known


def _add_sightings(merged: list[Episode], checks: Iterable[tuple[str, CheckDone]], effect: Callable[[str], FormEffect]) -> list[Episode]:
    """What checks saw stands behind the episode that covers it; what nobody else told becomes an episode of its own.

    Such an episode runs from the first check that saw it to the first later one that measured the component and did not.
    """
    running: dict[tuple[str, str], Episode] = {}
    over: list[Episode] = []
    for message_id, check in checks:
        for verdict in check.verdicts:
            seen: set[tuple[str, str]] = set()
            for found in verdict.findings:
                sighting = Episode(finding=found, effect=effect(found.code), began_at=found.since or check.began_at, ids=(message_id,))
                seen.add(sighting.family())
                if not _counts(sighting) or _stands_behind(merged, sighting, check):
                    continue
                before = running.get(sighting.family(), sighting)
                running[sighting.family()] = msgspec.structs.replace(before, ids=tuple(dict.fromkeys((*before.ids, message_id))))
            if verdict.state in MEASURED:
                gone = [key for key, one in running.items() if one.finding.component == verdict.component and key not in seen]
                over += [msgspec.structs.replace(running.pop(key), gone_by=check.began_at) for key in gone]
    return over + list(running.values())


def _stands_behind(merged: list[Episode], sighting: Episode, check: CheckDone) -> bool:
    """Whether a known episode covers the check that saw the fault; if so, the check joins its evidence."""
    for index, known in enumerate(merged):
        if known.family() == sighting.family() and known.overlaps(check.began_at, check.ended_at, _SAME_MOMENT):
            merged[index] = msgspec.structs.replace(known, ids=tuple(dict.fromkeys(known.ids + sighting.ids)))
            return True
    return False


def _closed_by_checks(episode: Episode, checks: Iterable[tuple[str, CheckDone]]) -> Episode:
    """Close an episode without an end by the first later check after which no check that measured found it any more."""
    if not episode.lasting:
        return episode
    gone: tuple[str, datetime] | None = None
    for message_id, check in checks:
        verdict = next((one for one in check.verdicts if one.component == episode.finding.component), None)
        if verdict is None or verdict.state not in MEASURED or check.began_at <= episode.began_at:
            continue
        if any(found.key == episode.finding.key for found in verdict.findings):
            gone = None
        elif gone is None:
            gone = (message_id, check.began_at)
    return episode if gone is None else msgspec.structs.replace(episode, gone_by=gone[1], ids=(*episode.ids, gone[0]))
