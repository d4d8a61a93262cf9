"""Page of a month's lines, and its files: the evidence for the provider (R45)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from control_center.board.counting import FILE_TYPES
from control_center.board.desk import Desk
from control_center.meetings import sheets
from control_center.meetings.statistics import Cell
from control_center.meetings.working_days import VIETNAM
from control_center.sites import line_quality
from control_center.sites.line_quality import LineMonth, Month, month_of
from control_center.store import registry


def _known(line: LineMonth, figure: float) -> float | None:
    """A site of which nothing is known has not had no outage."""
    return None if line.available_percent is None else figure


COLUMNS: Mapping[str, Callable[[LineMonth], float | None]] = {
    "Có số liệu (giờ)": lambda line: line.measured_h,
    "Thông suốt (%)": lambda line: line.available_percent,
    "Số lần mất kết nối": lambda line: _known(line, line.outages),
    "Tổng thời gian mất (giây)": lambda line: _known(line, line.down_s),
    "Lần dài nhất (giây)": lambda line: _known(line, line.longest_s),
    "Đi và về, trung vị (ms)": lambda line: line.rtt_p50_ms,
    "Đi và về, p95 (ms)": lambda line: line.rtt_p95_ms,
    "Jitter, p95 (ms)": lambda line: line.jitter_p95_ms,
    "Mất gói, trung vị (%)": lambda line: line.loss_p50_percent,
    "Mất gói, p95 (%)": lambda line: line.loss_p95_percent,
    "Cổng đầy, p95 (%)": lambda line: line.port_p95_percent,
}
_NOT_MEASURED = ""


class Lines:
    """Handlers; they only show."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        self._desk = desk
        self._engine = engine

    def routes(self) -> list[Route]:
        """Routes of these pages."""
        return [Route("/statistics/lines", self.page), Route("/statistics/lines/{month}.{format}", self.file)]

    async def page(self, request: Request) -> Response:
        """A month's lines, by provider."""
        now = self._desk.clock().astimezone(VIETNAM)
        month = month_of(request.query_params.get("month", "")) or Month(now.year, now.month)
        heads, rows = await run_in_threadpool(self._table, month)
        return HTMLResponse(self._desk.painter.page("lines.html", month=month, heads=heads, rows=rows))

    async def file(self, request: Request) -> Response:
        """The same as CSV or XLSX."""
        kind, month = request.path_params["format"], month_of(request.path_params["month"])
        if kind not in FILE_TYPES or month is None:
            raise HTTPException(404)
        heads, rows = await run_in_threadpool(self._table, month)
        made = sheets.csv_of(heads, rows) if kind == "csv" else sheets.workbook_of((f"Đường truyền {month.text}", heads, rows))
        name = f"duong-truyen-{month.text}.{kind}"
        return Response(made, media_type=FILE_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'})

    def _table(self, month: Month) -> tuple[Sequence[str], list[Sequence[Cell]]]:
        names = {site.id: site.name for site in registry.sites(self._engine)}
        lines = sorted(line_quality.of_month(self._engine, month, self._desk.clock()), key=lambda line: (line.provider, line.site))
        heads = ("Nhà cung cấp", "Điểm cầu", *COLUMNS)
        return heads, [(line.provider, names.get(line.site, line.site), *map(_cell, _values(line))) for line in lines]


def _values(line: LineMonth) -> list[float | None]:
    return [value(line) for value in COLUMNS.values()]


def _cell(value: float | None) -> Cell:
    """Not measured is an empty cell, never a nought."""
    return _NOT_MEASURED if value is None else round(value, 3)
