"""Where everything that is heard of a site comes together: live state, incident engine, judgement of silence.

All methods run in the service's loop. It has no I/O: the clock is given, what it decides goes to the `Teller`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from contract.meetings import Phase
from contract.messages import (
    Cleared,
    ComponentState,
    Event,
    Figures,
    Heartbeat,
    Interruption,
    Lifecycle,
    Message,
    Onset,
    Presence,
    Status,
)
from control_center.incidents.engine import Engine
from control_center.incidents.model import Incident, SilenceSignal, Witness
from control_center.incidents.rules import Duty
from control_center.live import LinkLight, Live, SiteLive

log = logging.getLogger(__name__)
IDLE_GRACE = timedelta(minutes=5)
"""Outside meetings, an agent that was not heard for this long is shown as silent; no incident follows from it."""
ABSENT_GRACE = timedelta(minutes=5)
"""Before a meeting, a site that is not switched on yet has this long from the begin of the phase."""


class Switchboard:
    """Takes in messages, signals and time; keeps `Live` true."""

    def __init__(
        self,
        live: Live,
        engine: Engine,
        take: Callable[[Iterable[Incident]], None],
        *,
        started_at: datetime,
        heartbeat_grace: timedelta,
    ) -> None:
        self._live = live
        self._engine = engine
        self._take = take
        self._started_at = started_at
        self._grace = heartbeat_grace
        self._silent: set[str] = set()
        self._path_heard_at: Mapping[str, datetime] = {}
        self._duties: dict[str, tuple[Duty, datetime]] = {}

    def know(self, names: Mapping[str, str]) -> None:
        """Say which sites are registered, and their names."""
        for site, name in names.items():
            present = self._live.sites.get(site)
            if present is None or present.name != name:
                self._live.tell_site(SiteLive(site=site, name=name) if present is None else msgspec.structs.replace(present, name=name))

    def message(self, message: Message, at: datetime, *, is_new: bool = True) -> None:
        """Take in what came over MQTT.

        Args:
            message: What a site said; one that is not registered is ignored.
            at: When the center got it.
            is_new: Whether the store had not seen it before.
        """
        site = self._live.sites.get(message.topic.site)
        if site is None:
            log.warning("a message of %r, which is not registered, is not shown", message.topic.site)
            return
        match message.payload:
            case Status() as status:
                self._status(site, status, at)
            case ComponentState() as state:
                # A state is retained: it may be old, and is no sign of life.
                self._change(site, components=site.components | {message.topic.rest: state})
            case Heartbeat() as heartbeat:
                self._alive(site, at, heartbeat=heartbeat, heartbeat_at=at)
            case Figures() as figures:
                latest = {f"{one.metric}/{one.target}" if one.target else one.metric: one for one in figures.rollups}
                self._alive(site, at, latest=site.latest | latest)
            case Onset() | Cleared() | Interruption() | Lifecycle() as event:
                self._alive(site, at)
                self.event(site.site, event, at, message.clock_offset_ms)
            case _ if is_new:
                self._alive(site, at)
            case _:
                pass

    def event(self, site: str, event: Event, at: datetime, offset_ms: float | None) -> None:
        """Take in one event of a site's journal; also told again from the store after a restart."""
        self._take(self._engine.event(site, event, at=at, offset_ms=offset_ms))

    def signal(self, signal: SilenceSignal) -> None:
        """Take in what liveness says of a site in a meeting; the light first, everything else after."""
        site = self._live.sites.get(signal.site)
        if site is not None:
            light = _light_of(signal)
            if signal.kind == "returned":
                self._silent.discard(signal.site)
            else:
                self._silent.add(signal.site)
            since = (signal.returned_at or signal.at) if light is LinkLight.UP else signal.silent_since
            self._change(site, link=light, link_since=since if light is not site.link else site.link_since)
        self._take(self._engine.silence(signal))

    def duties(self, duties: Mapping[str, Duty], at: datetime) -> None:
        """Say who is in which phase of which meeting now."""
        for site, duty in duties.items():
            before = self._duties.get(site)
            if before is None or before[0].meeting != duty.meeting:
                self._duties[site] = (duty, at)
            else:
                self._duties[site] = (duty, before[1])
        for site in self._duties.keys() - duties.keys():
            del self._duties[site]
            self._silent.discard(site)
        self._take(self._engine.duties(duties, at))

    def watched(self, heard_at: Mapping[str, datetime]) -> None:
        """Say when liveness last heard each site."""
        self._path_heard_at = heard_at

    def tick(self, now: datetime) -> None:
        """Judge who has been silent over MQTT for too long."""
        for site in list(self._live.sites.values()):
            duty, since = self._duties.get(site.site, (None, self._started_at))
            heard_at = site.heard_at
            if duty is None:
                if heard_at is not None and now - heard_at > IDLE_GRACE and site.link is LinkLight.UP:
                    self._change(site, link=LinkLight.STALE, link_since=heard_at)
                continue
            silent_since = max(heard_at or self._started_at, since, self._started_at)
            absent = duty.phase is not Phase.LIVE and (heard_at is None or heard_at < since)
            if now - silent_since <= (ABSENT_GRACE if absent else self._grace) or site.site in self._silent:
                continue
            path_heard_at = self._path_heard_at.get(site.site)
            path_up = path_heard_at is not None and now - path_heard_at <= self._grace
            light = LinkLight.STALE if path_up else LinkLight.STOPPED if site.link is LinkLight.STOPPED else LinkLight.DOWN
            if site.link is not light:
                self._change(site, link=light, link_since=silent_since)
            since_heard = heard_at if heard_at is not None else silent_since
            self._take(self._engine.lost(site.site, since=since_heard, at=now, path_up=path_up))

    def acknowledged(self, incident_id: str, name: str, at: datetime) -> None:
        """Take in that somebody put a name on an incident."""
        self._take(self._engine.acknowledge(incident_id, name=name, at=at))

    def _status(self, site: SiteLive, status: Status, at: datetime) -> None:
        if site.status is not None and site.status.boot != status.boot and status.state in {Presence.LOST, Presence.DISCONNECTED}:
            return  # the death of an earlier boot, overtaken by this one's birth
        match status.state:
            case Presence.INIT | Presence.READY:
                self._alive(site, at, status=status)
            case Presence.DISCONNECTED:
                self._change(site, status=status, link=LinkLight.STOPPED, link_since=status.at)
                self._take(self._engine.stopped(site.site, at))
            case Presence.LOST:
                # In a meeting the judgement waits for the grace; outside, the light says it and nobody is alarmed.
                in_meeting = self._phase(site.site) is not Phase.IDLE
                light = site.link if in_meeting or site.site in self._silent else LinkLight.DOWN
                self._change(site, status=status, link=light, link_since=at if light is not site.link else site.link_since)

    def _alive(self, site: SiteLive, at: datetime, **fields: Any) -> None:
        """A sign of life over MQTT; liveness knows better when it says that the site is silent."""
        light = site.link if site.site in self._silent else LinkLight.UP
        since = site.link_since if light is site.link else at
        self._change(site, heard_at=at, link=light, link_since=since, **fields)
        self._take(self._engine.heard(site.site, at))

    def _phase(self, site: str) -> Phase:
        duty = self._duties.get(site)
        return Phase.IDLE if duty is None else duty[0].phase

    def _change(self, site: SiteLive, **fields: Any) -> None:
        self._live.tell_site(msgspec.structs.replace(site, **fields))


def _light_of(signal: SilenceSignal) -> LinkLight:
    if signal.kind == "returned":
        return LinkLight.UP
    if signal.kind == "suspected":
        return LinkLight.SUSPECT
    return LinkLight.STALE if signal.witness is Witness.ANSWERED else LinkLight.DOWN
