"""What the board shows, as JSON for other programs: read only, described by ``/api/openapi.json``.

Needs a session like the pages (a viewer's is enough). Instants are UTC, durations seconds; what is not known is null or missing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control_center.board.desk import Desk
from control_center.board.health import SiteHealth, health
from control_center.incidents.model import Incident
from control_center.logbook import UnknownMeetingError, files
from control_center.logbook.form import FormDocument
from control_center.store import forms as form_store
from control_center.store.forms import FormState
from control_center.store.registry import MeetingRecord
from control_center.version import version

_MOST_DAYS = 366
_JSON = "application/json"


class SiteSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One site now: id, name, state of its link, and the state of each component by name."""

    site: str
    name: str
    link: str
    components: dict[str, str]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting's logbook form (Phụ lục II): its words and ticks, its state, and the hash of the version that holds, if there is one."""

    state: FormState
    document: FormDocument
    sha256: str = ""


class _Operation(NamedTuple):
    """One address: what it answers, and how it is found."""

    path: str
    summary: str
    answers: Any
    handler: Callable[[Request], Any]
    query: tuple[tuple[str, dict[str, Any]], ...] = ()


class Api:
    """Handlers of the programs' addresses."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        self._desk, self._engine = desk, engine
        days = ("days", {"type": "integer", "minimum": 1, "maximum": _MOST_DAYS, "default": 30})
        self._operations = (
            _Operation("/api/sites", "All sites with the state of their links and components", list[SiteSummary], self.sites),
            _Operation("/api/site/{site}", "What the center knows of one site's agent", SiteHealth, self.site),
            _Operation("/api/incidents", "Alarmed incidents of the last days, the latest first", list[Incident], self.incidents, (days,)),
            _Operation("/api/incidents/{incident}", "One incident", Incident, self.incident),
            _Operation("/api/meetings", "All meetings, the latest first", list[MeetingRecord], self.meetings),
            _Operation("/api/meetings/{meeting}", "One meeting", MeetingRecord, self.meeting),
            _Operation("/api/meetings/{meeting}/form", "Its logbook form", Form, self.form),
        )

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [*(Route(one.path, one.handler) for one in self._operations), Route("/api/openapi.json", self.openapi)]

    async def sites(self, _request: Request) -> Response:
        """All sites."""
        sites = sorted(self._desk.live.sites.values(), key=lambda site: site.site)
        return _answer(
            [
                SiteSummary(
                    site=one.site,
                    name=one.name,
                    link=one.link.value,
                    components={name: component.verdict.state.value for name, component in sorted(one.components.items())},
                )
                for one in sites
            ]
        )

    async def site(self, request: Request) -> Response:
        """One site."""
        site = self._desk.live.sites.get(request.path_params["site"])
        if site is None:
            raise HTTPException(404)
        return _answer(health(site, self._desk.clock()))

    async def incidents(self, request: Request) -> Response:
        """Alarmed incidents."""
        now, days = self._desk.clock(), _days(request.query_params.get("days", "30"))
        begins_at, ends_at = now - timedelta(days=days), now + timedelta(days=1)
        return _answer(await run_in_threadpool(self._desk.archive.incidents_between, begins_at, ends_at))

    async def incident(self, request: Request) -> Response:
        """One incident."""
        return _answer(await run_in_threadpool(self._desk.archive.incident, request.path_params["incident"]))

    async def meetings(self, _request: Request) -> Response:
        """All meetings."""
        return _answer(await run_in_threadpool(self._desk.archive.meetings))

    async def meeting(self, request: Request) -> Response:
        """One meeting."""
        return _answer(await run_in_threadpool(self._desk.archive.meeting, request.path_params["meeting"]))

    async def form(self, request: Request) -> Response:
        """A meeting's form as it stands now."""
        meeting = request.path_params["meeting"]

        def read() -> Form | None:
            try:
                document = files.document_of(self._engine, meeting, self._desk.clock())
            except UnknownMeetingError:
                return None
            last = form_store.latest(self._engine, meeting)
            state, sha256 = (FormState.DRAFT, "") if last is None else (last.state, last.sha256)
            return Form(document=document, state=state, sha256=sha256)

        return _answer(await run_in_threadpool(read))

    async def openapi(self, _request: Request) -> Response:
        """The description of all this."""
        return _answer(description(self._operations))


def description(operations: tuple[_Operation, ...]) -> dict[str, Any]:
    """OpenAPI 3.1 of the addresses, from the very types that are answered."""
    kinds = [one.answers for one in operations]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    refusals = {"401": {"description": "no session"}, "404": {"description": "there is no such one"}}
    paths = {}
    for one, schema in zip(operations, schemas, strict=True):
        names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
        parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names]
        parameters += [{"name": name, "in": "query", "schema": wanted} for name, wanted in one.query]
        wrong = {"400": {"description": "a parameter is wrong"}} if one.query else {}
        answers = {"200": {"description": "as it is now", "content": {_JSON: {"schema": schema}}}, **refusals, **wrong}
        paths[one.path] = {"get": {"summary": one.summary, "parameters": parameters, "responses": answers}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "diemcau", "version": version(), "description": (__doc__ or "").strip()},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "diemcau_session"}},
        },
        "security": [{"session": []}],
    }


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= _MOST_DAYS):
        raise HTTPException(400)
    return int(text)


def _answer(what: Any) -> Response:
    if what is None:
        raise HTTPException(404)
    return Response(msgspec.json.encode(what), media_type=_JSON)
