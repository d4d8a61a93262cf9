"""From what sites say and liveness sees to incidents. Pure: no clock, no I/O; the same input gives the same incidents.

Every input returns the incidents that it changed. What comes twice changes nothing the second time. After a restart the
engine is built from the incidents of the store and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from contract.findings import Component, Finding, Severity
from contract.meetings import Phase
from contract.messages import Cleared, Event, Interruption, Lifecycle, Onset
from control_center.incidents import rules as by
from control_center.incidents.model import Incident, IncidentState, Place, SilenceSignal, Span, Witness
from control_center.incidents.rules import CONNECTIVITY, LINK_DOWN, LINK_LOSS, MCU_LOSS, STALE, Duty, Rules

_LASTING = (IncidentState.SUSPECTED, IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
_CENTER_SEES = (LINK_DOWN, STALE)


class Engine:
    """Holder of all incidents that may still change."""

    def __init__(self, rules: Rules | None = None, known: Iterable[Incident] = ()) -> None:
        self._rules = rules or Rules()
        self._known: dict[str, Incident] = {incident.id: _whole(incident) for incident in known}
        self._before: dict[str, Incident | None] = {}
        self._duties: dict[str, Duty] = {}
        self._silent: set[str] = set()
        self._stopped: dict[str, datetime] = {}
        self._told_end: dict[str, Span] = {}
        self._exact: set[str] = set()

    # What goes in

    def duties(self, duties: Mapping[str, Duty], at: datetime) -> list[Incident]:
        """Say which site is in which phase of which meeting; a suspicion about one that is released is dropped."""
        self._duties = {site: duty for site, duty in duties.items() if duty.phase is not Phase.IDLE}
        for incident in self._all(*_LASTING):
            if incident.site not in self._duties and incident.state is IncidentState.SUSPECTED:
                self._withdraw(incident, at)
        self._silent &= set(self._duties)
        return self._changes()

    def silence(self, signal: SilenceSignal) -> list[Incident]:
        """Take in what liveness says of a site in a meeting."""
        if signal.kind == "returned":
            self._silent.discard(signal.site)
            self._center_hears(signal.site, signal.returned_at or signal.at)
        else:
            self._silent.add(signal.site)
            self._suspect(signal)
            if signal.kind == "confirmed":
                self._confirm(signal)
        return self._changes()

    def event(self, site: str, event: Event, *, at: datetime, offset_ms: float | None = None) -> list[Incident]:
        """Take in one event of a site's journal.

        Args:
            site: Whose.
            event: What it says, by the site's clock.
            at: When the center got it.
            offset_ms: Site's clock minus the center's; its times are corrected by it (R48).
        """
        ahead = timedelta(milliseconds=offset_ms or 0.0)
        match event:
            case Onset(finding=found) if found.severity is not Severity.INFO:
                begins = (found.since or at + ahead) - ahead
                if found.code in CONNECTIVITY:
                    self._outage(site, Span(began_at=begins), found, event, at, creates=True)
                else:
                    self._onset(site, found, begins, event, at)
            case Cleared():
                span = Span(began_at=event.began_at - ahead, ended_at=event.ended_at - ahead)
                if event.code in CONNECTIVITY:
                    self._outage(site, span, _as_finding(event), event, at, creates=False)
                else:
                    self._cleared(site, event, span)
            case Interruption():
                span = Span(began_at=event.began_at - ahead, ended_at=event.ended_at - ahead)
                self._interruption(site, event, span, at)
            case Lifecycle(what="started"):
                self._restarted(site, event, event.at - ahead)
            case _:
                pass
        return self._changes()

    def lost(self, site: str, *, since: datetime, at: datetime, path_up: bool) -> list[Incident]:
        """Take in that heartbeats or the last will say "gone"; in a meeting that is an incident, outside it is none (R18).

        Args:
            site: Which.
            since: When it was last heard.
            at: Now.
            path_up: Whether liveness still hears the site, so that only the agent is silent.
        """
        if site in self._duties and self._seen_by_center(site) is None and site not in self._silent:
            left = site in self._stopped
            incident = self._center_incident(site, STALE if path_up or left else LINK_DOWN, since)
            silent_s = round((at - since).total_seconds(), 3)
            details: dict[str, float | str] = {"cause": "planned"} if left else {}
            self._put(self._opened(msgspec.structs.replace(incident, figure=silent_s, unit="s", details=details), at))
        return self._changes()

    def stopped(self, site: str, at: datetime) -> list[Incident]:
        """Take in that the agent said goodbye: the silence that follows is no broken link."""
        self._stopped[site] = at
        return self._changes()

    def heard(self, site: str, at: datetime) -> list[Incident]:
        """Take in a sign of life over MQTT; it ends what liveness does not hold against the site."""
        self._stopped.pop(site, None)
        if site not in self._silent:
            self._center_hears(site, at)
        return self._changes()

    def acknowledge(self, incident_id: str, *, name: str, at: datetime) -> list[Incident]:
        """Put somebody's name on an incident; the first name stays."""
        incident = self._known.get(incident_id)
        if incident is not None and not incident.acknowledged_by:
            state = IncidentState.ACKNOWLEDGED if incident.state is IncidentState.OPEN else incident.state
            self._put(msgspec.structs.replace(incident, state=state, acknowledged_by=name, acknowledged_at=at))
        return self._changes()

    def forget(self, before: datetime) -> None:
        """Drop closed incidents that ended before an instant; nothing can change them any more."""
        old = [one.id for one in self._all(IncidentState.CLOSED) if one.ended_at is not None and one.ended_at < before]
        for incident_id in old:
            self._known.pop(incident_id)
            self._told_end.pop(incident_id, None)
            self._exact.discard(incident_id)

    def lasting(self) -> list[Incident]:
        """Those that are not closed."""
        return list(self._all(*_LASTING))

    # The center's own eyes

    def _suspect(self, signal: SilenceSignal) -> None:
        current = self._seen_by_center(signal.site) or self._link_loss(signal.site)
        if current is not None:
            self._put(msgspec.structs.replace(current, seen_by_center=True))
            return
        prior = self._flapping(signal.site, LINK_DOWN, "", signal.silent_since)
        if prior is not None and prior.seen_by_center:
            self._put(msgspec.structs.replace(by.again(prior, signal.silent_since), state=IncidentState.SUSPECTED))
        else:
            self._put(self._center_incident(signal.site, LINK_DOWN, signal.silent_since))

    def _confirm(self, signal: SilenceSignal) -> None:
        current = self._seen_by_center(signal.site) or self._link_loss(signal.site)
        if current is None:  # nothing to confirm can only mean that this very incident is already closed
            return
        left = signal.site in self._stopped and signal.silent_since >= self._stopped[signal.site] - self._rules.slack
        wanted = STALE if left or signal.witness is Witness.ANSWERED else LINK_DOWN
        if wanted == STALE and current.seen_by_site:
            wanted = current.code  # the site itself says that its link is down
        if current.code != wanted and not (current.code in LINK_LOSS and wanted == LINK_DOWN):
            begins = signal.silent_since if current.state is IncidentState.SUSPECTED else signal.at
            self._withdraw(current, signal.at)
            current = self._center_incident(signal.site, wanted, begins)
        silent_s = round((signal.at - signal.silent_since).total_seconds(), 3)
        details = dict(current.details) | ({"cause": "planned"} if left else {})
        current = msgspec.structs.replace(current, figure=silent_s, limit=self._rules.confirmed_after_s, unit="s", details=details)
        self._put(self._opened(current, signal.at))

    def _center_hears(self, site: str, at: datetime) -> None:
        """What the center held against a site is over; the site's word on when, where it came first, is better."""
        for incident in list(self._all(*_LASTING)):
            if incident.site != site or not incident.seen_by_center or incident.code not in CONNECTIVITY | {STALE}:
                continue
            told = self._told_end.pop(incident.id, None)
            if incident.state is IncidentState.SUSPECTED:
                self._withdraw(incident, at)
            else:
                self._put(by.closed(incident, told.ended_at if told is not None and told.ended_at is not None else at))

    def _withdraw(self, incident: Incident, at: datetime) -> None:
        """End a suspicion without a trace of alarm; of a flapping incident only the span that was suspected."""
        if incident.state is not IncidentState.SUSPECTED:
            self._put(by.closed(incident, at))
        elif incident.alarmed:
            kept = msgspec.structs.replace(incident, times=incident.times - 1)
            self._put(msgspec.structs.replace(by.with_spans(kept, incident.spans[:-1]), state=IncidentState.CLOSED))
        else:
            self._put(by.closed(incident, at))

    def _center_incident(self, site: str, code: str, began_at: datetime) -> Incident:
        duty = self._duties.get(site, Duty())
        return Incident(
            id=by.incident_id(site, code, "", began_at),
            site=site,
            code=code,
            component=code.partition(".")[0],
            severity=by.severity_of(code, duty.phase),
            state=IncidentState.SUSPECTED,
            began_at=began_at,
            spans=(Span(began_at=began_at),),
            meeting=duty.meeting,
            place=by.PLACE_OF.get(code, Place.UNKNOWN),
            seen_by_center=True,
        )

    # The site's word

    def _onset(self, site: str, found: Finding, begins: datetime, event: Onset, at: datetime) -> None:
        same = [one for one in self._known.values() if (one.site, one.code, one.target) == (site, found.code, found.target)]
        for incident in same:
            if incident.state is not IncidentState.CLOSED or any(_covers(span, begins) for span in incident.spans):
                self._put(_worse(incident, found))
                return
        prior = self._flapping(site, found.code, found.target, begins)
        if prior is not None:
            self._put(self._opened(by.again(prior, begins), at))
        else:
            self._put(self._opened(self._site_incident(site, found, Span(began_at=begins), event.meeting), at))

    def _cleared(self, site: str, event: Cleared, span: Span) -> None:
        key = (site, event.code, event.target)
        for incident in self._all(*_LASTING):
            if (incident.site, incident.code, incident.target) == key and span.ended_at is not None:
                if span.ended_at < incident.spans[-1].began_at:
                    continue  # told again: the end of an earlier time
                exact = incident if len(incident.spans) > 1 else by.with_spans(incident, [span])
                over = by.closed(exact, span.ended_at)
                figure = over.figure if event.worst is None else event.worst
                times = max(over.times, event.times + len(over.spans) - 1)
                self._put(msgspec.structs.replace(over, figure=figure, times=times))

    def _interruption(self, site: str, gap: Interruption, span: Span, at: datetime) -> None:
        silent = set(gap.targets) - set(gap.answered)
        code = MCU_LOSS if silent == {"mcu"} else LINK_DOWN
        carrier_lost = any(
            one.site == site and one.code == "cables.carrier_lost" and _meets(one, span, self._rules.slack) for one in self._known.values()
        )
        severity = by.severity_of(code, self._duties.get(site, Duty()).phase)
        found = Finding(code=code, severity=severity, component=Component.LINK, figure=gap.duration_s, unit="s")
        place = by.place_of(gap, carrier_lost=carrier_lost)
        self._outage(site, span, found, gap, at, creates=gap.confirmed and bool(gap.meeting), place=place)

    def _outage(
        self,
        site: str,
        span: Span,
        found: Finding,
        event: Onset | Cleared | Interruption,
        at: datetime,
        *,
        creates: bool,
        place: Place = Place.UNKNOWN,
    ) -> None:
        """Merge one lost connection, as the site saw it, into what is known of it, or make it an incident of its own."""
        if place is Place.UNKNOWN:
            place = by.PLACE_OF.get(found.code, Place.UNKNOWN)
        incident = self._same_outage(site, found.code, span)
        if incident is None:
            if creates:
                fresh = msgspec.structs.replace(self._site_incident(site, found, span, event.meeting), place=place)
                fresh = self._opened(fresh, at)
                if isinstance(event, Interruption):
                    self._exact.add(fresh.id)
                self._put(fresh if span.ended_at is None else by.closed(fresh, span.ended_at))
            return
        if found.code == MCU_LOSS and incident.code != MCU_LOSS:
            return  # the MCU was not reached because nothing was; times are told by the center's targets
        exact = isinstance(event, Interruption)
        merged = incident if not exact and incident.id in self._exact else self._corrected(incident, span)
        if exact:
            self._exact.add(incident.id)
        known_place = place if place is not Place.UNKNOWN else merged.place
        merged = msgspec.structs.replace(merged, seen_by_site=True, place=known_place, meeting=merged.meeting or event.meeting)
        if isinstance(event, Onset) and merged.state is IncidentState.SUSPECTED:
            merged = self._opened(merged, at)
        self._put(merged)

    def _corrected(self, incident: Incident, told: Span) -> Incident:
        """The incident with the span that the site told put in the place of the center's own."""
        index = max(range(len(incident.spans)), key=lambda one: by.overlap(incident.spans[one], told, self._rules.slack) or timedelta(-1))
        own = incident.spans[index]
        last = index == len(incident.spans) - 1
        if told.ended_at is not None and own.ended_at is None and incident.site in self._silent:
            # The center does not hear the site yet: the end counts when it does.
            self._told_end[incident.id] = told
            told = Span(began_at=told.began_at)
        spans = [*incident.spans]
        spans[index] = Span(began_at=told.began_at, ended_at=told.ended_at or own.ended_at)
        fixed = by.with_spans(incident, spans)
        if last and fixed.ended_at is not None:
            return by.closed(fixed, fixed.ended_at)
        return fixed

    def _same_outage(self, site: str, code: str, span: Span) -> Incident | None:
        """The incident that tells of the same lost connection: the one that shares the most time with it."""
        best: tuple[timedelta, Incident] | None = None
        for incident in self._known.values():
            if incident.site != site or incident.code not in CONNECTIVITY:
                continue
            if (incident.code == MCU_LOSS) != (code == MCU_LOSS) and not (code == MCU_LOSS and self._within(span, incident)):
                continue
            for own in incident.spans:
                shared = by.overlap(own, span, self._rules.slack)
                if shared is not None and (best is None or shared > best[0]):
                    best = (shared, incident)
        return None if best is None else best[1]

    def _within(self, span: Span, incident: Incident) -> bool:
        slack = self._rules.slack
        begins, ends = incident.began_at - slack, incident.ended_at
        return begins <= span.began_at and (ends is None or (span.ended_at or span.began_at) <= ends + slack)

    def _restarted(self, site: str, event: Lifecycle, started_at: datetime) -> None:
        """The agent says why it was away: that is the cause of the silence that just ended or still lasts."""
        if event.cause in {"", "unknown"}:
            return
        recent = [
            one for one in self._known.values() if one.site == site and one.code in _CENTER_SEES and one.seen_by_center and one.alarmed
        ]
        for incident in recent:
            if "cause" not in incident.details and _meets(
                incident, Span(began_at=incident.began_at, ended_at=started_at), self._rules.slack
            ):
                if incident.ended_at is not None and abs(incident.ended_at - started_at) > timedelta(minutes=2):
                    continue
                details = incident.details | {"cause": event.cause}
                self._put(msgspec.structs.replace(incident, details=details, place=Place.AGENT, seen_by_site=True))

    def _site_incident(self, site: str, found: Finding, span: Span, meeting: str) -> Incident:
        return Incident(
            id=by.incident_id(site, found.code, found.target, span.began_at),
            site=site,
            code=found.code,
            component=found.component,
            severity=found.severity,
            state=IncidentState.SUSPECTED,
            began_at=span.began_at,
            ended_at=span.ended_at,
            spans=(span,),
            target=found.target,
            meeting=meeting or self._duties.get(site, Duty()).meeting,
            figure=found.figure,
            limit=found.limit,
            unit=found.unit,
            frequency_hz=found.frequency_hz,
            details=dict(found.details),
            place=by.PLACE_OF.get(found.code, Place.UNKNOWN),
            seen_by_site=True,
        )

    # Housekeeping

    def _opened(self, incident: Incident, at: datetime) -> Incident:
        state = IncidentState.ACKNOWLEDGED if incident.acknowledged_by else IncidentState.OPEN
        return self._grouped(msgspec.structs.replace(incident, state=state, opened_at=incident.opened_at or at))

    def _grouped(self, incident: Incident) -> Incident:
        """Give the same fault of many sites at once one name."""
        if incident.group:
            return incident
        together = [
            one
            for one in self._all(IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
            if one.code == incident.code and one.site != incident.site and abs(one.began_at - incident.began_at) <= self._rules.group_window
        ]
        if len({one.site for one in together}) + 1 < self._rules.group_sites:
            return incident
        first = min((incident, *together), key=lambda one: (one.began_at, one.id))
        group = next((one.group for one in together if one.group), "") or f"group-{first.id}"
        for one in together:
            self._put(msgspec.structs.replace(one, group=one.group or group))
        return msgspec.structs.replace(incident, group=group)

    def _seen_by_center(self, site: str) -> Incident | None:
        return next((one for one in self._all(*_LASTING) if one.site == site and one.code in _CENTER_SEES and one.seen_by_center), None)

    def _link_loss(self, site: str) -> Incident | None:
        return next((one for one in self._all(*_LASTING) if one.site == site and one.code in LINK_LOSS), None)

    def _flapping(self, site: str, code: str, target: str, begins: datetime) -> Incident | None:
        """The closed, alarmed incident of the same fault that `begins` follows within the flap window."""
        for incident in self._all(IncidentState.CLOSED):
            same = (incident.site, incident.code, incident.target) == (site, code, target) and incident.alarmed
            if same and incident.ended_at is not None and timedelta() <= begins - incident.ended_at <= self._rules.flap_window:
                return incident
        return None

    def _all(self, *states: IncidentState) -> list[Incident]:
        return [incident for incident in self._known.values() if incident.state in states]

    def _put(self, incident: Incident) -> None:
        self._before.setdefault(incident.id, self._known.get(incident.id))
        self._known[incident.id] = incident

    def _changes(self) -> list[Incident]:
        changed = [self._known[one] for one, before in self._before.items() if self._known[one] != before]
        self._before.clear()
        return changed


def _whole(incident: Incident) -> Incident:
    """An incident from the store, with the span that an old one may lack."""
    return incident if incident.spans else by.with_spans(incident, [Span(began_at=incident.began_at, ended_at=incident.ended_at)])


def _covers(span: Span, instant: datetime) -> bool:
    return span.began_at - timedelta(seconds=1) <= instant and (span.ended_at is None or instant < span.ended_at)


def _meets(incident: Incident, span: Span, slack: timedelta) -> bool:
    return any(by.overlap(own, span, slack) is not None for own in incident.spans)


def _worse(incident: Incident, found: Finding) -> Incident:
    """The incident with what a repeated, graver telling of the same fault says."""
    if incident.state is IncidentState.CLOSED or found.severity.rank <= incident.severity.rank:
        return incident
    return msgspec.structs.replace(incident, severity=found.severity, figure=found.figure, limit=found.limit, unit=found.unit)


def _as_finding(event: Cleared) -> Finding:
    return Finding(
        code=event.code,
        severity=by.severity_of(event.code, event.phase),
        component=event.component,
        target=event.target,
        figure=event.worst,
    )
