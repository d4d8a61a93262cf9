"""What the pages show now: the live state with contacts and recent incidents, as views and painted parts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from control_center.board import alerts, views
from control_center.board.alerts import Contact, IncidentView
from control_center.board.archive import Archive
from control_center.board.figures import FigureView, figure_views
from control_center.board.painter import Painter
from control_center.board.views import MeetingView, TileView
from control_center.incidents.model import Incident, IncidentState
from control_center.live import Live

_CONTACTS_KEPT_S = 15.0


@dataclass(frozen=True, kw_only=True)
class WallViews:
    """All that the live wall shows."""

    meeting: MeetingView | None
    phase: str
    alerts: tuple[IncidentView, ...]
    tiles: tuple[TileView, ...]
    density: str


class Desk:
    """Reads the live state and the archive for the pages; changes nothing."""

    def __init__(self, live: Live, archive: Archive, painter: Painter, clock: Callable[[], datetime]) -> None:
        self.live = live
        self.archive = archive
        self.painter = painter
        self.clock = clock
        self._tiles: dict[str, tuple[int, str]] = {}
        self._contacts: dict[str, tuple[Contact, ...]] = {}
        self._contacts_at = -_CONTACTS_KEPT_S

    async def refresh_contacts(self) -> None:
        """Read the contacts again if those at hand are old; an alert itself never waits for the database."""
        if time.monotonic() - self._contacts_at < _CONTACTS_KEPT_S:
            return
        self._contacts_at = time.monotonic()
        self._contacts = await run_in_threadpool(self.archive.contacts)

    def name_of(self, site: str) -> str:
        """Name of a site; its id as long as nobody has named it."""
        known = self.live.sites.get(site)
        return site if known is None else known.name

    def incidents_of(self, site: str) -> list[Incident]:
        """A site's incidents that are not closed, the alarming ones first."""
        return sorted((incident for incident in self.live.incidents.values() if incident.site == site), key=alerts.alert_order)

    def view_of(self, incident: Incident) -> IncidentView:
        """An incident with its site's name and contacts."""
        return alerts.incident_view(incident, self.name_of(incident.site), self._contacts.get(incident.site, ()))

    def _tile(self, site: str) -> TileView | None:
        """Tile of a site, None if the wall does not show it."""
        shown = views.one_on_wall(site, self.live.sites, self.live.meeting)
        return None if shown is None else views.tile_view(shown, self.incidents_of(site), self.live.meeting)

    def tile_html(self, site: str) -> str:
        """Painted tile of a site; empty if the wall does not show it. Fifty open pages paint each change once."""
        stamp = self.live.stamps.get(site, 0)
        kept = self._tiles.get(site)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        tile = self._tile(site)
        html = "" if tile is None else self.painter.tile(tile)
        self._tiles[site] = stamp, html
        return html

    def alert_html(self, incident_id: str) -> str:
        """Painted alert card; empty when it is over or only suspected."""
        incident = self.live.incidents.get(incident_id)
        if incident is None or incident.state not in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED):
            return ""
        return self.painter.alert(self.view_of(incident))

    def wall(self) -> WallViews:
        """All that the wall shows this moment."""
        live = self.live
        by_site: dict[str, list[Incident]] = {}
        for incident in sorted(live.incidents.values(), key=alerts.alert_order):
            by_site.setdefault(incident.site, []).append(incident)
        shown = views.on_wall(live.sites, live.meeting)
        alarms = [incident for incident in live.incidents.values() if incident.state in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)]
        return WallViews(
            meeting=None if live.meeting is None else views.meeting_view(live.meeting, live.phase),
            phase=live.phase.value,
            alerts=tuple(self.view_of(incident) for incident in sorted(alarms, key=alerts.alert_order)),
            tiles=tuple(views.tile_view(one, by_site.get(one.site, []), live.meeting) for one in shown),
            density=views.density(len(shown)),
        )

    def paint_wall(self, wall: WallViews) -> dict[str, str]:
        """The wall's parts by element id."""
        cards = "".join(self.painter.alert(alert) for alert in wall.alerts)
        return {"board": self.painter.page("_wall.html", wall=wall, alerts=cards, tiles=self.painter.tiles(wall.tiles))}

    def site_parts(self, site: str) -> dict[str, str]:
        """The live part of a site's page by element id."""
        known = self.live.sites[site]
        tile = views.tile_view(known, self.incidents_of(site), self.live.meeting)
        told = [self.view_of(one) for one in self.incidents_of(site)]
        figures: tuple[FigureView, ...] = figure_views(known)
        return {
            "site-live": self.painter.page("_site.html", tile=tile, alerts=told, figures=figures, contacts=self._contacts.get(site, ()))
        }
