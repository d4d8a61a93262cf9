"""Server-sent events: the whole page first, then only what changed, and a sign of life each second.

Each event is one JSON object: ``now`` (the center's clock, by which the page reckons every age), and either ``whole``
(HTML by element id, replacing what is there) or ``tiles`` (HTML of changed tiles) and ``alerts`` (HTML by incident id,
empty for one that is over). The HTML comes from the autoescaping painter, so a page never builds any from words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool

from control_center.board.desk import Desk
from control_center.incidents.model import IncidentState
from control_center.live import Change

Clock = Callable[[], datetime]
SIGN_OF_LIFE_S = 1.0
"""A page that hears nothing for three of these says that its figures are old."""
RETRY_MS = 1000
_PAUSE_OF_A_SITE_PAGE_S = 0.25


def encode(document: dict[str, Any]) -> bytes:
    """One event; JSON holds no bare line break, so it is one line."""
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


async def _next(queue: asyncio.Queue[Change | None]) -> list[Change | None]:
    """All changes that wait, at least one; none after a second of quiet."""
    try:
        changes = [await asyncio.wait_for(queue.get(), SIGN_OF_LIFE_S)]
    except TimeoutError:
        return []
    while not queue.empty():
        changes.append(queue.get_nowait())
    return changes


def _wants_all(change: Change | None) -> bool:
    """Whether a change can only be told by the whole page: too slow a reader, or another meeting or phase."""
    return change is None or (change.site is None and change.incident is None)


async def wall(desk: Desk, closing: asyncio.Event) -> AsyncIterator[bytes]:
    """Events of the live wall."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    async with desk.live.subscribe() as queue:
        yield await _whole(desk)
        while not closing.is_set():
            changes = await _next(queue)
            if any(_wants_all(change) for change in changes):
                yield await _whole(desk)
            else:
                yield _patch(desk, [change for change in changes if change is not None])


async def _whole(desk: Desk) -> bytes:
    await desk.refresh_contacts()
    views = desk.wall()
    html = await run_in_threadpool(desk.paint_wall, views)
    return encode({"now": desk.clock(), "whole": html})


def _patch(desk: Desk, changes: list[Change]) -> bytes:
    """What changed; of a site that changed twice only what is true now."""
    sites: dict[str, None] = {}
    incidents: dict[str, IncidentState] = {}
    for change in changes:
        if change.site is not None:
            sites[change.site.site] = None
        if change.incident is not None:
            sites[change.incident.site] = None
            incidents[change.incident.id] = change.incident.state
    document: dict[str, Any] = {"now": desk.clock()}
    tiles = [html for site in sites if (html := desk.tile_html(site))]
    if tiles:
        document["tiles"] = tiles
    if incidents:
        document["alerts"] = {incident: desk.alert_html(incident) for incident in incidents}
    return encode(document)


async def site(desk: Desk, site_id: str, closing: asyncio.Event) -> AsyncIterator[bytes]:
    """Events of one site's page: its live part anew whenever something changed there, at most four times a second."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    async with desk.live.subscribe() as queue:
        yield encode({"now": desk.clock(), "whole": desk.site_parts(site_id)})
        while not closing.is_set():
            changes = await _next(queue)
            if any(_wants_all(change) or _concerns(change, site_id) for change in changes):
                yield encode({"now": desk.clock(), "whole": desk.site_parts(site_id)})
                await asyncio.sleep(_PAUSE_OF_A_SITE_PAGE_S)
            else:
                yield encode({"now": desk.clock()})


def _concerns(change: Change | None, site_id: str) -> bool:
    if change is None:
        return True
    return (change.site is not None and change.site.site == site_id) or (change.incident is not None and change.incident.site == site_id)
