"""The board as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from control_center.board import metrics, pages, stream
from control_center.board.api import Api
from control_center.board.archive import Archive
from control_center.board.bodies import fields
from control_center.board.correcting import Correcting
from control_center.board.counting import Counting
from control_center.board.desk import Desk
from control_center.board.devices import Devices
from control_center.board.door import STILL_WELCOME, USER, Door
from control_center.board.entering import Entering
from control_center.board.forms import Forms
from control_center.board.guard import OWN_NAMES, Guard
from control_center.board.lines import Lines
from control_center.board.painter import STATIC, Painter
from control_center.board.people import People
from control_center.board.registering import Registering
from control_center.config import NamesSettings
from control_center.incidents.model import Incident
from control_center.live import Live
from control_center.store.incidents import acknowledged

log = logging.getLogger(__name__)
Acknowledge = Callable[[str, str, datetime], Awaitable[Incident | None]]
ASK_AGAIN_S = 20.0
"""An open page is asked so often whether its session still holds."""
_LONGEST_NAME = 60
_LONGEST_BODY = 4096
_NOBODY = "Trực ban"


def _now() -> datetime:
    return datetime.now(UTC)


async def _name_of_sender(request: Request) -> str:
    """Who is logged in; without accounts field ``by`` of an urlencoded form, or a default when it says nothing."""
    account = USER.get()
    if account is not None:
        return account.shown
    return (await fields(request, _LONGEST_BODY, most=10)).one("by", _LONGEST_NAME) or _NOBODY


async def _while_welcome(body: AsyncIterator[bytes], still: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """A stream for as long as its session lasts."""
    asked_s = time.monotonic()
    async for chunk in body:
        if time.monotonic() - asked_s >= ASK_AGAIN_S:
            if not await still():
                return
            asked_s = time.monotonic()
        yield chunk


class Board:
    """Handlers that stream and change; the pages that only show are in `pages`."""

    def __init__(self, desk: Desk, acknowledge: Acknowledge | None) -> None:
        self.desk = desk
        self.closing = asyncio.Event()
        self._acknowledge = acknowledge or self._acknowledge_in_store

    async def _acknowledge_in_store(self, incident_id: str, by: str, at: datetime) -> Incident | None:
        stored = await run_in_threadpool(self.desk.archive.acknowledge, incident_id, by, at)
        present = self.desk.live.incidents.get(incident_id)
        if present is None:
            return stored
        changed = acknowledged(present, by=by, at=at)
        self.desk.live.tell_incident(changed)
        return changed

    async def events(self, request: Request) -> Response:
        """Stream of one page: the wall's, or with ``?site=`` that of a site's page."""
        site = request.query_params.get("site")
        if site is not None and site not in self.desk.live.sites:
            raise HTTPException(404)
        body = stream.wall(self.desk, self.closing) if site is None else stream.site(self.desk, site, self.closing)
        body = _while_welcome(body, request.scope[STILL_WELCOME])
        return StreamingResponse(body, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def acknowledge(self, request: Request) -> Response:
        """Put somebody's name on an incident: 204 for the page's own script, back to the wall for a plain form."""
        by = await _name_of_sender(request)
        changed = await self._acknowledge(request.path_params["incident"], by, self.desk.clock())
        if changed is None:
            raise HTTPException(404)
        return Response(status_code=204) if request.headers.get("x-requested-by") == "board" else RedirectResponse("/", status_code=303)


def create_app(
    live: Live,
    engine: Engine,
    *,
    clock: Callable[[], datetime] = _now,
    acknowledge: Acknowledge | None = None,
    allowed_hosts: Iterable[str] = OWN_NAMES,
    names: NamesSettings | None = None,
    open_without_accounts: bool = True,
) -> Starlette:
    """The board over a live state and a store.

    As soon as there is an account, everybody must log in. `allowed_hosts` keeps pages of other names out (DNS rebinding),
    and what changes something must come from a page of the board itself.

    Args:
        live: What is true now; told from the same event loop that serves the application.
        engine: The store: meetings, contacts, past incidents.
        clock: The center's time, UTC.
        acknowledge: Acknowledges an incident: (incident id, name of who did, UTC). By default it is written to the
            store and told to `live` at once.
        allowed_hosts: Names by which browsers may ask for the board, beside its IP addresses; ``*`` allows all.
        names: Names that the official papers print.
        open_without_accounts: Whether whoever reaches the port may do everything as long as there is no account; for the loopback only.

    Returns:
        The application; its `state.board.closing` event ends all streams (`server.make_server` sets it).
    """
    painter = Painter(USER.get)
    desk = Desk(live, Archive(engine), painter, clock)
    board = Board(desk, acknowledge)
    shown = pages.Pages(desk, Forms(engine))

    async def on_http_error(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        return HTMLResponse(painter.page("error.html", status=status, **pages.error_words(status)), status_code=status, headers=headers)

    async def on_crash(request: Request, error: Exception) -> Response:
        log.error("page %s broke", request.url.path, exc_info=error)
        return await on_http_error(request, error)

    handlers: dict[Any, Any] = {HTTPException: on_http_error, 500: on_crash}
    app = Starlette(
        routes=[
            Route("/", shown.wall),
            Route("/events", board.events),
            Route("/site/{site}", shown.site),
            *Entering(desk, engine).routes(),
            *Registering(desk, engine, names or NamesSettings()).routes(),
            *Counting(desk, engine).routes(),
            *Lines(desk, engine).routes(),
            *Devices(desk, engine).routes(),
            *People(desk, engine).routes(),
            Route("/meetings", shown.meetings),
            Route("/meeting/{meeting}", shown.meeting),
            *Correcting(desk, engine).routes(),
            Route("/meeting/{meeting}/form.{format}", shown.form_file),
            Route("/incidents", shown.incidents),
            Route("/incidents/{incident}", shown.incident),
            Route("/incidents/{incident}/ack", board.acknowledge, methods=["POST"]),
            *Api(desk, engine).routes(),
            Route("/metrics", metrics.endpoint(desk)),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[
            Middleware(Guard, allowed_hosts=tuple(allowed_hosts)),
            Middleware(Door, engine=engine, painter=painter, clock=clock, open_without_accounts=open_without_accounts),
        ],
        exception_handlers=handlers,
    )
    app.state.board = board
    return app
