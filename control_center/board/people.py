"""Page of the people at the sites (R7, R12)."""

from __future__ import annotations

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from control_center.board.desk import Desk
from control_center.sites.staffing import LEAST_PEOPLE, Staff, staff
from control_center.store import registry


class People:
    """Handlers; they only show."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        self._desk = desk
        self._engine = engine

    def routes(self) -> list[Route]:
        """Route of the page."""
        return [Route("/people", self.page)]

    async def page(self, _request: Request) -> Response:
        """Everybody who can be phoned, sites with too few people first."""
        found = await run_in_threadpool(self._staff)
        few = sum(one.too_few for one in found)
        return HTMLResponse(self._desk.painter.page("people.html", staff=found, few=few, least=LEAST_PEOPLE))

    def _staff(self) -> list[Staff]:
        return staff(registry.sites(self._engine), registry.contacts(self._engine))
