"""What is true now at every site, in memory; the board reads it and hears of each change.

One writer (the service's loop), many readers; a change is told to every subscriber in order and never waits for one:
a subscriber that is too slow gets the whole snapshot again instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum

import msgspec

from contract.meetings import Meeting, Phase
from contract.messages import ComponentState, Heartbeat, Rollup, Status
from control_center.incidents.model import Incident, IncidentState


class LinkLight(StrEnum):
    """Liveness of a site as the center sees it this moment."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    STALE = "stale"
    """The machine answers, the agent does not."""
    STOPPED = "stopped"
    """Left on purpose."""
    UNKNOWN = "unknown"
    """Never heard since the center started."""


class SiteLive(msgspec.Struct, kw_only=True):
    """One site, now."""

    site: str
    name: str
    link: LinkLight = LinkLight.UNKNOWN
    link_since: datetime | None = None
    heard_at: datetime | None = None
    status: Status | None = None
    heartbeat: Heartbeat | None = None
    heartbeat_at: datetime | None = None
    """When the center got it."""
    components: dict[str, ComponentState] = {}
    latest: dict[str, Rollup] = {}
    """Latest rolled-up figure by ``metric`` or ``metric/target``."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What changed: a site, an incident, or the meeting (both None)."""

    site: SiteLive | None = None
    incident: Incident | None = None


class Live:
    """Holder of the live state."""

    def __init__(self, names: Iterable[tuple[str, str]] = ()) -> None:
        self.sites: dict[str, SiteLive] = {site: SiteLive(site=site, name=name) for site, name in names}
        self.incidents: dict[str, Incident] = {}
        self.meeting: Meeting | None = None
        self.phase: Phase = Phase.IDLE
        self.stamps: dict[str, int] = {}
        """How often each site changed, its incidents and the meeting included: what was painted for a stamp holds as long as it does."""
        self._queues: set[asyncio.Queue[Change | None]] = set()

    def tell_site(self, site: SiteLive) -> None:
        """Replace a site's state and tell the subscribers."""
        self.sites[site.site] = site
        self._changed(site.site)
        self._tell(Change(site=msgspec.structs.replace(site)))

    def tell_incident(self, incident: Incident) -> None:
        """Replace an incident and tell the subscribers; a closed one leaves the live state."""
        if incident.state is IncidentState.CLOSED:
            self.incidents.pop(incident.id, None)
        else:
            self.incidents[incident.id] = incident
        self._changed(incident.site)
        self._tell(Change(incident=incident))

    def tell_meeting(self, meeting: Meeting | None, phase: Phase) -> None:
        """Say which meeting the board is about now, and its phase."""
        if (meeting, phase) != (self.meeting, self.phase):
            self.meeting, self.phase = meeting, phase
            for site in [*self.sites, *self.stamps]:
                self._changed(site)
            self._tell(Change())

    def _changed(self, site: str) -> None:
        self.stamps[site] = self.stamps.get(site, 0) + 1

    def _tell(self, change: Change) -> None:
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(change)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[asyncio.Queue[Change | None]]:
        """Queue of changes from now on; None in it means "too slow: take a snapshot again"."""
        queue: asyncio.Queue[Change | None] = asyncio.Queue(maxsize=1000)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
