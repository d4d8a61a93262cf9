"""Page of the yearly statistics, and its files."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from control_center.board import wording
from control_center.board.desk import Desk
from control_center.meetings import sheets, statistics
from control_center.meetings.statistics import COLUMNS, DEFAULT, Statistics
from control_center.meetings.working_days import VIETNAM

_MAKE = {"csv": sheets.as_csv, "xlsx": sheets.as_xlsx}
FILE_TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class Counting:
    """Handlers; they only show."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        self._desk = desk
        self._engine = engine

    def routes(self) -> list[Route]:
        """Routes of these pages."""
        return [Route("/statistics", self.page), Route("/statistics/{year:int}.{format}", self.file)]

    async def page(self, request: Request) -> Response:
        """A year's meetings in the columns that were ticked."""
        this_year = self._desk.clock().astimezone(VIETNAM).year
        asked = request.query_params.get("year", "")
        year = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else this_year
        counted, columns = await self._count(request, year)
        context: dict[str, Any] = {"counted": counted, "columns": columns, "all": COLUMNS, "year": year}
        components = {wording.component(name): number for name, number in counted.by_component.items()}
        query = "&".join(f"column={name}" for name in columns)
        return HTMLResponse(self._desk.painter.page("statistics.html", components=components, query=query, **context))

    async def file(self, request: Request) -> Response:
        """The same as CSV or XLSX."""
        kind, year = request.path_params["format"], request.path_params["year"]
        if kind not in _MAKE or not 2000 <= year <= 2100:
            raise HTTPException(404)
        counted, _ = await self._count(request, year)
        made = await run_in_threadpool(_MAKE[kind], counted)
        return Response(
            made, media_type=FILE_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="thong-ke-{year}.{kind}"'}
        )

    async def _count(self, request: Request, year: int) -> tuple[Statistics, tuple[str, ...]]:
        asked = dict.fromkeys(name for name in request.query_params.getlist("column") if name in COLUMNS)
        columns = tuple(asked) or DEFAULT
        return await run_in_threadpool(statistics.of_year, self._engine, year, columns), columns
