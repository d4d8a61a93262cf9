"""Page of the inventory, and its files (R5)."""

from __future__ import annotations

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from contract.findings import Component
from control_center.board import wording
from control_center.board.counting import FILE_TYPES
from control_center.board.desk import Desk
from control_center.meetings import sheets
from control_center.sites import inventory

_NAMES = {component.value: wording.component(component.value) for component in Component}


class Devices:
    """Handlers; they only show."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        self._desk = desk
        self._engine = engine

    def routes(self) -> list[Route]:
        """Routes of these pages."""
        return [Route("/devices", self.page), Route("/devices.{format}", self.file)]

    async def page(self, _request: Request) -> Response:
        """All devices of all sites."""
        rows = await run_in_threadpool(self._rows)
        unseen = await run_in_threadpool(inventory.unseen, self._engine)
        return HTMLResponse(self._desk.painter.page("devices.html", heads=inventory.HEADS, rows=rows, unseen=unseen))

    async def file(self, request: Request) -> Response:
        """The same as CSV or XLSX."""
        kind = request.path_params["format"]
        if kind not in FILE_TYPES:
            raise HTTPException(404)
        rows = await run_in_threadpool(self._rows)
        made = sheets.csv_of(inventory.HEADS, rows) if kind == "csv" else sheets.workbook_of(("Thiết bị", inventory.HEADS, rows))
        return Response(made, media_type=FILE_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="thiet-bi.{kind}"'})

    def _rows(self) -> list[tuple[str, ...]]:
        return inventory.rows(inventory.seen(self._engine), _NAMES)
